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


def octets_of(values, octets):
    joined = b"".join(value.to_bytes(octets, "little") for value in values)
    return np.frombuffer(joined, dtype=np.uint8).reshape(len(values), octets)


def numbers_of(octets):
    return [int.from_bytes(row.tobytes(), "little") for row in octets]


@st.composite
def systems(draw, max_columns=70):
    """Values of `columns` unknowns, integers of `octets` octets, and equations that are true of them, unit rows too."""
    columns = draw(st.integers(1, max_columns))
    octets = draw(st.sampled_from([1, 7, 8, 63, 64, 65, 130]))
    values = draw(st.lists(st.integers(0, 256**octets - 1), min_size=columns, max_size=columns))
    unit = st.integers(0, columns - 1).map(lambda c: 1 << c)
    rows = draw(st.lists(st.one_of(unit, st.integers(0, 2**columns - 1)), max_size=2 * columns + 5))
    return columns, octets, values, rows


@given(systems())
def test_missing_is_the_rank_still_lacking_after_every_equation(system):
    columns, octets, values, rows = system
    solver = Solver(columns, octets)
    products = octets_of(naive.multiply(rows, values), octets)
    for k, row in enumerate(rows, start=1):
        if row.bit_count() == 1:
            solver.learn(row.bit_length() - 1, products[k - 1].tobytes())
        else:
            solver.add(words_of([row], columns)[0], products[k - 1])
        assert solver.missing == columns - naive.rank(rows[:k])
    assert solver.contradictions == 0
    if solver.missing == 0:
        assert numbers_of(solver.values) == values
        assert all(solver.knows(c) for c in range(columns))


@given(systems(), st.randoms(use_true_random=False))
def test_many_at_once_end_as_one_after_the_other(system, random):
    columns, octets, values, rows = system
    units = [row.bit_length() - 1 for row in dict.fromkeys(rows) if row.bit_count() == 1]
    rows = [row for row in rows if row.bit_count() != 1]
    products = octets_of(naive.multiply(rows, values), octets)
    matrix = words_of(rows, columns)
    solver = Solver(columns, octets)
    given = octets_of([values[c] for c in units], octets)
    solver.learn_many(np.array(units, dtype=np.int64), given, np.arange(len(units), dtype=np.int32))
    places = np.arange(len(rows), dtype=np.int32)
    solver.add_many(lambda first, last: matrix[first:last], products, places, threads=random.choice([1, 2, None]))
    assert solver.missing == columns - naive.rank([*rows, *(1 << c for c in units)])
    assert solver.contradictions == 0
    if solver.missing == 0:
        assert numbers_of(solver.values) == values


@given(systems())
def test_naive_solve_is_its_own_proof(system):
    columns, _, values, rows = system
    solved = naive.solve(zip(rows, naive.multiply(rows, values), strict=True), columns)
    assert solved == (values if naive.rank(rows) == columns else None)


@given(systems(max_columns=140))
def test_multiply_is_the_naive_product(system):
    columns, octets, values, rows = system
    products = multiply(words_of(rows, columns), octets_of(values, octets))
    assert numbers_of(products) == naive.multiply(rows, values)


def test_contradictions_are_counted_and_change_nothing():
    solver = Solver(2, 1)
    solver.learn(0, b"\1")
    solver.learn(0, b"\2")
    assert (solver.missing, solver.contradictions) == (1, 1)
    solver.add(words_of([0b01], 2)[0], b"\2")
    assert (solver.missing, solver.contradictions) == (1, 2)
    solver.learn(1, b"\2")
    assert numbers_of(solver.values) == [1, 2]


def test_a_late_value_that_contradicts_an_equation_is_counted():
    solver = Solver(3, 1)
    for row, value in ((0b011, b"\3"), (0b111, b"\7")):
        solver.add(words_of([row], 3)[0], value)
    solver.learn(2, b"\5")
    assert (solver.missing, solver.contradictions) == (1, 1)


def test_contradictions_among_many_are_counted():
    rows, values = [0b01, 0b10, 0b11], [b"\1", b"\2", b"\7"]
    solver = Solver(2, 1)
    matrix = words_of(rows, 2)
    given = np.frombuffer(b"".join(values), np.uint8).reshape(3, 1)
    solver.add_many(lambda first, last: matrix[first:last], given, np.arange(3, dtype=np.int32))
    assert (solver.missing, solver.contradictions) == (0, 1)


def test_shapes_that_do_not_belong_together_are_refused():
    with pytest.raises(ParameterError, match="2 words are needed"):
        multiply(np.zeros((1, 1), dtype=np.uint64), np.zeros((65, 1), dtype=np.uint8))


@given(st.integers(0, 20), st.integers(1, 5))
def test_parts_cover_everything_once(count, threads):
    done = []
    run_in_parts(lambda first, last: done.extend(range(first, last)), count, threads=threads, cost_ns=1)
    assert sorted(done) == list(range(count))


def test_a_failing_part_is_not_swallowed():
    def work(first, last):
        if last == 10:
            raise ValueError("part")

    with pytest.raises(ValueError, match="part"):
        run_in_parts(work, 10, threads=2, cost_ns=1)
    with pytest.raises(ParameterError, match="1 or more"):
        run_in_parts(work, 10, threads=0, cost_ns=1)
