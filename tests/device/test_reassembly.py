from __future__ import annotations

import dataclasses

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fuota.device import DeviceProfile, FragmentationPackage
from fuota.errors import ParameterError
from fuota.lorawan.fragmentation import (
    FragDataBlockReceivedAns,
    FragDataBlockReceivedReq,
    FragSessionDeleteAns,
    FragSessionDeleteReq,
    FragSessionSetupAns,
    FragSessionStatusReq,
    PackageVersionAns,
    PackageVersionReq,
)

both_versions = pytest.mark.parametrize("version", [1, 2])
EVERYTHING = range(1, 41)  # 10 uncoded fragments and 30 coded ones, as `peer` makes them


# --- the block


@both_versions
def test_a_block_arrives_whole_and_without_its_padding(peer, version):
    talk = peer(version).set_up()
    for lacking in range(10, 0, -1):
        assert (talk.device.missing(), talk.block) == (lacking, None)
        talk.hear([lacking])
    assert (talk.device.missing(), talk.block) == (0, talk.data)
    assert len(talk.data) == 77


@both_versions
@pytest.mark.parametrize("numbers", [[*range(1, 41, 2)], [*range(40, 0, -1)], [3, *range(11, 41)]])
def test_lost_and_late_fragments_are_made_up_for(peer, version, numbers):
    talk = peer(version).set_up()
    talk.hear(numbers)
    assert talk.block == talk.data


def test_the_literal_reading_of_version_2_is_a_matter_of_the_profile(peer):
    talk = peer(2, sends={"version": 2, "variant": "literal"}, variant="literal").set_up()
    talk.hear([1, *range(11, 41)])
    assert (talk.block, talk.status().mic_error) == (talk.data, False)


def test_there_is_nothing_before_a_setup(peer):
    talk = peer()
    assert talk.hear(EVERYTHING) == []
    assert (talk.block, talk.device.missing(), talk.device.block(3)) == (None, None, None)


# --- FragSessionSetupReq


@both_versions
@pytest.mark.parametrize("frag_index", [0, 3])
def test_an_accepted_setup_is_answered_with_the_index_and_no_error(peer, version, frag_index):
    talk = peer(version, frag_index=frag_index)
    (answer,) = talk.device.receive(talk.setup().to_bytes())
    assert (answer.payload, answer.max_delay_s) == (bytes((0x02, frag_index << 6)), 0)


@both_versions
@pytest.mark.parametrize(
    ("changes", "octet"),
    [
        ({"frag_algo": 1}, 0b0000_0001),
        ({"nb_frag": 11}, 0b0000_0010),
        ({"frag_index": 2}, 0b1000_0100),
        ({"descriptor": b"\x04\x03\x02\x01"}, 0b0000_1000),
        ({"frag_algo": 7, "frag_size": 9, "frag_index": 3, "descriptor": bytes(4)}, 0b1100_1111),
    ],
)
def test_each_reason_to_refuse_has_its_bit_and_leaves_the_open_session_alone(peer, version, changes, octet):
    limits = {"max_nb_frag": 10, "max_frag_size": 8, "frag_sessions": 2, "descriptor": b"\x01\x02\x03\x04"}
    talk = peer(version, **limits).set_up(descriptor=limits["descriptor"])
    talk.hear(range(1, 5))
    refused = talk.setup(
        **{"descriptor": limits["descriptor"], **({"session_cnt": 1} if version == 2 else {})} | changes
    )
    (answer,) = talk.device.receive(refused.to_bytes())
    assert answer.payload == bytes((0x02, octet))
    assert talk.device.missing(refused.frag_index) == (6 if refused.frag_index == 0 else None)
    talk.hear(range(5, 11))
    assert talk.block == talk.data


@both_versions
def test_a_setup_for_an_open_session_starts_it_again(peer, version):
    talk = peer(version).set_up()
    talk.hear(range(1, 11))
    talk.set_up(**({"session_cnt": 1} if version == 2 else {}))
    assert (talk.block, talk.device.missing(), talk.status().nb_frag_received) == (None, 10, 0)
    talk.hear(range(1, 11))
    assert talk.block == talk.data


# --- SessionCnt and the MIC, version 2


def test_session_cnt_may_be_repeated_until_the_first_fragment_and_never_after(peer):
    talk = peer(2).set_up(session_cnt=7).set_up(session_cnt=7).set_up(session_cnt=0).set_up(session_cnt=7)
    talk.hear([1])
    for session_cnt in (0, 6, 7):
        (answer,) = talk.ask(talk.setup(session_cnt=session_cnt))
        assert answer == FragSessionSetupAns(version=2, frag_index=0, session_cnt_replay=True)
    talk.hear([2])
    assert talk.device.missing() == 8  # the refused ones changed nothing
    talk.set_up(session_cnt=8).set_up(session_cnt=0xFFFF)


def test_session_cnt_outlives_the_session_and_belongs_to_one_index(peer):
    talk = peer(2).set_up(session_cnt=5)
    talk.hear([1])
    talk.ask(FragSessionDeleteReq(frag_index=0))
    (answer,) = talk.ask(talk.setup(session_cnt=5))
    assert answer.session_cnt_replay
    peer(2, frag_index=1, device=talk.device).set_up(session_cnt=0)


def test_a_fragment_that_is_dropped_uses_no_session_cnt(peer):
    talk = peer(2).set_up(session_cnt=5)
    talk.hear([1], mc_group=3)
    talk.ask(talk.fragments[0] + b"\x00")
    talk.set_up(session_cnt=5)


@pytest.mark.parametrize("changes", [{"mic": bytes(4)}, {"padding": 2}])
def test_a_block_with_a_wrong_mic_is_not_handed_out(peer, changes):
    talk = peer(2).set_up(**changes)
    talk.hear(range(1, 10))
    assert talk.status().mic_error is False
    talk.hear([10])
    assert (talk.block, talk.device.missing()) == (None, 0)
    assert (talk.status().mic_error, talk.status().missing_frag) == (True, 0)


def test_the_mic_covers_counter_and_descriptor(peer):
    talk = peer(2).set_up(session_cnt=3, descriptor=b"\x01\x02\x03\x04")
    talk.hear(range(1, 11))
    assert talk.block == talk.data
    other = peer(2)
    other.ask(dataclasses.replace(other.setup(session_cnt=3), session_cnt=4))
    other.hear(range(1, 11))
    assert (other.block, other.status().mic_error) == (None, True)


@pytest.mark.parametrize(("version", "int_key"), [(2, None), (2, bytes(15)), (1, bytes(17))])
def test_a_device_is_not_made_without_the_key_it_needs(version, int_key):
    with pytest.raises(ParameterError, match="int_key"):
        FragmentationPackage(DeviceProfile(version=version), int_key=int_key)


# --- unicast, multicast


@both_versions
def test_commands_for_unicast_are_skipped_on_multicast_and_the_rest_is_executed(peer, version):
    talk = peer(version).set_up()
    talk.hear([1, 2])
    again = talk.setup(**({"session_cnt": 1} if version == 2 else {}))
    status = FragSessionStatusReq(frag_index=0, participants=True)
    answers = talk.ask(PackageVersionReq(), FragSessionDeleteReq(frag_index=0), again, status, mc_group=0)
    (answer,) = answers
    assert (answer.cid, answer.nb_frag_received, answer.missing_frag) == (0x01, 2, 8)


@pytest.mark.parametrize("mask", range(16))
def test_the_mask_says_which_groups_may_feed_and_unicast_always_may(peer, mask):
    talk = peer().set_up(mc_group_bit_mask=mask)
    for group in range(4):
        talk.hear([group + 1], mc_group=group)
    assert talk.status().nb_frag_received == mask.bit_count()
    talk.hear([9])
    assert talk.device.missing() == 9 - mask.bit_count()


# --- DataFragment


@both_versions
@pytest.mark.parametrize(
    "spoil",
    [
        lambda octets: octets[:-1],
        lambda octets: octets + b"\x00",
        lambda octets: octets[:2] + bytes((octets[2] | 0x40,)) + octets[3:],
    ],
    ids=["short", "long", "foreign index"],
)
def test_what_is_no_fragment_of_the_session_is_dropped(peer, version, spoil):
    talk = peer(version).set_up()
    assert talk.ask(*[spoil(talk.fragments[0])]) == []
    assert (talk.device.missing(), talk.status().nb_frag_received) == (10, 0)


@both_versions
def test_after_completion_fragments_are_dropped(peer, version):
    talk = peer(version).set_up()
    talk.hear(range(1, 11))
    assert talk.hear(EVERYTHING) == []
    assert (talk.status().nb_frag_received, talk.block) == (10, talk.data)


@both_versions
def test_received_fragments_are_counted_up_to_what_the_field_holds(peer, version):
    talk = peer(version, nb_frag=2, coded=1).set_up()
    talk.hear([1] * 0x3FFF)
    assert talk.status().nb_frag_received == 0x3FFF
    talk.hear([1])
    assert (talk.status().nb_frag_received, talk.status().missing_frag) == (0x3FFF, 1)


# --- FragSessionStatusReq


@both_versions
def test_only_those_that_lack_fragments_answer_unless_all_are_asked(peer, version):
    talk = peer(version).set_up()
    talk.hear(range(1, 10))
    for participants in (False, True):
        (answer,) = talk.ask(FragSessionStatusReq(frag_index=0, participants=participants), mc_group=0)
        assert (answer.nb_frag_received, answer.missing_frag, answer.memory_error) == (9, 1, False)
    talk.hear([10])
    assert talk.ask(FragSessionStatusReq(frag_index=0, participants=False), mc_group=0) == []
    assert talk.status().missing_frag == 0


def test_version_1_has_no_words_for_a_session_that_does_not_exist_and_version_2_has(peer):
    request = FragSessionStatusReq(frag_index=1, participants=True).to_bytes()
    assert peer(1).set_up().device.receive(request) == []
    (answer,) = peer(2).set_up().device.receive(request)
    assert answer.payload == b"\x01\x04"


@both_versions
@pytest.mark.parametrize(("missing", "told"), [(254, 254), (255, 255), (256, 255), (300, 255)])
def test_missing_frag_stays_at_its_end(peer, version, missing, told):
    talk = peer(version, nb_frag=300, coded=0).set_up()
    talk.hear(range(1, 301 - missing))
    assert (talk.device.missing(), talk.status().missing_frag) == (missing, told)


@both_versions
@pytest.mark.parametrize("block_ack_delay", range(8))
def test_delayed_answers_are_spread_over_16_to_2048_seconds_and_the_others_come_at_once(peer, version, block_ack_delay):
    longest_s = [16, 32, 64, 128, 256, 512, 1024, 2048][block_ack_delay]
    talk = peer(version).set_up(block_ack_delay=block_ack_delay)
    at_once, delayed = talk.device.receive(
        FragSessionStatusReq(frag_index=0, participants=True).to_bytes()
        + PackageVersionReq().to_bytes()
        + FragSessionDeleteReq(frag_index=2).to_bytes()
    )
    assert (at_once.max_delay_s, delayed.max_delay_s) == (0, longest_s)
    version_ans, delete_ans = talk.parsed([at_once])
    assert version_ans == PackageVersionAns(package_identifier=3, package_version=version)
    assert delete_ans == FragSessionDeleteAns(frag_index=2, session_does_not_exist=True)


# --- FragSessionDeleteReq


@both_versions
def test_a_deleted_session_is_gone_and_only_it(peer, version):
    talk = peer(version).set_up()
    other = peer(version, frag_index=1, device=talk.device).set_up()
    talk.hear(range(1, 11))
    assert talk.ask(FragSessionDeleteReq(frag_index=0)) == [FragSessionDeleteAns(frag_index=0)]
    assert (talk.block, talk.device.missing(), talk.hear(EVERYTHING)) == (None, None, [])
    (again,) = talk.ask(FragSessionDeleteReq(frag_index=0))
    assert again.session_does_not_exist
    other.hear(range(1, 11))
    assert other.block == other.data


# --- FragDataBlockReceivedReq, version 2


@pytest.mark.parametrize(("changes", "mic_error"), [({}, False), ({"mic": b"\xff" * 4}, True)])
def test_a_device_that_was_asked_to_reports_completion_once(peer, changes, mic_error):
    talk = peer(2, frag_index=2).set_up(ack_reception=True, block_ack_delay=1, **changes)
    assert talk.hear(range(1, 10)) == []
    (answer,) = talk.hear([10, 10, 11])
    assert answer.max_delay_s == 32
    assert talk.parsed([answer]) == [FragDataBlockReceivedReq(frag_index=2, mic_error=mic_error)]
    assert talk.ask(FragDataBlockReceivedAns(frag_index=2)) == []


@both_versions
def test_a_device_that_was_not_asked_to_says_nothing_on_completion(peer, version):
    assert peer(version).set_up().hear(EVERYTHING) == []


# --- anything


def _wrong(octets):
    """Fragments damaged in ways that the device can see: cut, lengthened, N = 0, of a session it has not."""
    return st.sampled_from([octets[:-1], octets[:2], octets + b"\x08", b"\x08\x00\x00" + octets[3:], b"\x09" + octets])


@given(st.data())
@pytest.mark.parametrize("version", [1, 2])
def test_damaged_fragments_do_no_harm(peer, version, data):
    talk = peer(version).set_up()
    real = st.sampled_from(talk.fragments)
    groups = st.sampled_from([None, 0, 1])
    for octets, group in data.draw(st.lists(st.tuples(st.one_of(real, real.flatmap(_wrong)), groups), max_size=60)):
        talk.device.receive(octets, mc_group=group)
        assert talk.block in (None, talk.data)
        assert (talk.block is None) == (talk.device.missing() != 0)


small = st.integers(0, 5)
index = st.integers(0, 3)
octets = st.one_of(
    st.binary(max_size=40),
    st.builds(lambda cid, rest: bytes((cid,)) + rest, st.sampled_from([0, 1, 2, 3, 4, 8]), st.binary(max_size=24)),
    st.builds(  # a setup that may be accepted, and fragments that may fit it
        lambda i, m, size, padding, tail: bytes((2, i << 4 | 1, m, 0, size, 0x40, padding)) + tail,
        *(index, small, small, small, st.sampled_from([bytes(4), bytes(10), b"\xff" * 10])),
    ),
    st.builds(
        lambda i, n, payload: bytes((8, n, i << 6)) + payload,
        index,
        st.integers(0, 12),
        st.binary(min_size=1, max_size=5),
    ),
)


@given(st.lists(octets, max_size=40), st.sampled_from([None, 0]), st.sampled_from([1, 2]))
def test_no_octets_make_a_device_raise_or_say_what_cannot_be_parsed(peer, messages, mc_group, version):
    talk = peer(version, max_nb_frag=4, max_frag_size=4)
    for message in messages:
        talk.parsed(talk.device.receive(message, mc_group=mc_group))
        assert all((talk.device.block(i) is None) or talk.device.missing(i) == 0 for i in range(4))


@given(st.lists(st.one_of(octets, st.integers(0, 39)), max_size=40), st.sampled_from([None, 0, 3]))
def test_version_2_hands_out_the_right_block_or_none_whatever_it_hears(peer, messages, mc_group):
    talk = peer(2).set_up()
    for message in messages:
        talk.device.receive(talk.fragments[message] if isinstance(message, int) else message, mc_group=mc_group)
        assert all(talk.device.block(i) in (None, talk.data) for i in range(4))


# --- what stacks in the field do


def test_a_device_that_takes_fragments_in_order_only(peer):
    """Semtech's decoders: number 2 comes after number 3 and is dropped, so that a coded one must make up for it."""
    talk = peer(1, in_order=True).set_up()
    talk.hear([1, 3, 2, *range(4, 11)])
    assert talk.device.missing() == 1
    talk.hear(range(11, 41))
    assert talk.block == talk.data


def test_a_decoder_that_holds_few_losses_gives_up(peer):
    talk = peer(1, max_lost=2).set_up()
    talk.hear([*range(1, 8), *range(11, 41)])
    assert (talk.block, talk.device.missing()) == (None, 3)
    enough = peer(1, max_lost=3).set_up()
    enough.hear([*range(1, 8), *range(11, 41)])
    assert enough.block == enough.data


@pytest.mark.parametrize(("report", "lossless", "repaired"), [("rank", 0, 0), ("lost", 0, 2), ("one", 1, 0)])
def test_missing_frag_as_it_is_reported_in_the_field(peer, report, lossless, repaired):
    whole = peer(1, missing_report=report).set_up()
    whole.hear(range(1, 11))
    assert whole.status().missing_frag == lossless
    mended = peer(1, missing_report=report).set_up()
    mended.hear([*range(1, 9), *range(11, 41)])
    assert mended.block == mended.data
    assert mended.status().missing_frag == repaired
