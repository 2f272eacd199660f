"""TS005 on a device: groups, sessions, and the frames that its radio receives."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fuota.device.stack.clock import DeviceClock
from fuota.device.stack.multicast_setup import MulticastSetupPackage
from fuota.lorawan.codec import PackageVersionAns, PackageVersionReq
from fuota.lorawan.keys import MulticastSessionKeys, encrypt_mc_key, mc_ke_key, mc_root_key
from fuota.lorawan.mac.multicast_frames import MulticastFrame
from fuota.lorawan.multicast_setup import (
    McClassBSessionAns,
    McClassBSessionReq,
    McClassCSessionAns,
    McClassCSessionReq,
    McGroup,
    McGroupDeleteAns,
    McGroupDeleteReq,
    McGroupSetupAns,
    McGroupSetupReq,
    McGroupStatusAns,
    McGroupStatusReq,
    parse_uplink,
)
from fuota.radio import region
from fuota.radio.class_b import next_ping_slot_us

EU868, US915 = region("EU868"), region("US915")
NOW_S = 1_400_000_000
MC_KEY, MC_ADDR = bytes(range(16)), 0x01AABBCC
KE_KEY = mc_ke_key(mc_root_key(bytes(16)))
KEYS = MulticastSessionKeys.derive(MC_KEY, MC_ADDR)
RX2_HZ = 869_525_000
both_versions = pytest.mark.parametrize("version", [1, 2])


def device(version=1, *, error_s=0, plan=EU868, **kwargs):
    clock = DeviceClock(true_us=NOW_S * 1_000_000, error_us=error_s * 1_000_000)
    return MulticastSetupPackage(KE_KEY, clock, version=version, region=plan, **kwargs)


def setup(mc_group_id=0, mc_addr=MC_ADDR, first=0, last=0xFFFFFFFF):
    return McGroupSetupReq(
        mc_group_id=mc_group_id,
        mc_addr=mc_addr,
        mc_key_encrypted=encrypt_mc_key(KE_KEY, MC_KEY),
        min_mc_f_cnt=first,
        max_mc_f_cnt=last,
    )


def class_c(start_s=NOW_S + 60, **changes):
    request = McClassCSessionReq(
        mc_group_id=0, session_time_s=start_s % 2**32, time_out=8, frequency_hz=RX2_HZ, data_rate=0
    )
    return replace(request, **changes)


def ask(package, *commands):
    answers = package.receive(b"".join(command.to_bytes() for command in commands))
    return [
        command
        for answer in answers
        for command in parse_uplink(answer.payload, version=package.version).require_whole()
    ]


def is_received(package, second, *, frequency_hz=RX2_HZ, data_rate=0):
    """Return whether the radio receives group 0 at this second after NOW_S."""
    package.clock.true_us = int((NOW_S + second) * 1_000_000)
    group = package.group_at(MC_ADDR)
    return group.listens(package.clock, package.region, frequency_hz=frequency_hz, data_rate=data_rate)


def frame(f_cnt, payload=b"\x01\x02", keys=KEYS):
    return MulticastFrame(mc_addr=MC_ADDR, f_cnt=f_cnt, f_port=201, payload=payload).to_bytes(keys)


# --- groups


def test_group_gets_the_decrypted_key():
    package = device()
    assert ask(package, setup(2)) == [McGroupSetupAns(mc_group_id=2)]
    assert package.group_at(MC_ADDR).keys == KEYS
    assert package.group_at(MC_ADDR + 1) is None


def test_device_with_another_key_opens_no_frame():
    other = MulticastSetupPackage(bytes(16), device().clock)
    ask(other, setup())
    assert other.group_at(MC_ADDR).open(frame(0)) is None


def test_group_beyond_the_limit_is_refused():
    assert ask(device(max_groups=2), setup(2)) == [McGroupSetupAns(mc_group_id=2, id_error=True)]


def test_status_reports_the_requested_groups():
    package = device()
    ask(package, setup(0), setup(3, MC_ADDR + 3))
    assert ask(package, McGroupStatusReq(req_group_mask=0b1110)) == [
        McGroupStatusAns(
            ans_group_mask=0b1000, nb_total_groups=2, groups=(McGroup(mc_group_id=3, mc_addr=MC_ADDR + 3),)
        )
    ]


def test_deleted_group_is_removed():
    package = device()
    ask(package, setup(1))
    request = McGroupDeleteReq(mc_group_id=1)
    assert ask(package, request, request) == [
        McGroupDeleteAns(mc_group_id=1),
        McGroupDeleteAns(mc_group_id=1, mc_group_undefined=True),
    ]
    assert package.group_at(MC_ADDR) is None


@both_versions
def test_version_is_reported_and_messages_to_a_group_are_dropped(version):
    package = device(version)
    assert ask(package, PackageVersionReq()) == [PackageVersionAns(package_identifier=2, package_version=version)]
    assert package.receive(setup().to_bytes(), mc_group=0) == []
    assert package.groups == {}


# --- sessions


@both_versions
def test_class_c_window_follows_the_clock_of_the_device(version):
    package = device(version, error_s=10)  # its clock is 10 s ahead
    answers = ask(package, setup(), class_c())
    assert answers[1] == McClassCSessionAns(version=version, mc_group_id=0, time_to_start_s=50)
    assert package.session_end_us(0) == (NOW_S + 50 + 256) * 1_000_000
    assert [is_received(package, second) for second in (49.9, 50, 305.9, 306)] == [False, True, True, False]


def test_only_frequency_and_data_rate_of_the_session_are_received():
    package = device()
    ask(package, setup(), class_c())
    assert is_received(package, 70)
    assert not is_received(package, 70, frequency_hz=868_100_000)
    assert not is_received(package, 70, data_rate=5)


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"data_rate": 14}, "dr_error"),
        ({"frequency_hz": 915_000_000}, "freq_error"),
        ({"mc_group_id": 1}, "mc_group_undefined"),
    ],
)
@both_versions
def test_impossible_session_is_refused_without_a_window(version, changes, error):
    package = device(version)
    _, answer = ask(package, setup(), class_c(**changes))
    expected = {"version": version, "mc_group_id": changes.get("mc_group_id", 0), error: True}
    assert answer == McClassCSessionAns(**expected)
    assert not is_received(package, 70)
    assert package.session_end_us(0) is None


def test_start_in_the_past_shortens_the_window_in_version_1_and_is_an_error_in_version_2():
    v1, v2 = device(1), device(2)
    assert ask(v1, setup(), class_c(NOW_S - 100))[1].time_to_start_s == 0
    assert [is_received(v1, second) for second in (0, 155, 156)] == [True, True, False]
    (answer,) = ask(v2, setup(), class_c(NOW_S - 100))[1:]
    assert answer == McClassCSessionAns(version=2, mc_group_id=0, start_missed=True)
    assert not is_received(v2, 0)


def test_far_start_is_reported_as_the_maximum():
    assert ask(device(2), setup(), class_c(NOW_S + 2**24 + 5))[1].time_to_start_s == 0xFFFFFF


def test_class_b_is_received_in_its_ping_slots_from_the_beacon_on():
    package = device()
    request = McClassBSessionReq(
        mc_group_id=0, session_time_s=NOW_S + 300, time_out=1, periodicity=3, frequency_hz=RX2_HZ, data_rate=3
    )
    start_s = (NOW_S + 300) // 128 * 128
    assert ask(package, setup(), request)[1] == McClassBSessionAns(
        version=1, mc_group_id=0, time_to_start_s=start_s - NOW_S
    )
    slot_us = next_ping_slot_us(start_s * 1_000_000, MC_ADDR, 3)
    slot_s = slot_us / 1_000_000 - NOW_S
    assert is_received(package, slot_s, data_rate=3)
    assert not is_received(package, slot_s + 0.03, data_rate=3)
    assert not is_received(package, slot_s - 128, data_rate=3)
    assert package.session_end_us(0) == (start_s + 256) * 1_000_000


def test_class_b_without_a_frequency_hops_as_the_region():
    package = device(plan=US915)
    request = McClassBSessionReq(
        mc_group_id=0, session_time_s=NOW_S + 300, time_out=3, periodicity=0, frequency_hz=0, data_rate=8
    )
    ask(package, setup(), request)
    for beacon_s in ((NOW_S + 300) // 128 * 128 + 128 * k for k in range(8)):
        slot_s = next_ping_slot_us(beacon_s * 1_000_000, MC_ADDR, 0) / 1_000_000 - NOW_S
        received = [
            hz for hz in US915.ping_slot_frequencies_hz if is_received(package, slot_s, frequency_hz=hz, data_rate=8)
        ]
        assert received == [US915.ping_slot_hz(MC_ADDR, beacon_s)]


# --- frames


@given(st.integers(0, 2**31), st.integers(1, 0xFFFF))
def test_32_bit_counter_continues_from_the_first_counter(first, later):
    package = device()
    ask(package, setup(first=first))
    group = package.group_at(MC_ADDR)
    assert group.open(frame(first)).f_cnt == first
    assert group.open(frame(first)) is None
    assert group.open(frame(first + later)).f_cnt == first + later


def test_counters_outside_the_range_are_dropped():
    package = device()
    ask(package, setup(first=5, last=6))
    group = package.group_at(MC_ADDR)
    assert [group.open(frame(f_cnt)) is not None for f_cnt in (4, 7, 5, 6, 7)] == [False, False, True, True, False]


def test_devices_with_the_same_keys_decipher_a_frame_once(monkeypatch):
    from fuota.device.stack import multicast_groups

    calls = []
    monkeypatch.setattr(
        multicast_groups,
        "open_multicast",
        lambda *a, open_=multicast_groups.open_multicast, **k: calls.append(1) or open_(*a, **k),
    )
    multicast_groups._decipher.cache_clear()
    packages = [device() for _ in range(50)]
    for package in packages:
        ask(package, setup())
    on_air = [frame(f_cnt) for f_cnt in range(4)]
    received = [package.group_at(MC_ADDR).open(content).f_cnt for content in on_air for package in packages]
    assert sorted(received) == sorted(list(range(4)) * 50)
    assert len(calls) == 4


@given(st.binary(max_size=60), st.sampled_from([1, 2]))
def test_any_bytes_are_dropped_or_answered(content, version):
    package = device(version)
    ask(package, setup())
    for answer in package.receive(content):
        parse_uplink(answer.payload, version=version).require_whole()
    if group := package.group_at(MC_ADDR):
        assert group.open(content) is None
