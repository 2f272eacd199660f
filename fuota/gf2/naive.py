"""Linear algebra over GF(2) in plain Python: the executable specification that the kernels are compared with.

A row of bits is a Python integer (bit i is column i). A value is a Python integer too, because XOR is the only operation on it.
This code is not meant to be fast.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence


def set_columns(row: int) -> list[int]:
    """Return the columns that are set in `row`, ascending."""
    return [column for column in range(row.bit_length()) if row >> column & 1]


def multiply(rows: Iterable[int], values: Sequence[int]) -> list[int]:
    """Return, for each row, the XOR of the values that its set bits select."""
    products = []
    for row in rows:
        product = 0
        for column in set_columns(row):
            product ^= values[column]
        products.append(product)
    return products


def rank(rows: Iterable[int]) -> int:
    """Return the number of linearly independent rows."""
    basis: dict[int, int] = {}
    for row in rows:
        reduced = row
        while reduced:
            top = reduced.bit_length() - 1
            if top not in basis:
                basis[top] = reduced
                break
            reduced ^= basis[top]
    return len(basis)


def solve(equations: Iterable[tuple[int, int]], columns: int) -> list[int] | None:
    """Return the values of all columns, or None if the rank of the equations is too small.

    equations: pairs (row, value); `value` is the XOR of the values of the columns that are set in `row`. The equations must
    not contradict each other. columns: number of columns.
    """
    pivots: dict[int, tuple[int, int]] = {}
    for equation in equations:
        row, value = equation
        for column, (pivot_row, pivot_value) in pivots.items():
            if row >> column & 1:
                row, value = row ^ pivot_row, value ^ pivot_value
        if not row:
            continue
        pivot = row.bit_length() - 1
        for column, (other_row, other_value) in list(pivots.items()):
            if other_row >> pivot & 1:
                pivots[column] = other_row ^ row, other_value ^ value
        pivots[pivot] = row, value
    return [pivots[column][1] for column in range(columns)] if len(pivots) == columns else None
