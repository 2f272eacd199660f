"""Every kernel gives the same result as its twin in plain Python, also without numba (NUMBA_DISABLE_JIT=1)."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fuota.fragmentation.statistics import kernels, naive
from fuota.gf2 import unpack_bits, words_for_bits


def words(values, bits):
    """Return integers as rows of words."""
    row_bytes = b"".join(value.to_bytes(words_for_bits(bits) * 8, "little") for value in values)
    return np.frombuffer(row_bytes, dtype="<u8").astype(np.uint64).reshape(len(values), words_for_bits(bits))


@st.composite
def matrices(draw, max_count=8, max_bits=150):
    """Draw (integers, bits): rows or columns of `bits` bits, some of them equal or zero."""
    bits = draw(st.integers(1, max_bits))
    values = draw(st.lists(st.integers(0, 2**bits - 1), min_size=1, max_size=max_count))
    return values + draw(st.lists(st.sampled_from([0, *values]), max_size=2)), bits


@given(st.integers(0, 2**64 - 1))
def test_bit_count(word):
    assert kernels.bit_count(np.uint64(word)) == word.bit_count()


@given(matrices(), st.integers(0, 80), st.integers(0, 5))
def test_near_pairs(matrix, limit, capacity):
    rows, bits = matrix
    pairs = np.full((capacity, 3), -1, dtype=np.int64)
    expected = naive.near_pairs(rows, limit)
    assert kernels.near_pairs(words(rows, bits), limit, pairs) == len(expected)
    assert [tuple(pair) for pair in pairs[: len(expected)].tolist()] == expected[:capacity]


@given(matrices(), st.integers(0, 80), st.data())
def test_count_near(matrix, limit, data):
    rows, bits = matrix
    chosen = data.draw(st.integers(0, len(rows) - 1))
    near = np.full(len(rows), 3, dtype=np.int16)
    kernels.count_near(words(rows, bits), chosen, limit, -1, near)
    assert near.tolist() == [3 - ((row ^ rows[chosen]).bit_count() <= limit) for row in rows]


@given(matrices(max_bits=80))
def test_histograms_of_sums(matrix):
    columns, bits = matrix
    pairs = np.zeros((2, bits + 1), dtype=np.int64)
    triples = np.zeros((4, bits + 1), dtype=np.int64)
    kernels.pair_histograms(words(columns, bits), pairs[0], pairs[1])
    kernels.triple_histograms(words(columns, bits), triples)
    assert pairs[1].tolist() == naive.sum_weights(columns, 2, bits)
    assert triples[0].tolist() == naive.sum_weights(columns, 3, bits)


def test_histograms_of_supports_by_hand():
    """Columns 0b0011, 0b0101, 0b1001: every two have exactly bit 0 in common."""
    columns = words([0b0011, 0b0101, 0b1001], 4)
    pairs = np.zeros((2, 5), dtype=np.int64)
    triples = np.zeros((4, 5), dtype=np.int64)
    kernels.pair_histograms(columns, pairs[0], pairs[1])
    kernels.triple_histograms(columns, triples)
    assert pairs.tolist() == [[0, 0, 0, 3, 0], [0, 0, 3, 0, 0]]
    assert triples.tolist() == [[0, 0, 0, 0, 1], [0, 0, 0, 0, 3], [0, 0, 0, 1, 0], [0, 0, 0, 0, 1]]


@given(st.integers(1, 40), st.lists(st.integers(0, 2**32 - 1), max_size=40))
def test_draw_to_front(length, draws):
    order, expected = np.arange(length), list(range(length))
    kernels.draw_to_front(order, np.array(draws[:length], dtype=np.uint32))
    naive.draw_to_front(expected, draws[:length])
    assert order.tolist() == expected


def test_draws_are_even():
    """Evenly spread draws give all choices of 2 among 4 equally often."""
    counts = Counter()
    for first in range(0, 2**32, 2**28):
        for second in range(0, 2**32, 2**32 // 15 + 1):
            order = np.arange(4)
            kernels.draw_to_front(order, np.array([first, second], dtype=np.uint32))
            counts[frozenset(order[:2].tolist())] += 1
    assert set(counts.values()) == {40}
    assert len(counts) == 6


@st.composite
def patterns(draw):
    """Draw (columns, nb_coded, losses, draws)."""
    columns, nb_coded = draw(matrices(max_count=24, max_bits=200))
    pairs = st.tuples(st.integers(0, len(columns)), st.integers(0, nb_coded))
    losses = draw(st.lists(pairs, min_size=1, max_size=6))
    count = sum(map(sum, losses))
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    return columns, nb_coded, losses, rng.integers(0, 2**32, size=count, dtype=np.uint32)


@settings(max_examples=60)
@given(patterns())
def test_decode_patterns(case):
    columns, nb_coded, losses, draws = case
    complete = np.empty(len(losses), dtype=np.bool_)
    kernels.decode_patterns(words(columns, nb_coded), nb_coded, np.array(losses, dtype=np.int64), draws, complete)
    assert complete.tolist() == naive.decode_patterns(columns, nb_coded, losses, draws.tolist())


@pytest.mark.parametrize("rank", [63, 64, 65, 128, 130])
def test_independence_can_depend_on_the_last_word(rank):
    """The last column depends on the others except for its last bit, which is past the words that are examined first."""
    bits = 200
    columns = [1 << i for i in range(rank - 1)] + [(1 << rank - 1) - 1 | 1 << bits - 1]
    for last, expected in ((columns[-1], True), (columns[-1] ^ 1 << bits - 1, False)):
        vectors = words([*columns[:-1], last], bits)
        lost, received = np.arange(rank), np.full(words_for_bits(bits), kernels.ALL_ONES)
        space = np.empty((rank + 1) * 8, dtype=np.uint64)
        assert kernels.decodable(vectors, lost, received, space) == expected


@settings(max_examples=30)
@given(matrices(max_count=4, max_bits=4))
def test_count_independent(matrix):
    columns, nb_coded = matrix
    counts = np.zeros((nb_coded + 1, nb_coded + 1), dtype=np.int64)
    kernels.count_independent(words(columns, nb_coded), nb_coded, counts)
    expected = Counter(
        (received, lost) for lost, received, complete in naive.patterns(columns, nb_coded) if complete and lost
    )
    assert {(j, k): n for (j, k), n in np.ndenumerate(counts) if n} == expected


@given(matrices(max_bits=12), st.integers(0, 2**32))
def test_worths(matrix, seed):
    rows, nb_frag = matrix
    rng = np.random.default_rng(seed)
    single = rng.integers(0, 2**20, nb_frag, dtype=np.int32)
    pair = rng.integers(0, 2**20, (nb_frag, nb_frag), dtype=np.int32)
    pair += pair.T
    worth = np.empty(len(rows), dtype=np.int64)
    kernels.worths(unpack_bits(words(rows, nb_frag), nb_frag), single, pair, worth)
    assert worth.tolist() == [naive.worth(row, single.tolist(), pair.tolist()) for row in rows]


@given(matrices(max_bits=12))
def test_count_row(matrix):
    rows, nb_frag = matrix
    weights = np.zeros(nb_frag, dtype=np.int16)
    differences = np.zeros((nb_frag, nb_frag), dtype=np.int16)
    for bits in unpack_bits(words(rows, nb_frag), nb_frag):
        kernels.count_row(bits, 1, weights, differences)
    columns = naive.matrix_columns(rows, nb_frag)
    assert weights.tolist() == [column.bit_count() for column in columns]
    assert differences.tolist() == [[(a ^ b).bit_count() for b in columns] for a in columns]


@given(matrices(max_bits=12), st.integers(1, 12), st.data())
def test_most_needed(matrix, window, data):
    rows, nb_frag = matrix
    free = data.draw(st.lists(st.booleans(), min_size=len(rows), max_size=len(rows)))
    need = data.draw(st.lists(st.integers(0, 2**20), min_size=nb_frag, max_size=nb_frag))
    candidates = [c for c in range(len(rows)) if free[c]][:window]
    expected = max(candidates, key=lambda c: sum(need[i] for i in range(nb_frag) if rows[c] >> i & 1), default=-1)
    bits = unpack_bits(words(rows, nb_frag), nb_frag)
    assert kernels.most_needed(bits, np.array(free), np.array(need, dtype=np.int32), window) == expected
