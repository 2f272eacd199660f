"""Solving for unknown values: one equation at a time in any order, or many at once."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fuota.gf2.kernels import elimination as kernels
from fuota.gf2.kernels.elimination import FREE, KNOWN
from fuota.gf2.layout import LINE_OCTETS, Words, words_for_bits
from fuota.parallel import run_in_parts

Octets = bytes | bytearray | memoryview | NDArray[np.uint8]
RowsOf = Callable[[int, int], Words]
"""The rows of the equations from one index to before another: words (count, words_for_bits(columns))."""

PORTION_OCTETS = 1 << 16
"""How much of the rows to hold at a time."""
SPARE_ROWS = 16
"""Equations beyond the number of unknowns that are tried at once: that many random ones are dependent once in 2^16 times."""


class Solver:
    """`columns` unknown values of `octets` octets each.

    Each piece of news is either the value of one column or the XOR of several. `missing` is exact after each: the rank
    still lacking. At zero every value is determined, and `values` holds them. `contradictions` counts news that disagreed
    with what was known already.

    Memory: the values, and from the first equation on a square of bits over the columns unknown then.
    """

    def __init__(self, columns: int, octets: int) -> None:
        self._columns = columns
        self._octets = octets
        self._flat = np.zeros(columns * octets + LINE_OCTETS, dtype=np.uint8)
        self._view: Any = self._flat.data
        self._state = bytearray(columns)
        self._state_view = np.frombuffer(self._state, dtype=np.uint8)
        self._basis: kernels.Basis | None = None
        self._numbers: dict[int, int] = {}
        self._rest = np.zeros(-(-octets // LINE_OCTETS) * LINE_OCTETS, dtype=np.uint8)
        self._rest_view: Any = self._rest.data
        self.missing = columns
        self.contradictions = 0

    @property
    def values(self) -> NDArray[np.uint8]:
        """uint8 (columns, octets), a view. Determined where `knows` says so; everywhere when `missing` is 0."""
        return self._flat[: self._columns * self._octets].reshape(self._columns, self._octets)

    def knows(self, column: int) -> bool:
        """Whether the value of this column was given or has been solved for."""
        return self._state[column] == KNOWN

    def learn(self, column: int, value: Octets) -> bool:
        """The value of one column, exactly `octets` of them; True once nothing is missing.

        A second, different value counts as a contradiction.
        """
        state = self._state[column]
        if state == FREE:
            at = column * self._octets
            self._view[at : at + self._octets] = value
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

    def learn_many(self, columns: NDArray[np.int64], values: NDArray[np.uint8], places: NDArray[np.int32]) -> None:
        """`learn` for each of the `places` in `columns` (count,) and `values` (count, octets)."""
        if self._basis is None:
            places = places[kernels.store_free(columns, values, places, self._state_view, self._flat) :]
            self.missing = self._columns - int(self._state_view.sum())
        for place in places.tolist():
            self.learn(int(columns[place]), values[place])

    def add(self, row: Words, value: Octets) -> bool:
        """The XOR `value` of the columns that `row` (row words,) selects; True once nothing is missing."""
        if not self.missing:
            return True
        state, unknown, outside, rows, values, octets = self._basis or self._begin()
        self._rest_view[:octets] = value
        self._count(kernels.add(state, unknown, outside, rows, values, row, self._rest, octets))
        return not self.missing

    def add_many(
        self, rows_of: RowsOf, values: NDArray[np.uint8], places: NDArray[np.int32], *, threads: int | None = None
    ) -> None:
        """`add` for each of the `places` in `values` (count, octets); `rows_of` makes the rows of some of them at a time.

        Faster than one after the other if they are the first equations and suffice.
        """
        enough = self._basis is None and len(places) >= self.missing > 0
        if enough and self._solve(rows_of, values, places, threads):
            return
        for i, place in enumerate(places.tolist()):
            if not self.missing:
                return
            self.add(rows_of(i, i + 1)[0], values[place])

    def _solve(
        self, rows_of: RowsOf, values: NDArray[np.uint8], places: NDArray[np.int32], threads: int | None
    ) -> bool:
        """Try to solve at once with little more than as many equations as there are unknowns; False changes nothing."""
        unknown = self._unknown()
        count = min(len(places), len(unknown) + SPARE_ROWS)
        coefficient_words = _whole_lines(len(unknown))
        system = np.zeros((count, coefficient_words + len(self._rest) // 8), dtype=np.uint64)
        portion = max(16, min(256, PORTION_OCTETS // (words_for_bits(self._columns) * 8)))

        def fill(begin: int, end: int) -> None:
            for first in range(begin, end, portion):
                last = min(first + portion, end)
                rows = rows_of(first, last)
                kernels.fill_system(rows, values, places[first:last], unknown, self._flat, system[first:last])

        run_in_parts(fill, count, threads=threads, cost_ns=self._columns)
        if kernels.gauss_jordan(system, len(unknown)) < len(unknown):
            return False
        self.contradictions += kernels.take_solution(system, unknown, self._flat, self._octets)
        self._state_view[unknown] = KNOWN
        self.missing = 0
        return True

    def _begin(self) -> kernels.Basis:
        """The first equation has come: number the columns that are unknown."""
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
            stride=self._octets,
        )
        return self._basis

    def _unknown(self) -> NDArray[np.int32]:
        return np.flatnonzero(self._state_view != KNOWN).astype(np.int32)

    def _replace_pivot(self, column: int, value: Octets) -> None:
        assert self._basis is not None  # noqa: S101 - there is no pivot without it
        self._rest_view[: self._octets] = value
        self._count(kernels.replace_pivot(self._basis, self._numbers[column], self._rest))

    def _count(self, new: bool) -> None:
        """What an equation brought: rank, or a remainder that should be zero."""
        if not new:
            self.contradictions += int(self._rest[: self._octets].any())
            return
        self.missing -= 1
        if not self.missing:
            self._finish()

    def _finish(self) -> None:
        if self._basis is not None:
            kernels.back_substitute(self._basis)
            self._basis = None


def _whole_lines(bits: int) -> int:
    """Words for a row of bits, a multiple of 8."""
    return -(-bits // 512) * 8
