"""The search for rows that repair few losses well: exchange one row for another while that helps."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from fuota.fragmentation.statistics import kernels
from fuota.gf2 import Words, pack_bits, unpack_bits

WORTH_BITS = 20
"""The most valuable column or pair of columns is worth 2**20; a sum over the 1024 fragments that a searched row has at most
stays within 32 bits."""
_ITSELF = np.int16(1 << 14)
"""Stands for a pair of a column with itself, which is none: beyond any weight."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Pool:
    """Rows to choose from: as words (count, words) and as bits (count, nb_frag). Rows `apart` or nearer are copies."""

    words: Words
    bits: NDArray[np.uint8]
    apart: int

    @classmethod
    def of(cls, words: Words, nb_frag: int, *, apart: int) -> Pool:
        """A pool of these rows of `nb_frag` bits."""
        return cls(words=words, bits=unpack_bits(words, nb_frag), apart=apart)

    def first(self, count: int) -> Pool:
        """The pool of the first `count` rows."""
        return Pool(words=self.words[:count], bits=self.bits[:count], apart=self.apart)

    def count_near(self, row: int, by: int, near: NDArray[np.int16]) -> None:
        """Add `by` to near[c] for `row` itself and for each of its near copies c."""
        kernels.count_near(self.words, row, self.apart, by, near)

    def free(self, chosen: list[int], near: NDArray[np.int16]) -> NDArray[np.bool_]:
        """bool (count,): the rows that are not `near` chosen ones; where there are none, any that are not `chosen`."""
        free = np.equal(near, 0)
        if not free.any():
            free[:] = True
            free[chosen] = False
        return free

    def columns(self, chosen: list[int]) -> Words:
        """The matrix of the chosen rows on its side, as `matrix.columns_of` has it."""
        return pack_bits(np.ascontiguousarray(self.bits[chosen].T))


def worth_of(weights: NDArray[np.int16], lightest: int, level_bits: int) -> NDArray[np.int32]:
    """int32, 2**WORTH_BITS for a weight of `lightest`, and 2**-level_bits of that for each one more."""
    levels = WORTH_BITS // level_bits + 1
    table = np.zeros(levels + 1, dtype=np.int32)
    table[:levels] = 1 << (WORTH_BITS - level_bits * np.arange(levels))
    return table[np.minimum(weights.astype(np.int32) - lightest, levels)]


class Search:
    """Rows chosen from a pool, and for each combination x of one or two fragments how many of them see it.

    What is kept small is the sum over these x of 2**-(level_bits * (fragments in x + rows that see x)).
    """

    def __init__(self, pool: Pool, chosen: Iterable[int], level_bits: int) -> None:
        nb_frag = pool.bits.shape[1]
        self.chosen: list[int] = []
        self._pool = pool
        self._level_bits = level_bits
        self._weights = np.zeros(nb_frag, dtype=np.int16)
        self._differences = np.zeros((nb_frag, nb_frag), dtype=np.int16)
        np.fill_diagonal(self._differences, _ITSELF)
        self._near = np.zeros(len(pool.bits), dtype=np.int16)
        self._worth = np.empty(len(pool.bits), dtype=np.int64)
        for row in chosen:
            self._insert(len(self.chosen), row)

    def grow(self, count: int) -> None:
        """Add the best row there is until there are `count`."""
        while len(self.chosen) < count:
            self._insert(len(self.chosen), self._best())

    def descend(self, sweeps: int) -> None:
        """Exchange each row for the best one beside the others, until a sweep over all of them has changed nothing."""
        for _ in range(sweeps):
            before = list(self.chosen)
            for place in range(len(before)):
                self._remove(place)
                self._insert(place, self._best())
            if self.chosen == before:
                return

    def _best(self) -> int:
        """The row that lowers the sum most, of those that are free."""
        lightest = min(1 + int(self._weights.min()), 2 + int(self._differences.min()))
        single = worth_of(self._weights, lightest - 1, self._level_bits)
        pair = worth_of(self._differences, lightest - 2, self._level_bits)
        kernels.worths(self._pool.bits, single, pair, self._worth)
        self._worth[~self._pool.free(self.chosen, self._near)] = -1
        return int(self._worth.argmax())

    def _insert(self, place: int, row: int) -> None:
        self.chosen.insert(place, row)
        self._count(row, 1)

    def _remove(self, place: int) -> None:
        self._count(self.chosen.pop(place), -1)

    def _count(self, row: int, by: int) -> None:
        kernels.count_row(self._pool.bits[row], by, self._weights, self._differences)
        self._pool.count_near(row, by, self._near)
