from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fuota.errors import MessageError
from fuota.lorawan import clock_sync
from fuota.lorawan.codec import Command, ParsedMessage, encode
from fuota.lorawan.fragmentation import PackageVersionReq

VECTORS = Path(__file__).parents[1] / "vectors"
SATURATION = json.loads((VECTORS / "gps_time.json").read_text())["ts003_saturation_example"]
READERS: dict[bool, Callable[[bytes], ParsedMessage]] = {
    True: clock_sync.parse_uplink,
    False: clock_sync.parse_downlink,
}
EXPECTED: dict[str, Command] = {
    "PackageVersionReq": PackageVersionReq(),
    "AppTimeReq": clock_sync.AppTimeReq(device_time_s=1024, token=15, answer_required=True),
    "DeviceAppTimePeriodicityReq": clock_sync.DeviceAppTimePeriodicityReq(period=15),
    "ForceDeviceResyncReq": clock_sync.ForceDeviceResyncReq(nb_transmissions=7),
    "ForceDeviceResyncCmd": clock_sync.ForceDeviceResyncReq(nb_transmissions=7),
}
DOWNLINKS = st.one_of(
    st.builds(clock_sync.AppTimeAns, time_correction_s=st.integers(-(2**31), 2**31 - 1), token=st.integers(0, 15)),
    st.builds(clock_sync.DeviceAppTimePeriodicityReq, period=st.integers(0, 15)),
    st.builds(clock_sync.ForceDeviceResyncReq, nb_transmissions=st.integers(0, 7)),
)
UPLINKS = st.one_of(
    st.builds(
        clock_sync.AppTimeReq,
        device_time_s=st.integers(0, 2**32 - 1),
        token=st.integers(0, 15),
        answer_required=st.booleans(),
    ),
    st.builds(
        clock_sync.DeviceAppTimePeriodicityAns,
        device_time_s=st.integers(0, 2**32 - 1),
        not_supported=st.booleans(),
    ),
)


def cases() -> list[Any]:
    packages = json.loads((VECTORS / "commands.json").read_text())["packages"]
    return [
        pytest.param(case, id=f"{name} {case['name']}")
        for name, package in packages.items()
        if name.startswith("TS003")
        for case in package["cases"]
    ]


@pytest.mark.parametrize("case", cases())
def test_vectors_are_encoded_and_decoded(case: dict[str, Any]) -> None:
    wire = bytes.fromhex(case["hex"])
    expected = EXPECTED[case["command"]]
    assert READERS[case["uplink"]](wire).require_whole() == (expected,)
    assert expected.to_bytes() == wire


@given(st.lists(DOWNLINKS, max_size=6))
def test_downlinks_are_decoded_as_encoded(commands: list[Command]) -> None:
    assert list(clock_sync.parse_downlink(encode(commands)).require_whole()) == commands


@given(st.lists(UPLINKS, max_size=6))
def test_uplinks_are_decoded_as_encoded(commands: list[Command]) -> None:
    assert list(clock_sync.parse_uplink(encode(commands)).require_whole()) == commands


@given(st.binary(max_size=64), st.booleans())
def test_any_input_is_fully_accounted_for_without_an_exception(wire: bytes, uplink: bool) -> None:
    message = READERS[uplink](wire)
    assert wire.endswith(message.unparsed)
    assert len(encode(message.commands)) + len(message.unparsed) == len(wire)
    assert (message.problem is None) == (message.unparsed == b"")


def test_too_large_correction_is_sent_in_two_steps() -> None:
    server_s, device_s = SATURATION["server_time"], SATURATION["device_time"]
    for step in ("first", "second"):
        correction_s = clock_sync.time_correction_s(server_time_s=server_s, device_time_s=device_s)
        answer = clock_sync.AppTimeAns(time_correction_s=correction_s, token=0)
        assert correction_s == SATURATION[f"{step}_time_correction"]
        assert answer.to_bytes()[1:5].hex() == SATURATION[f"{step}_wire"]
        device_s += correction_s
    assert device_s == server_s


def test_largest_negative_correction() -> None:
    assert clock_sync.time_correction_s(server_time_s=0, device_time_s=2**32 - 1) == -(2**31)


@pytest.mark.parametrize(
    "make",
    [
        lambda: clock_sync.AppTimeReq(device_time_s=2**32, token=0),
        lambda: clock_sync.AppTimeReq(device_time_s=0, token=16),
        lambda: clock_sync.AppTimeAns(time_correction_s=2**31, token=0),
        lambda: clock_sync.DeviceAppTimePeriodicityReq(period=16),
        lambda: clock_sync.DeviceAppTimePeriodicityAns(device_time_s=-1),
        lambda: clock_sync.ForceDeviceResyncReq(nb_transmissions=8),
    ],
)
def test_values_that_a_command_cannot_carry_are_refused(make: Callable[[], object]) -> None:
    with pytest.raises(MessageError, match="nearest: "):
        make()


def test_period_in_seconds() -> None:
    assert clock_sync.DeviceAppTimePeriodicityReq(period=3).interval_s == 1024
