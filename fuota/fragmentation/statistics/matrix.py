"""The part of the parity matrix that a choice of coded fragments makes, by rows and by columns."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from fuota.errors import ParameterError
from fuota.fragmentation.parity import MAX_FRAGMENT_NUMBER, ParityCode
from fuota.gf2 import Words, pack_bits, unpack_bits

CodedFragments = int | Sequence[int] | NDArray[np.int64]
"""Which coded fragments are sent: a count (N = nb_frag + 1 and on), or their numbers N."""


def coded_numbers(code: ParityCode, coded: CodedFragments) -> NDArray[np.int64]:
    """int64 (count,): the numbers N of the coded fragments, ascending. Raises ParameterError."""
    if isinstance(coded, (int, np.integer)):
        return code.coded_numbers(int(coded))
    numbers = np.sort(np.asarray(coded, dtype=np.int64).reshape(-1))
    if len(numbers) and (numbers[0] <= code.nb_frag or numbers[-1] > MAX_FRAGMENT_NUMBER):
        wrong = numbers[0] if numbers[0] <= code.nb_frag else numbers[-1]
        raise ParameterError(
            f"coded fragment {wrong} was given: beside {code.nb_frag} uncoded ones N is {code.nb_frag + 1} to"
            f" {MAX_FRAGMENT_NUMBER} (TS004 Index&N has 14 bits)"
        )
    repeated = numbers[1:][numbers[1:] == numbers[:-1]]
    if len(repeated):
        raise ParameterError(f"coded fragment {repeated[0]} was given twice: a repeat carries nothing; give each once")
    return numbers


def matrix_columns(code: ParityCode, numbers: NDArray[np.int64]) -> Words:
    """The matrix on its side: words (nb_frag, words_for_bits(count)), bit k of row i: numbers[k] contains fragment i + 1."""
    return pack_bits(np.ascontiguousarray(unpack_bits(code.rows(numbers), code.nb_frag).T))
