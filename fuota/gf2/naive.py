"""Linear algebra over GF(2) in plain Python: the executable specification that the kernels are compared with.

A row of bits is a Python integer (bit i is column i), a value is a Python integer too (XOR is all that happens to it).
Nothing here is fast, and nothing here is meant to be.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence


def set_columns(row: int) -> list[int]:
    """The columns where `row` has a one, ascending."""
    return [column for column in range(row.bit_length()) if row >> column & 1]


def multiply(rows: Iterable[int], values: Sequence[int]) -> list[int]:
    """For each row, the XOR of the values that its ones select."""
    products = []
    for row in rows:
        product = 0
        for column in set_columns(row):
            product ^= values[column]
        products.append(product)
    return products


def rank(rows: Iterable[int]) -> int:
    """The number of linearly independent rows."""
    basis: dict[int, int] = {}
    for given in rows:
        row = given
        while row:
            top = row.bit_length() - 1
            if top not in basis:
                basis[top] = row
                break
            row ^= basis[top]
    return len(basis)


def solve(equations: Iterable[tuple[int, int]], columns: int) -> list[int] | None:
    """The values x with XOR of x[c] over the ones of row = value for each (row, value), or None while the rank is short.

    The equations must not contradict one another.
    """
    pivots: dict[int, tuple[int, int]] = {}
    for given_row, given_value in equations:
        row, value = given_row, given_value
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
