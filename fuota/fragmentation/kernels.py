"""The hot loop of the parity rows, jitted. Its meaning is written in `naive.py`."""

from __future__ import annotations

import numpy as np
from numba import njit
from numpy.typing import NDArray

from fuota.gf2.layout import Words


@njit(cache=True, nogil=True, error_model="numpy")
def parity_rows(nb_frag: int, seed_numbers: NDArray[np.int64], distinct: bool, rows: Words) -> None:
    """rows[i] = the parity row of seed_numbers[i]; `rows` (count, words_for_bits(nb_frag)) comes in as zeros."""
    fragments = np.uint32(nb_frag)
    modulus = np.uint32(nb_frag + 1) if nb_frag & (nb_frag - 1) == 0 else fragments
    for i in range(seed_numbers.shape[0]):
        row = rows[i]
        state = np.uint32(1 + 1001 * seed_numbers[i])
        draws = 0
        while draws < nb_frag // 2:
            state = (state >> np.uint32(1)) + (((state ^ (state >> np.uint32(5))) & np.uint32(1)) << np.uint32(22))
            drawn = state % modulus
            if drawn >= fragments:
                continue
            word = drawn >> np.uint32(6)
            bit = np.uint64(1) << np.uint64(drawn & np.uint32(63))
            if distinct and row[word] & bit:
                continue
            row[word] |= bit
            draws += 1
