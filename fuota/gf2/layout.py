"""Layout of bits and values in memory.

A row of bits fills 64-bit words from the least significant bit on:

    column     0   1   2  ...  63 |  64  65 ... 127 | 128 ...
    word       0                  |   1             |   2
    bit        0   1   2  ...  63 |   0   1 ...  63 |   0 ...

Excess bits, which lie past the last column, are always zero. Every kernel relies on this.

Values are byte strings of one length, stored one behind the other without gaps. The kernels process 64 bytes at once and may
read past the end of a value, so at least 64 bytes of any content must follow the last value.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

LINE_BYTES = 64
"""Number of bytes that the kernels process at once: one line of the cache, one AVX-512 register."""

Words = NDArray[np.uint64]
"""A C-contiguous array of 64-bit words; the last axis is one row."""


def words_for_bits(columns: int) -> int:
    """Return the number of words that hold a row of `columns` bits."""
    return (columns + 63) // 64


def pack_bits(bits: NDArray[Any]) -> Words:
    """Return `bits` as words.

    bits: array (rows, columns) of any dtype; an element that is not zero sets a bit. Returns words
    (rows, words_for_bits(columns)).
    """
    rows, columns = bits.shape
    padded = np.zeros((rows, words_for_bits(columns) * 64), dtype=np.uint8)
    padded[:, :columns] = bits != 0
    return np.packbits(padded, axis=1, bitorder="little").view("<u8").astype(np.uint64, copy=False)


def unpack_bits(words: Words, columns: int) -> NDArray[np.uint8]:
    """Return `words` (rows, words_for_bits(columns)) as bits: uint8 (rows, columns) of 0 and 1."""
    row_bytes = np.ascontiguousarray(words).astype("<u8", copy=False).view(np.uint8)
    return np.unpackbits(row_bytes, axis=1, count=columns, bitorder="little")
