"""The part of the parity matrix that belongs to selected coded fragments."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from fuota.errors import ParameterError
from fuota.fragmentation.limits import MAX_FRAGMENT_NUMBER
from fuota.fragmentation.parity import ParityCode
from fuota.gf2 import Words, pack_bits, unpack_bits
from fuota.rules import integer

CodedFragments = int | Sequence[int] | NDArray[np.int64]
"""The coded fragments that are sent: their number (N = nb_frag + 1 and the following), or the numbers N."""


def coded_numbers(code: ParityCode, coded: CodedFragments) -> NDArray[np.int64]:
    """Return the numbers N of the coded fragments, ascending: int64 (count,).

    Raises ParameterError if a number is not nb_frag + 1 to 16383, or occurs twice.
    """
    if isinstance(coded, (int, np.integer)):
        return code.coded_numbers(int(coded))
    numbers = np.sort(np.asarray(coded, dtype=np.int64).reshape(-1))
    why = f"there are {code.nb_frag} uncoded fragments, and N has 14 bits in TS004 Index&N"
    for number in (numbers[:1], numbers[-1:]):
        if len(number):
            integer("number of a coded fragment", number[0], code.nb_frag + 1, MAX_FRAGMENT_NUMBER, why=why)
    repeated = numbers[1:][numbers[1:] == numbers[:-1]]
    if len(repeated):
        raise ParameterError(
            f"numbers of coded fragments must be different (a repeat carries no information), got {repeated[0]} twice"
        )
    return numbers


def matrix_columns(code: ParityCode, numbers: NDArray[np.int64]) -> Words:
    """Return the columns of the parity matrix: words (nb_frag, words_for_bits(count)).

    Bit k of row i is set if coded fragment numbers[k] contains fragment i + 1.
    """
    return pack_bits(np.ascontiguousarray(unpack_bits(code.rows(numbers), code.nb_frag).T))
