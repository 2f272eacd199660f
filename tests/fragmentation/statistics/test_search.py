from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fuota.fragmentation.parity import ParityCode
from fuota.fragmentation.statistics import naive
from fuota.fragmentation.statistics.search import Pool, Search, worths_of


def pool_of(nb_frag, version, first, count, near_distance=0):
    numbers = np.arange(nb_frag + first, nb_frag + first + count)
    return Pool.of(ParityCode(nb_frag=nb_frag, version=version).rows(numbers), nb_frag, near_distance=near_distance)


def failure_sum(pool, chosen, level_bits):
    """Return the sum that the search minimises, in plain Python."""
    rows = [int(pool.words[row, 0]) for row in chosen]
    return naive.union_bound(naive.matrix_columns(rows, pool.bits.shape[1]), 2.0**-level_bits, terms=2)


@settings(max_examples=40)
@given(st.integers(2, 14), st.sampled_from([1, 2]), st.integers(1, 3000), st.integers(0, 14), st.sampled_from([3, 4]))
def test_each_added_row_is_the_best_free_row(nb_frag, version, first, size, level_bits):
    pool = pool_of(nb_frag, version, first, 40)
    search = Search(pool, range(size), level_bits)
    free = [
        row for row in range(40) if not any((pool.words[row] == pool.words[chosen]).all() for chosen in range(size))
    ]
    search.grow(size + 1)
    if free:
        best = min(failure_sum(pool, [*range(size), row], level_bits) for row in free)
        assert search.chosen[-1] in free
        assert failure_sum(pool, search.chosen, level_bits) <= best * 1.001


@settings(max_examples=20)
@given(st.integers(4, 20), st.sampled_from([1, 2]), st.integers(1, 3000))
def test_descending_ends_when_no_exchange_improves_the_sum(nb_frag, version, first):
    pool = pool_of(nb_frag, version, first, 40)
    search = Search(pool, range(5), 3)
    before = failure_sum(pool, search.chosen, 3)
    search.descend(50)
    after = failure_sum(pool, search.chosen, 3)
    assert after <= before * 1.001
    for place in range(5):
        others = search.chosen[:place] + search.chosen[place + 1 :]
        copies = {int(pool.words[row, 0]) for row in others}
        free = [row for row in range(40) if int(pool.words[row, 0]) not in copies]
        assert after <= min((failure_sum(pool, [*others, row], 3) for row in free), default=after) * 1.001


def test_near_copies_are_not_free_while_other_rows_are():
    pool = pool_of(1000, 1, 1, 1500, near_distance=125)
    near = np.zeros(1500, dtype=np.int16)
    pool.count_near(124, 1, near)
    assert not pool.free([124], near)[[124, 810]].any()
    assert pool.free([124], near).sum() >= 1490


def test_copies_are_free_when_there_are_no_other_rows():
    pool = pool_of(2, 1, 1, 6)
    near = np.zeros(6, dtype=np.int16)
    chosen = [int(np.flatnonzero(pool.bits[:, i])[0]) for i in range(2)]
    for row in chosen:
        pool.count_near(row, 1, near)
    assert pool.free(chosen, near).tolist() == [row not in chosen for row in range(6)]


@pytest.mark.parametrize("level_bits", [3, 4])
def test_worth_decreases_with_the_weight(level_bits):
    worth = worths_of(np.array([5, 6, 7, 300], dtype=np.int16), 5, level_bits)
    assert worth.tolist() == [2**20, 2 ** (20 - level_bits), 2 ** (20 - 2 * level_bits), 0]
