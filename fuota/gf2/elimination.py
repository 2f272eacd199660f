"""Solving for unknown values, one equation at a time in any order, or many equations at once."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fuota.gf2.kernels import elimination as kernels
from fuota.gf2.kernels.elimination import FREE, KNOWN
from fuota.gf2.layout import LINE_BYTES, Words, words_for_bits
from fuota.parallel import run_in_parts

BytesLike = bytes | bytearray | memoryview | NDArray[np.uint8]
RowsOf = Callable[[int, int], Words]
"""Function that returns the rows of the equations `first` to before `last`: words (count, words_for_bits(columns))."""

PORTION_BYTES = 1 << 16
"""Number of bytes of rows that are held in memory at a time."""
SPARE_ROWS = 16
"""Number of equations, beyond the number of unknowns, that are tried at once. With this many spare random equations, the rank
is too small once in 2^16 times."""


class Solver:
    """System of equations for `columns` unknown values of `value_bytes` bytes each.

    Each input is the value of one column, or an equation: the XOR of the values of several columns.

    missing: rank that is still lacking, exact after each input. When it is 0, every value is determined and `values` holds them.
    contradictions: number of inputs that disagreed with earlier inputs.

    Memory: the values, and, from the first equation on, a square of bits over the columns that were unknown at that time.
    """

    def __init__(self, columns: int, value_bytes: int) -> None:
        self._columns = columns
        self._value_bytes = value_bytes
        self._flat = np.zeros(columns * value_bytes + LINE_BYTES, dtype=np.uint8)
        self._view: Any = self._flat.data  # accepts arrays as buffers, which the stubs of numpy do not declare
        self._state = bytearray(columns)
        self._state_view = np.frombuffer(self._state, dtype=np.uint8)
        self._basis: kernels.Basis | None = None
        self._numbers: dict[int, int] = {}
        self._remainder = np.zeros(-(-value_bytes // LINE_BYTES) * LINE_BYTES, dtype=np.uint8)
        self._remainder_view: Any = self._remainder.data
        self.missing = columns
        self.contradictions = 0

    @property
    def values(self) -> NDArray[np.uint8]:
        """The values: uint8 (columns, value_bytes), a view.

        A row is determined if `is_known` returns True for its column; all rows are if `missing` is 0.
        """
        return self._flat[: self._columns * self._value_bytes].reshape(self._columns, self._value_bytes)

    def is_known(self, column: int) -> bool:
        """Return whether the value of `column` was an input or has been solved for."""
        return self._state[column] == KNOWN

    def add_value(self, column: int, value: BytesLike) -> bool:
        """Add the value of one column, exactly `value_bytes` bytes. Return True once nothing is missing.

        A second, different value for a column counts as a contradiction.
        """
        state = self._state[column]
        if state == FREE:
            start = column * self._value_bytes
            self._view[start : start + self._value_bytes] = value
            self._state[column] = KNOWN
            self.missing -= 1
            if self.missing:
                return False
            self._finish()
        elif state == KNOWN:
            self.contradictions += bytes(self.values[column]) != bytes(value)
        else:
            self._replace_pivot(column, value)
        return not self.missing

    def add_values(self, columns: NDArray[np.int64], values: NDArray[np.uint8], places: NDArray[np.int32]) -> None:
        """Add the values of several columns.

        columns: (count,). values: (count, value_bytes). places: indexes of the elements of these arrays that are to be added.
        """
        if self._basis is None:
            places = places[kernels.store_free(columns, values, places, self._state_view, self._flat) :]
            self.missing = self._columns - int(self._state_view.sum())
        for place in places.tolist():
            self.add_value(int(columns[place]), values[place])

    def add_equation(self, row: Words, value: BytesLike) -> bool:
        """Add an equation. Return True once nothing is missing.

        row: (words,), the columns of the equation. value: XOR of their values.
        """
        if not self.missing:
            return True
        state, unknown, outside, rows, values, stride = self._basis or self._begin()
        self._remainder_view[:stride] = value
        self._count(kernels.add_equation(state, unknown, outside, rows, values, row, self._remainder, stride))
        return not self.missing

    def add_equations(
        self, rows_of: RowsOf, values: NDArray[np.uint8], places: NDArray[np.int32], *, threads: int | None = None
    ) -> None:
        """Add several equations. This is faster than one at a time if they are the first equations and suffice.

        rows_of: returns the rows of the equations, a portion at a time. values: (count, value_bytes). places: index of the
        value of each equation. threads: number of threads; None chooses it from the amount of work.
        """
        enough = self._basis is None and len(places) >= self.missing > 0
        if enough and self._solve(rows_of, values, places, threads):
            return
        for i, place in enumerate(places.tolist()):
            if not self.missing:
                return
            self.add_equation(rows_of(i, i + 1)[0], values[place])

    def _solve(
        self, rows_of: RowsOf, values: NDArray[np.uint8], places: NDArray[np.int32], threads: int | None
    ) -> bool:
        """Solve with SPARE_ROWS more equations than there are unknowns. Return False, with nothing changed, if that fails."""
        unknown = self._unknown()
        count = min(len(places), len(unknown) + SPARE_ROWS)
        coefficient_words = _whole_lines(len(unknown))
        system = np.zeros((count, coefficient_words + len(self._remainder) // 8), dtype=np.uint64)
        portion = max(16, min(256, PORTION_BYTES // (words_for_bits(self._columns) * 8)))

        def fill(begin: int, end: int) -> None:
            for first in range(begin, end, portion):
                last = min(first + portion, end)
                rows = rows_of(first, last)
                kernels.fill_system(rows, values, places[first:last], unknown, self._flat, system[first:last])

        run_in_parts(fill, count, threads=threads, cost_ns=self._columns)
        if kernels.gauss_jordan(system, len(unknown)) < len(unknown):
            return False
        self.contradictions += kernels.take_solution(system, unknown, self._flat, self._value_bytes)
        self._state_view[unknown] = KNOWN
        self.missing = 0
        return True

    def _begin(self) -> kernels.Basis:
        """Number the columns that are unknown when the first equation comes, and return an empty basis."""
        unknown = self._unknown()
        known = self._state_view == KNOWN
        outside = np.zeros(words_for_bits(self._columns) * 64, dtype=np.uint8)
        outside[: self._columns] = known
        self._numbers = {int(column): number for number, column in enumerate(unknown)}
        self._basis = kernels.Basis(
            state=self._state_view,
            unknown=unknown,
            outside=np.packbits(outside, bitorder="little").view(np.uint64),
            rows=np.zeros((len(unknown), _whole_lines(len(unknown))), dtype=np.uint64),
            values=self._flat,
            stride=self._value_bytes,
        )
        return self._basis

    def _unknown(self) -> NDArray[np.int32]:
        return np.flatnonzero(self._state_view != KNOWN).astype(np.int32)

    def _replace_pivot(self, column: int, value: BytesLike) -> None:
        assert self._basis is not None  # noqa: S101 - a pivot exists only in a basis
        self._remainder_view[: self._value_bytes] = value
        self._count(kernels.replace_pivot(self._basis, self._numbers[column], self._remainder))

    def _count(self, new: bool) -> None:
        """Count the effect of an equation: rank if it was new, otherwise a contradiction if its remainder is not zero."""
        if not new:
            self.contradictions += int(self._remainder[: self._value_bytes].any())
            return
        self.missing -= 1
        if not self.missing:
            self._finish()

    def _finish(self) -> None:
        if self._basis is not None:
            kernels.back_substitute(self._basis)
            self._basis = None


def _whole_lines(bits: int) -> int:
    """Return the number of words for a row of `bits` bits, a multiple of 8."""
    return -(-bits // 512) * 8
