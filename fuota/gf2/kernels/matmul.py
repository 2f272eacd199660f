"""The product of a bit matrix with a column of values, by the method of the four Russians.

64 columns of the matrix are processed at a time. Tables hold all XORs of four neighbouring values, 64 bytes of each value; every
row of the matrix then takes 16 lines of the tables, instead of the 32 values that it would take on average one by one. The
tables (16 KiB) stay in the first-level cache. Tables of 8 bits would halve the number of lines, but they need the second-level
cache and take 8 times as long to fill; they were faster only above some 1,500 rows, and here the rows come in smaller portions.
Values longer than 64 bytes are processed in strips.

Arlazarov, Dinic, Kronrod, Faradzev 1970; Albrecht, Bard, Hart, "Algorithm 898", ACM TOMS 37 (2010).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from fuota.gf2.kernels.vectors import set_line, xor_lookups
from fuota.gf2.layout import LINE_BYTES, Words
from fuota.jit import inlined, kernel


@kernel
def aligned_words(count: int) -> Words:
    """Return `count` words that are not initialised and begin at the start of a cache line.

    Lines that straddle two cache lines take 1.4 times as long.
    """
    raw = np.empty(count + 8, np.uint64)
    skip = ((64 - (raw.ctypes.data & 63)) & 63) >> 3
    return raw[skip : skip + count]


@inlined
def tabulate(values: NDArray[np.uint8], stride: int, offset: int, first: int, count: int, tables: Words) -> None:
    """Fill `tables` for the 64 values from number `first`. The line of value c begins at byte c * stride + offset.

    Numbers past the last value (number `count` - 1) are replaced by it: the bits that would select them are zero.
    """
    for t in range(16):
        base = t * 16 * 8
        for w in range(8):
            tables[base + w] = np.uint64(0)
        for b in range(4):
            number = min(first + t * 4 + b, count - 1)
            half = 8 << b
            for i in range(base, base + half, 8):
                set_line(tables, i + half, tables, i, values, number * stride + offset)


@kernel
def multiply(matrix: Words, values: NDArray[np.uint8], stride: int, count: int, products: NDArray[np.uint8]) -> None:
    """XOR the values that matrix[r] selects to products[r], for every row r.

    matrix: (rows, words), zero from column `count` on. values: flat, value c begins at byte c * stride; at least 64 bytes follow
    the last value. products: flat, product r begins at byte r * stride and has `stride` bytes. It may be another part of the
    same memory.
    """
    rows = matrix.shape[0]
    tables = aligned_words(16 * 16 * 8)
    strip = aligned_words(rows * 8)
    strip_bytes = strip.view(np.uint8)
    for offset in range(0, stride, LINE_BYTES):
        strip[:] = np.uint64(0)
        for w in range(matrix.shape[1]):
            tabulate(values, stride, offset, w * 64, count, tables)
            for r in range(rows):
                xor_lookups(strip, r * 8, tables, matrix[r, w])
        wide = min(LINE_BYTES, stride - offset)
        for r in range(rows):
            line = strip_bytes[r * LINE_BYTES : r * LINE_BYTES + wide]
            product = products[r * stride + offset : r * stride + offset + wide]
            for i in range(wide):
                product[i] ^= line[i]
