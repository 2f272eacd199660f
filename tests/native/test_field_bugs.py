"""A test of the decoder in C for each known fault of other decoders that it could have too. Numbers from docs/field-bugs.md."""

from __future__ import annotations

import shutil

import numpy as np
import pytest

from fuota import FragmentationSession
from fuota.device.native import DecoderMemory, NativeDecoder
from fuota.device.native_build import COMPILERS
from fuota.errors import ParameterError
from fuota.lorawan.keys import data_block_mic

pytestmark = pytest.mark.skipif(not any(map(shutil.which, COMPILERS)), reason="no C compiler on this machine")
SETUP = {"key": bytes(range(16)), "session_cnt": 3, "descriptor": b"\1\2\3\4"}


def make(nb_frag=32, redundancy=40, **reading):
    data = np.random.default_rng(nb_frag).bytes(nb_frag * 16)
    session = FragmentationSession.fit(data, frag_size=16, redundancy=redundancy, **reading)
    return session, [fragment.payload for fragment in session.fragments()]


def fresh(nb_frag=32, **kwargs):
    memory = DecoderMemory(**{name: kwargs.pop(name) for name in ("capacity", "scratch") if name in kwargs})
    return NativeDecoder(nb_frag=nb_frag, frag_size=16, memory=memory, **kwargs)


def feed(decoder, payloads, numbers):
    """Return the number of the fragment that completed the block, or None."""
    return next((n for n in numbers if decoder.feed(n, payloads[n - 1])), None)


@pytest.mark.parametrize("sent", [{"version": 1}, {"version": 2, "variant": "literal"}])
def test_bug_01_swl2001_106_the_mic_detects_mixed_variants(sent):
    """A decoder cannot detect another variant, but its block must not pass the check of the MIC."""
    session, payloads = make(**sent)
    decoder = fresh(version=2)
    assert feed(decoder, payloads, [*range(1, 25), *range(33, 73)])
    mic = data_block_mic(data=session.data, frag_index=0, **SETUP)
    assert not decoder.has_mic(mic, **SETUP)
    _, payloads = make(version=2)
    right = fresh(version=2)
    assert feed(right, payloads, [*range(1, 25), *range(33, 73)])
    assert right.has_mic(mic, **SETUP)


def test_bug_02_loramac_node_too_many_losses_do_not_complete():
    _, payloads = make()
    decoder = fresh(capacity=5, scratch=6)
    assert feed(decoder, payloads, [*range(1, 21), *range(33, 73)]) is None
    assert (decoder.gave_up, decoder.complete, decoder.missing) == (True, False, 12)


def test_bug_03_loramac_node_a_lost_tail_and_coded_only():
    session, payloads = make(redundancy=60)
    tail = fresh()
    assert feed(tail, payloads, [*range(1, 17), *range(33, 93)])
    coded = fresh()
    assert feed(coded, payloads, range(33, 93))
    assert tail.data() == coded.data() == session.data
    small = fresh(capacity=3, scratch=4)
    assert feed(small, payloads, range(33, 93)) is None
    assert small.gave_up
    assert small.storage_use.faults == 0


def test_bug_04_loramac_node_1614_fragment_zero():
    decoder = fresh()
    with pytest.raises(ParameterError, match="1 to 16383"):
        decoder.feed(0, bytes(16))
    assert (decoder.missing, decoder.storage_use.row_writes) == (32, 0)


def test_bug_05_loramac_node_1614_numbers_far_above_nb_frag():
    session, _ = make(redundancy=0)
    far = FragmentationSession.fit(session.data, frag_size=16, redundancy=16383 - 32)
    payloads = [fragment.payload for fragment in far.fragments()]
    decoder = fresh()
    assert feed(decoder, payloads, range(16383, 16300, -1))
    assert decoder.data() == session.data


@pytest.mark.parametrize("nb_frag", [255, 256, 257, 300, 1000])
def test_bug_06_loramac_node_785_more_than_255_fragments(nb_frag):
    session, payloads = make(nb_frag, redundancy=90)
    decoder = fresh(nb_frag, capacity=60)
    assert feed(decoder, payloads, [n for n in range(1, len(payloads) + 1) if n % 17 or n > nb_frag])
    assert decoder.data() == session.data


def test_bug_07_loramac_node_1353_no_loss_needs_no_coded_fragment():
    _, payloads = make()
    assert feed(fresh(), payloads, range(1, 73)) == 32


def test_bug_08_swl2001_101_nothing_is_missing_after_a_lossless_reception():
    _, payloads = make()
    decoder = fresh()
    feed(decoder, payloads, range(1, 33))
    assert decoder.missing == 0


def test_bug_09_loramac_node_missing_shrinks_while_coded_fragments_repair():
    _, payloads = make()
    decoder = fresh(capacity=20)
    feed(decoder, payloads, range(1, 20))
    before = decoder.missing
    feed(decoder, payloads, range(33, 39))
    assert decoder.missing < before


@pytest.mark.parametrize("late", range(1, 6))
def test_bug_14_zephyr_late_uncoded_fragments(late):
    session, payloads = make()
    decoder = fresh(capacity=12)
    assert feed(decoder, payloads, [*range(6, 30), 33, 34, late, 35, late, *range(36, 73)])
    assert decoder.data() == session.data


def test_bug_15_zephyr_repeats_change_nothing():
    _, payloads = make()
    decoder = fresh()
    feed(decoder, payloads, [*range(1, 9), *range(33, 37)])
    before = decoder.missing, decoder.storage_use.row_writes
    feed(decoder, payloads, [*range(1, 9), *range(33, 37)])
    assert (decoder.missing, decoder.storage_use.row_writes) == before


@pytest.mark.parametrize("capacity", [1, 3, 7, 9])
def test_bug_17_mbed_a_capacity_that_is_not_a_multiple_of_eight(capacity):
    session, payloads = make()
    for _ in range(2):
        decoder = fresh(capacity=capacity)
        assert feed(decoder, payloads, [*range(capacity + 1, 33), *range(33, 73)])
        assert decoder.data() == session.data


def test_bug_18_loramac_node_two_sessions_are_independent():
    first_session, payloads = make(redundancy=60)
    second_session, others = make(40, redundancy=60)
    first, second = fresh(), fresh(40)
    for n in range(1, 93):
        if n % 3:
            first.feed(n, payloads[n - 1])
            second.feed(n, others[n - 1])
    assert (first.data(), second.data()) == (first_session.data, second_session.data)
