"""How bits and octets lie in 64-bit words.

A row of bits fills words from the least significant bit on:

    column     0   1   2  ...  63 |  64  65 ... 127 | 128 ...
    word       0                  |   1             |   2
    bit        0   1   2  ...  63 |   0   1 ...  63 |   0 ...

Bits past the last column are excess. They are always zero: every kernel relies on it.

A row of octets fills the same words in the order of memory (octet 0 is the first octet of word 0), with zero octets up to
the next multiple of eight. XOR does not care which end of a word comes first, so nothing is ever swapped.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

Words = NDArray[np.uint64]
"""A C-contiguous array of 64-bit words; the last axis is one row."""


def words_for_bits(columns: int) -> int:
    """How many words hold a row of `columns` bits."""
    return (columns + 63) // 64


def words_for_octets(octets: int) -> int:
    """How many words hold a row of `octets` octets."""
    return (octets + 7) // 8


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


def pack_octets(octets: NDArray[np.uint8]) -> Words:
    """Octets (rows, n) to words (rows, words_for_octets(n)), zero octets behind."""
    rows, n = octets.shape
    words = np.zeros((rows, words_for_octets(n)), dtype=np.uint64)
    words.view(np.uint8)[:, :n] = octets
    return words


def unpack_octets(words: Words, n: int) -> NDArray[np.uint8]:
    """The first `n` octets of each row of words, as a view: no copy is made."""
    return words.view(np.uint8)[:, :n]
