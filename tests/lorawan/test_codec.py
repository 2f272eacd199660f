from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fuota.errors import MessageError
from fuota.lorawan.codec import Command, ParsedMessage, encode, parse
from fuota.lorawan.fragmentation import DataFragment, FragSessionDeleteReq, PackageVersionAns, PackageVersionReq

PARSERS = {PackageVersionAns.cid: PackageVersionAns.parse}


def parse_versions(payload: bytes) -> ParsedMessage:
    return parse(payload, PARSERS, refused={0x70: "of another protocol"})


def test_encode_concatenates_in_order() -> None:
    assert encode([PackageVersionReq(), FragSessionDeleteReq(frag_index=3)]) == bytes.fromhex("00 0303")


def test_encode_without_commands_is_the_empty_message() -> None:
    assert encode([]) == b""


@pytest.mark.parametrize("position", [0, 1])
def test_encode_refuses_another_command_beside_a_data_fragment(position: int) -> None:
    commands: list[Command] = [PackageVersionReq()]
    commands.insert(position, DataFragment(frag_index=0, n=1, payload=b"ab"))
    with pytest.raises(MessageError, match="alone in its message"):
        encode(commands)


def test_empty_message_is_complete_and_has_no_commands() -> None:
    message = parse_versions(b"")
    assert message == ParsedMessage(commands=(), unparsed=b"", problem=None)
    assert message.require_whole() == ()


def test_bytes_from_an_unknown_cid_on_are_unparsed() -> None:
    message = parse_versions(bytes.fromhex("000301 55 000302"))
    assert message.commands == (PackageVersionAns(package_identifier=3, package_version=1),)
    assert message.unparsed == bytes.fromhex("55000302")
    assert message.problem is not None
    assert "unknown CID 0x55" in message.problem
    assert "0x00" in message.problem


def test_truncated_command_reports_needed_and_available_bytes() -> None:
    message = parse_versions(bytes.fromhex("000301 0003"))
    assert len(message.commands) == 1
    assert message.unparsed == bytes.fromhex("0003")
    assert message.problem == "truncated PackageVersionAns: its payload needs 2 bytes but 1 are left"


def test_refused_cid_has_its_own_message() -> None:
    assert parse_versions(b"\x70\x00").problem == "CID 0x70 is refused: of another protocol"


def test_require_whole_reports_the_problem_and_its_position() -> None:
    with pytest.raises(MessageError, match=r"unknown CID 0x55.*understood before it: 1; bytes not understood: 3"):
        parse_versions(bytes.fromhex("000301 550001")).require_whole()


@given(st.integers(-300, 600))
def test_package_version_ans_has_one_byte_per_field(value: int) -> None:
    if 0 <= value <= 255:
        command = PackageVersionAns(package_identifier=value, package_version=255 - value)
        assert parse_versions(command.to_bytes()).require_whole() == (command,)
    else:
        nearest = 0 if value < 0 else 255
        with pytest.raises(MessageError, match=rf"0 to 255 .*got {value} \(nearest: {nearest}\)"):
            PackageVersionAns(package_identifier=0, package_version=value)


@given(st.binary(max_size=64), st.sampled_from([bytearray, memoryview]))
def test_bytearray_and_memoryview_are_read_like_bytes(payload: bytes, kind: type) -> None:
    assert parse_versions(kind(payload)) == parse_versions(payload)


def test_long_message_is_read_to_its_end() -> None:
    message = parse_versions(bytes.fromhex("000301") * 20_000)
    assert len(message.require_whole()) == 20_000
