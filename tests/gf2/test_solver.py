"""The solver, the product and the elimination against their naive twins."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fuota.errors import ParameterError
from fuota.gf2 import Solver, multiply, naive, pack_bits
from fuota.parallel import run_in_parts


def words_of(rows, columns):
    bits = np.array([[row >> c & 1 for c in range(columns)] for row in rows], dtype=np.uint8)
    return pack_bits(bits.reshape(len(rows), columns))


def bytes_of(values, value_bytes):
    joined = b"".join(value.to_bytes(value_bytes, "little") for value in values)
    return np.frombuffer(joined, dtype=np.uint8).reshape(len(values), value_bytes)


def numbers_of(values):
    return [int.from_bytes(row.tobytes(), "little") for row in values]


@st.composite
def systems(draw, max_columns=70):
    """Draw (columns, value_bytes, values, rows): values of all columns, and equations about them, unit rows included."""
    columns = draw(st.integers(1, max_columns))
    value_bytes = draw(st.sampled_from([1, 7, 8, 63, 64, 65, 130]))
    values = draw(st.lists(st.integers(0, 256**value_bytes - 1), min_size=columns, max_size=columns))
    unit = st.integers(0, columns - 1).map(lambda c: 1 << c)
    rows = draw(st.lists(st.one_of(unit, st.integers(0, 2**columns - 1)), max_size=2 * columns + 5))
    return columns, value_bytes, values, rows


@given(systems())
def test_missing_is_the_lacking_rank_after_every_equation(system):
    columns, value_bytes, values, rows = system
    solver = Solver(columns, value_bytes)
    products = bytes_of(naive.multiply(rows, values), value_bytes)
    for k, row in enumerate(rows, start=1):
        if row.bit_count() == 1:
            solver.add_value(row.bit_length() - 1, products[k - 1].tobytes())
        else:
            solver.add_equation(words_of([row], columns)[0], products[k - 1])
        assert solver.missing == columns - naive.rank(rows[:k])
    assert solver.contradictions == 0
    if solver.missing == 0:
        assert numbers_of(solver.values) == values
        assert all(solver.is_known(c) for c in range(columns))


@given(systems(), st.randoms(use_true_random=False))
def test_many_equations_at_once_end_like_single_equations(system, random):
    columns, value_bytes, values, rows = system
    units = [row.bit_length() - 1 for row in dict.fromkeys(rows) if row.bit_count() == 1]
    rows = [row for row in rows if row.bit_count() != 1]
    products = bytes_of(naive.multiply(rows, values), value_bytes)
    matrix = words_of(rows, columns)
    solver = Solver(columns, value_bytes)
    inputs = bytes_of([values[c] for c in units], value_bytes)
    solver.add_values(np.array(units, dtype=np.int64), inputs, np.arange(len(units), dtype=np.int32))
    places = np.arange(len(rows), dtype=np.int32)
    solver.add_equations(lambda first, last: matrix[first:last], products, places, threads=random.choice([1, 2, None]))
    assert solver.missing == columns - naive.rank([*rows, *(1 << c for c in units)])
    assert solver.contradictions == 0
    if solver.missing == 0:
        assert numbers_of(solver.values) == values


@given(systems())
def test_naive_solve_returns_the_values(system):
    columns, _, values, rows = system
    solved = naive.solve(zip(rows, naive.multiply(rows, values), strict=True), columns)
    assert solved == (values if naive.rank(rows) == columns else None)


@given(systems(max_columns=140))
def test_multiply_equals_the_naive_product(system):
    columns, value_bytes, values, rows = system
    products = multiply(words_of(rows, columns), bytes_of(values, value_bytes))
    assert numbers_of(products) == naive.multiply(rows, values)


def test_contradictions_are_counted_and_change_nothing():
    solver = Solver(2, 1)
    solver.add_value(0, b"\1")
    solver.add_value(0, b"\2")
    assert (solver.missing, solver.contradictions) == (1, 1)
    solver.add_equation(words_of([0b01], 2)[0], b"\2")
    assert (solver.missing, solver.contradictions) == (1, 2)
    solver.add_value(1, b"\2")
    assert numbers_of(solver.values) == [1, 2]


def test_a_late_value_that_contradicts_an_equation_is_counted():
    solver = Solver(3, 1)
    for row, value in ((0b011, b"\3"), (0b111, b"\7")):
        solver.add_equation(words_of([row], 3)[0], value)
    solver.add_value(2, b"\5")
    assert (solver.missing, solver.contradictions) == (1, 1)


def test_contradictions_among_many_equations_are_counted():
    rows, values = [0b01, 0b10, 0b11], [b"\1", b"\2", b"\7"]
    solver = Solver(2, 1)
    matrix = words_of(rows, 2)
    inputs = np.frombuffer(b"".join(values), np.uint8).reshape(3, 1)
    solver.add_equations(lambda first, last: matrix[first:last], inputs, np.arange(3, dtype=np.int32))
    assert (solver.missing, solver.contradictions) == (0, 1)


def test_shapes_that_do_not_fit_are_refused():
    with pytest.raises(ParameterError, match="must have 2 words"):
        multiply(np.zeros((1, 1), dtype=np.uint64), np.zeros((65, 1), dtype=np.uint8))


@given(st.integers(0, 20), st.integers(1, 5))
def test_parts_cover_all_work_once(count, threads):
    done = []
    run_in_parts(lambda first, last: done.extend(range(first, last)), count, threads=threads, cost_ns=1)
    assert sorted(done) == list(range(count))


def test_the_error_of_a_part_is_raised():
    def work(first, last):
        if last == 10:
            raise ValueError("part")

    with pytest.raises(ValueError, match="part"):
        run_in_parts(work, 10, threads=2, cost_ns=1)
    with pytest.raises(ParameterError, match="1 or more"):
        run_in_parts(work, 10, threads=0, cost_ns=1)
