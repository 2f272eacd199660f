"""The solver and the product against their naive twins."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fuota.errors import ParameterError
from fuota.gf2 import Solver, multiply, naive, pack_bits


def words_of(row: int, columns: int):
    return pack_bits(np.array([[row >> c & 1 for c in range(columns)]], dtype=np.uint8))[0]


@st.composite
def systems(draw):
    """Values of `columns` unknowns and equations that are true of them, unit rows among them."""
    columns = draw(st.integers(1, 70))
    values = draw(st.lists(st.integers(0, 2**64 - 1), min_size=columns, max_size=columns))
    unit = st.integers(0, columns - 1).map(lambda c: 1 << c)
    rows = draw(st.lists(st.one_of(unit, st.integers(0, 2**columns - 1)), max_size=2 * columns + 5))
    return columns, values, rows


@given(systems())
def test_missing_is_the_rank_still_lacking_after_every_equation(system):
    columns, values, rows = system
    solver = Solver(columns, 1)
    for k, row in enumerate(rows, start=1):
        value = np.array([naive.multiply([row], values)[0]], dtype=np.uint64)
        if row.bit_count() == 1:
            solver.learn(row.bit_length() - 1, value)
        else:
            solver.add(words_of(row, columns), value)
        assert solver.missing == columns - naive.rank(rows[:k])
    assert solver.contradictions == 0
    if solver.missing == 0:
        assert solver.values[:, 0].tolist() == values


@given(systems())
def test_naive_solve_is_its_own_proof(system):
    columns, values, rows = system
    solved = naive.solve(zip(rows, naive.multiply(rows, values), strict=True), columns)
    assert solved == (values if naive.rank(rows) == columns else None)


@given(systems())
def test_multiply_is_the_naive_product(system):
    columns, values, rows = system
    if not rows:
        return
    matrix = np.stack([words_of(row, columns) for row in rows])
    products = multiply(matrix, np.array(values, dtype=np.uint64).reshape(-1, 1))
    assert products[:, 0].tolist() == naive.multiply(rows, values)


def test_contradictions_are_counted_and_change_nothing():
    solver = Solver(2, 1)
    one, two = np.array([1], dtype=np.uint64), np.array([2], dtype=np.uint64)
    solver.learn(0, one)
    solver.learn(0, two)
    assert (solver.missing, solver.contradictions) == (1, 1)
    solver.add(words_of(0b01, 2), two.copy())
    assert (solver.missing, solver.contradictions) == (1, 2)
    solver.learn(1, two)
    assert solver.values[:, 0].tolist() == [1, 2]


def test_shapes_that_do_not_belong_together_are_refused():
    with pytest.raises(ParameterError, match="2 words are needed"):
        multiply(np.zeros((1, 1), dtype=np.uint64), np.zeros((65, 1), dtype=np.uint64))
