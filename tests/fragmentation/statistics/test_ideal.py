from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fuota.errors import ParameterError
from fuota.fragmentation.statistics import ideal_failure, ideal_probability, naive
from fuota.fragmentation.statistics.ideal import dependence_probability
from fuota.fragmentation.statistics.laws import binomial


@given(st.integers(1, 25), st.integers(0, 25), st.sampled_from([0.0, 0.01, 0.1, 0.5, 0.99, 1.0]))
def test_ideal_probability_equals_the_naive_sum(nb_frag, coded, loss):
    expected = naive.ideal_success(nb_frag, coded, loss)
    assert ideal_probability(nb_frag, coded=coded, loss=loss) == pytest.approx(expected, abs=1e-12)


def test_published_values():
    assert ideal_probability(100, coded=20, loss=0.1) == pytest.approx(0.962, abs=5e-4)
    assert ideal_probability(50, coded=10, loss=0.1) == pytest.approx(0.851, abs=5e-4)
    assert ideal_probability(50, coded=10, loss=0.01) == pytest.approx(0.9993, abs=5e-5)


def test_rank_of_random_matrices():
    """0.2888 for a large square matrix; one more row doubles the probability, and so on (facts of random linear codes)."""
    lost = np.full(4, 200)
    assert 1 - dependence_probability(lost, lost + np.arange(4)) == pytest.approx(
        [0.2888, 0.5776, 0.7701, 0.8801], abs=1e-4
    )
    assert dependence_probability(np.array([3]), np.array([2])) == 1
    assert dependence_probability(np.array([1]), np.array([60])) == pytest.approx(2**-60, rel=1e-9)


def test_small_failures_keep_their_digits():
    """A device that needs one fragment fails if the fragment and all coded fragments that contain it are lost."""
    loss, coded = 0.001, 12
    expected = loss * (loss + (1 - loss) / 2) ** coded
    assert ideal_failure(1, coded=coded, loss=loss) == pytest.approx(expected, rel=1e-9)


@given(st.integers(0, 400), st.sampled_from([0.0, 1e-6, 0.3, 1.0]))
def test_binomial_sums_to_one_and_has_its_mean(trials, probability):
    law = binomial(trials, probability)
    assert law.sum() == pytest.approx(1, rel=1e-10)
    assert (law * np.arange(trials + 1)).sum() == pytest.approx(trials * probability, rel=1e-9)


def test_ideal_probability_of_large_sessions():
    assert ideal_probability(13000, coded=3000, loss=0.1) == pytest.approx(1, abs=1e-12)
    assert ideal_probability(13000, coded=1300, loss=0.1) < 0.01


def test_illegal_arguments_are_refused():
    with pytest.raises(ParameterError, match=r"loss must be 0 to 1, got 1\.5"):
        ideal_probability(10, coded=5, loss=1.5)
    with pytest.raises(ParameterError, match=r"coded must be 0 or more .*got -1"):
        ideal_probability(10, coded=-1, loss=0.1)
    with pytest.raises(ParameterError, match=r"nb_frag must be 1 to 16383 .*got 0"):
        ideal_probability(0, coded=1, loss=0.1)
