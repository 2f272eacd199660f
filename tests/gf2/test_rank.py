from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fuota.gf2 import naive
from fuota.gf2.kernels.rank import rank_at_most


def system_of(rows: list[int], width: int) -> np.ndarray:
    row_bytes = b"".join(row.to_bytes(8 * width, "little") for row in rows)
    return np.frombuffer(row_bytes, dtype="<u8").reshape(len(rows), width).copy()


@st.composite
def matrices(draw: st.DrawFn) -> tuple[list[int], int, int]:
    """Draw (rows, columns, width): rows of bits in some columns, sums of other rows included; the columns; the words of a row."""
    width = draw(st.sampled_from([8, 16, 24]))
    columns = sum(1 << column for column in draw(st.sets(st.integers(0, 64 * width - 1), min_size=1, max_size=70)))
    rows = draw(st.lists(st.integers(0, 2 ** (64 * width) - 1), min_size=1, max_size=70))
    rows = [row & columns for row in rows]
    for target, source, other in draw(st.lists(st.tuples(*[st.integers(0, len(rows) - 1)] * 3), max_size=9)):
        rows[target] = rows[source] ^ rows[other]
    return rows, columns, width


@settings(max_examples=150)
@given(matrices(), st.data())
def test_rank_equals_the_naive_rank(matrix, data):
    rows, columns, width = matrix
    enough = data.draw(st.integers(1, len(rows)))
    rank, _ = rank_at_most(system_of(rows, width), system_of([columns], width)[0], enough)
    assert rank == min(naive.rank(rows), enough)


@settings(max_examples=150)
@given(matrices())
def test_the_last_needed_column_completes_the_rank(matrix):
    rows, columns, width = matrix
    rank, last = rank_at_most(system_of(rows, width), system_of([columns], width)[0], len(rows))
    up_to = [naive.rank(row & (1 << column) - 1 for row in rows) for column in (last + 1, max(last, 0))]
    assert up_to[0] == rank
    assert last == -1 if rank == 0 else up_to[1] == rank - 1


@settings(max_examples=20)
@given(st.integers(0, 2**32), st.integers(1, 300), st.integers(0, 8))
def test_large_random_matrices(seed, size, more):
    rng = np.random.default_rng(seed)
    rows = [int.from_bytes(rng.bytes(64), "little") & (1 << size + more) - 1 for _ in range(size)]
    rank, _ = rank_at_most(system_of(rows, 8), system_of([(1 << size + more) - 1], 8)[0], size)
    assert rank == naive.rank(rows)


@pytest.mark.parametrize("size", [511, 512, 513, 1030])
def test_rank_of_matrices_across_the_end_of_a_line(size):
    """Each row has a different pivot and the last column, which all rows share."""
    width = (size + 511) // 512 * 8
    rows = [(1 << i) | (1 << size - 1) for i in range(size - 1)]
    assert rank_at_most(system_of(rows, width), system_of([(1 << size) - 1], width)[0], size)[0] == size - 1
    twice = [*rows, rows[0] ^ rows[-1]]
    assert rank_at_most(system_of(twice, width), system_of([(1 << size) - 1], width)[0], size)[0] == size - 1
