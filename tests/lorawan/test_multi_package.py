"""TS007. No independent vectors of whole messages were found: those here are written by the clauses of TS007-1.0.0, and the
commands inside are the vectors of other implementations."""

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


def named(identifier: int) -> mp.PackageId:
    return mp.PackageId(package_identifier=identifier)


def test_a_downlink_of_three_packages() -> None:
    message = mp.parse_downlink(bytes.fromhex("01 83 0302 00 84 01 02"))
    assert message.require_whole() == (
        mp.DevPackageReq(),
        named(3),
        FragSessionDeleteReq(frag_index=2),
        PackageVersionReq(),
        named(4),
        DevVersionReq(),
        mp.Token(token=2),
    )


def test_an_uplink_names_the_packages_of_a_device() -> None:
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
def test_the_commands_of_the_vectors_inside_a_message(identifier, version, case) -> None:
    """Between a command of package 0 and one of TS006, so that its end is found."""
    after = "84 00 0401" if case["uplink"] else "84 01"
    before = "00 0001" if case["uplink"] else "01"
    octets = bytes.fromhex(f"{before} {0x80 | identifier:02x} {case['hex']} {after} 01")
    message = READERS[case["uplink"]](octets, version=version)
    assert (message.problem, encode(message.commands)) == (None, octets)
    assert named(identifier) in message.commands
    assert message.commands[-2:-1] == (
        (PackageVersionAns(package_identifier=4, package_version=1),) if case["uplink"] else (DevVersionReq(),)
    )


def test_delete_followed_by_another_command() -> None:
    """LoRa Basics Modem takes FragSessionDeleteReq for three octets: what follows is then lost."""
    message = mp.parse_downlink(bytes.fromhex("83 0301 0100 00"))
    assert [type(one).__name__ for one in message.require_whole()] == [
        "PackageId",
        "FragSessionDeleteReq",
        "FragSessionStatusReq",
        "Token",
    ]


def test_frag_data_block_received_goes_through_in_version_2() -> None:
    assert mp.parse_uplink(bytes.fromhex("83 0404 00"), version=2).problem is None
    assert mp.parse_uplink(bytes.fromhex("83 0404 00"), version=1).problem is not None


def test_a_buffer_is_asked_for_alone_and_without_a_token() -> None:
    request = mp.MultiPackBufferReq(start_byte=10, stop_byte=20)
    assert request.to_bytes().hex() == "020a14"
    assert mp.parse_downlink(request.to_bytes()).commands == (request,)
    assert mp.parse_downlink(bytes.fromhex("80020a14")).commands == (named(0), request)
    assert "no Token follows" in mp.parse_downlink(bytes.fromhex("020a1401")).problem
    assert "StartByte is not beyond StopByte" in mp.parse_downlink(bytes.fromhex("02140a")).problem


@pytest.mark.parametrize("octets", ["02ff", "02ff01"])
def test_a_range_that_is_not_there_is_answered_with_or_without_a_token(octets) -> None:
    message = mp.parse_uplink(bytes.fromhex(octets))
    assert message.require_whole()[0] == mp.MultiPackBufferError()
    assert encode(message.commands).hex() == octets


@given(st.binary(min_size=1, max_size=128), st.randoms(), st.integers(1, 40))
def test_a_buffer_is_joined_from_fragments_in_any_order(buffer, random, size) -> None:
    frames = [
        encode([mp.MultiPackBufferFrag(base_byte=start, payload=buffer[start : start + size]), mp.Token(token=1)])
        for start in range(0, len(buffer), size)
    ]
    frames += frames[:2]
    random.shuffle(frames)
    assert mp.buffer_of(mp.parse_uplink(frame).require_whole()[0] for frame in frames) == buffer


def test_a_joined_buffer_is_read_as_answers() -> None:
    first = mp.MultiPackBufferFrag(base_byte=0, payload=bytes.fromhex("830302"))
    second = mp.MultiPackBufferFrag(base_byte=3, payload=bytes.fromhex("84000401"))
    assert [type(one).__name__ for one in mp.parse_answers(mp.buffer_of([second, first])).require_whole()] == [
        "PackageId",
        "FragSessionDeleteAns",
        "PackageId",
        "PackageVersionAns",
    ]


def test_a_gap_in_a_buffer_names_what_to_ask_for() -> None:
    with pytest.raises(MessageError, match="octets 0 to 4 of the answer buffer are missing"):
        mp.buffer_of([mp.MultiPackBufferFrag(base_byte=5, payload=b"ab")])


def test_fragments_of_two_answers_are_not_mixed() -> None:
    with pytest.raises(MessageError, match="octet 1"):
        mp.buffer_of(
            [mp.MultiPackBufferFrag(base_byte=0, payload=b"ab"), mp.MultiPackBufferFrag(base_byte=1, payload=b"c")]
        )


@pytest.mark.parametrize(
    ("octets", "problem", "rest"),
    [
        ("85 01 00", "package 5 is not understood: packages are 0, 1, 2, 3, 4", "0100"),
        ("83 08 0100 aabb 00", "port of TS004", "080100aabb00"),
        ("7f 00", "unknown CID 0x7f", "7f00"),
        ("83 03 00", "truncated FragSessionDeleteReq", "0300"),
    ],
)
def test_what_is_not_understood_is_the_rest(octets, problem, rest) -> None:
    message = mp.parse_downlink(bytes.fromhex(octets))
    assert problem in message.problem
    assert message.rest.hex() == rest


def test_commands_are_wrapped_for_port_225() -> None:
    assert encode(mp.wrapped(3, [FragSessionDeleteReq(frag_index=2)], token=1)).hex() == "83030201"
    assert encode(mp.wrapped(0, [mp.DevPackageReq()], token=0)).hex() == "0100"
    with pytest.raises(MessageError, match="port of TS004"):
        mp.wrapped(3, [DataFragment(frag_index=0, n=1, payload=b"a")], token=0)


@pytest.mark.parametrize(
    "make",
    [
        lambda: mp.Token(token=4),
        lambda: named(128),
        lambda: mp.MultiPackBufferFrag(base_byte=128, payload=b""),
        lambda: mp.MultiPackBufferFrag(base_byte=120, payload=bytes(9)),
        lambda: mp.PackageEntry(identifier=0, version=256, port=225),
        lambda: mp.parse_uplink(b"", version=3),
        lambda: mp.parse_downlink(b"", version=0),
    ],
)
def test_what_no_message_can_carry_is_refused(make) -> None:
    with pytest.raises(MessageError):
        make()
