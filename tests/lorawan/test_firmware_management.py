from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fuota.errors import MessageError
from fuota.lorawan import firmware_management
from fuota.lorawan.codec import Command, PackageVersionAns, ParsedMessage, encode
from fuota.lorawan.firmware_management import (
    CANCEL_REBOOT_COUNTDOWN,
    CANCEL_REBOOT_TIME,
    REBOOT_NOW,
    DevDeleteImageAns,
    DevDeleteImageReq,
    DevRebootCountdownAns,
    DevRebootCountdownReq,
    DevRebootTimeAns,
    DevRebootTimeReq,
    DevUpgradeImageAns,
    DevUpgradeImageReq,
    DevVersionAns,
    DevVersionReq,
    PackageVersionReq,
    UpImageStatus,
    parse_downlink,
    parse_uplink,
)

PACKAGE = json.loads((Path(__file__).parents[1] / "vectors" / "commands.json").read_text())["packages"]["TS006 v1"]
OUR_NAMES = {"reboot_time": "reboot_time_s", "countdown": "countdown_s"}


def read(payload: bytes, *, uplink: bool) -> ParsedMessage:
    return (parse_uplink if uplink else parse_downlink)(payload)


@pytest.mark.parametrize("case", [pytest.param(case, id=case["command"]) for case in PACKAGE["cases"]])
def test_vectors_are_encoded_and_decoded(case: dict[str, Any]) -> None:
    fields = {OUR_NAMES.get(name, name): value for name, value in case["fields"].items()}
    command = getattr(firmware_management, case["command"])(**fields)
    wire = bytes.fromhex(case["hex"])
    assert command.to_bytes() == wire
    assert read(wire, uplink=bool(case["uplink"])).require_whole() == (command,)


def test_vectors_have_7_cases() -> None:
    assert len(PACKAGE["cases"]) == 7


def test_identifier_and_port() -> None:
    assert firmware_management.PACKAGE_IDENTIFIER == 4
    assert PACKAGE["fport"] == firmware_management.FPORT


# The built-in dialogue of LoRa Basics Modem, in its order.

FIRMWARE = 0x73190117
DIALOGUE: list[tuple[Command, Command | None]] = [
    (PackageVersionReq(), PackageVersionAns(package_identifier=4, package_version=1)),
    (DevVersionReq(), DevVersionAns(firmware_version=0x11223344, hardware_version=0x12345678)),
    (DevRebootTimeReq(reboot_time_s=REBOOT_NOW), None),
    (DevRebootTimeReq(reboot_time_s=CANCEL_REBOOT_TIME), DevRebootTimeAns(time_to_reboot_s=CANCEL_REBOOT_TIME)),
    (DevRebootTimeReq(reboot_time_s=0x50DB0000), DevRebootTimeAns(time_to_reboot_s=0)),
    (DevRebootCountdownReq(countdown_s=REBOOT_NOW), None),
    (
        DevRebootCountdownReq(countdown_s=CANCEL_REBOOT_COUNTDOWN),
        DevRebootCountdownAns(countdown_s=CANCEL_REBOOT_COUNTDOWN),
    ),
    (DevRebootCountdownReq(countdown_s=0x110000), DevRebootCountdownAns(countdown_s=0x110000)),
    (DevUpgradeImageReq(), DevUpgradeImageAns(up_image_status=UpImageStatus.VALID, next_firmware_version=FIRMWARE)),
    (DevDeleteImageReq(firmware_to_delete_version=0x04030201), DevDeleteImageAns(error_invalid_version=True)),
    (DevDeleteImageReq(firmware_to_delete_version=FIRMWARE), DevDeleteImageAns()),
]


def test_dialogue_of_lora_basics_modem() -> None:
    for (request, answer), (request_hex, answer_hex) in zip(
        DIALOGUE, PACKAGE["lbm_builtin_dialogue"]["pairs"], strict=True
    ):
        assert request.to_bytes().hex() == request_hex
        assert parse_downlink(bytes.fromhex(request_hex)).require_whole() == (request,)
        assert (answer and answer.to_bytes().hex()) == answer_hex
        if answer is not None:
            assert parse_uplink(bytes.fromhex(answer_hex)).require_whole() == (answer,)


@pytest.mark.parametrize(
    ("byte", "answer"),
    [
        (0, DevDeleteImageAns()),
        (1, DevDeleteImageAns(error_no_valid_image=True)),
        (2, DevDeleteImageAns(error_invalid_version=True)),
        (3, DevDeleteImageAns(error_no_valid_image=True, error_invalid_version=True)),
    ],
)
def test_each_bit_of_the_delete_answer(byte: int, answer: DevDeleteImageAns) -> None:
    assert answer.to_bytes() == bytes((5, byte))
    assert parse_uplink(bytes((5, byte))).require_whole() == (answer,)
    assert parse_uplink(bytes((5, 0xFC | byte))).require_whole() == (answer,)


@pytest.mark.parametrize("byte", range(256))
def test_only_a_valid_image_has_a_version(byte: int) -> None:
    version = "17011973" if byte & 3 == 3 else ""
    answer, after = parse_uplink(bytes((4, byte)) + bytes.fromhex(version + "0502")).require_whole()
    assert isinstance(answer, DevUpgradeImageAns)
    assert answer.up_image_status is UpImageStatus(byte & 3)
    assert answer.next_firmware_version == (FIRMWARE if version else None)
    assert after == DevDeleteImageAns(error_invalid_version=True)


# Commands are decoded as they were encoded, and no input raises an exception.

BYTES_4 = st.integers(0, 0xFFFFFFFF)
BYTES_3 = st.integers(0, 0xFFFFFF)
DOWNLINKS: st.SearchStrategy[Command] = st.one_of(
    st.builds(PackageVersionReq),
    st.builds(DevVersionReq),
    st.builds(DevRebootTimeReq, reboot_time_s=BYTES_4),
    st.builds(DevRebootCountdownReq, countdown_s=BYTES_3),
    st.builds(DevUpgradeImageReq),
    st.builds(DevDeleteImageReq, firmware_to_delete_version=BYTES_4),
)
UPLINKS: st.SearchStrategy[Command] = st.one_of(
    st.builds(DevVersionAns, firmware_version=BYTES_4, hardware_version=BYTES_4),
    st.builds(DevRebootTimeAns, time_to_reboot_s=BYTES_4),
    st.builds(DevRebootCountdownAns, countdown_s=BYTES_3),
    st.builds(DevUpgradeImageAns, up_image_status=st.sampled_from(list(UpImageStatus)[:3])),
    st.builds(DevUpgradeImageAns, up_image_status=st.just(UpImageStatus.VALID), next_firmware_version=BYTES_4),
    st.builds(DevDeleteImageAns, error_no_valid_image=st.booleans(), error_invalid_version=st.booleans()),
)


@pytest.mark.parametrize("uplink", [True, False])
@given(data=st.data())
def test_any_sequence_of_commands_is_decoded_as_encoded(data: st.DataObject, uplink: bool) -> None:
    commands = tuple(data.draw(st.lists(UPLINKS if uplink else DOWNLINKS, max_size=8)))
    wire = encode(commands)
    assert read(wire, uplink=uplink).require_whole() == commands
    assert read(wire[:-1], uplink=uplink).commands == commands[:-1]


@given(st.lists(st.integers(0, 6).map(lambda cid: bytes((cid,))) | st.binary(max_size=10)), st.booleans())
def test_any_input_is_fully_accounted_for_without_an_exception(parts: list[bytes], uplink: bool) -> None:
    payload = b"".join(parts)
    message = read(payload, uplink=uplink)
    assert (message.problem is None) == (message.unparsed == b"")
    understood = encode(message.commands)
    assert len(understood) + len(message.unparsed) == len(payload)
    assert payload.endswith(message.unparsed)
    second = read(understood + message.unparsed, uplink=uplink)
    assert (second.commands, second.unparsed) == (message.commands, message.unparsed)


# Values that a command cannot carry are refused when the command is built.

REFUSED: list[tuple[str, Callable[[], object]]] = [
    ("firmware_version must .* got 4294967296", lambda: DevVersionAns(firmware_version=1 << 32, hardware_version=0)),
    ("hardware_version must .* got -1", lambda: DevVersionAns(firmware_version=0, hardware_version=-1)),
    ("reboot_time_s must .* got -1", lambda: DevRebootTimeReq(reboot_time_s=-1)),
    ("time_to_reboot_s must .* got -1", lambda: DevRebootTimeAns(time_to_reboot_s=-1)),
    ("countdown_s must .* got 16777216", lambda: DevRebootCountdownReq(countdown_s=1 << 24)),
    ("countdown_s must .* got 16777216", lambda: DevRebootCountdownAns(countdown_s=1 << 24)),
    ("got next_firmware_version None", lambda: DevUpgradeImageAns(up_image_status=UpImageStatus.VALID)),
    (
        "for no other status, got next_firmware_version 1",
        lambda: DevUpgradeImageAns(up_image_status=UpImageStatus.NONE, next_firmware_version=1),
    ),
    (
        "next_firmware_version must .* got -1",
        lambda: DevUpgradeImageAns(up_image_status=UpImageStatus.VALID, next_firmware_version=-1),
    ),
    ("up_image_status must .* got 4", lambda: DevUpgradeImageAns(up_image_status=4)),  # type: ignore[arg-type]
    ("firmware_to_delete_version must .* got -1", lambda: DevDeleteImageReq(firmware_to_delete_version=-1)),
]


@pytest.mark.parametrize(("message", "act"), REFUSED)
def test_refusal_states_the_rule_and_the_value(message: str, act: Callable[[], object]) -> None:
    with pytest.raises(MessageError, match=message):
        act()
