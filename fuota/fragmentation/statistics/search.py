"""Search for rows that repair few losses well, by exchanging single rows as long as that improves the result."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from fuota.fragmentation.statistics import kernels
from fuota.gf2 import Words, pack_bits, unpack_bits

WORTH_BITS = 20
"""The largest worth of a column or a pair of columns is 2**20. A sum over the fragments of a row, at most 1024 in a search, fits
into 32 bits."""
_ITSELF = np.int16(1 << 14)
"""Weight of the pair of a column with itself, which must not count: larger than any real weight."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Pool:
    """Rows to choose from.

    words: (count, words). bits: the same rows as uint8 (count, nb_frag). near_distance: rows that differ in at most this many
    positions are near copies.
    """

    words: Words
    bits: NDArray[np.uint8]
    near_distance: int

    @classmethod
    def of(cls, words: Words, nb_frag: int, *, near_distance: int) -> Pool:
        """Return the pool of the rows `words`, which have `nb_frag` bits."""
        return cls(words=words, bits=unpack_bits(words, nb_frag), near_distance=near_distance)

    def first(self, count: int) -> Pool:
        """Return the pool of the first `count` rows."""
        return Pool(words=self.words[:count], bits=self.bits[:count], near_distance=self.near_distance)

    def count_near(self, row: int, step: int, near: NDArray[np.int16]) -> None:
        """Add `step` to near[c] for `row` itself and for each of its near copies c."""
        kernels.count_near(self.words, row, self.near_distance, step, near)

    def free(self, chosen: list[int], near: NDArray[np.int16]) -> NDArray[np.bool_]:
        """Return which rows may be chosen: bool (count,).

        These are the rows that are not `near` copies of chosen rows or, if there are none, all rows that are not `chosen`.
        """
        free = np.equal(near, 0)
        if not free.any():
            free[:] = True
            free[chosen] = False
        return free

    def columns(self, chosen: list[int]) -> Words:
        """Return the columns of the chosen rows, as `matrix.matrix_columns` does."""
        return pack_bits(np.ascontiguousarray(self.bits[chosen].T))


def worths_of(weights: NDArray[np.int16], lightest: int, level_bits: int) -> NDArray[np.int32]:
    """Return the worth of each weight: 2**WORTH_BITS for `lightest`, and a factor of 2**-level_bits for each 1 above it."""
    levels = WORTH_BITS // level_bits + 1
    table = np.zeros(levels + 1, dtype=np.int32)
    table[:levels] = 1 << (WORTH_BITS - level_bits * np.arange(levels))
    return table[np.minimum(weights.astype(np.int32) - lightest, levels)]


class Search:
    """Rows chosen from a pool, and, for each combination x of one or two fragments, the number of chosen rows that see x.

    The search minimises the sum over these x of 2**-(level_bits * (fragments in x + rows that see x)).

    chosen: rows to start with, as indexes into the pool.
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
        """Add the best free row until there are `count` rows."""
        while len(self.chosen) < count:
            self._insert(len(self.chosen), self._best())

    def descend(self, sweeps: int) -> None:
        """Replace each row by the best row beside the others, in at most `sweeps` sweeps, until a sweep changes nothing."""
        for _ in range(sweeps):
            before = list(self.chosen)
            for place in range(len(before)):
                self._remove(place)
                self._insert(place, self._best())
            if self.chosen == before:
                return

    def _best(self) -> int:
        """Return the free row that reduces the sum most."""
        lightest = min(1 + int(self._weights.min()), 2 + int(self._differences.min()))
        single = worths_of(self._weights, lightest - 1, self._level_bits)
        pair = worths_of(self._differences, lightest - 2, self._level_bits)
        kernels.worths(self._pool.bits, single, pair, self._worth)
        self._worth[~self._pool.free(self.chosen, self._near)] = -1
        return int(self._worth.argmax())

    def _insert(self, place: int, row: int) -> None:
        self.chosen.insert(place, row)
        self._count(row, 1)

    def _remove(self, place: int) -> None:
        self._count(self.chosen.pop(place), -1)

    def _count(self, row: int, step: int) -> None:
        kernels.count_row(self._pool.bits[row], step, self._weights, self._differences)
        self._pool.count_near(row, step, self._near)
