from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fuota.fragmentation.parity import ParityCode
from fuota.fragmentation.statistics import exact, naive
from fuota.fragmentation.statistics.laws import binomial, loss_law
from fuota.fragmentation.statistics.matrix import matrix_columns


@st.composite
def codes(draw, max_frag, max_coded):
    """Draw (columns as words, columns as integers, nb_coded) of a code of TS004, with any of its coded fragments."""
    nb_frag = draw(st.integers(1, max_frag))
    version = draw(st.sampled_from([1, 2]))
    numbers = np.array(
        sorted(draw(st.sets(st.integers(nb_frag + 1, 300), min_size=1, max_size=max_coded))), dtype=np.int64
    )
    columns = matrix_columns(ParityCode(nb_frag=nb_frag, version=version), numbers)
    return columns, [int(column[0]) for column in columns], len(numbers)


losses = st.sampled_from([0.01, 0.1, 0.35, 0.8])


@settings(max_examples=40)
@given(codes(6, 4), losses)
def test_enumeration_is_the_sum_over_all_patterns(code, loss):
    columns, naively, nb_coded = code
    counts = exact.scan_code(columns, nb_coded).counts
    expected = naive.success_probability(naively, nb_coded, loss)
    assert exact.enumerated_success(counts, loss_law(len(columns), nb_coded, loss)) == pytest.approx(
        expected, rel=1e-12
    )


@settings(max_examples=40)
@given(codes(8, 5), losses)
def test_failures_with_few_losses_equal_the_naive_failures(code, loss):
    columns, naively, nb_coded = code
    up_to = min(3, len(columns))
    expected = [naive.lost_failure(naively, nb_coded, loss, lost) for lost in range(up_to + 1)]
    silent = exact.silent_law(loss_law(len(columns), nb_coded, loss).received)
    scan = exact.scan_few_lost(columns, nb_coded)
    assert exact.few_lost_failures(scan, silent)[0] == pytest.approx(expected, rel=1e-9, abs=1e-15)


@given(st.integers(0, 12), losses)
def test_silent_law_of_independent_losses(nb_coded, loss):
    silent = exact.silent_law(loss_law(5, nb_coded, loss).received)
    assert silent[0] == pytest.approx(loss ** np.arange(nb_coded + 1), rel=1e-9, abs=1e-17)


@given(codes(9, 6))
def test_weights_of_sums_equal_the_naive_weights(code):
    columns, naively, nb_coded = code
    histograms = exact.sum_weights(columns, nb_coded, triples=True)
    expected = [naive.sum_weights(naively, terms, nb_coded) for terms in (1, 2, 3)]
    assert [histogram.tolist() for histogram in histograms] == expected


@given(st.integers(1, 12), st.integers(0, 12), st.integers(0, 12), losses)
def test_probability_of_fewer_received_than_lost(nb_frag, nb_coded, more_than, loss):
    lost_law, received_law = binomial(nb_frag, loss), binomial(nb_coded, 1 - loss)
    expected = sum(
        lost_law[lost] * received_law[received]
        for lost in range(more_than + 1, nb_frag + 1)
        for received in range(min(lost, nb_coded + 1))
    )
    law = loss_law(nb_frag, nb_coded, loss)
    assert law.fewer_received(more_than=more_than) == pytest.approx(expected, rel=1e-12)


def test_limits_of_exact_results():
    assert exact.can_enumerate(21, 7)
    assert not exact.can_enumerate(100, 20)
    assert not exact.can_enumerate(16000, 300)
    assert [exact.scannable_losses(nb_frag, 1) for nb_frag in (1, 2, 3, 100)] == [1, 2, 3, 3]
    assert math.comb(4000, 2) < exact.WORD_LIMIT < math.comb(4000, 3)
    assert exact.scannable_losses(4000, 1) == 2
    assert exact.scannable_losses(16000, 6) == 1
