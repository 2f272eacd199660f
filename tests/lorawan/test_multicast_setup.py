from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fuota.errors import MessageError
from fuota.lorawan import multicast_setup
from fuota.lorawan.codec import Command, PackageVersionAns, ParsedMessage, encode
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
    parse_downlink,
    parse_uplink,
)

PACKAGES = json.loads((Path(__file__).parents[1] / "vectors" / "commands.json").read_text())["packages"]
SESSION_ANSWERS = (McClassCSessionAns, McClassBSessionAns)
OUR_NAMES = {
    "session_time": "session_time_s",
    "dl_frequ": "frequency_hz",
    "dr": "data_rate",
    "time_to_start": "time_to_start_s",
    "min_mc_f_count": "min_mc_f_cnt",
    "max_mc_f_count": "max_mc_f_cnt",
}


def read(payload: bytes, *, uplink: bool, version: int) -> ParsedMessage:
    return (parse_uplink if uplink else parse_downlink)(payload, version=version)


def flatten(fields: dict[str, Any]) -> dict[str, Any]:
    """Return the fields of a vector without nesting; the vectors group fields that share a byte."""
    flat: dict[str, Any] = {}
    for name, value in fields.items():
        if isinstance(value, dict):
            flat |= flatten(value)
        elif name == "req_group_mask":
            flat[name] = sum(1 << group for group, member in enumerate(value) if member)
        elif name == "mc_addr":
            flat[name] = int(value, 16)
        else:
            flat[OUR_NAMES.get(name, name)] = bytes(value) if isinstance(value, list) else value
    return flat


def vector_cases() -> list[Any]:
    cases = [(case, version) for version in (1, 2) for case in PACKAGES[f"TS005 v{version}"]["cases"]]
    cases += [(case, 2) for case in PACKAGES["extra"]["cases"] if case["command"].startswith("TS005v2")]
    return [pytest.param(case, version, id=f"v{version} {case['command']}") for case, version in cases]


@pytest.mark.parametrize(("case", "version"), vector_cases())
def test_vectors_are_encoded_and_decoded(case: dict[str, Any], version: int) -> None:
    make = getattr(multicast_setup, case["command"].removeprefix("TS005v2 ").split()[0])
    command = make(**flatten(case["fields"]), **({"version": version} if make in SESSION_ANSWERS else {}))
    wire = bytes.fromhex(case["hex"])
    assert command.to_bytes() == wire
    assert read(wire, uplink=bool(case["uplink"]), version=version).require_whole() == (command,)


def test_vectors_have_15_cases() -> None:
    assert len(vector_cases()) == 15


def test_identifier_and_port() -> None:
    assert multicast_setup.PACKAGE_IDENTIFIER == 2
    assert PACKAGES["TS005 v1"]["fport"] == multicast_setup.FPORT


# Commands that the vectors lack, written from the tables of the specification.

BY_HAND: list[tuple[str, Command]] = [
    (
        "01 25 00 04030201 02 ffffff01",
        McGroupStatusAns(
            ans_group_mask=0b0101,
            nb_total_groups=2,
            groups=(McGroup(mc_group_id=0, mc_addr=0x01020304), McGroup(mc_group_id=2, mc_addr=0x01FFFFFF)),
        ),
    ),
    ("01 40", McGroupStatusAns(ans_group_mask=0, nb_total_groups=4, groups=())),
    ("02 02", McGroupSetupAns(mc_group_id=2)),
    ("02 07", McGroupSetupAns(mc_group_id=3, id_error=True)),
    ("03 01", McGroupDeleteAns(mc_group_id=1)),
    ("03 05", McGroupDeleteAns(mc_group_id=1, mc_group_undefined=True)),
    ("04 01 ffffff", McClassCSessionAns(version=2, mc_group_id=1, time_to_start_s=0xFFFFFF)),
    ("04 41", McClassCSessionAns(version=2, mc_group_id=1, future_errors=1)),
    ("05 80", McClassBSessionAns(version=2, mc_group_id=0, future_errors=2)),
]


@pytest.mark.parametrize(("wire", "command"), BY_HAND)
def test_uplinks_written_from_the_specification(wire: str, command: Command) -> None:
    assert command.to_bytes() == bytes.fromhex(wire)
    assert parse_uplink(bytes.fromhex(wire), version=2).require_whole() == (command,)


@pytest.mark.parametrize(
    ("frequency_hz", "dl_freq"),
    [(0, "000000"), (869_525_000, "d2ad84"), (2_403_000_000, "9855b7"), (3_355_443_000, "ffffff")],
)
def test_class_b_session_carries_frequencies_of_both_steps(frequency_hz: int, dl_freq: str) -> None:
    request = McClassBSessionReq(
        mc_group_id=3, session_time_s=1280, time_out=2, periodicity=5, frequency_hz=frequency_hz, data_rate=3
    )
    wire = bytes.fromhex("05 03 00050000 52") + bytes.fromhex(dl_freq) + b"\x03"
    assert request.to_bytes() == wire
    assert parse_downlink(wire, version=1).require_whole() == (request,)


# Known bugs in the field.


@pytest.mark.parametrize("cid", [4, 5])
@pytest.mark.parametrize("bit", [2, 3, 4, 5, 6, 7])
def test_each_error_bit_alone_removes_time_to_start(cid: int, bit: int) -> None:
    answer, after = parse_uplink(bytes((cid, 1 << bit, 0x03, 0x01)), version=2).require_whole()
    assert isinstance(answer, SESSION_ANSWERS)
    assert not answer.accepted
    assert answer.time_to_start_s is None
    assert answer.to_bytes() == bytes((cid, 1 << bit))
    assert after == McGroupDeleteAns(mc_group_id=1)


def test_version_1_ignores_the_reserved_bits_of_a_session_answer() -> None:
    expected = McClassCSessionAns(version=1, mc_group_id=2, time_to_start_s=1024)
    assert parse_uplink(bytes.fromhex("04e2000400"), version=1).require_whole() == (expected,)
    refused = McClassCSessionAns(version=1, mc_group_id=2, dr_error=True)
    assert parse_uplink(bytes.fromhex("04e6"), version=1).require_whole() == (refused,)


def test_status_answer_may_list_fewer_groups_than_requested() -> None:
    wire = bytes.fromhex("01 43 00 04030201 01 05030201" + "00 0202")
    status, version = parse_uplink(wire, version=1).require_whole()
    assert isinstance(status, McGroupStatusAns)
    assert [group.mc_addr for group in status.groups] == [0x01020304, 0x01020305]
    assert version == PackageVersionAns(package_identifier=2, package_version=2)


def test_status_request_includes_its_mask() -> None:
    assert parse_downlink(bytes.fromhex("0103"), version=1).require_whole() == (McGroupStatusReq(req_group_mask=3),)


# Commands are decoded as they were encoded, and no input raises an exception.

GROUP = st.integers(0, 3)
BYTES_4 = st.integers(0, 0xFFFFFFFF)
SESSION: dict[str, st.SearchStrategy[int]] = {
    "mc_group_id": GROUP,
    "session_time_s": BYTES_4,
    "time_out": st.integers(0, 15),
    "frequency_hz": st.integers(0, 0xFFFFFF).map(lambda raw: raw * (100 if raw < 12_000_000 else 200)),
    "data_rate": st.integers(0, 255),
}
DOWNLINKS: st.SearchStrategy[Command] = st.one_of(
    st.builds(McGroupStatusReq, req_group_mask=st.integers(0, 15)),
    st.builds(
        McGroupSetupReq,
        mc_group_id=GROUP,
        mc_addr=BYTES_4,
        mc_key_encrypted=st.binary(min_size=16, max_size=16),
        min_mc_f_cnt=BYTES_4,
        max_mc_f_cnt=BYTES_4,
    ),
    st.builds(McGroupDeleteReq, mc_group_id=GROUP),
    st.builds(McClassCSessionReq, **SESSION),
    st.builds(McClassBSessionReq, periodicity=st.integers(0, 7), **SESSION),
)


@st.composite
def session_answers(draw: st.DrawFn, version: int) -> Command:
    errors = draw(st.just(0) | st.integers(0, 7 if version == 1 else 63))
    return draw(st.sampled_from(SESSION_ANSWERS))(
        version=version,
        mc_group_id=draw(GROUP),
        dr_error=bool(errors & 1),
        freq_error=bool(errors & 2),
        mc_group_undefined=bool(errors & 4),
        start_missed=bool(errors & 8),
        future_errors=errors >> 4,
        time_to_start_s=None if errors else draw(st.integers(0, 0xFFFFFF)),
    )


@st.composite
def status_answers(draw: st.DrawFn) -> Command:
    mask = draw(st.integers(0, 15))
    groups = tuple(McGroup(mc_group_id=i, mc_addr=draw(BYTES_4)) for i in range(4) if mask >> i & 1)
    return McGroupStatusAns(ans_group_mask=mask, nb_total_groups=draw(st.integers(0, 7)), groups=groups)


def uplinks(version: int) -> st.SearchStrategy[Command]:
    return st.one_of(
        status_answers(),
        st.builds(McGroupSetupAns, mc_group_id=GROUP, id_error=st.booleans()),
        st.builds(McGroupDeleteAns, mc_group_id=GROUP, mc_group_undefined=st.booleans()),
        session_answers(version),
    )


@pytest.mark.parametrize("uplink", [True, False])
@pytest.mark.parametrize("version", [1, 2])
@given(data=st.data())
def test_any_sequence_of_commands_is_decoded_as_encoded(data: st.DataObject, version: int, uplink: bool) -> None:
    commands = tuple(data.draw(st.lists(uplinks(version) if uplink else DOWNLINKS, max_size=8)))
    wire = encode(commands)
    assert read(wire, uplink=uplink, version=version).require_whole() == commands
    prefix = read(wire[:-1], uplink=uplink, version=version).commands
    assert prefix == commands[:-1]


@given(
    st.lists(st.integers(0, 6).map(lambda cid: bytes((cid,))) | st.binary(max_size=30)),
    st.booleans(),
    st.sampled_from([1, 2]),
)
def test_any_input_is_fully_accounted_for_without_an_exception(parts: list[bytes], uplink: bool, version: int) -> None:
    payload = b"".join(parts)
    message = read(payload, uplink=uplink, version=version)
    assert (message.problem is None) == (message.unparsed == b"")
    understood = encode(message.commands)
    assert len(understood) + len(message.unparsed) == len(payload)
    assert payload.endswith(message.unparsed)
    second = read(understood + message.unparsed, uplink=uplink, version=version)
    assert (second.commands, second.unparsed) == (message.commands, message.unparsed)


# Values that a command cannot carry are refused when the command is built.


def class_c(**changed: int) -> McClassCSessionReq:
    fields = {"mc_group_id": 0, "session_time_s": 0, "time_out": 0, "frequency_hz": 868_100_000, "data_rate": 0}
    return McClassCSessionReq(**(fields | changed))


def group(**changed: Any) -> McGroupSetupReq:
    fields = {"mc_group_id": 0, "mc_addr": 1, "mc_key_encrypted": bytes(16), "min_mc_f_cnt": 0, "max_mc_f_cnt": 9}
    return McGroupSetupReq(**(fields | changed))


REFUSED: list[tuple[str, Callable[[], object]]] = [
    ("req_group_mask must .* got 16", lambda: McGroupStatusReq(req_group_mask=16)),
    ("mc_group_id must .* got 4", lambda: McGroupDeleteReq(mc_group_id=4)),
    ("mc_group_id must .* got -1", lambda: McGroupDeleteAns(mc_group_id=-1)),
    ("mc_group_id must .* got 4", lambda: McGroupSetupAns(mc_group_id=4)),
    ("mc_addr must .* got 4294967296", lambda: McGroup(mc_group_id=0, mc_addr=1 << 32)),
    ("mc_addr must .* got -1", lambda: group(mc_addr=-1)),
    ("mc_key_encrypted must .* got 15", lambda: group(mc_key_encrypted=bytes(15))),
    ("min_mc_f_cnt must .* got -1", lambda: group(min_mc_f_cnt=-1)),
    ("max_mc_f_cnt must .* got 4294967296", lambda: group(max_mc_f_cnt=1 << 32)),
    ("session_time_s must .* got 4294967296", lambda: class_c(session_time_s=1 << 32)),
    ("time_out must .* got 16", lambda: class_c(time_out=16)),
    ("data_rate must .* got 256", lambda: class_c(data_rate=256)),
    ("frequency_hz must .* got 868100050", lambda: class_c(frequency_hz=868_100_050)),
    ("frequency_hz must .* got -100", lambda: class_c(frequency_hz=-100)),
    ("frequency_hz must .* got 1200000000", lambda: class_c(frequency_hz=1_200_000_000)),
    ("frequency_hz must .* got 2403000100", lambda: class_c(frequency_hz=2_403_000_100)),
    ("frequency_hz must .* got 3355443200", lambda: class_c(frequency_hz=3_355_443_200)),
    ("nb_total_groups must .* got 8", lambda: McGroupStatusAns(ans_group_mask=0, nb_total_groups=8, groups=())),
    ("groups must .* got 0", lambda: McGroupStatusAns(ans_group_mask=1, nb_total_groups=1, groups=())),
    ("from version 2 on", lambda: McClassCSessionAns(version=1, mc_group_id=0, start_missed=True)),
    ("from version 2 on", lambda: McClassBSessionAns(version=1, mc_group_id=0, future_errors=1)),
    ("time_to_start_s must .* got None", lambda: McClassBSessionAns(version=1, mc_group_id=0)),
    (
        "left out in an answer with errors",
        lambda: McClassBSessionAns(version=2, mc_group_id=0, start_missed=True, time_to_start_s=1),
    ),
    (
        "time_to_start_s must .* got 16777216",
        lambda: McClassBSessionAns(version=2, mc_group_id=0, time_to_start_s=1 << 24),
    ),
    ("version must .* got 3", lambda: McClassBSessionAns(version=3, mc_group_id=0, time_to_start_s=1)),
    ("version must .* got 3", lambda: parse_uplink(b"", version=3)),
    ("version must .* got 0", lambda: parse_downlink(b"", version=0)),
]


@pytest.mark.parametrize(("message", "act"), REFUSED)
def test_refusal_states_the_rule_and_the_value(message: str, act: Callable[[], object]) -> None:
    with pytest.raises(MessageError, match=message):
        act()
