"""TS007 on a device: commands of several packages in one message, answers in one buffer."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fuota.device import DeviceProfile, FragmentationPackage
from fuota.device.stack.clock import DeviceClock
from fuota.device.stack.clock_sync import ClockSyncPackage
from fuota.device.stack.multi_package import MultiPackage
from fuota.lorawan.clock_sync import DeviceAppTimePeriodicityReq
from fuota.lorawan.codec import encode
from fuota.lorawan.fragmentation import (
    FragSessionDeleteAns,
    FragSessionDeleteReq,
    FragSessionSetupAns,
    FragSessionSetupReq,
    PackageVersionAns,
    PackageVersionReq,
)
from fuota.lorawan.multi_package import (
    DevPackageAns,
    DevPackageReq,
    MultiPackBufferError,
    MultiPackBufferFrag,
    MultiPackBufferReq,
    PackageEntry,
    PackageId,
    Token,
    answer_buffer,
    parse_answers,
    parse_uplink,
)

ENTRIES = (PackageEntry(identifier=1, version=1, port=202), PackageEntry(identifier=3, version=1, port=201))
TS003, TS004 = PackageId(package_identifier=1), PackageId(package_identifier=3)
SETUP = FragSessionSetupReq(
    version=1, frag_index=1, mc_group_bit_mask=0, nb_frag=2, frag_size=4, block_ack_delay=0, padding=0
)


class Board:
    """A device with TS003, TS004 and TS007."""

    def __init__(self, **kwargs):
        self.package = MultiPackage(ENTRIES, **kwargs)
        clock = ClockSyncPackage(DeviceClock(true_us=5_000_000))
        self.packages = {1: clock, 3: FragmentationPackage(DeviceProfile())}

    def receive(self, octets, **kwargs):
        return [answer.payload for answer in self.package.receive(octets, self.packages, **kwargs)]

    def ask(self, *commands):
        return [parse_uplink(octets).require_whole() for octets in self.receive(encode(commands))]


def test_each_package_answers_its_own_commands_in_their_order_and_the_token_comes_back():
    asked = (DevPackageReq(), TS004, SETUP, FragSessionDeleteReq(frag_index=3), TS003, PackageVersionReq())
    (answer,) = Board().ask(*asked, Token(token=2))
    own = PackageEntry(identifier=0, version=1, port=225)
    assert answer == (
        DevPackageAns(packages=(own, *ENTRIES)),
        TS004,
        FragSessionSetupAns(version=1, frag_index=1),
        FragSessionDeleteAns(frag_index=3, session_does_not_exist=True),
        TS003,
        PackageVersionAns(package_identifier=1, package_version=1),
        Token(token=2),
    )


def test_the_commands_are_executed():
    board = Board()
    board.ask(TS004, SETUP, TS003, DeviceAppTimePeriodicityReq(period=2), Token(token=0))
    assert board.packages[3].missing(1) == 2
    assert board.packages[1].asks_at_us == 5_000_000 + 512_000_000


def test_a_package_that_the_device_has_not_is_passed_over():
    board = Board()
    del board.packages[1]
    (answer,) = board.ask(TS003, PackageVersionReq(), TS004, PackageVersionReq(), Token(token=1))
    assert answer == (TS004, PackageVersionAns(package_identifier=3, package_version=1), Token(token=1))


def test_a_long_answer_goes_up_in_fragments_that_can_be_asked_for_again():
    board = Board(uplink_bytes=11)
    asked = (TS004, *[PackageVersionReq()] * 9, Token(token=3))
    answers = board.ask(*asked)
    fragments = [fragment for fragment, _ in answers]
    assert all(isinstance(one, MultiPackBufferFrag) and len(one.payload) <= 8 for one in fragments)
    assert {end.token for _, end in answers} == {3}
    version = PackageVersionAns(package_identifier=3, package_version=1)
    assert parse_answers(answer_buffer(fragments)).require_whole() == (TS004, *[version] * 9)
    ((again, _),) = board.ask(MultiPackBufferReq(start_byte=8, stop_byte=15))
    assert again == fragments[1]
    (rest,) = board.ask(MultiPackBufferReq(start_byte=25, stop_byte=255))
    assert rest[0].payload == fragments[3].payload[1:]


def test_octets_that_are_not_there_are_an_error_and_another_message_clears_the_buffer():
    board = Board()
    assert board.receive(MultiPackBufferReq(start_byte=0, stop_byte=9).to_bytes()) == [
        MultiPackBufferError().to_bytes()
    ]
    board.ask(PackageVersionReq(), Token(token=0))
    board.receive(encode([TS004, FragSessionDeleteReq(frag_index=0), Token(token=0)]))
    ((again, _),) = board.ask(MultiPackBufferReq(start_byte=0, stop_byte=255))
    assert again.payload == b"\x83\x03\x04"


def test_an_answer_is_no_longer_than_its_buffer():
    answers = Board(uplink_bytes=242).receive(encode([TS004, *[PackageVersionReq()] * 60, Token(token=0)]))
    assert [len(octets) for octets in answers] == [129]


@pytest.mark.parametrize("octets", [b"", b"\x83\x7f\x00", b"\x83\x08\x01\x00abcd\x00", b"\x00"])
def test_what_asks_nothing_or_is_not_understood_to_its_end_is_dropped(octets):
    assert Board().receive(octets) == []


def test_nothing_is_taken_from_a_group():
    assert Board().receive(encode([PackageVersionReq(), Token(token=0)]), mc_group=0) == []


@given(st.binary(max_size=60))
def test_garbage_is_dropped_or_answered_and_never_more(octets):
    for answer in Board().receive(octets):
        parse_uplink(answer).require_whole()
