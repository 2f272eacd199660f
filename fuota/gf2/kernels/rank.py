"""Whether rows of bits are independent: the only question that a simulated device asks.

Eight columns at a time: as many rows as these columns have independent octets are taken out, and every row left loses what it
has there by two lines of two small tables, all XORs of the first four of the rows taken and of the others (the method of the
four Russians). Which of them it takes is worked out among octets, not among rows. Rows are lines of 64 octets, so that a matrix
of 512 columns takes one XOR a row. Bits are as by the toss of a coin, and a branch that must guess them costs more than an XOR:
what is not wanted is XORed as zero.
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
def highest_one(octet: int) -> int:
    """The position of the highest one of eight bits that are not all zero."""
    at = 7
    while octet >> at == 0:
        at -= 1
    return at


@inlined
def xor_of_wanted(value: Number, wanted: Number, mask: Number) -> Number:
    """value ^ mask where `wanted` is not zero, without a branch."""
    return value ^ (mask & -np.int64(wanted != 0))


@inlined
def take_rows(  # noqa: PLR0913, PLR0917 - a matrix, where in it, and where to keep what is found
    flat: Words,
    rows: int,
    width: int,
    word: int,
    shift: np.uint64,
    top: int,
    most: int,
    basis: NDArray[np.int64],
    taken: Words,
) -> int:
    """Take rows with independent octets out of those from `top` on, `most` at most; how many. The others close up behind them.

    taken (8 rows): they. basis (3, 8): octet t is what the rows taken of bits basis[2, t] XOR to; it has a one in basis[1, t], its
    lowest one, which no other octet of the basis has.
    """
    line = word & ~7
    span = width - line
    found = 0
    for row in range(top, rows):
        at = row * width
        octet = np.int64((flat[at + word] >> shift) & np.uint64(255))
        of = np.int64(1) << found
        for t in range(found):
            wanted = octet & basis[1, t]
            octet = xor_of_wanted(octet, wanted, basis[0, t])
            of = xor_of_wanted(of, wanted, basis[2, t])
        if octet == 0:
            continue
        lowest = octet & -octet
        for t in range(found):
            wanted = basis[0, t] & lowest
            basis[0, t] = xor_of_wanted(basis[0, t], wanted, octet)
            basis[2, t] = xor_of_wanted(basis[2, t], wanted, of)
        basis[0, found], basis[1, found], basis[2, found] = octet, lowest, of
        into = (top + found) * width
        for w in range(line, width):
            taken[found * span + w - line] = flat[at + w]
            flat[at + w] = flat[into + w]
        found += 1
        if found == most:
            break
    return found


@inlined
def tabulate(taken: Words, span: int, found: int, table: Words) -> None:
    """Fill two tables of 16 rows: entry i of the first is the XOR of the rows taken of bits i, of the second of bits 16 * i."""
    for w in range(span):
        table[w] = np.uint64(0)
        table[16 * span + w] = np.uint64(0)
    for t in range(found):
        base = (t >> 2) * 16 * span
        half = 1 << (t & 3)
        for i in range(half):
            for w in range(0, span, 8):
                set_line(table, base + (half + i) * span + w, table, base + i * span + w, taken, t * span + w)


@inlined
def choose_rows(basis: NDArray[np.int64], found: int, choice: NDArray[np.int64]) -> int:
    """choice (2, 16): which rows taken clear an octet: choice[0, its lower four bits] ^ choice[1, its upper four].

    The columns that the basis has its own ones in.
    """
    choice[:] = 0
    pivots = 0
    for t in range(found):
        pivot = basis[1, t]
        pivots |= pivot
        upper = pivot >> 4 != 0
        bit = pivot >> 4 if upper else pivot
        for i in range(16):
            choice[np.int64(upper), i] = xor_of_wanted(choice[np.int64(upper), i], i & bit, basis[2, t])
    return pivots


@kernel
def rank_at_most(system: Words, columns: Words, enough: int) -> tuple[int, int]:
    """The rank of `system` (rows, words), or `enough` once it is that, and the last column needed; the rows are overwritten.

    words is a multiple of 8; columns (words,): which columns may have ones. Taken from the left, the columns up to the last one
    needed have the rank that is told, those before it a smaller one: where `enough` is the number of rows. -1: none is needed.
    """
    rows, width = system.shape
    flat = system.reshape(-1)
    table = aligned_words(40 * width)
    taken = table[32 * width :]
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
            found = take_rows(flat, rows, width, word, shift, top, min(most, enough - top), basis, taken)
            if found == 0:
                continue
            top += found
            last = 64 * word + 8 * strip + highest_one(choose_rows(basis, found, choice))
            if top in (enough, rows):
                return top, last
            tabulate(taken, span, found, table)
            for row in range(top, rows):
                at = row * width
                octet = np.int64((flat[at + word] >> shift) & np.uint64(255))
                chosen = choice[0, octet & 15] ^ choice[1, octet >> 4]
                one, two = (chosen & 15) * span, (16 + (chosen >> 4)) * span
                for w in range(0, span, 8):
                    xor_two_lines(flat, at + line + w, table, one + w, two + w)
    return top, last
