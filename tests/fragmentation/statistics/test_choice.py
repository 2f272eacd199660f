from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fuota.errors import ParameterError
from fuota.fragmentation.statistics import (
    choose_coded,
    column_weights,
    decoding_probability,
    ideal_probability,
    near_copies,
    uncovered,
)

READINGS = [(1, "deployed"), (2, "deployed"), (2, "literal")]


@pytest.mark.slow
@settings(max_examples=12)
@given(st.integers(1, 30), st.integers(0, 20), st.sampled_from(READINGS))
def test_numbers_are_legal_and_the_same_every_time(nb_frag, count, reading):
    numbers = choose_coded(nb_frag, count, *reading)
    assert numbers.dtype == np.int64
    assert len(numbers) == count
    assert (np.diff(numbers) > 0).all()
    assert not count or nb_frag < numbers[0] <= numbers[-1] <= 16383
    assert numbers.tolist() == choose_coded(nb_frag, count, *reading).tolist()


def test_the_choice_is_the_same_on_every_machine():
    assert choose_coded(21, 5).tolist() == [237, 365, 867, 1490, 3189]


def test_choice_covers_each_of_three_fragments_twice():
    """Version 1, six coded fragments: fragment 3 is not in the first nine. The chosen six contain each fragment twice."""
    assert uncovered(3, 6) == (3,)
    numbers = choose_coded(3, 6)
    assert column_weights(3, numbers).tolist() == [2, 2, 2]
    assert decoding_probability(3, coded=numbers, loss=0.1).estimate == pytest.approx((1 - 0.1**3) ** 3)


@pytest.mark.parametrize("version", [1, 2])
@pytest.mark.parametrize(("nb_frag", "count"), [(21, 3), (50, 5), (100, 5), (300, 15), (3000, 30)])
def test_choice_covers_every_fragment_and_consecutive_numbers_do_not(version, nb_frag, count):
    numbers = choose_coded(nb_frag, count, version)
    assert uncovered(nb_frag, numbers, version) == ()
    chosen, consecutive = (column_weights(nb_frag, coded, version) for coded in (numbers, count))
    assert chosen.min() >= max(1, consecutive.min())
    assert chosen.std() < consecutive.std()


@pytest.mark.parametrize(("version", "copies"), [(1, 2), (2, 3)])
def test_choice_contains_no_near_copies(version, copies):
    assert len(near_copies(1000, 250, version=version)) == copies
    assert near_copies(1000, choose_coded(1000, 250, version), version=version) == ()


@pytest.mark.slow
@pytest.mark.parametrize("version", [1, 2])
@pytest.mark.parametrize(("nb_frag", "count"), [(21, 2), (21, 5), (50, 5), (50, 10), (100, 10)])
def test_choice_is_better_than_consecutive_numbers_and_the_ideal_code(version, nb_frag, count):
    """The difference is larger than the confidence intervals."""
    numbers = choose_coded(nb_frag, count, version)
    for loss in (0.01, 0.05):
        chosen, consecutive = (
            decoding_probability(nb_frag, coded=coded, loss=loss, version=version, patterns=100_000)
            for coded in (numbers, count)
        )
        assert chosen.low > consecutive.high
        assert chosen.low > ideal_probability(nb_frag, coded=count, loss=loss)


@pytest.mark.slow
def test_choice_has_a_hundredth_of_the_failures():
    """M = 100, 20 coded, 1 % loss, version 1: failures 1e-4 with consecutive numbers, 2e-6 with the ideal code."""
    chosen = decoding_probability(100, coded=choose_coded(100, 20), loss=0.01)
    assert 1 - decoding_probability(100, coded=20, loss=0.01).high > 1e-4
    assert 1 - chosen.low < 1e-6


@pytest.mark.parametrize("version", [1, 2])
@pytest.mark.parametrize(("nb_frag", "count", "loss"), [(50, 15, 0.2), (500, 50, 0.05), (500, 150, 0.2)])
def test_choice_is_not_worse_when_many_are_sent(version, nb_frag, count, loss):
    chosen, consecutive = (
        decoding_probability(nb_frag, coded=coded, loss=loss, version=version, patterns=3_000)
        for coded in (choose_coded(nb_frag, count, version), count)
    )
    assert chosen.high > consecutive.low
    assert chosen.high > ideal_probability(nb_frag, coded=count, loss=loss)


@pytest.mark.parametrize(("nb_frag", "count"), [(1, 3), (16382, 1), (16300, 83), (16383, 0)])
def test_choice_at_the_ends_of_the_range(nb_frag, count):
    """If all numbers are needed, the choice contains all of them."""
    numbers = choose_coded(nb_frag, count)
    assert len(numbers) == count
    if nb_frag + count == 16383:
        assert numbers.tolist() == list(range(nb_frag + 1, 16384))


def test_choice_repeats_rows_evenly_when_there_are_no_others():
    """Two fragments have two different rows: a hundred coded fragments must repeat them, evenly."""
    assert column_weights(2, choose_coded(2, 100)).tolist() == [50, 50]


def test_too_many_coded_fragments_are_refused():
    with pytest.raises(ParameterError, match=r"0 to 6383 .*got 6384"):
        choose_coded(10000, 6384)
    with pytest.raises(ParameterError, match=r"version must be .*got 0"):
        choose_coded(10, 5, version=0)
