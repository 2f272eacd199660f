"""The product of a bit matrix with a column of values, by the method of the four Russians.

64 columns of the matrix at a time: all XORs of four neighbouring values are tabulated, a line of 64 octets each, and every
row of the matrix then takes 16 lines instead of the 32 that it would on average take one by one. The tables (16 KiB) stay in
the first-level cache. Tables of 8 bits halve the lines but need the second-level cache and are filled 8 times as long; they
won only above some 1,500 rows, and rows come in smaller portions here. Values longer than 64 octets are worked off in strips.

Arlazarov, Dinic, Kronrod, Faradzev 1970; Albrecht, Bard, Hart, "Algorithm 898", ACM TOMS 37 (2010).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from fuota.gf2.kernels.vectors import set_line, xor_lookups
from fuota.gf2.layout import LINE_OCTETS, Words
from fuota.jit import inlined, kernel


@kernel
def aligned_words(count: int) -> Words:
    """`count` words, not initialised, from the beginning of a line of the cache on: straddling lines costs 1.4 times as much."""
    raw = np.empty(count + 8, np.uint64)
    skip = ((64 - (raw.ctypes.data & 63)) & 63) >> 3
    return raw[skip : skip + count]


@inlined
def tabulate(values: NDArray[np.uint8], stride: int, at: int, first: int, count: int, tables: Words) -> None:
    """Fill `tables` for the 64 values from number `first`; the line of value c begins at octet c * stride + at.

    Numbers past the last value are replaced by it: the bits that would select them are zero.
    """
    for t in range(16):
        base = t * 16 * 8
        for w in range(8):
            tables[base + w] = np.uint64(0)
        for b in range(4):
            number = min(first + t * 4 + b, count - 1)
            half = 8 << b
            for i in range(base, base + half, 8):
                set_line(tables, i + half, tables, i, values, number * stride + at)


@kernel
def multiply(matrix: Words, values: NDArray[np.uint8], stride: int, count: int, products: NDArray[np.uint8]) -> None:
    """products[r] ^= XOR of the values that matrix[r] selects.

    matrix: (rows, words), zero past column `count`. values: flat, value c at octet c * stride, 64 octets behind the last one.
    products: flat, row r at octet r * stride, `stride` octets each; it may be another part of the same memory.
    """
    rows = matrix.shape[0]
    tables = aligned_words(16 * 16 * 8)
    strip = aligned_words(rows * 8)
    octets = strip.view(np.uint8)
    for at in range(0, stride, LINE_OCTETS):
        strip[:] = np.uint64(0)
        for w in range(matrix.shape[1]):
            tabulate(values, stride, at, w * 64, count, tables)
            for r in range(rows):
                xor_lookups(strip, r * 8, tables, matrix[r, w])
        wide = min(LINE_OCTETS, stride - at)
        for r in range(rows):
            line = octets[r * LINE_OCTETS : r * LINE_OCTETS + wide]
            to = products[r * stride + at : r * stride + at + wide]
            for i in range(wide):
                to[i] ^= line[i]
