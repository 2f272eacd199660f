"""How bits and octets lie in 64-bit words.

A row of bits fills words from the least significant bit on:

    column     0   1   2  ...  63 |  64  65 ... 127 | 128 ...
    word       0                  |   1             |   2
    bit        0   1   2  ...  63 |   0   1 ...  63 |   0 ...

Bits past the last column are excess. They are always zero: every kernel relies on it.

Values are octets, one behind the other without a gap; the kernels work on 64 of them at once and may read past the end of a
value, so 64 octets of anything lie behind the last one.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

LINE_OCTETS = 64
"""What the kernels work on at once: a line of the cache, one AVX-512 register."""

Words = NDArray[np.uint64]
"""A C-contiguous array of 64-bit words; the last axis is one row."""


def words_for_bits(columns: int) -> int:
    """How many words hold a row of `columns` bits."""
    return (columns + 63) // 64


def pack_bits(bits: NDArray[Any]) -> Words:
    """Bits (rows, columns), any dtype, non-zero is one, to words (rows, words_for_bits(columns))."""
    rows, columns = bits.shape
    padded = np.zeros((rows, words_for_bits(columns) * 64), dtype=np.uint8)
    padded[:, :columns] = bits != 0
    return np.packbits(padded, axis=1, bitorder="little").view("<u8").astype(np.uint64, copy=False)


def unpack_bits(words: Words, columns: int) -> NDArray[np.uint8]:
    """Words (rows, words) to bits (rows, columns) of 0 and 1."""
    octets = np.ascontiguousarray(words).astype("<u8", copy=False).view(np.uint8)
    return np.unpackbits(octets, axis=1, count=columns, bitorder="little")
