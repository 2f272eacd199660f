"""The rank of a bit matrix: all that a simulated device needs to know.

The algorithm processes eight columns at a time (method of the four Russians). In these columns each row has one byte. As many
rows as have independent bytes are taken out as pivots. Every remaining row is then cleared in these columns by two entries of
two small tables: all XORs of the first four pivots, and all XORs of the others. Which entries are needed is computed from the
bytes, not from the rows. Rows consist of lines of 64 bytes, so that a matrix of 512 columns needs one XOR for each row. The bits
are random, and a wrongly predicted branch costs more than an XOR; so, instead of a branch, zero is XORed.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from fuota.gf2.kernels.matmul import aligned_words
from fuota.gf2.kernels.vectors import count_ones, set_line, xor_two_lines
from fuota.gf2.layout import Words
from fuota.jit import inlined, kernel

Number = np.signedinteger[Any]


@inlined
def highest_one(byte: int) -> int:
    """Return the position of the highest set bit in a byte that is not zero."""
    position = 7
    while byte >> position == 0:
        position -= 1
    return position


@inlined
def xor_if(value: Number, condition: Number, mask: Number) -> Number:
    """Return value ^ mask if `condition` is not zero, otherwise value, without a branch."""
    return value ^ (mask & -np.int64(condition != 0))


@inlined
def take_rows(  # noqa: PLR0913, PLR0917 - the matrix, a place in it, and memory for the results
    flat: Words,
    rows: int,
    width: int,
    word: int,
    shift: np.uint64,
    top: int,
    most: int,
    basis: NDArray[np.int64],
    pivot_rows: Words,
) -> int:
    """Take up to `most` rows with independent bytes out of the rows from `top` on. Return their number.

    The taken rows are replaced by the rows from `top` on, so that the remaining rows begin at `top` plus this number. flat: matrix
    of `rows` rows of `width` words. word, shift: place of the byte in a row. pivot_rows: memory for 8 rows, filled with the taken
    rows. basis: (3, 8), filled for each taken row t: basis[0, t] is the XOR of the bytes of the taken rows whose bits are set
    in basis[2, t]; basis[1, t] is its lowest set bit, which no other byte of the basis has.
    """
    line = word & ~7
    span = width - line
    count = 0
    for row in range(top, rows):
        start = row * width
        byte = np.int64((flat[start + word] >> shift) & np.uint64(255))
        members = np.int64(1) << count
        for t in range(count):
            shared = byte & basis[1, t]
            byte = xor_if(byte, shared, basis[0, t])
            members = xor_if(members, shared, basis[2, t])
        if byte == 0:
            continue
        lowest = byte & -byte
        for t in range(count):
            shared = basis[0, t] & lowest
            basis[0, t] = xor_if(basis[0, t], shared, byte)
            basis[2, t] = xor_if(basis[2, t], shared, members)
        basis[0, count], basis[1, count], basis[2, count] = byte, lowest, members
        front = (top + count) * width
        for w in range(line, width):
            pivot_rows[count * span + w - line] = flat[start + w]
            flat[start + w] = flat[front + w]
        count += 1
        if count == most:
            break
    return count


@inlined
def tabulate(pivot_rows: Words, span: int, count: int, table: Words) -> None:
    """Fill two tables of 16 rows of `span` words each from the `count` pivot rows.

    Entry i of the first table is the XOR of the pivot rows whose bits are set in i; entry i of the second, in 16 * i.
    """
    for w in range(span):
        table[w] = np.uint64(0)
        table[16 * span + w] = np.uint64(0)
    for t in range(count):
        base = (t >> 2) * 16 * span
        half = 1 << (t & 3)
        for i in range(half):
            for w in range(0, span, 8):
                set_line(table, base + (half + i) * span + w, table, base + i * span + w, pivot_rows, t * span + w)


@inlined
def choose_rows(basis: NDArray[np.int64], count: int, choice: NDArray[np.int64]) -> int:
    """Fill `choice` (2, 16) with the pivot rows that clear a byte. Return the pivot columns of the basis, as bits.

    The rows for a byte are choice[0, its lower four bits] ^ choice[1, its upper four bits].
    """
    choice[:] = 0
    pivots = 0
    for t in range(count):
        pivot = basis[1, t]
        pivots |= pivot
        upper = pivot >> 4 != 0
        bit = pivot >> 4 if upper else pivot
        for i in range(16):
            choice[np.int64(upper), i] = xor_if(choice[np.int64(upper), i], i & bit, basis[2, t])
    return pivots


@kernel
def rank_at_most(system: Words, columns: Words, enough: int) -> tuple[int, int]:
    """Return the rank of `system`, or `enough` as soon as the rank reaches it, and the last column that is needed for it.

    system: (rows, words), words a multiple of 8; it is overwritten. columns: (words,), columns that may have set bits, as bits.
    If `enough` is the number of rows, then the columns from the left up to the last needed column have the returned rank, and
    the columns before it have a smaller rank. The last needed column is -1 if no column is needed.
    """
    rows, width = system.shape
    flat = system.reshape(-1)
    table = aligned_words(40 * width)
    pivot_rows = table[32 * width :]
    basis = np.empty((3, 8), np.int64)
    choice = np.empty((2, 16), np.int64)
    top, last = 0, -1
    for word in range(width):
        line = word & ~7
        span = width - line
        for strip in range(8):
            shift = np.uint64(8 * strip)
            most = count_ones((columns[word] >> shift) & np.uint64(255))
            if most == 0:
                continue
            count = take_rows(flat, rows, width, word, shift, top, min(most, enough - top), basis, pivot_rows)
            if count == 0:
                continue
            top += count
            last = 64 * word + 8 * strip + highest_one(choose_rows(basis, count, choice))
            if top in (enough, rows):
                return top, last
            tabulate(pivot_rows, span, count, table)
            for row in range(top, rows):
                start = row * width
                byte = np.int64((flat[start + word] >> shift) & np.uint64(255))
                chosen = choice[0, byte & 15] ^ choice[1, byte >> 4]
                first, second = (chosen & 15) * span, (16 + (chosen >> 4)) * span
                for w in range(0, span, 8):
                    xor_two_lines(flat, start + line + w, table, first + w, second + w)
    return top, last
