"""TS003 on a device: its clock and the correction of the clock."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fuota.device.stack.clock import DeviceClock
from fuota.device.stack.clock_sync import ClockSyncPackage
from fuota.lorawan.clock_sync import (
    AppTimeAns,
    AppTimeReq,
    DeviceAppTimePeriodicityAns,
    DeviceAppTimePeriodicityReq,
    ForceDeviceResyncReq,
    parse_uplink,
    time_correction_s,
)
from fuota.lorawan.codec import PackageVersionAns, PackageVersionReq

NOW_S = 1_400_000_000
NOW_US = NOW_S * 1_000_000


def device(error_s: int = 0, drift_ppb: int = 0) -> ClockSyncPackage:
    clock = DeviceClock(true_us=NOW_US, error_us=error_s * 1_000_000, drift_ppb=drift_ppb, set_us=NOW_US)
    return ClockSyncPackage(clock, version=2)


def ask(package, command, **kwargs):
    answers = package.receive(command.to_bytes(), **kwargs)
    return [command for answer in answers for command in parse_uplink(answer.payload).require_whole()]


def request_of(package) -> AppTimeReq:
    (request,) = parse_uplink(package.request()).require_whole()
    return request


def answer_to(request, server_s=NOW_S):
    correction = time_correction_s(server_time_s=server_s, device_time_s=request.device_time_s)
    return AppTimeAns(time_correction_s=correction, token=request.token)


@given(st.integers(-NOW_S, 2**31 - 1))
def test_answer_corrects_the_clock(error_s):
    package = device(error_s)
    package.receive(answer_to(request_of(package)).to_bytes())
    assert package.clock.now_us == NOW_US


def test_answer_with_another_token_is_ignored():
    package = device(error_s=-40)
    request = request_of(package)
    package.receive(AppTimeAns(time_correction_s=99, token=request.token + 1).to_bytes())
    assert package.clock.now_us == NOW_US - 40_000_000
    package.receive(answer_to(request).to_bytes())
    package.receive(answer_to(request).to_bytes())  # its token is used up
    assert package.clock.now_us == NOW_US
    assert request_of(package).token == request.token + 1


def test_clock_drifts_from_the_last_correction():
    clock = DeviceClock(true_us=NOW_US, drift_ppb=20_000, set_us=NOW_US)
    clock.true_us += 100_000_000_000
    assert clock.now_us - clock.true_us == 2_000_000  # 20 ppm of 100,000 s
    clock.correct(-2)
    clock.true_us += 50_000_000_000
    assert clock.now_us - clock.true_us == 1_000_000


def test_forced_resync_requests_until_answered_or_n_times():
    package = device(error_s=7)
    (request,) = ask(package, ForceDeviceResyncReq(nb_transmissions=3))
    assert (request.device_time_s, request.answer_required) == (NOW_S + 7, True)
    assert package.next_request_us == NOW_US
    package.request()
    assert package.next_request_us == NOW_US
    package.request()
    assert package.next_request_us is None
    (request,) = ask(package, ForceDeviceResyncReq(nb_transmissions=3))
    package.receive(answer_to(request).to_bytes())
    assert package.next_request_us is None
    assert ask(package, ForceDeviceResyncReq(nb_transmissions=0)) == []


def test_period_counts_from_the_last_request():
    package = device()
    assert ask(package, DeviceAppTimePeriodicityReq(period=1)) == [DeviceAppTimePeriodicityAns(device_time_s=NOW_S)]
    assert package.next_request_us == NOW_US + 256_000_000
    package.clock.true_us += 300_000_000
    package.request()
    assert package.next_request_us == NOW_US + 556_000_000


def test_version_is_reported_and_messages_to_a_group_are_dropped():
    package = device(error_s=3)
    assert ask(package, PackageVersionReq()) == [PackageVersionAns(package_identifier=1, package_version=2)]
    assert ask(package, PackageVersionReq(), mc_group=0) == []
    package.receive(answer_to(request_of(package)).to_bytes(), mc_group=1)
    assert package.clock.now_us == NOW_US + 3_000_000


@pytest.mark.parametrize("seconds", [-(2**31), -1, 0, 1, 2**31 - 1])
def test_time_on_the_wire_is_the_nearest_possible_time(seconds):
    clock = DeviceClock(true_us=NOW_US)
    assert clock.seconds_until((NOW_S + seconds) % 2**32) == seconds


@given(st.binary(max_size=40))
def test_any_bytes_are_dropped_or_answered(content):
    for answer in device().receive(content):
        parse_uplink(answer.payload).require_whole()
