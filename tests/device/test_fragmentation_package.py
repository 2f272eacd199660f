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
EVERYTHING = range(1, 41)  # 10 uncoded and 30 coded fragments, as `make_pair` makes them


# --- the block


@both_versions
def test_block_arrives_without_its_padding(make_pair, version):
    pair = make_pair(version).open_session()
    for missing in range(10, 0, -1):
        assert (pair.device.missing(), pair.block) == (missing, None)
        pair.feed([missing])
    assert (pair.device.missing(), pair.block) == (0, pair.data)
    assert len(pair.data) == 77


@both_versions
@pytest.mark.parametrize("numbers", [[*range(1, 41, 2)], [*range(40, 0, -1)], [3, *range(11, 41)]])
def test_lost_and_late_fragments_are_repaired(make_pair, version, numbers):
    pair = make_pair(version).open_session()
    pair.feed(numbers)
    assert pair.block == pair.data


def test_profile_selects_the_literal_variant_of_version_2(make_pair):
    pair = make_pair(2, sender={"version": 2, "variant": "literal"}, variant="literal").open_session()
    pair.feed([1, *range(11, 41)])
    assert (pair.block, pair.status().mic_error) == (pair.data, False)


def test_fragments_before_a_setup_are_dropped(make_pair):
    pair = make_pair()
    assert pair.feed(EVERYTHING) == []
    assert (pair.block, pair.device.missing(), pair.device.block(3)) == (None, None, None)


# --- FragSessionSetupReq


@both_versions
@pytest.mark.parametrize("frag_index", [0, 3])
def test_accepted_setup_is_answered_with_its_index(make_pair, version, frag_index):
    pair = make_pair(version, frag_index=frag_index)
    (answer,) = pair.device.receive(pair.setup().to_bytes())
    assert (answer.payload, answer.max_delay_s) == (bytes((0x02, frag_index << 6)), 0)


@both_versions
@pytest.mark.parametrize(
    ("changes", "status"),
    [
        ({"frag_algo": 1}, 0b0000_0001),
        ({"nb_frag": 11}, 0b0000_0010),
        ({"frag_index": 2}, 0b1000_0100),
        ({"descriptor": b"\x04\x03\x02\x01"}, 0b0000_1000),
        ({"frag_algo": 7, "frag_size": 9, "frag_index": 3, "descriptor": bytes(4)}, 0b1100_1111),
    ],
)
def test_refused_setup_has_an_error_bit_and_keeps_the_open_session(make_pair, version, changes, status):
    limits = {"max_nb_frag": 10, "max_frag_size": 8, "frag_sessions": 2, "descriptor": b"\x01\x02\x03\x04"}
    pair = make_pair(version, **limits).open_session(descriptor=limits["descriptor"])
    pair.feed(range(1, 5))
    setup = pair.setup(**{"descriptor": limits["descriptor"], **({"session_cnt": 1} if version == 2 else {})} | changes)
    (answer,) = pair.device.receive(setup.to_bytes())
    assert answer.payload == bytes((0x02, status))
    assert pair.device.missing(setup.frag_index) == (6 if setup.frag_index == 0 else None)
    pair.feed(range(5, 11))
    assert pair.block == pair.data


@both_versions
def test_setup_restarts_an_open_session(make_pair, version):
    pair = make_pair(version).open_session()
    pair.feed(range(1, 11))
    pair.open_session(**({"session_cnt": 1} if version == 2 else {}))
    assert (pair.block, pair.device.missing(), pair.status().nb_frag_received) == (None, 10, 0)
    pair.feed(range(1, 11))
    assert pair.block == pair.data


# --- SessionCnt and the MIC, version 2


def test_session_cnt_may_be_repeated_only_before_the_first_fragment(make_pair):
    pair = (
        make_pair(2)
        .open_session(session_cnt=7)
        .open_session(session_cnt=7)
        .open_session(session_cnt=0)
        .open_session(session_cnt=7)
    )
    pair.feed([1])
    for session_cnt in (0, 6, 7):
        (answer,) = pair.send(pair.setup(session_cnt=session_cnt))
        assert answer == FragSessionSetupAns(version=2, frag_index=0, session_cnt_replay=True)
    pair.feed([2])
    assert pair.device.missing() == 8  # the refused setups changed nothing
    pair.open_session(session_cnt=8).open_session(session_cnt=0xFFFF)


def test_session_cnt_outlives_the_session_of_its_index(make_pair):
    pair = make_pair(2).open_session(session_cnt=5)
    pair.feed([1])
    pair.send(FragSessionDeleteReq(frag_index=0))
    (answer,) = pair.send(pair.setup(session_cnt=5))
    assert answer.session_cnt_replay
    make_pair(2, frag_index=1, device=pair.device).open_session(session_cnt=0)


def test_dropped_fragment_does_not_use_up_session_cnt(make_pair):
    pair = make_pair(2).open_session(session_cnt=5)
    pair.feed([1], mc_group=3)
    pair.send(pair.fragments[0] + b"\x00")
    pair.open_session(session_cnt=5)


@pytest.mark.parametrize("changes", [{"mic": bytes(4)}, {"padding": 2}])
def test_block_with_a_wrong_mic_is_not_returned(make_pair, changes):
    pair = make_pair(2).open_session(**changes)
    pair.feed(range(1, 10))
    assert pair.status().mic_error is False
    pair.feed([10])
    assert (pair.block, pair.device.missing()) == (None, 0)
    assert (pair.status().mic_error, pair.status().missing_frag) == (True, 0)


def test_mic_covers_counter_and_descriptor(make_pair):
    pair = make_pair(2).open_session(session_cnt=3, descriptor=b"\x01\x02\x03\x04")
    pair.feed(range(1, 11))
    assert pair.block == pair.data
    other = make_pair(2)
    other.send(dataclasses.replace(other.setup(session_cnt=3), session_cnt=4))
    other.feed(range(1, 11))
    assert (other.block, other.status().mic_error) == (None, True)


@pytest.mark.parametrize(("version", "int_key"), [(2, None), (2, bytes(15)), (1, bytes(17))])
def test_missing_or_wrong_key_is_refused(version, int_key):
    with pytest.raises(ParameterError, match="int_key"):
        FragmentationPackage(DeviceProfile(version=version), int_key=int_key)


# --- unicast, multicast


@both_versions
def test_unicast_commands_are_skipped_on_multicast(make_pair, version):
    pair = make_pair(version).open_session()
    pair.feed([1, 2])
    second_setup = pair.setup(**({"session_cnt": 1} if version == 2 else {}))
    status = FragSessionStatusReq(frag_index=0, participants=True)
    answers = pair.send(PackageVersionReq(), FragSessionDeleteReq(frag_index=0), second_setup, status, mc_group=0)
    (answer,) = answers
    assert (answer.cid, answer.nb_frag_received, answer.missing_frag) == (0x01, 2, 8)


@pytest.mark.parametrize("mask", range(16))
def test_group_mask_limits_groups_but_not_unicast(make_pair, mask):
    pair = make_pair().open_session(mc_group_bit_mask=mask)
    for group in range(4):
        pair.feed([group + 1], mc_group=group)
    assert pair.status().nb_frag_received == mask.bit_count()
    pair.feed([9])
    assert pair.device.missing() == 9 - mask.bit_count()


# --- DataFragment


@both_versions
@pytest.mark.parametrize(
    "spoil",
    [
        lambda content: content[:-1],
        lambda content: content + b"\x00",
        lambda content: content[:2] + bytes((content[2] | 0x40,)) + content[3:],
    ],
    ids=["short", "long", "foreign index"],
)
def test_fragment_of_wrong_length_or_index_is_dropped(make_pair, version, spoil):
    pair = make_pair(version).open_session()
    assert pair.send(*[spoil(pair.fragments[0])]) == []
    assert (pair.device.missing(), pair.status().nb_frag_received) == (10, 0)


@both_versions
def test_fragments_after_completion_are_dropped(make_pair, version):
    pair = make_pair(version).open_session()
    pair.feed(range(1, 11))
    assert pair.feed(EVERYTHING) == []
    assert (pair.status().nb_frag_received, pair.block) == (10, pair.data)


@both_versions
def test_received_counter_stays_at_its_maximum(make_pair, version):
    pair = make_pair(version, nb_frag=2, coded=1).open_session()
    pair.feed([1] * 0x3FFF)
    assert pair.status().nb_frag_received == 0x3FFF
    pair.feed([1])
    assert (pair.status().nb_frag_received, pair.status().missing_frag) == (0x3FFF, 1)


# --- FragSessionStatusReq


@both_versions
def test_complete_device_answers_only_if_all_are_asked(make_pair, version):
    pair = make_pair(version).open_session()
    pair.feed(range(1, 10))
    for participants in (False, True):
        (answer,) = pair.send(FragSessionStatusReq(frag_index=0, participants=participants), mc_group=0)
        assert (answer.nb_frag_received, answer.missing_frag, answer.memory_error) == (9, 1, False)
    pair.feed([10])
    assert pair.send(FragSessionStatusReq(frag_index=0, participants=False), mc_group=0) == []
    assert pair.status().missing_frag == 0


def test_only_version_2_answers_for_an_unknown_session(make_pair):
    request = FragSessionStatusReq(frag_index=1, participants=True).to_bytes()
    assert make_pair(1).open_session().device.receive(request) == []
    (answer,) = make_pair(2).open_session().device.receive(request)
    assert answer.payload == b"\x01\x04"


@both_versions
@pytest.mark.parametrize(("missing", "reported"), [(254, 254), (255, 255), (256, 255), (300, 255)])
def test_missing_frag_stays_at_its_maximum(make_pair, version, missing, reported):
    pair = make_pair(version, nb_frag=300, coded=0).open_session()
    pair.feed(range(1, 301 - missing))
    assert (pair.device.missing(), pair.status().missing_frag) == (missing, reported)


@both_versions
@pytest.mark.parametrize("block_ack_delay", range(8))
def test_status_answers_are_delayed_and_other_answers_are_not(make_pair, version, block_ack_delay):
    max_delay_s = [16, 32, 64, 128, 256, 512, 1024, 2048][block_ack_delay]
    pair = make_pair(version).open_session(block_ack_delay=block_ack_delay)
    at_once, delayed = pair.device.receive(
        FragSessionStatusReq(frag_index=0, participants=True).to_bytes()
        + PackageVersionReq().to_bytes()
        + FragSessionDeleteReq(frag_index=2).to_bytes()
    )
    assert (at_once.max_delay_s, delayed.max_delay_s) == (0, max_delay_s)
    version_ans, delete_ans = pair.parsed([at_once])
    assert version_ans == PackageVersionAns(package_identifier=3, package_version=version)
    assert delete_ans == FragSessionDeleteAns(frag_index=2, session_does_not_exist=True)


# --- FragSessionDeleteReq


@both_versions
def test_delete_removes_only_its_session(make_pair, version):
    pair = make_pair(version).open_session()
    other = make_pair(version, frag_index=1, device=pair.device).open_session()
    pair.feed(range(1, 11))
    assert pair.send(FragSessionDeleteReq(frag_index=0)) == [FragSessionDeleteAns(frag_index=0)]
    assert (pair.block, pair.device.missing(), pair.feed(EVERYTHING)) == (None, None, [])
    (second_setup,) = pair.send(FragSessionDeleteReq(frag_index=0))
    assert second_setup.session_does_not_exist
    other.feed(range(1, 11))
    assert other.block == other.data


# --- FragDataBlockReceivedReq, version 2


@pytest.mark.parametrize(("changes", "mic_error"), [({}, False), ({"mic": b"\xff" * 4}, True)])
def test_completion_is_reported_once_if_requested(make_pair, changes, mic_error):
    pair = make_pair(2, frag_index=2).open_session(ack_reception=True, block_ack_delay=1, **changes)
    assert pair.feed(range(1, 10)) == []
    (answer,) = pair.feed([10, 10, 11])
    assert answer.max_delay_s == 32
    assert pair.parsed([answer]) == [FragDataBlockReceivedReq(frag_index=2, mic_error=mic_error)]
    assert pair.send(FragDataBlockReceivedAns(frag_index=2)) == []


@both_versions
def test_completion_is_not_reported_if_not_requested(make_pair, version):
    assert make_pair(version).open_session().feed(EVERYTHING) == []


# --- any bytes


def _damaged(content):
    """Return fragments with damage that the device detects: cut, lengthened, N = 0, or of an unknown session."""
    return st.sampled_from(
        [content[:-1], content[:2], content + b"\x08", b"\x08\x00\x00" + content[3:], b"\x09" + content]
    )


@given(st.data())
@pytest.mark.parametrize("version", [1, 2])
def test_damaged_fragments_do_no_harm(make_pair, version, data):
    pair = make_pair(version).open_session()
    real = st.sampled_from(pair.fragments)
    groups = st.sampled_from([None, 0, 1])
    for content, group in data.draw(st.lists(st.tuples(st.one_of(real, real.flatmap(_damaged)), groups), max_size=60)):
        pair.device.receive(content, mc_group=group)
        assert pair.block in (None, pair.data)
        assert (pair.block is None) == (pair.device.missing() != 0)


small = st.integers(0, 5)
index = st.integers(0, 3)
content = st.one_of(
    st.binary(max_size=40),
    st.builds(lambda cid, tail: bytes((cid,)) + tail, st.sampled_from([0, 1, 2, 3, 4, 8]), st.binary(max_size=24)),
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


@given(st.lists(content, max_size=40), st.sampled_from([None, 0]), st.sampled_from([1, 2]))
def test_any_bytes_give_valid_answers_and_no_exception(make_pair, messages, mc_group, version):
    pair = make_pair(version, max_nb_frag=4, max_frag_size=4)
    for message in messages:
        pair.parsed(pair.device.receive(message, mc_group=mc_group))
        assert all((pair.device.block(i) is None) or pair.device.missing(i) == 0 for i in range(4))


@given(st.lists(st.one_of(content, st.integers(0, 39)), max_size=40), st.sampled_from([None, 0, 3]))
def test_version_2_returns_the_right_block_or_none_for_any_messages(make_pair, messages, mc_group):
    pair = make_pair(2).open_session()
    for message in messages:
        pair.device.receive(pair.fragments[message] if isinstance(message, int) else message, mc_group=mc_group)
        assert all(pair.device.block(i) in (None, pair.data) for i in range(4))


# --- behaviour of stacks in the field


def test_device_that_accepts_fragments_in_order_only(make_pair):
    """Semtech's decoders drop number 2 after number 3, so that a coded fragment must repair it."""
    pair = make_pair(1, in_order=True).open_session()
    pair.feed([1, 3, 2, *range(4, 11)])
    assert pair.device.missing() == 1
    pair.feed(range(11, 41))
    assert pair.block == pair.data


def test_decoder_with_few_repairable_losses_fails(make_pair):
    pair = make_pair(1, max_lost=2).open_session()
    pair.feed([*range(1, 8), *range(11, 41)])
    assert (pair.block, pair.device.missing()) == (None, 3)
    larger_pair = make_pair(1, max_lost=3).open_session()
    larger_pair.feed([*range(1, 8), *range(11, 41)])
    assert larger_pair.block == larger_pair.data


@pytest.mark.parametrize(("report", "lossless", "repaired"), [("rank", 0, 0), ("lost", 0, 2), ("one", 1, 0)])
def test_missing_frag_follows_the_profile(make_pair, report, lossless, repaired):
    lossless_pair = make_pair(1, missing_report=report).open_session()
    lossless_pair.feed(range(1, 11))
    assert lossless_pair.status().missing_frag == lossless
    repaired_pair = make_pair(1, missing_report=report).open_session()
    repaired_pair.feed([*range(1, 9), *range(11, 41)])
    assert repaired_pair.block == repaired_pair.data
    assert repaired_pair.status().missing_frag == repaired
