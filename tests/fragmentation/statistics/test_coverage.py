from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fuota import parity_matrix
from fuota.errors import ParameterError
from fuota.fragmentation.naive import parity_row
from fuota.fragmentation.statistics import NearCopy, column_weights, naive, near_copies, uncovered
from fuota.fragmentation.statistics.coverage import near_copy_distance

READINGS = [(1, "deployed"), (2, "deployed"), (2, "literal")]


def rows_of(nb_frag, numbers, version, variant="deployed"):
    first = 0 if variant == "literal" else nb_frag
    return [parity_row(nb_frag, int(n) - first, distinct=version == 2) for n in numbers]


def test_uncovered_fragments_that_are_published():
    """Version 1; the session with 21 + 5 fragments is from the interoperability file."""
    assert uncovered(21, 5) == (9, 16, 21)
    assert uncovered(50, 10) == (18, 42)
    assert uncovered(50, 15) == (42,)
    assert {uncovered(3, count) for count in range(2, 10)} == {(3,)}


def test_no_coded_fragments_cover_nothing():
    assert uncovered(4, 0) == (1, 2, 3, 4)
    assert uncovered(4, []) == (1, 2, 3, 4)
    assert uncovered(1, 5) == (1,)
    assert near_copies(4, 0) == ()


@given(st.integers(1, 80), st.integers(0, 40), st.sampled_from(READINGS))
def test_weights_are_column_sums(nb_frag, count, reading):
    version, variant = reading
    matrix = parity_matrix(nb_frag, count, version=version, variant=variant)
    weights = column_weights(nb_frag, count, version, variant)
    assert weights.tolist() == matrix.sum(axis=0).tolist()
    numbers = np.arange(nb_frag + 1, nb_frag + count + 1)
    assert column_weights(nb_frag, numbers.tolist(), version, variant).tolist() == weights.tolist()
    assert uncovered(nb_frag, count, version, variant) == tuple(i + 1 for i in range(nb_frag) if weights[i] == 0)


def test_weights_of_more_rows_than_one_block():
    count = 2500
    assert column_weights(64, count).tolist() == parity_matrix(64, count).sum(axis=0).tolist()


@settings(max_examples=40)
@given(st.integers(1, 60), st.data(), st.sampled_from(READINGS))
def test_near_copies_equal_the_naive_near_copies(nb_frag, data, reading):
    version, variant = reading
    numbers = sorted(data.draw(st.sets(st.integers(nb_frag + 1, 16383), max_size=30)))
    limit = data.draw(st.integers(0, nb_frag))
    expected = [
        NearCopy(numbers[i], numbers[j], distance)
        for i, j, distance in naive.near_pairs(rows_of(nb_frag, numbers, version, variant), limit)
    ]
    assert list(near_copies(nb_frag, numbers, max_distance=limit, version=version, variant=variant)) == expected


def test_more_copies_than_the_first_memory_holds():
    """There are two rows of two fragments: about half of the 4950 pairs of 100 rows are copies."""
    copies = near_copies(2, 100, max_distance=0)
    rows = rows_of(2, range(3, 103), 1)
    count = rows.count(1)
    assert len(copies) == count * (count - 1) // 2 + (100 - count) * (99 - count) // 2 > 1024


@pytest.mark.parametrize("nb_frag", [333, 500, 1000, 4000])
@pytest.mark.parametrize("version", [1, 2])
def test_the_generator_makes_near_copies_for_any_number_of_fragments(nb_frag, version):
    """The 125th and the 811th coded fragment, and the 210th and the 1458th, have seeds a few steps apart in the cycle of PRBS23."""
    numbers = [nb_frag + k for k in (1, 125, 210, 811, 1458)]
    pairs = near_copies(nb_frag, numbers, version=version)
    assert [(first - nb_frag, second - nb_frag) for first, second, _ in pairs] == [(125, 811), (210, 1458)]
    assert max(pair.distance for pair in pairs) < 25 < near_copy_distance(nb_frag)


@pytest.mark.parametrize(
    ("coded", "message"),
    [
        ([10], "must be 11 to 16383 .*10 uncoded.*got 10"),
        ([11, 16384], "11 to 16383 .*got 16384"),
        ([11, 12, 11], "different .*got 11 twice"),
        (16374, "nb_coded must be 0 to 16373 .*got 16374"),
        (-1, "nb_coded must be 0 .*got -1"),
    ],
)
def test_illegal_numbers_are_refused(coded, message):
    with pytest.raises(ParameterError, match=message):
        uncovered(10, coded)
    with pytest.raises(ParameterError, match=message):
        near_copies(10, coded)


def test_a_negative_distance_is_refused():
    with pytest.raises(ParameterError, match="max_distance must be 0 or more, got -1"):
        near_copies(10, 5, max_distance=-1)
