from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fuota.fragmentation.parity import ParityCode
from fuota.fragmentation.statistics import naive
from fuota.fragmentation.statistics.search import Pool, Search, worth_of


def pool_of(nb_frag, version, first, count, apart=0):
    numbers = np.arange(nb_frag + first, nb_frag + first + count)
    return Pool.of(ParityCode(nb_frag=nb_frag, version=version).rows(numbers), nb_frag, apart=apart)


def unseen(pool, chosen, level_bits):
    """What the search keeps small, in plain Python."""
    rows = [int(pool.words[row, 0]) for row in chosen]
    return naive.union_bound(naive.columns_of(rows, pool.bits.shape[1]), 2.0**-level_bits, terms=2)


@settings(max_examples=40)
@given(st.integers(2, 14), st.sampled_from([1, 2]), st.integers(1, 3000), st.integers(0, 14), st.sampled_from([3, 4]))
def test_each_row_added_is_the_best_there_is(nb_frag, version, first, size, level_bits):
    pool = pool_of(nb_frag, version, first, 40)
    search = Search(pool, range(size), level_bits)
    free = [
        row for row in range(40) if not any((pool.words[row] == pool.words[chosen]).all() for chosen in range(size))
    ]
    search.grow(size + 1)
    if free:
        best = min(unseen(pool, [*range(size), row], level_bits) for row in free)
        assert search.chosen[-1] in free
        assert unseen(pool, search.chosen, level_bits) <= best * 1.001


@settings(max_examples=20)
@given(st.integers(4, 20), st.sampled_from([1, 2]), st.integers(1, 3000))
def test_descending_lowers_the_sum_to_where_no_exchange_helps(nb_frag, version, first):
    pool = pool_of(nb_frag, version, first, 40)
    search = Search(pool, range(5), 3)
    before = unseen(pool, search.chosen, 3)
    search.descend(50)
    after = unseen(pool, search.chosen, 3)
    assert after <= before * 1.001
    for place in range(5):
        others = search.chosen[:place] + search.chosen[place + 1 :]
        copies = {int(pool.words[row, 0]) for row in others}
        free = [row for row in range(40) if int(pool.words[row, 0]) not in copies]
        assert after <= min((unseen(pool, [*others, row], 3) for row in free), default=after) * 1.001


def test_near_copies_are_not_free_while_anything_else_is():
    pool = pool_of(1000, 1, 1, 1500, apart=125)
    near = np.zeros(1500, dtype=np.int16)
    pool.count_near(124, 1, near)
    assert not pool.free([124], near)[[124, 810]].any()
    assert pool.free([124], near).sum() >= 1490


def test_where_only_copies_are_left_they_are_free():
    pool = pool_of(2, 1, 1, 6)
    near = np.zeros(6, dtype=np.int16)
    chosen = [int(np.flatnonzero(pool.bits[:, i])[0]) for i in range(2)]
    for row in chosen:
        pool.count_near(row, 1, near)
    assert pool.free(chosen, near).tolist() == [row not in chosen for row in range(6)]


@pytest.mark.parametrize("level_bits", [3, 4])
def test_worth_falls_by_levels(level_bits):
    worth = worth_of(np.array([5, 6, 7, 300], dtype=np.int16), 5, level_bits)
    assert worth.tolist() == [2**20, 2 ** (20 - level_bits), 2 ** (20 - 2 * level_bits), 0]
