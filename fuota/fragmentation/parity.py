"""The parity matrix of TS004: which uncoded fragments each coded fragment is made of.

There are three readings of the matrix, selected by `version` and `variant`:

    version  variant     seed of coded fragment N   repeated draws
    1        deployed    N - M                      count (the row is lighter)
    2        deployed    N - M                      are drawn again
    2        literal     N                          are drawn again

Version 1 has no second reading. For version 2, all device stacks on the market and the main open server implement `deployed`;
the text of TS004-2.0.0 describes `literal` (Lora-net/SWL2001 issue 106, and ERRATA.md of this project). A mismatch is silent: the
decoder returns wrong bytes without an error.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from fuota.calls import checked_call
from fuota.errors import ParameterError
from fuota.fragmentation.limits import MAX_FRAGMENT_NUMBER, WHY_MAX, Variant, check_fragment_count, check_variant
from fuota.gf2 import Words, unpack_bits, words_for_bits
from fuota.parallel import run_in_parts
from fuota.rules import integer


@dataclass(frozen=True, slots=True, kw_only=True)
class ParityCode:
    """A reading of the parity matrix, for sessions of `nb_frag` uncoded fragments.

    nb_frag: 1 to 16383. version: TS004 version, 1 or 2. variant: "deployed", or "literal" for version 2. Raises ParameterError
    for other values.
    """

    nb_frag: int
    version: int = 1
    variant: Variant = "deployed"

    def __post_init__(self) -> None:
        check_fragment_count(self.nb_frag)
        check_variant(self.version, self.variant)

    def seeds(self, numbers: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return the seeds of PRBS23 for the coded fragments with these numbers N."""
        return numbers if self.variant == "literal" else numbers - self.nb_frag

    def rows(self, numbers: NDArray[np.int64], *, threads: int | None = None, out: Words | None = None) -> Words:
        """Return the parity rows of coded fragments: words (count, words_for_bits(nb_frag)).

        numbers: numbers N of the coded fragments, each larger than nb_frag. threads: number of threads; None chooses it from the
        amount of work. out: array of that shape to write to, for repeated calls. Raises ParameterError if `out` has another shape.
        """
        from fuota.fragmentation.kernels.rows import parity_rows  # imports numba

        seeds = self.seeds(numbers)
        shape = (len(seeds), words_for_bits(self.nb_frag))
        rows = np.empty(shape, dtype=np.uint64) if out is None else out
        if rows.shape != shape:
            raise ParameterError(f"out must have the shape {shape}, got {rows.shape}")

        def work(first: int, last: int) -> None:
            parity_rows(self.nb_frag, seeds[first:last], self.version == 2, rows[first:last])

        run_in_parts(work, len(seeds), threads=threads, cost_ns=self.nb_frag / 2)
        return rows

    def row_function(self) -> Callable[[int], Words]:
        """Return a function from the number N of a coded fragment to its parity row, words (words_for_bits(nb_frag),).

        The function writes to the same memory in every call; it is for callers that need one row at a time. `rows` is faster
        for many rows.
        """
        from fuota.fragmentation.kernels.rows import parity_rows  # imports numba

        nb_frag, distinct = self.nb_frag, self.version == 2
        offset = 0 if self.variant == "literal" else nb_frag
        seeds = np.empty(1, dtype=np.int64)
        rows = np.empty((1, words_for_bits(nb_frag)), dtype=np.uint64)
        row: Words = rows[0]

        def row_of(n: int) -> Words:
            seeds[0] = n - offset
            parity_rows(nb_frag, seeds, distinct, rows)
            return row

        return row_of

    def coded_numbers(self, nb_coded: int) -> NDArray[np.int64]:
        """Return the numbers of the first `nb_coded` coded fragments: nb_frag + 1 and the following numbers.

        Raises ParameterError if a number is above 16383.
        """
        why = f"{WHY_MAX}, and {self.nb_frag} fragments are uncoded"
        integer("nb_coded", nb_coded, 0, MAX_FRAGMENT_NUMBER - self.nb_frag, why=why)
        return np.arange(self.nb_frag + 1, self.nb_frag + nb_coded + 1, dtype=np.int64)


@checked_call
def parity_matrix(nb_frag: int, nb_coded: int, version: int = 1, variant: Variant = "deployed") -> NDArray[np.uint8]:
    """Return the parity matrix of TS004: uint8 (nb_coded, nb_frag) of 0 and 1.

    Row k is coded fragment N = nb_frag + 1 + k, column i is uncoded fragment i + 1.

    nb_frag: number of uncoded fragments, from 1. nb_coded: number of coded fragments, from 0; together at most 16383.
    version: TS004 version, 1 or 2. variant: reading of the matrix, "deployed", or "literal" for version 2.
    Raises ParameterError for other values.
    """
    code = ParityCode(nb_frag=nb_frag, version=version, variant=variant)
    return unpack_bits(code.rows(code.coded_numbers(nb_coded)), nb_frag)
