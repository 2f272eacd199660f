"""A test for each known fault of other decoders and encoders that our decoder could have too.

The numbers are from the list of field bugs in docs/field-bugs.md, which names the faulty product.
"""

from __future__ import annotations

import numpy as np
import pytest

from fuota import FragDecoder, FragmentationSession, parity_matrix
from fuota.errors import ParameterError


def make(nb_frag=32, frag_size=16, redundancy=40, **kwargs):
    data = np.random.default_rng(nb_frag).bytes(nb_frag * frag_size)
    session = FragmentationSession.fit(data, frag_size=frag_size, redundancy=redundancy, **kwargs)
    return session, session.encode()


def fresh(session):
    return FragDecoder(
        nb_frag=session.nb_frag, frag_size=session.frag_size, version=session.version, variant=session.code.variant
    )


def feed_all(decoder, block, numbers):
    for n in numbers:
        if decoder.feed(n, block[n - 1]):
            return n
    return None


@pytest.mark.parametrize(
    ("sent", "expected"),
    [
        ({"version": 1}, {"version": 2}),
        ({"version": 2}, {"version": 1}),
        ({"version": 2, "variant": "literal"}, {"version": 2}),
    ],
)
def test_bug_01_swl2001_106_mixed_variants_are_detected(sent, expected):
    """A decoder of another variant rebuilds wrong bytes: contradictions are counted, and a hash detects the wrong block."""
    session, block = make(redundancy=40, **sent)
    decoder = FragDecoder(nb_frag=32, frag_size=16, **expected)
    feed_all(decoder, block, [*range(33, 73), *range(1, 32)])
    assert decoder.contradictions > 0
    assert not decoder.complete or decoder.data() != session.data


def test_bug_02_loramac_node_too_many_losses_do_not_complete():
    session, block = make(redundancy=10)
    decoder = fresh(session)
    assert feed_all(decoder, block, [*range(1, 21), *range(33, 43)]) is None
    assert (decoder.complete, decoder.missing) == (False, 2)


def test_bug_03_loramac_node_lost_tail_and_coded_only():
    session, block = make(redundancy=60)
    assert feed_all(tail := fresh(session), block, [*range(1, 17), *range(33, 93)])
    assert tail.data() == session.data
    assert feed_all(coded_only := fresh(session), block, range(33, 93))
    assert coded_only.data() == session.data


@pytest.mark.parametrize("n", [0, -1, 16384, 65535])
def test_bug_04_loramac_node_1614_fragment_number_out_of_range_changes_nothing(n):
    session, block = make()
    decoder = fresh(session)
    with pytest.raises(ParameterError, match="1 to 16383"):
        decoder.feed(n, block[0])
    assert (decoder.received, decoder.missing) == (0, 32)


def test_bug_05_loramac_node_1614_largest_number_with_a_small_session():
    session, block = make(nb_frag=10, redundancy=16373)
    decoder = fresh(session)
    assert feed_all(decoder, block, range(16383, 16300, -1))
    assert decoder.data() == session.data


@pytest.mark.parametrize("nb_frag", [255, 256, 257, 300, 1000])
def test_bug_06_loramac_node_785_more_than_255_fragments(nb_frag):
    session, block = make(nb_frag=nb_frag, frag_size=5, redundancy=80)
    decoder = fresh(session)
    assert feed_all(decoder, block, [n for n in range(1, len(block) + 1) if not 230 < n <= 255])
    assert decoder.data() == session.data


def test_bug_07_loramac_node_pr_1353_no_loss_needs_no_coded_fragment():
    session, block = make()
    assert feed_all(fresh(session), block, range(1, 73)) == 32


def test_bug_08_lora_basics_modem_101_nothing_is_missing_after_a_lossless_reception():
    session, block = make()
    decoder = fresh(session)
    feed_all(decoder, block, range(1, 33))
    assert (decoder.missing, decoder.missing_fragments()) == (0, [])


def test_bug_09_missing_shrinks_while_coded_fragments_repair():
    session, block = make()
    decoder = fresh(session)
    feed_all(decoder, block, range(1, 31))
    before = decoder.missing
    decoder.feed(33, block[32])
    assert (before, decoder.missing) == (2, 1)


def test_bug_10_received_is_a_count_not_the_last_number():
    session, block = make()
    decoder = fresh(session)
    feed_all(decoder, block, [5, 30, 2])
    assert decoder.received == 3


def test_bug_11_loramac_node_1629_second_session_starts_clean():
    session, block = make(redundancy=4)
    first = fresh(session)
    feed_all(first, block, range(1, 20))
    second = fresh(session)
    assert (second.received, second.missing, second.contradictions) == (0, 32, 0)


@pytest.mark.parametrize("late", [1, 17, 32])
def test_bug_14_zephyr_late_uncoded_fragment_after_coded_fragments(late):
    session, block = make(redundancy=3)
    decoder = fresh(session)
    feed_all(decoder, block, [n for n in range(1, 33) if n not in {late, 3, 9, 11}])
    feed_all(decoder, block, [33, 34, 35])
    assert decoder.feed(late, block[late - 1]) == decoder.complete
    assert decoder.missing == 4 - _new_rank(session, block, late)
    if decoder.complete:
        assert decoder.data() == session.data


def _new_rank(session, block, late):
    """Return the rank that the three coded rows and the late fragment add, from the matrix itself."""
    unknown = sorted({late, 3, 9, 11})
    columns = [n - 1 for n in unknown]
    rows = {tuple(row) for row in parity_matrix(32, 3)[:, columns].tolist()}
    rows.add(tuple(int(n == late) for n in unknown))
    spanned = {(0,) * len(unknown)}
    for row in rows:
        spanned |= {tuple(a ^ b for a, b in zip(row, other, strict=True)) for other in spanned}
    return (len(spanned) - 1).bit_length() - (4 - len(unknown))


def test_bug_15_zephyr_repeats_do_not_change_missing():
    session, block = make()
    decoder = fresh(session)
    for _ in range(40):
        decoder.feed(1, block[0])
        decoder.feed(40, block[39])
    assert (decoder.received, decoder.missing) == (2, 30)


def test_bug_17_mbed_redundancy_that_is_not_a_multiple_of_eight():
    for redundancy in (1, 3, 5, 7, 9, 13):
        session, block = make(nb_frag=50, redundancy=redundancy)
        decoder = fresh(session)
        lost = int(parity_matrix(50, 1)[0].argmax()) + 1
        assert feed_all(decoder, block, [n for n in range(1, len(block) + 1) if n != lost]) == 51
        assert decoder.data() == session.data


def test_bug_18_two_sessions_at_once_are_independent():
    first, first_block = make(nb_frag=20)
    second, second_block = make(nb_frag=33)
    first_decoder, second_decoder = fresh(first), fresh(second)
    for n in range(4, 60):
        first_decoder.feed(n, first_block[n - 1])
        second_decoder.feed(n, second_block[n - 1])
    assert (first_decoder.data(), second_decoder.data()) == (first.data, second.data)


@pytest.mark.parametrize("version", [1, 2])
def test_bug_32_stm32cubewl_75_half_the_fragments_lost(version):
    """The loss pattern itself is in fec_decode.json; this test uses every rotation of it."""
    session, block = make(redundancy=40, version=version)
    for shift in range(32):
        decoder = fresh(session)
        lost = {(n + shift) % 32 + 1 for n in range(16)}
        feed_all(decoder, block, [n for n in range(1, 73) if n not in lost])
        assert decoder.data() == session.data


def test_bug_33_radiator_first_coded_fragment_has_row_one_not_zero():
    assert parity_matrix(16, 3)[2].tolist() == [1, 1, 1, 0, 0, 0, 0, 0, 1, 0, 1, 0, 1, 1, 0, 0]


@pytest.mark.parametrize("length", [0, 15, 17])
def test_a_fragment_of_another_length_changes_nothing(length):
    """LoRaMac-node, LoRa Basics Modem and ST read FragSize bytes for any received length (wire reference, DataFragment)."""
    session, _ = make()
    decoder = fresh(session)
    with pytest.raises(ParameterError, match="must have 16 bytes"):
        decoder.feed(1, bytes(length))
    assert (decoder.received, decoder.missing) == (0, 32)
