"""TS003 on a device: what its clock says, and how it is put right."""

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
    return [one for answer in answers for one in parse_uplink(answer.payload).require_whole()]


def asked(package) -> AppTimeReq:
    (request,) = parse_uplink(package.request()).require_whole()
    return request


def answer_to(request, server_s=NOW_S):
    correction = time_correction_s(server_time_s=server_s, device_time_s=request.device_time_s)
    return AppTimeAns(time_correction_s=correction, token=request.token)


@given(st.integers(-NOW_S, 2**31 - 1))
def test_a_clock_is_right_once_it_was_answered(error_s):
    package = device(error_s)
    package.receive(answer_to(asked(package)).to_bytes())
    assert package.clock.now_us == NOW_US


def test_an_answer_to_another_question_changes_nothing():
    package = device(error_s=-40)
    request = asked(package)
    package.receive(AppTimeAns(time_correction_s=99, token=request.token + 1).to_bytes())
    assert package.clock.now_us == NOW_US - 40_000_000
    package.receive(answer_to(request).to_bytes())
    package.receive(answer_to(request).to_bytes())  # its token is used up
    assert package.clock.now_us == NOW_US
    assert asked(package).token == request.token + 1


def test_a_clock_drifts_from_the_moment_it_was_set():
    clock = DeviceClock(true_us=NOW_US, drift_ppb=20_000, set_us=NOW_US)
    clock.true_us += 100_000_000_000
    assert clock.now_us - clock.true_us == 2_000_000  # 20 ppm of 100,000 s
    clock.correct(-2)
    clock.true_us += 50_000_000_000
    assert clock.now_us - clock.true_us == 1_000_000


def test_a_forced_resync_asks_until_it_is_answered_and_so_often_at_most():
    package = device(error_s=7)
    (request,) = ask(package, ForceDeviceResyncReq(nb_transmissions=3))
    assert (request.device_time_s, request.answer_required) == (NOW_S + 7, True)
    assert package.asks_at_us == NOW_US
    package.request()
    assert package.asks_at_us == NOW_US
    package.request()
    assert package.asks_at_us is None
    (request,) = ask(package, ForceDeviceResyncReq(nb_transmissions=3))
    package.receive(answer_to(request).to_bytes())
    assert package.asks_at_us is None
    assert ask(package, ForceDeviceResyncReq(nb_transmissions=0)) == []


def test_a_period_is_kept_from_question_to_question():
    package = device()
    assert ask(package, DeviceAppTimePeriodicityReq(period=1)) == [DeviceAppTimePeriodicityAns(device_time_s=NOW_S)]
    assert package.asks_at_us == NOW_US + 256_000_000
    package.clock.true_us += 300_000_000
    package.request()
    assert package.asks_at_us == NOW_US + 556_000_000


def test_its_version_is_told_and_nothing_is_taken_from_a_group():
    package = device(error_s=3)
    assert ask(package, PackageVersionReq()) == [PackageVersionAns(package_identifier=1, package_version=2)]
    assert ask(package, PackageVersionReq(), mc_group=0) == []
    package.receive(answer_to(asked(package)).to_bytes(), mc_group=1)
    assert package.clock.now_us == NOW_US + 3_000_000


@pytest.mark.parametrize("seconds", [-(2**31), -1, 0, 1, 2**31 - 1])
def test_times_on_the_wire_are_the_nearest_that_they_can_mean(seconds):
    clock = DeviceClock(true_us=NOW_US)
    assert clock.seconds_until((NOW_S + seconds) % 2**32) == seconds


@given(st.binary(max_size=40))
def test_garbage_is_dropped_or_answered_and_never_more(octets):
    for answer in device().receive(octets):
        parse_uplink(answer.payload).require_whole()
