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


class Device:
    """A device with TS003, TS004 and TS007."""

    def __init__(self, **kwargs):
        self.package = MultiPackage(ENTRIES, **kwargs)
        clock = ClockSyncPackage(DeviceClock(true_us=5_000_000))
        self.packages = {1: clock, 3: FragmentationPackage(DeviceProfile())}

    def receive(self, content, **kwargs):
        return [answer.payload for answer in self.package.receive(content, self.packages, **kwargs)]

    def ask(self, *commands):
        return [parse_uplink(content).require_whole() for content in self.receive(encode(commands))]


def test_answers_keep_the_order_of_commands_and_the_token():
    commands = (DevPackageReq(), TS004, SETUP, FragSessionDeleteReq(frag_index=3), TS003, PackageVersionReq())
    (answer,) = Device().ask(*commands, Token(token=2))
    own_entry = PackageEntry(identifier=0, version=1, port=225)
    assert answer == (
        DevPackageAns(packages=(own_entry, *ENTRIES)),
        TS004,
        FragSessionSetupAns(version=1, frag_index=1),
        FragSessionDeleteAns(frag_index=3, session_does_not_exist=True),
        TS003,
        PackageVersionAns(package_identifier=1, package_version=1),
        Token(token=2),
    )


def test_commands_are_executed():
    device = Device()
    device.ask(TS004, SETUP, TS003, DeviceAppTimePeriodicityReq(period=2), Token(token=0))
    assert device.packages[3].missing(1) == 2
    assert device.packages[1].next_request_us == 5_000_000 + 512_000_000


def test_unknown_package_is_skipped():
    device = Device()
    del device.packages[1]
    (answer,) = device.ask(TS003, PackageVersionReq(), TS004, PackageVersionReq(), Token(token=1))
    assert answer == (TS004, PackageVersionAns(package_identifier=3, package_version=1), Token(token=1))


def test_long_answer_is_sent_in_fragments_that_can_be_requested_again():
    device = Device(uplink_bytes=11)
    commands = (TS004, *[PackageVersionReq()] * 9, Token(token=3))
    answers = device.ask(*commands)
    fragments = [fragment for fragment, _ in answers]
    assert all(isinstance(fragment, MultiPackBufferFrag) and len(fragment.payload) <= 8 for fragment in fragments)
    assert {end.token for _, end in answers} == {3}
    version = PackageVersionAns(package_identifier=3, package_version=1)
    assert parse_answers(answer_buffer(fragments)).require_whole() == (TS004, *[version] * 9)
    ((repeated, _),) = device.ask(MultiPackBufferReq(start_byte=8, stop_byte=15))
    assert repeated == fragments[1]
    (last_fragment,) = device.ask(MultiPackBufferReq(start_byte=25, stop_byte=255))
    assert last_fragment[0].payload == fragments[3].payload[1:]


def test_missing_bytes_are_an_error_and_a_message_clears_the_buffer():
    device = Device()
    assert device.receive(MultiPackBufferReq(start_byte=0, stop_byte=9).to_bytes()) == [
        MultiPackBufferError().to_bytes()
    ]
    device.ask(PackageVersionReq(), Token(token=0))
    device.receive(encode([TS004, FragSessionDeleteReq(frag_index=0), Token(token=0)]))
    ((repeated, _),) = device.ask(MultiPackBufferReq(start_byte=0, stop_byte=255))
    assert repeated.payload == b"\x83\x03\x04"


def test_answer_is_cut_at_the_length_of_the_buffer():
    answers = Device(uplink_bytes=242).receive(encode([TS004, *[PackageVersionReq()] * 60, Token(token=0)]))
    assert [len(content) for content in answers] == [129]


@pytest.mark.parametrize("content", [b"", b"\x83\x7f\x00", b"\x83\x08\x01\x00abcd\x00", b"\x00"])
def test_message_that_cannot_be_parsed_to_its_end_is_dropped(content):
    assert Device().receive(content) == []


def test_message_to_a_group_is_dropped():
    assert Device().receive(encode([PackageVersionReq(), Token(token=0)]), mc_group=0) == []


@given(st.binary(max_size=60))
def test_any_bytes_are_dropped_or_answered(content):
    for answer in Device().receive(content):
        parse_uplink(answer).require_whole()
