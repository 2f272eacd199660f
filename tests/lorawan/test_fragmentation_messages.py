from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fuota.errors import MessageError
from fuota.lorawan.codec import Command, ParsedMessage, encode
from fuota.lorawan.fragmentation import (
    FPORT,
    PACKAGE_IDENTIFIER,
    DataFragment,
    FragDataBlockReceivedAns,
    FragDataBlockReceivedReq,
    FragSessionDeleteAns,
    FragSessionDeleteReq,
    FragSessionSetupAns,
    FragSessionSetupReq,
    FragSessionStatusAns,
    FragSessionStatusReq,
    PackageVersionAns,
    PackageVersionReq,
    max_ack_delay_s,
    parse_downlink,
    parse_uplink,
)

PACKAGES = json.loads((Path(__file__).parents[1] / "vectors" / "commands.json").read_text())["packages"]


def read(payload: bytes, *, uplink: bool, version: int) -> ParsedMessage:
    return (parse_uplink if uplink else parse_downlink)(payload, version=version)


# Every TS004 case of the vectors, encoded and decoded.

CLASSES: dict[str, Callable[..., Command]] = {
    "PackageVersionReq": PackageVersionReq,
    "FragSessionStatusReq": FragSessionStatusReq,
    "FragSessionStatusAns": FragSessionStatusAns,
    "FragSessionSetupReq": FragSessionSetupReq,
    "FragSessionSetupAns": FragSessionSetupAns,
    "FragSessionDeleteReq": FragSessionDeleteReq,
    "FragSessionDeleteAns": FragSessionDeleteAns,
    "FragDataBlockReceivedReq": FragDataBlockReceivedReq,
    "FragDataBlockReceivedAns": FragDataBlockReceivedAns,
    "DataFragment": DataFragment,
}
VERSIONED = (FragSessionStatusAns, FragSessionSetupReq, FragSessionSetupAns)
OUR_NAMES = {
    "encoding_unsupported": "frag_algo_unsupported",
    "frag_session_index_not_supported": "frag_index_unsupported",
    "not_enough_matrix_memory": "memory_error",
    "data": "payload",
}


def flatten(fields: dict[str, Any]) -> dict[str, Any]:
    """Return the fields of a vector without nesting; the vectors group fields that share a byte."""
    flat: dict[str, Any] = {}
    for name, value in fields.items():
        if isinstance(value, dict):
            flat |= flatten(value)
        elif name == "mc_group_bit_mask":
            flat[name] = sum(1 << group for group, member in enumerate(value) if member)
        else:
            flat[OUR_NAMES.get(name, name)] = bytes(value) if isinstance(value, list) else value
    return flat


def command_of(case: dict[str, Any], version: int) -> Command:
    make = CLASSES[case["command"].removeprefix("TS004v2 ").split()[0]]
    fields = {"session_does_not_exist": True} if case["fields"] == {"status": 4} else flatten(case["fields"])
    return make(**fields, **({"version": version} if make in VERSIONED else {}))


def vector_cases() -> list[Any]:
    cases = [(case, 1) for case in PACKAGES["TS004 v1"]["cases"]] + [
        (case, 2) for case in PACKAGES["TS004 v2"]["cases"]
    ]
    cases += [(case, 2) for case in PACKAGES["extra"]["cases"] if case["command"].startswith("TS004v2")]
    return [pytest.param(case, version, id=f"v{version} {case['command']}") for case, version in cases]


@pytest.mark.parametrize(("case", "version"), vector_cases())
def test_vectors_are_encoded_and_decoded(case: dict[str, Any], version: int) -> None:
    command = command_of(case, version)
    wire = bytes.fromhex(case["hex"])
    assert command.to_bytes() == wire
    assert read(wire, uplink=bool(case["uplink"]), version=version).require_whole() == (command,)


def test_vectors_have_12_cases() -> None:
    assert len(vector_cases()) == 12


def test_identifier_and_port() -> None:
    assert PACKAGE_IDENTIFIER == 3
    assert PACKAGES["TS004 v1"]["fport"] == FPORT


def test_package_version_ans_is_an_uplink() -> None:
    answer = PackageVersionAns(package_identifier=PACKAGE_IDENTIFIER, package_version=2)
    assert parse_uplink(bytes.fromhex("000302"), version=1).require_whole() == (answer,)


# Commands are decoded as they were encoded.

INDEX = st.integers(0, 3)
FOUR_BYTES = st.binary(min_size=4, max_size=4)
FRAGMENTS = st.builds(
    DataFragment, frag_index=INDEX, n=st.integers(1, 16383), payload=st.binary(min_size=1, max_size=255)
)


@st.composite
def setups(draw: st.DrawFn, version: int) -> FragSessionSetupReq:
    frag_size = draw(st.integers(0, 255))
    only_version_2: dict[str, Any] = {
        "ack_reception": draw(st.booleans()),
        "session_cnt": draw(st.integers(0, 0xFFFF)),
        "mic": draw(FOUR_BYTES),
    }
    return FragSessionSetupReq(
        version=version,
        frag_index=draw(INDEX),
        mc_group_bit_mask=draw(st.integers(0, 15)),
        nb_frag=draw(st.integers(0, 65535)),
        frag_size=frag_size,
        block_ack_delay=draw(st.integers(0, 7)),
        frag_algo=draw(st.integers(0, 7)),
        padding=draw(st.integers(0, 255)),
        descriptor=draw(FOUR_BYTES),
        **(only_version_2 if version == 2 else {}),
    )


def downlinks(version: int) -> st.SearchStrategy[Command]:
    common = st.one_of(
        st.builds(PackageVersionReq),
        st.builds(FragSessionStatusReq, frag_index=INDEX, participants=st.booleans()),
        st.builds(FragSessionDeleteReq, frag_index=INDEX),
        setups(version),
    )
    return common if version == 1 else common | st.builds(FragDataBlockReceivedAns, frag_index=INDEX)


def uplinks(version: int) -> st.SearchStrategy[Command]:
    flag = st.booleans() if version == 2 else st.just(False)
    setup_answers = st.builds(
        FragSessionSetupAns,
        version=st.just(version),
        frag_index=INDEX,
        frag_algo_unsupported=st.booleans(),
        not_enough_memory=st.booleans(),
        frag_index_unsupported=st.booleans(),
        wrong_descriptor=st.booleans(),
        session_cnt_replay=flag,
    )
    status_answers = st.builds(
        FragSessionStatusAns,
        version=st.just(version),
        frag_index=INDEX,
        nb_frag_received=st.integers(0, 16383),
        missing_frag=st.integers(0, 255),
        memory_error=st.booleans(),
        mic_error=flag,
    )
    common = st.one_of(
        st.builds(PackageVersionAns, package_identifier=st.just(3), package_version=st.integers(0, 255)),
        st.builds(FragSessionDeleteAns, frag_index=INDEX, session_does_not_exist=st.booleans()),
        setup_answers,
        status_answers,
    )
    if version == 1:
        return common
    without_session = st.builds(
        FragSessionStatusAns,
        version=st.just(2),
        memory_error=st.booleans(),
        mic_error=st.booleans(),
        session_does_not_exist=st.just(True),
    )
    received = st.builds(FragDataBlockReceivedReq, frag_index=INDEX, mic_error=st.booleans())
    return common | without_session | received


@pytest.mark.parametrize("version", [1, 2])
@given(data=st.data())
def test_any_sequence_of_downlink_commands_is_decoded_as_encoded(data: st.DataObject, version: int) -> None:
    commands = tuple(data.draw(st.lists(downlinks(version), max_size=8)))
    assert parse_downlink(encode(commands), version=version).require_whole() == commands


@pytest.mark.parametrize("version", [1, 2])
@given(data=st.data())
def test_any_sequence_of_uplink_commands_is_decoded_as_encoded(data: st.DataObject, version: int) -> None:
    commands = tuple(data.draw(st.lists(uplinks(version), max_size=8)))
    assert parse_uplink(encode(commands), version=version).require_whole() == commands


@given(FRAGMENTS, st.sampled_from([1, 2]))
def test_any_fragment_is_decoded_as_encoded(fragment: DataFragment, version: int) -> None:
    wire = fragment.to_bytes()
    assert len(wire) == len(fragment.payload) + 3
    assert parse_downlink(wire, version=version).require_whole() == (fragment,)


@given(st.binary(max_size=60), st.booleans(), st.sampled_from([1, 2]), st.sampled_from([None, 1, 2]))
def test_any_input_is_fully_accounted_for_without_an_exception(
    payload: bytes, uplink: bool, version: int, layout: int | None
) -> None:
    message = (
        parse_uplink(payload, version=version, status_layout=layout)
        if uplink
        else parse_downlink(payload, version=version)
    )
    assert payload.endswith(message.unparsed)
    assert (message.problem is None) == (message.unparsed == b"")
    understood = len(payload) - len(message.unparsed)
    encoded = sum(len(command.to_bytes()) for command in message.commands)
    surplus = 3 * sum(getattr(command, "session_does_not_exist", False) for command in message.commands)
    assert encoded <= understood <= encoded + surplus


@given(st.data(), st.sampled_from([1, 2]))
def test_truncated_message_yields_its_first_commands(data: st.DataObject, version: int) -> None:
    commands = tuple(data.draw(st.lists(downlinks(version), min_size=1, max_size=5)))
    wire = encode(commands)
    message = parse_downlink(wire[: data.draw(st.integers(0, len(wire) - 1))], version=version)
    assert message.commands == commands[: len(message.commands)]
    assert len(message.commands) < len(commands)


# Values that a command cannot carry are refused when the command is built.


def setup(**changed: Any) -> FragSessionSetupReq:
    fields: dict[str, Any] = {
        "version": 1,
        "frag_index": 0,
        "mc_group_bit_mask": 1,
        "nb_frag": 10,
        "frag_size": 50,
        "block_ack_delay": 0,
        "padding": 0,
    }
    return FragSessionSetupReq(**(fields | changed))


@pytest.mark.parametrize(
    ("field", "value", "nearest"),
    [
        ("version", 3, 2),
        ("version", 0, 1),
        ("frag_index", 4, 3),
        ("mc_group_bit_mask", 16, 15),
        ("nb_frag", -1, 0),
        ("nb_frag", 65536, 65535),
        ("frag_size", 256, 255),
        ("block_ack_delay", 8, 7),
        ("frag_algo", 8, 7),
        ("padding", 256, 255),
        ("padding", -1, 0),
    ],
)
def test_setup_refuses_values_that_it_cannot_carry(field: str, value: int, nearest: int) -> None:
    with pytest.raises(MessageError, match=rf"{field} must be .*, got {value} \(nearest: {nearest}\)$"):
        setup(**{field: value})


@pytest.mark.parametrize("descriptor", [b"", b"abc", b"abcde"])
def test_setup_refuses_another_length_of_descriptor(descriptor: bytes) -> None:
    with pytest.raises(MessageError, match=f"descriptor must have 4 bytes, got {len(descriptor)}"):
        setup(descriptor=descriptor)


@pytest.mark.parametrize("field", [{"ack_reception": True}, {"session_cnt": 0}, {"mic": bytes(4)}])
def test_setup_of_version_1_refuses_fields_of_version_2(field: dict[str, Any]) -> None:
    with pytest.raises(MessageError, match=f"{next(iter(field))} .* from version 2 on"):
        setup(**field)


@pytest.mark.parametrize(
    "fields",
    [
        {},
        {"session_cnt": 1},
        {"mic": bytes(4)},
        {"session_cnt": 65536, "mic": bytes(4)},
        {"session_cnt": 1, "mic": bytes(5)},
    ],
)
def test_setup_of_version_2_needs_a_session_cnt_and_a_mic(fields: dict[str, Any]) -> None:
    with pytest.raises(MessageError, match=r"session_cnt|mic"):
        setup(version=2, **fields)


REFUSED: list[tuple[str, Callable[[], object]]] = [
    ("frag_index must .* got 4", lambda: FragSessionStatusReq(frag_index=4, participants=True)),
    ("frag_index must .* got -1", lambda: FragSessionDeleteReq(frag_index=-1)),
    ("frag_index must .* got 4", lambda: FragSessionDeleteAns(frag_index=4)),
    ("frag_index must .* got 4", lambda: FragDataBlockReceivedReq(frag_index=4)),
    ("frag_index must .* got 4", lambda: FragDataBlockReceivedAns(frag_index=4)),
    ("frag_index must .* got 4", lambda: FragSessionSetupAns(version=1, frag_index=4)),
    ("session_cnt_replay", lambda: FragSessionSetupAns(version=1, frag_index=0, session_cnt_replay=True)),
    ("n must .* got 16384", lambda: DataFragment(frag_index=0, n=16384, payload=b"a")),
    ("length of payload must .* got 0", lambda: DataFragment(frag_index=0, n=1, payload=b"")),
    ("length of payload must .* got 256", lambda: DataFragment(frag_index=0, n=1, payload=bytes(256))),
    (
        "nb_frag_received must .* got 16384",
        lambda: FragSessionStatusAns(version=1, frag_index=0, nb_frag_received=16384, missing_frag=0),
    ),
    (
        "missing_frag must .* got 256",
        lambda: FragSessionStatusAns(version=2, frag_index=0, nb_frag_received=0, missing_frag=256),
    ),
    ("must all be given", lambda: FragSessionStatusAns(version=2, frag_index=0, nb_frag_received=1)),
    ("all be left out", lambda: FragSessionStatusAns(version=2, frag_index=1, session_does_not_exist=True)),
    ("from version 2 on", lambda: FragSessionStatusAns(version=1, session_does_not_exist=True)),
    ("block_ack_delay must .* got 8", lambda: max_ack_delay_s(8)),
    ("version must .* got 3", lambda: parse_uplink(b"", version=3)),
    ("version must .* got 0", lambda: parse_downlink(b"", version=0)),
    ("version must .* got 3", lambda: parse_uplink(b"", version=2, status_layout=3)),
]


@pytest.mark.parametrize(("message", "act"), REFUSED)
def test_refusal_states_the_rule_and_the_value(message: str, act: Callable[[], object]) -> None:
    with pytest.raises(MessageError, match=message):
        act()


def test_max_ack_delay_doubles_from_16_s_to_2048_s() -> None:
    assert [max_ack_delay_s(delay) for delay in range(8)] == [16, 32, 64, 128, 256, 512, 1024, 2048]


@pytest.mark.parametrize("version", [1, 2])
def test_setup_answer_without_error_bits_is_accepted(version: int) -> None:
    error_bits = 0x0F if version == 1 else 0x1F
    for byte in range(256):
        (answer,) = parse_uplink(bytes((0x02, byte)), version=version).require_whole()
        assert isinstance(answer, FragSessionSetupAns)
        assert answer.accepted == (byte & error_bits == 0)
        assert answer.frag_index == byte >> 6


def test_direction_decides_the_meaning_of_a_cid() -> None:
    assert parse_uplink(b"\x04\x06", version=2).require_whole() == (
        FragDataBlockReceivedReq(frag_index=2, mic_error=True),
    )
    assert parse_downlink(b"\x04\x06", version=2).require_whole() == (FragDataBlockReceivedAns(frag_index=2),)


@pytest.mark.parametrize("uplink", [True, False])
def test_version_1_has_no_data_block_received(uplink: bool) -> None:
    message = read(b"\x04\x01", uplink=uplink, version=1)
    assert message.commands == ()
    assert "unknown CID 0x04" in str(message.problem)


def test_data_fragment_after_another_command_is_not_read() -> None:
    message = parse_downlink(bytes.fromhex("00 08010001020304"), version=1)
    assert message.commands == (PackageVersionReq(),)
    assert message.unparsed == bytes.fromhex("08010001020304")
    assert "alone in its message" in str(message.problem)


@pytest.mark.parametrize("payload", ["0200000032000000000000", "0200010000000000000000", "0200010032003200000000"])
def test_setup_of_an_impossible_session_is_read_so_that_the_device_can_refuse_it(payload: str) -> None:
    setup_req, delete_req = parse_downlink(bytes.fromhex(payload + "0300"), version=1).require_whole()
    assert setup_req.to_bytes().hex() == payload
    assert delete_req == FragSessionDeleteReq(frag_index=0)
