"""Which uncoded fragments each coded fragment is made of.

TS004 has three readings of its own matrix, told apart by `version` and `variant`:

    version  variant     seed of coded fragment N   repeated draws
    1        deployed    N - M                      count (the row is lighter)
    2        deployed    N - M                      are drawn again
    2        literal     N                          are drawn again

Version 1 has no second reading. For version 2 every shipped device stack and the main open server implement `deployed`;
the text of TS004-2.0.0 reads `literal` (Lora-net/SWL2001 issue 106, and ERRATA.md here). A mismatch is silent: wrong
octets, no error.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sized
from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np
from numpy.typing import NDArray

from fuota.errors import ParameterError
from fuota.fragmentation.kernels.rows import parity_rows
from fuota.gf2 import Words, unpack_bits, words_for_bits
from fuota.parallel import run_in_parts

MAX_FRAGMENT_NUMBER = 16383
"""N has 14 bits (TS004 §DataFragment, Index&N)."""

Variant = Literal["deployed", "literal"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ParityCode:
    """One reading of the parity matrix for sessions of `nb_frag` uncoded fragments. Raises ParameterError."""

    nb_frag: int
    version: int = 1
    variant: Variant = "deployed"

    def __post_init__(self) -> None:
        check_fragment_count(self.nb_frag)
        if self.version not in (1, 2):
            raise ParameterError(f"version {self.version!r} was given: TS004 has versions 1 and 2")
        if self.variant not in get_args(Variant):
            raise ParameterError(f"variant {self.variant!r} was given: it is 'deployed' or 'literal'")
        if self.version == 1 and self.variant == "literal":
            raise ParameterError(
                "variant 'literal' was given for version 1: only version 2 has it; version 1 is 'deployed'"
            )

    def seeds(self, numbers: NDArray[np.int64]) -> NDArray[np.int64]:
        """What PRBS23 is seeded from for each of the coded fragments `numbers`."""
        return numbers if self.variant == "literal" else numbers - self.nb_frag

    def rows(self, numbers: NDArray[np.int64], *, threads: int | None = None, out: Words | None = None) -> Words:
        """The parity rows of the coded fragments `numbers` (each N > nb_frag), as words (count, words_for_bits(nb_frag)).

        `threads`: how many to work with; None decides by the amount of work. `out`: memory of that shape to write to, for who
        calls again and again. Raises ParameterError for another shape.
        """
        seeds = self.seeds(numbers)
        shape = (len(seeds), words_for_bits(self.nb_frag))
        rows = np.empty(shape, dtype=np.uint64) if out is None else out
        if rows.shape != shape:
            raise ParameterError(f"out of shape {rows.shape} was given: {shape} words are needed")

        def work(first: int, last: int) -> None:
            parity_rows(self.nb_frag, seeds[first:last], self.version == 2, rows[first:last])

        run_in_parts(work, len(seeds), threads=threads, cost_ns=self.nb_frag / 2)
        return rows

    def row_maker(self) -> Callable[[int], Words]:
        """A function from the number N of a coded fragment to its row, words (words_for_bits(nb_frag),).

        It writes the same memory each time: for callers that need one row after the other. `rows` makes many faster.
        """
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
        """The numbers of the first `nb_coded` coded fragments: nb_frag + 1 and on. Raises ParameterError past 16383."""
        if nb_coded < 0 or self.nb_frag + nb_coded > MAX_FRAGMENT_NUMBER:
            raise ParameterError(
                f"{nb_coded} coded fragments were given beside {self.nb_frag} uncoded: N has 14 bits (TS004 Index&N),"
                f" so 0 to {MAX_FRAGMENT_NUMBER - self.nb_frag} are possible"
            )
        return np.arange(self.nb_frag + 1, self.nb_frag + nb_coded + 1, dtype=np.int64)


def parity_matrix(nb_frag: int, nb_coded: int, version: int = 1, variant: Variant = "deployed") -> NDArray[np.uint8]:
    """The parity matrix of TS004: uint8 (nb_coded, nb_frag) of 0 and 1.

    Row k is coded fragment N = nb_frag + 1 + k, column i is uncoded fragment i + 1. Raises ParameterError.
    """
    code = ParityCode(nb_frag=nb_frag, version=version, variant=variant)
    return unpack_bits(code.rows(code.coded_numbers(nb_coded)), nb_frag)


def check_fragment_count(nb_frag: int) -> None:
    """Raise ParameterError unless `nb_frag` is 1 to 16383."""
    if not 1 <= nb_frag <= MAX_FRAGMENT_NUMBER:
        raise ParameterError(
            f"nb_frag {nb_frag} was given: N has 14 bits (TS004 Index&N), so it is 1 to {MAX_FRAGMENT_NUMBER}"
        )


def check_frag_size(frag_size: int) -> None:
    """Raise ParameterError unless `frag_size` is 1 to 255 octets."""
    if not 1 <= frag_size <= 255:
        raise ParameterError(f"frag_size {frag_size} was given: it is one octet of FragSessionSetupReq, so 1 to 255")


def check_padding(padding: int, frag_size: int) -> None:
    """Raise ParameterError unless `padding` is less than one fragment: 0 to `frag_size` - 1 octets."""
    if not 0 <= padding < frag_size:
        raise ParameterError(
            f"padding {padding} was given for fragments of {frag_size} octets: it is less than one fragment,"
            f" so 0 to {frag_size - 1}"
        )


def fragment_error(n: int, payload: Sized, frag_size: int) -> ParameterError:
    """Return the error for a fragment whose number `n`, or else the length of its `payload`, does not fit the session."""
    if not 1 <= n <= MAX_FRAGMENT_NUMBER:
        nearest = min(max(n, 1), MAX_FRAGMENT_NUMBER)
        return ParameterError(f"fragment number must be 1 to {MAX_FRAGMENT_NUMBER}, got {n} (nearest: {nearest})")
    return ParameterError(
        f"the payload of fragment {n} must have {frag_size} bytes in this session, got {len(payload)}"
    )


def coded_count(nb_frag: int, redundancy: float | int) -> int:
    """Coded fragments for a share (float, rounded up) or a count (int) of redundancy. Raises ParameterError."""
    if isinstance(redundancy, bool) or not math.isfinite(redundancy) or redundancy < 0:
        raise ParameterError(f"redundancy {redundancy!r} was given: it is a share (0.3 = 30 %) or a count, 0 or more")
    if isinstance(redundancy, int):
        return redundancy
    if redundancy > MAX_FRAGMENT_NUMBER:
        raise ParameterError(
            f"redundancy {redundancy!r} was given: N has 14 bits (TS004 Index&N), so it is a share of {MAX_FRAGMENT_NUMBER} at"
            f" most; the nearest is {MAX_FRAGMENT_NUMBER}"
        )
    # 0.1 * 30 is 3.0000000000000004 in floating point: that must stay three fragments.
    return math.ceil(round(redundancy * nb_frag, 9))
