"""Solving for unknown values, one equation at a time, in any order."""

from __future__ import annotations

import numpy as np

from fuota.gf2 import kernels
from fuota.gf2.layout import Words, words_for_bits

FIRST_SLOTS = 16


class Solver:
    """Online Gaussian elimination: `columns` unknown values of `value_words` words each.

    Each piece of news is either the value of one column or the XOR of several. `missing` is exact after each: the rank
    still lacking. At zero every value is determined, and `values` holds them.

    Memory: the values, plus for each equation kept one row of bits and one value; equations are kept only while they say
    something that the known columns do not.
    """

    def __init__(self, columns: int, value_words: int) -> None:
        self._pivot = np.full(columns, kernels.FREE, dtype=np.int32)
        self._known = np.zeros((columns, value_words), dtype=np.uint64)
        self._rows = np.empty((0, words_for_bits(columns)), dtype=np.uint64)
        self._values = np.empty((0, value_words), dtype=np.uint64)
        self._free_slots: list[int] = []
        self.missing = columns
        self.contradictions = 0

    def learn(self, column: int, value: Words) -> None:
        """The value of one column (value words,). A second, different value counts as a contradiction."""
        slot = int(self._pivot[column])
        if slot == kernels.KNOWN:
            self._count_contradiction(self._known[column] ^ value)
            return
        self._pivot[column] = kernels.KNOWN
        self._known[column] = value
        if slot == kernels.FREE:
            self._found_rank()
            return
        # The row that began here no longer does. What is left of it says something about a later column, or nothing.
        row, rest = self._rows[slot].copy(), self._values[slot] ^ value
        row[column >> 6] ^= np.uint64(1) << np.uint64(column & 63)
        self._free_slots.append(slot)
        if self._insert(row, rest):
            self._found_rank()

    def add(self, row: Words, value: Words) -> None:
        """The XOR `value` (value words,) of the columns that `row` (row words,) selects. Both arrays are overwritten."""
        if self.missing and self._insert(row, value):
            self._found_rank()

    @property
    def values(self) -> Words:
        """uint64 (columns, value words). Determined when `missing` is 0; until then zeros where nothing is known."""
        return self._known

    def knows(self, column: int) -> bool:
        """Whether the value of this column was given or has been solved for."""
        return bool(self._pivot[column] == kernels.KNOWN)

    def _insert(self, row: Words, value: Words) -> bool:
        slot = self._take_slot()
        basis = kernels.Basis(self._pivot, self._known, self._rows, self._values)
        if kernels.insert(basis, row, value, slot) >= 0:
            return True
        self._free_slots.append(slot)
        self._count_contradiction(value)
        return False

    def _found_rank(self) -> None:
        self.missing -= 1
        if not self.missing:
            self._finish()

    def _finish(self) -> None:
        kernels.back_substitute(kernels.Basis(self._pivot, self._known, self._rows, self._values))
        self._rows = self._rows[:0].copy()
        self._values = self._values[:0].copy()

    def _count_contradiction(self, remainder: Words) -> None:
        self.contradictions += int(remainder.any())

    def _take_slot(self) -> int:
        if not self._free_slots:
            used = len(self._rows)
            grown = min(max(FIRST_SLOTS, used * 2), len(self._pivot) + 1)
            self._rows = np.concatenate([self._rows, np.empty((grown - used, self._rows.shape[1]), dtype=np.uint64)])
            self._values = np.concatenate(
                [self._values, np.empty((grown - used, self._values.shape[1]), dtype=np.uint64)]
            )
            self._free_slots = list(range(grown - 1, used - 1, -1))
        return self._free_slots.pop()
