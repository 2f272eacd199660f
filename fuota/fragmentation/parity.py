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

import math
from collections.abc import Callable, Sized
from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np
from numpy.typing import NDArray

from fuota.calls import checked_call
from fuota.errors import ParameterError
from fuota.gf2 import Words, unpack_bits, words_for_bits
from fuota.parallel import run_in_parts
from fuota.rules import integer, one_of, real, refuse

MAX_FRAGMENT_NUMBER = 16383
"""Largest fragment number N, which has 14 bits (TS004 §DataFragment, Index&N)."""
_WHY_MAX = "N has 14 bits in TS004 Index&N"

Variant = Literal["deployed", "literal"]


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
        one_of("version", self.version, (1, 2))
        one_of("variant", self.variant, get_args(Variant))
        if self.version == 1 and self.variant == "literal":
            refuse("variant", "'deployed' for version 1", self.variant, why="only version 2 has 'literal'")

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
        why = f"{_WHY_MAX}, and {self.nb_frag} fragments are uncoded"
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


def check_fragment_count(nb_frag: int) -> None:
    """Raise ParameterError unless `nb_frag` is 1 to 16383."""
    integer("nb_frag", nb_frag, 1, MAX_FRAGMENT_NUMBER, why=_WHY_MAX)


def check_frag_size(frag_size: int) -> None:
    """Raise ParameterError unless `frag_size` is 1 to 255 bytes."""
    integer("frag_size", frag_size, 1, 255, why="one byte of FragSessionSetupReq")


def check_padding(padding: int, frag_size: int) -> None:
    """Raise ParameterError unless `padding` is less than one fragment: 0 to `frag_size` - 1 bytes."""
    integer("padding", padding, 0, frag_size - 1, why="less than one fragment")


def fragment_error(n: int, payload: Sized, frag_size: int) -> ParameterError:
    """Return the error for a fragment whose number `n`, or else the length of its `payload`, does not fit the session."""
    if not 1 <= n <= MAX_FRAGMENT_NUMBER:
        nearest = min(max(n, 1), MAX_FRAGMENT_NUMBER)
        return ParameterError(
            f"fragment number must be 1 to {MAX_FRAGMENT_NUMBER} ({_WHY_MAX}), got {n} (nearest: {nearest})"
        )
    return ParameterError(
        f"the payload of fragment {n} must have {frag_size} bytes in this session, got {len(payload)}"
    )


def coded_count(nb_frag: int, redundancy: float | int) -> int:
    """Return the number of coded fragments for a redundancy.

    nb_frag: number of uncoded fragments. redundancy: a float is a share of them (0.3 = 30 %), rounded up, at most 16383; an int
    is the number of coded fragments. Raises ParameterError if `redundancy` is negative or not finite.
    """
    if isinstance(redundancy, (int, np.integer)) and not isinstance(redundancy, bool):
        return integer("redundancy", redundancy, 0, why="a count of coded fragments")
    share = real("redundancy", redundancy, 0, MAX_FRAGMENT_NUMBER)
    # The product of 0.1 and 30 is 3.0000000000000004 in floating point, and must remain 3 fragments.
    return math.ceil(round(share * nb_frag, 9))
