"""Elimination: one equation at a time, exact after each, and many at once."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from fuota.gf2.kernels.matmul import aligned_words, multiply
from fuota.gf2.kernels.vectors import lowest_one, set_line, xor_four_lines, xor_line
from fuota.gf2.layout import LINE_OCTETS, Words
from fuota.jit import inlined, kernel

FREE = 0
"""Nothing is known about this column yet."""
KNOWN = 1
"""The value of this column stands in `values`."""
PIVOT = 2
"""An equation begins with this column, and its value stands in `values`."""


class Basis(NamedTuple):
    """Equations in echelon form over the columns that were unknown when the first equation came.

    Those columns are numbered anew, in their order. The equation that begins with number i is row i of `rows`: it has no one
    before bit i, and its value stands where that of the column will. So memory is needed for the values and one square of bits.
    """

    state: NDArray[np.uint8]
    """(columns,): FREE, KNOWN or PIVOT."""
    unknown: NDArray[np.int32]
    """(numbers,): the column of each number."""
    outside: Words
    """One row of bits: the columns that have no number, known before the first equation."""
    rows: Words
    """(numbers, words), words a multiple of 8"""
    values: NDArray[np.uint8]
    """Flat: the value of column c at octet c * stride, and 64 octets behind the last one."""
    stride: int


@inlined
def copy_octets(target: NDArray[np.uint8], at: int, source: NDArray[np.uint8], count: int) -> None:
    """target[at:] = source, `count` octets. Counted from 0, so that it becomes one copy; numba's own slices do not."""
    into = target[at:]
    for i in range(count):
        into[i] = source[i]


@inlined
def xor_value(basis: Basis, column: int, value: NDArray[np.uint8]) -> None:
    """value ^= that of the column. `value` is padded to whole lines; what lands in the padding has no meaning."""
    at = column * basis.stride
    for i in range(0, basis.stride, LINE_OCTETS):
        xor_line(value, i, basis.values, at + i)


@inlined
def xor_values(basis: Basis, selected: Words, value: NDArray[np.uint8]) -> None:
    """value ^= those of all selected columns, four at a time: one after the other they would wait for each other's store."""
    columns = np.empty(64, np.int64)
    stride = basis.stride
    for w in range(selected.shape[0]):
        word = selected[w]
        count = 0
        while word:
            columns[count] = (w * 64 + lowest_one(word)) * stride
            count += 1
            word &= word - np.uint64(1)
        in_fours = count & ~3
        for i in range(0, stride, LINE_OCTETS):
            for k in range(0, in_fours, 4):
                a, b, c, d = columns[k], columns[k + 1], columns[k + 2], columns[k + 3]
                xor_four_lines(value, i, basis.values, a + i, b + i, c + i, d + i)
            for k in range(in_fours, count):
                xor_line(value, i, basis.values, columns[k] + i)


@inlined
def store_value(basis: Basis, column: int, value: NDArray[np.uint8]) -> None:
    """The value of the column = value"""
    copy_octets(basis.values, column * basis.stride, value, basis.stride)


@inlined
def gather_bits(row: Words, columns: NDArray[np.int32], bits: Words) -> None:
    """Bit i of `bits` = bit columns[i] of `row`; the rest of `bits` is zero."""
    for w in range(bits.shape[0]):
        word = np.uint64(0)
        first = w * 64
        for i in range(min(64, columns.shape[0] - first)):
            column = np.uint32(columns[first + i])
            word |= ((row[column >> np.uint32(6)] >> np.uint64(column & np.uint32(63))) & np.uint64(1)) << np.uint64(i)
        bits[w] = word


@inlined
def insert(basis: Basis, bits: Words, value: NDArray[np.uint8]) -> bool:
    """Reduce an equation over the numbered columns by the others; keep what is left, if anything. Both are overwritten."""
    width = bits.shape[0]
    flat = basis.rows.reshape(-1)
    for w in range(width):
        while bits[w]:
            bit = lowest_one(bits[w])
            number = w * 64 + bit
            column = basis.unknown[number]
            state = basis.state[column]
            if state == FREE:
                basis.rows[number] = bits
                store_value(basis, column, value)
                basis.state[column] = PIVOT
                return True
            xor_value(basis, column, value)
            if state == KNOWN:
                bits[w] ^= np.uint64(1) << np.uint64(bit)
            else:
                for i in range(w & ~7, width, 8):
                    xor_line(bits, i, flat, number * width + i)
    return False


@kernel
def add(  # noqa: PLR0913, PLR0917 - taking the basis apart on our side of the call costs 0.7 µs less than on numba's
    state: NDArray[np.uint8],
    unknown: NDArray[np.int32],
    outside: Words,
    rows: Words,
    values: NDArray[np.uint8],
    row: Words,
    value: NDArray[np.uint8],
    stride: int,
) -> bool:
    """Take an equation over all columns; whether it says anything new. `value`, padded to lines, holds the remainder then."""
    basis = Basis(state, unknown, outside, rows, values, stride)
    xor_values(basis, row & outside, value)
    bits = np.empty(rows.shape[1], np.uint64)
    gather_bits(row, unknown, bits)
    return insert(basis, bits, value)


@kernel
def replace_pivot(basis: Basis, number: int, value: NDArray[np.uint8]) -> bool:
    """The value of a PIVOT column has come by itself: keep it, and what its equation now says; whether that is anything new."""
    column = basis.unknown[number]
    rest = value.copy()
    xor_value(basis, column, rest)
    store_value(basis, column, value)
    basis.state[column] = KNOWN
    bits = basis.rows[number].copy()
    bits[number >> 6] ^= np.uint64(1) << np.uint64(number & 63)
    new = insert(basis, bits, rest)
    value[:] = rest
    return new


@kernel
def back_substitute(basis: Basis) -> None:
    """With no column FREE: find the value of every PIVOT column, from the last to the first."""
    lines = (basis.stride + LINE_OCTETS - 1) // LINE_OCTETS
    value = np.empty(lines * LINE_OCTETS, np.uint8)
    for number in range(basis.unknown.shape[0] - 1, -1, -1):
        column = basis.unknown[number]
        if basis.state[column] != PIVOT:
            continue
        value[:] = np.uint8(0)
        for w in range(number >> 6, basis.rows.shape[1]):
            word = basis.rows[number, w]
            while word:
                xor_value(basis, basis.unknown[w * 64 + lowest_one(word)], value)
                word &= word - np.uint64(1)
        store_value(basis, column, value)
        basis.state[column] = KNOWN


@kernel
def store_free(
    columns: NDArray[np.int64],
    given: NDArray[np.uint8],
    places: NDArray[np.int32],
    state: NDArray[np.uint8],
    values: NDArray[np.uint8],
) -> int:
    """Store given[place] as the value of columns[place], for the places up to the first whose column is not FREE; how many."""
    octets = given.shape[1]
    for i in range(places.shape[0]):
        column = columns[places[i]]
        if state[column] != FREE:
            return i
        state[column] = np.uint8(KNOWN)
        copy_octets(values, column * octets, given[places[i]], octets)
    return int(places.shape[0])


@kernel
def fill_system(
    rows: Words,
    given: NDArray[np.uint8],
    places: NDArray[np.int32],
    unknown: NDArray[np.int32],
    values: NDArray[np.uint8],
    system: Words,
) -> None:
    """A row of `system` for each equation: its bits in the unknown columns, then the XOR of its unknown values.

    rows: (equations, words). given[places[i]]: what equation i XORs to. values: flat, all columns, the unknown ones zero.
    system: (equations, words), zeros; the second part begins at a multiple of 8 words and has whole lines.
    """
    octets = given.shape[1]
    padded = (octets + LINE_OCTETS - 1) // LINE_OCTETS * 8
    first = system.shape[1] - padded
    columns = (values.shape[0] - LINE_OCTETS) // octets
    products = np.empty(rows.shape[0] * octets, np.uint8)
    for r in range(rows.shape[0]):
        copy_octets(products, r * octets, given[places[r]], octets)
    multiply(rows, values, octets, columns, products)
    flat = system.reshape(-1).view(np.uint8)
    for r in range(rows.shape[0]):
        gather_bits(rows[r], unknown, system[r, : (unknown.shape[0] + 63) // 64])
        at = (r * system.shape[1] + first) * 8
        copy_octets(flat, at, products[r * octets :], octets)


@inlined
def swap_rows(system: Words, one: int, two: int, first_word: int) -> None:
    """Exchange two rows from `first_word` on."""
    for w in range(first_word, system.shape[1]):
        kept = system[one, w]
        system[one, w] = system[two, w]
        system[two, w] = kept


@inlined
def xor_rows(flat: Words, target: int, source: int, count: int) -> None:
    """flat[target:] ^= flat[source:], `count` words, in lines."""
    for i in range(0, count, 8):
        xor_line(flat, target + i, flat, source + i)


@inlined
def find_pivots(system: Words, column: int, wide: int) -> int:
    """Bring `wide` rows with ones on the diagonal to rows column, column + 1, ...; how many there are.

    Between them they are reduced to the identity in these columns, other rows only as far as the search needs.
    """
    rows, width = system.shape
    flat = system.reshape(-1)
    word = column >> 6
    line = word & ~7
    for found in range(wide):
        at = column + found
        row = at
        while row < rows:
            for t in range(found):
                if system[row, word] >> np.uint64((column & 63) + t) & np.uint64(1):
                    xor_rows(flat, row * width + line, (column + t) * width + line, width - line)
            if system[row, word] >> np.uint64((column & 63) + found) & np.uint64(1):
                break
            row += 1
        if row == rows:
            return found
        if row != at:
            swap_rows(system, row, at, line)
        for t in range(found):
            if system[column + t, word] >> np.uint64((column & 63) + found) & np.uint64(1):
                xor_rows(flat, (column + t) * width + line, at * width + line, width - line)
    return wide


@kernel
def gauss_jordan(system: Words, columns: int) -> int:
    """Reduce the first `columns` columns of `system` to the identity in its first rows; how many columns that succeeded in.

    `system`: (rows, words), rows >= columns, words a multiple of 8. The method of the four Russians: 2, 4 or 8 pivots at a time,
    all XORs of their rows in a table, and one line of it for every other row.
    """
    rows, width = system.shape
    wide = 2 if columns < 12 else 4 if columns < 150 else 8
    flat = system.reshape(-1)
    table = aligned_words((1 << wide) * width)
    for column in range(0, columns, wide):
        now = min(wide, columns - column)
        word = column >> 6
        line = word & ~7
        found = find_pivots(system, column, now)
        if found < now:
            return column + found
        span = width - line
        table[:span] = np.uint64(0)
        for b in range(now):
            half = 1 << b
            for i in range(half):
                for w in range(0, span, 8):
                    set_line(table, (half + i) * span + w, table, i * span + w, flat, (column + b) * width + line + w)
        mask = np.uint64((1 << now) - 1)
        shift = np.uint64(column & 63)
        for row in range(rows):
            index = np.int64((system[row, word] >> shift) & mask)
            if index and (row < column or row >= column + now):
                for w in range(0, span, 8):
                    xor_line(flat, row * width + line + w, table, index * span + w)
    return columns


@kernel
def take_solution(system: Words, unknown: NDArray[np.int32], values: NDArray[np.uint8], octets: int) -> int:
    """Store what a solved system says of its unknown columns; how many of its spare equations contradict it."""
    flat = system.reshape(-1).view(np.uint8)
    row_octets = system.shape[1] * 8
    first = row_octets - (octets + LINE_OCTETS - 1) // LINE_OCTETS * LINE_OCTETS
    for i in range(unknown.shape[0]):
        copy_octets(values, unknown[i] * octets, flat[i * row_octets + first :], octets)
    contradictions = 0
    for i in range(unknown.shape[0], system.shape[0]):
        rest = flat[i * row_octets + first : i * row_octets + first + octets]
        contradictions += 1 if rest.any() else 0
    return contradictions
