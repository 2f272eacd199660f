"""TS007. No independent vectors of whole messages were found: the messages here follow the clauses of TS007-1.0.0, and the
commands inside them are vectors of other implementations."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fuota.errors import MessageError
from fuota.lorawan import multi_package as mp
from fuota.lorawan.codec import encode
from fuota.lorawan.firmware_management import DevVersionReq
from fuota.lorawan.fragmentation import DataFragment, FragSessionDeleteReq, PackageVersionAns, PackageVersionReq

VECTORS = json.loads((Path(__file__).parents[1] / "vectors" / "commands.json").read_text())["packages"]
IDENTIFIERS = {"TS003": 1, "TS004": 3, "TS005": 2, "TS006": 4}
INSIDE = [
    pytest.param(IDENTIFIERS[name[:5]], int(name[-1]), case, id=f"{name} {case.get('name', case['hex'])}")
    for name, package in VECTORS.items()
    if name[:5] in IDENTIFIERS
    for case in package["cases"]
    if case["command"] != "DataFragment"
]
READERS = {True: mp.parse_uplink, False: mp.parse_downlink}


def package_id(identifier: int) -> mp.PackageId:
    return mp.PackageId(package_identifier=identifier)


def test_downlink_with_commands_of_three_packages() -> None:
    message = mp.parse_downlink(bytes.fromhex("01 83 0302 00 84 01 02"))
    assert message.require_whole() == (
        mp.DevPackageReq(),
        package_id(3),
        FragSessionDeleteReq(frag_index=2),
        PackageVersionReq(),
        package_id(4),
        DevVersionReq(),
        mp.Token(token=2),
    )


def test_uplink_lists_the_packages_of_a_device() -> None:
    message = mp.parse_uplink(bytes.fromhex("0103 0001e1 0302c9 0201c8 03"))
    (answer, token) = message.require_whole()
    assert answer == mp.DevPackageAns(
        packages=(
            mp.PackageEntry(identifier=0, version=1, port=225),
            mp.PackageEntry(identifier=3, version=2, port=201),
            mp.PackageEntry(identifier=2, version=1, port=200),
        )
    )
    assert token == mp.Token(token=3)


@pytest.mark.parametrize(("identifier", "version", "case"), INSIDE)
def test_commands_of_the_vectors_inside_a_message(identifier, version, case) -> None:
    """The command stands between commands of package 0 and TS006, so that its end must be found."""
    after = "84 00 0401" if case["uplink"] else "84 01"
    before = "00 0001" if case["uplink"] else "01"
    wire = bytes.fromhex(f"{before} {0x80 | identifier:02x} {case['hex']} {after} 01")
    message = READERS[case["uplink"]](wire, version=version)
    assert (message.problem, encode(message.commands)) == (None, wire)
    assert package_id(identifier) in message.commands
    assert message.commands[-2:-1] == (
        (PackageVersionAns(package_identifier=4, package_version=1),) if case["uplink"] else (DevVersionReq(),)
    )


def test_delete_followed_by_another_command_is_read() -> None:
    """LoRa Basics Modem reads FragSessionDeleteReq as three bytes and loses the commands after it."""
    message = mp.parse_downlink(bytes.fromhex("83 0301 0100 00"))
    assert [type(command).__name__ for command in message.require_whole()] == [
        "PackageId",
        "FragSessionDeleteReq",
        "FragSessionStatusReq",
        "Token",
    ]


def test_frag_data_block_received_is_accepted_in_version_2() -> None:
    assert mp.parse_uplink(bytes.fromhex("83 0404 00"), version=2).problem is None
    assert mp.parse_uplink(bytes.fromhex("83 0404 00"), version=1).problem is not None


def test_buffer_request_is_alone_and_has_no_token() -> None:
    request = mp.MultiPackBufferReq(start_byte=10, stop_byte=20)
    assert request.to_bytes().hex() == "020a14"
    assert mp.parse_downlink(request.to_bytes()).commands == (request,)
    assert mp.parse_downlink(bytes.fromhex("80020a14")).commands == (package_id(0), request)
    assert "without Token" in mp.parse_downlink(bytes.fromhex("020a1401")).problem
    assert "StartByte is at most StopByte" in mp.parse_downlink(bytes.fromhex("02140a")).problem


@pytest.mark.parametrize("wire", ["02ff", "02ff01"])
def test_buffer_error_is_read_with_and_without_a_token(wire) -> None:
    message = mp.parse_uplink(bytes.fromhex(wire))
    assert message.require_whole()[0] == mp.MultiPackBufferError()
    assert encode(message.commands).hex() == wire


@given(st.binary(min_size=1, max_size=128), st.randoms(), st.integers(1, 40))
def test_buffer_is_joined_from_fragments_in_any_order(buffer, random, size) -> None:
    frames = [
        encode([mp.MultiPackBufferFrag(base_byte=start, payload=buffer[start : start + size]), mp.Token(token=1)])
        for start in range(0, len(buffer), size)
    ]
    frames += frames[:2]
    random.shuffle(frames)
    assert mp.answer_buffer(mp.parse_uplink(frame).require_whole()[0] for frame in frames) == buffer


def test_joined_buffer_is_read_as_answers() -> None:
    first = mp.MultiPackBufferFrag(base_byte=0, payload=bytes.fromhex("830302"))
    second = mp.MultiPackBufferFrag(base_byte=3, payload=bytes.fromhex("84000401"))
    assert [
        type(command).__name__ for command in mp.parse_answers(mp.answer_buffer([second, first])).require_whole()
    ] == [
        "PackageId",
        "FragSessionDeleteAns",
        "PackageId",
        "PackageVersionAns",
    ]


def test_gap_in_a_buffer_names_the_missing_bytes() -> None:
    with pytest.raises(MessageError, match="bytes 0 to 4 of the answer buffer are missing"):
        mp.answer_buffer([mp.MultiPackBufferFrag(base_byte=5, payload=b"ab")])


def test_fragments_of_two_answers_are_not_mixed() -> None:
    with pytest.raises(MessageError, match="byte 1 "):
        mp.answer_buffer(
            [mp.MultiPackBufferFrag(base_byte=0, payload=b"ab"), mp.MultiPackBufferFrag(base_byte=1, payload=b"c")]
        )


@pytest.mark.parametrize(
    ("wire", "problem", "unparsed"),
    [
        ("85 01 00", "package 5 is not understood (known packages: 0, 1, 2, 3, 4)", "0100"),
        ("83 08 0100 aabb 00", "port of TS004", "080100aabb00"),
        ("7f 00", "unknown CID 0x7f", "7f00"),
        ("83 03 00", "truncated FragSessionDeleteReq", "0300"),
    ],
)
def test_bytes_that_are_not_understood_are_unparsed(wire, problem, unparsed) -> None:
    message = mp.parse_downlink(bytes.fromhex(wire))
    assert problem in message.problem
    assert message.unparsed.hex() == unparsed


def test_commands_are_wrapped_for_port_225() -> None:
    assert encode(mp.wrap(3, [FragSessionDeleteReq(frag_index=2)], token=1)).hex() == "83030201"
    assert encode(mp.wrap(0, [mp.DevPackageReq()], token=0)).hex() == "0100"
    with pytest.raises(MessageError, match="port of TS004"):
        mp.wrap(3, [DataFragment(frag_index=0, n=1, payload=b"a")], token=0)


@pytest.mark.parametrize(
    "make",
    [
        lambda: mp.Token(token=4),
        lambda: package_id(128),
        lambda: mp.MultiPackBufferFrag(base_byte=128, payload=b""),
        lambda: mp.MultiPackBufferFrag(base_byte=120, payload=bytes(9)),
        lambda: mp.PackageEntry(identifier=0, version=256, port=225),
        lambda: mp.parse_uplink(b"", version=3),
        lambda: mp.parse_downlink(b"", version=0),
    ],
)
def test_values_that_a_message_cannot_carry_are_refused(make) -> None:
    with pytest.raises(MessageError):
        make()
