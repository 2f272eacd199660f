"""Whether rows of bits are independent: the only question that a simulated device asks.

Eight columns at a time: as many pivot rows as these columns have are found and freed of each other's pivots, and every row below
loses all of them by two lines of two small tables (all XORs of the pivots of each half: the method of the four Russians). Rows
are lines of 64 octets, so that a matrix of 512 columns takes one XOR a row.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from fuota.gf2.kernels import inlined, kernel
from fuota.gf2.kernels.matmul import aligned_words
from fuota.gf2.kernels.vectors import count_ones, set_line, xor_line, xor_two_lines
from fuota.gf2.layout import Words


@inlined
def swap_lines(flat: Words, one: int, two: int, words: int) -> None:
    """Exchange `words` words from `one` with those from `two`."""
    for w in range(words):
        kept = flat[one + w]
        flat[one + w] = flat[two + w]
        flat[two + w] = kept


@inlined
def xor_span(flat: Words, target: int, source: int, words: int) -> None:
    """flat[target:] ^= flat[source:], `words` words, in lines."""
    for w in range(0, words, 8):
        xor_line(flat, target + w, flat, source + w)


@inlined
def strip_pivots(  # noqa: PLR0913, PLR0917 - a matrix, where in it, and where to keep what is found
    flat: Words,
    rows: int,
    width: int,
    word: int,
    shift: np.uint64,
    top: int,
    most: int,
    octets: NDArray[np.int64],
    pivots: NDArray[np.int64],
) -> int:
    """Bring rows with pivots among eight columns to `top` on, free of each other's; how many, `most` at most.

    octets[t]: what row top + t has in these columns, pivots[t]: its one that no other of them has.
    """
    line = word & ~7
    span = width - line
    found = 0
    for row in range(top, rows):
        at = row * width
        octet = np.int64((flat[at + word] >> shift) & np.uint64(255))
        for t in range(found):
            if octet & pivots[t]:
                octet ^= octets[t]
                xor_span(flat, at + line, (top + t) * width + line, span)
        if octet == 0:
            continue
        new = (top + found) * width
        if new != at:
            swap_lines(flat, at + line, new + line, span)
        pivot = octet & -octet
        for t in range(found):
            if octets[t] & pivot:
                octets[t] ^= octet
                xor_span(flat, (top + t) * width + line, new + line, span)
        octets[found] = octet
        pivots[found] = pivot
        found += 1
        if found == most:
            break
    return found


@inlined
def tabulate_pivots(  # noqa: PLR0913, PLR0917
    flat: Words, width: int, line: int, top: int, pivots: NDArray[np.int64], found: int, table: Words
) -> None:
    """Fill two tables of 16 rows each: entry i of the first is the XOR of the pivot rows of the columns in i, of the lower four;
    the second is for the upper four. Entries of columns without a pivot are not filled.
    """
    span = width - line
    for w in range(span):
        table[w] = np.uint64(0)
        table[16 * span + w] = np.uint64(0)
    for half in range(2):
        base = half * 16
        seen = 0
        for t in range(found):
            bit = (pivots[t] >> (4 * half)) & 15
            if bit == 0:
                continue
            for i in range(16):
                if i & ~seen == 0:
                    for w in range(0, span, 8):
                        at = (base + (i | bit)) * span + w
                        set_line(table, at, table, (base + i) * span + w, flat, (top + t) * width + line + w)
            seen |= bit


@kernel
def rank_at_most(system: Words, columns: Words, enough: int) -> int:
    """The rank of `system` (rows, words), or `enough` once it is that; the rows are overwritten.

    words is a multiple of 8; columns (words,): which columns may have ones.
    """
    rows, width = system.shape
    flat = system.reshape(-1)
    table = aligned_words(32 * width)
    octets = np.empty(8, np.int64)
    pivots = np.empty(8, np.int64)
    top = 0
    for word in range(width):
        line = word & ~7
        span = width - line
        for strip in range(8):
            shift = np.uint64(8 * strip)
            most = count_ones((columns[word] >> shift) & np.uint64(255))
            if most == 0:
                continue
            found = strip_pivots(flat, rows, width, word, shift, top, min(most, enough - top), octets, pivots)
            if top + found == enough or top + found == rows:
                return top + found
            if found == 0:
                continue
            tabulate_pivots(flat, width, line, top, pivots, found, table)
            mask = 0
            for t in range(found):
                mask |= pivots[t]
            top += found
            for row in range(top, rows):
                at = row * width
                octet = np.int64((flat[at + word] >> shift) & np.uint64(255)) & mask
                low = (octet & 15) * span
                high = (16 + (octet >> 4)) * span
                for w in range(0, span, 8):
                    xor_two_lines(flat, at + line + w, table, low + w, high + w)
    return top
