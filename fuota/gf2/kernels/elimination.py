"""Elimination, one equation at a time with the exact rank after each, or many equations at once."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from fuota.gf2.kernels.matmul import aligned_words, multiply
from fuota.gf2.kernels.vectors import lowest_one, set_line, xor_four_lines, xor_line
from fuota.gf2.layout import LINE_BYTES, Words
from fuota.jit import inlined, kernel

FREE = 0
"""State of a column with no value and no equation that begins with it."""
KNOWN = 1
"""State of a column whose value is in `values`."""
PIVOT = 2
"""State of a column that begins an equation. The value of the equation is in `values`, at the place of the column."""


class Basis(NamedTuple):
    """Equations in echelon form over the columns that were unknown when the first equation came.

    These columns are numbered from 0, in their order. The equation that begins with number i is row i of `rows`: its first
    set bit is bit i, and its value is stored in the place where the value of the column will be. So the basis needs memory for the
    values and for one square of bits.
    """

    state: NDArray[np.uint8]
    """(columns,): FREE, KNOWN or PIVOT for each column."""
    unknown: NDArray[np.int32]
    """(numbers,): column of each number."""
    outside: Words
    """One row of bits: the columns without a number, whose values were known before the first equation."""
    rows: Words
    """(numbers, words): the equations; `words` is a multiple of 8."""
    values: NDArray[np.uint8]
    """Flat: the value of column c begins at byte c * stride. At least 64 bytes follow the last value."""
    stride: int
    """Number of bytes of a value."""


@inlined
def copy_bytes(target: NDArray[np.uint8], start: int, source: NDArray[np.uint8], count: int) -> None:
    """Copy `count` bytes of `source` to target[start:].

    The loop counts from 0, so that it is compiled to one copy; an assignment of slices is not.
    """
    destination = target[start:]
    for i in range(count):
        destination[i] = source[i]


@inlined
def xor_value(basis: Basis, column: int, value: NDArray[np.uint8]) -> None:
    """XOR the value of `column` to `value`, which is padded to whole lines. The content of the padding has no meaning."""
    start = column * basis.stride
    for i in range(0, basis.stride, LINE_BYTES):
        xor_line(value, i, basis.values, start + i)


@inlined
def xor_values(basis: Basis, selected: Words, value: NDArray[np.uint8]) -> None:
    """XOR the values of all selected columns to `value`.

    The columns are processed four at a time: single columns would wait for each other's store.
    """
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
        for i in range(0, stride, LINE_BYTES):
            for k in range(0, in_fours, 4):
                a, b, c, d = columns[k], columns[k + 1], columns[k + 2], columns[k + 3]
                xor_four_lines(value, i, basis.values, a + i, b + i, c + i, d + i)
            for k in range(in_fours, count):
                xor_line(value, i, basis.values, columns[k] + i)


@inlined
def store_value(basis: Basis, column: int, value: NDArray[np.uint8]) -> None:
    """Store `value` as the value of `column`."""
    copy_bytes(basis.values, column * basis.stride, value, basis.stride)


@inlined
def gather_bits(row: Words, columns: NDArray[np.int32], bits: Words) -> None:
    """Set bit i of `bits` to bit columns[i] of `row`, and all further bits to zero."""
    for w in range(bits.shape[0]):
        word = np.uint64(0)
        first = w * 64
        for i in range(min(64, columns.shape[0] - first)):
            column = np.uint32(columns[first + i])
            word |= ((row[column >> np.uint32(6)] >> np.uint64(column & np.uint32(63))) & np.uint64(1)) << np.uint64(i)
        bits[w] = word


@inlined
def insert(basis: Basis, bits: Words, value: NDArray[np.uint8]) -> bool:
    """Reduce an equation by the equations of the basis, and keep it if it is new. Return whether it was new.

    bits: the numbered columns of the equation. value: its value. Both are overwritten by what remains of the equation.
    """
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
def add_equation(  # noqa: PLR0913, PLR0917 - single arguments: numba needs 0.7 µs more to take a Basis apart
    state: NDArray[np.uint8],
    unknown: NDArray[np.int32],
    outside: Words,
    rows: Words,
    values: NDArray[np.uint8],
    row: Words,
    value: NDArray[np.uint8],
    stride: int,
) -> bool:
    """Add an equation over all columns. Return whether it was new.

    state, unknown, outside, rows, values, stride: the fields of the Basis. row: the columns of the equation. value: its value,
    padded to whole lines; afterwards the remainder of the equation.
    """
    basis = Basis(state, unknown, outside, rows, values, stride)
    xor_values(basis, row & outside, value)
    bits = np.empty(rows.shape[1], np.uint64)
    gather_bits(row, unknown, bits)
    return insert(basis, bits, value)


@kernel
def replace_pivot(basis: Basis, number: int, value: NDArray[np.uint8]) -> bool:
    """Store the value of a PIVOT column, and insert its equation without that column. Return whether that equation was new.

    number: number of the column. value: its value, padded to whole lines; afterwards the remainder of the equation.
    """
    column = basis.unknown[number]
    remainder = value.copy()
    xor_value(basis, column, remainder)
    store_value(basis, column, value)
    basis.state[column] = KNOWN
    bits = basis.rows[number].copy()
    bits[number >> 6] ^= np.uint64(1) << np.uint64(number & 63)
    new = insert(basis, bits, remainder)
    value[:] = remainder
    return new


@kernel
def back_substitute(basis: Basis) -> None:
    """Compute the value of every PIVOT column, from the last to the first. No column may be FREE."""
    lines = (basis.stride + LINE_BYTES - 1) // LINE_BYTES
    value = np.empty(lines * LINE_BYTES, np.uint8)
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
    inputs: NDArray[np.uint8],
    places: NDArray[np.int32],
    state: NDArray[np.uint8],
    values: NDArray[np.uint8],
) -> int:
    """Store inputs[place] as the value of columns[place], up to the first place whose column is not FREE.

    Return the number of places that were stored.
    """
    value_bytes = inputs.shape[1]
    for i in range(places.shape[0]):
        column = columns[places[i]]
        if state[column] != FREE:
            return i
        state[column] = np.uint8(KNOWN)
        copy_bytes(values, column * value_bytes, inputs[places[i]], value_bytes)
    return int(places.shape[0])


@kernel
def fill_system(
    rows: Words,
    inputs: NDArray[np.uint8],
    places: NDArray[np.int32],
    unknown: NDArray[np.int32],
    values: NDArray[np.uint8],
    system: Words,
) -> None:
    """Fill a row of `system` for each equation: its bits in the unknown columns, then the XOR of its unknown values.

    rows: (equations, words). inputs[places[i]]: value of equation i. values: flat, of all columns, zero for unknown columns.
    system: (equations, words), zeros; its second part begins at a multiple of 8 words and consists of whole lines.
    """
    value_bytes = inputs.shape[1]
    padded = (value_bytes + LINE_BYTES - 1) // LINE_BYTES * 8
    first = system.shape[1] - padded
    columns = (values.shape[0] - LINE_BYTES) // value_bytes
    products = np.empty(rows.shape[0] * value_bytes, np.uint8)
    for r in range(rows.shape[0]):
        copy_bytes(products, r * value_bytes, inputs[places[r]], value_bytes)
    multiply(rows, values, value_bytes, columns, products)
    flat = system.reshape(-1).view(np.uint8)
    for r in range(rows.shape[0]):
        gather_bits(rows[r], unknown, system[r, : (unknown.shape[0] + 63) // 64])
        start = (r * system.shape[1] + first) * 8
        copy_bytes(flat, start, products[r * value_bytes :], value_bytes)


@inlined
def swap_rows(system: Words, a: int, b: int, first_word: int) -> None:
    """Exchange the rows `a` and `b` from word `first_word` on."""
    for w in range(first_word, system.shape[1]):
        saved = system[a, w]
        system[a, w] = system[b, w]
        system[b, w] = saved


@inlined
def xor_rows(flat: Words, target: int, source: int, count: int) -> None:
    """XOR `count` words of flat[source:] to flat[target:], in whole lines."""
    for i in range(0, count, 8):
        xor_line(flat, target + i, flat, source + i)


@inlined
def find_pivots(system: Words, column: int, wide: int) -> int:
    """Move rows whose diagonal bits are set to rows column, column + 1, ..., `wide` rows if possible. Return their number.

    These rows are reduced to the identity in the columns; other rows are reduced only as far as the search needs.
    """
    rows, width = system.shape
    flat = system.reshape(-1)
    word = column >> 6
    line = word & ~7
    for done in range(wide):
        place = column + done
        row = place
        while row < rows:
            for t in range(done):
                if system[row, word] >> np.uint64((column & 63) + t) & np.uint64(1):
                    xor_rows(flat, row * width + line, (column + t) * width + line, width - line)
            if system[row, word] >> np.uint64((column & 63) + done) & np.uint64(1):
                break
            row += 1
        if row == rows:
            return done
        if row != place:
            swap_rows(system, row, place, line)
        for t in range(done):
            if system[column + t, word] >> np.uint64((column & 63) + done) & np.uint64(1):
                xor_rows(flat, (column + t) * width + line, place * width + line, width - line)
    return wide


@kernel
def gauss_jordan(system: Words, columns: int) -> int:
    """Reduce the first `columns` columns of `system` to the identity in its first rows. Return the number of reduced columns.

    system: (rows, words), rows >= columns, words a multiple of 8. Method of the four Russians: 2, 4 or 8 pivots at a time, a
    table of all XORs of their rows, and one entry of the table for every other row.
    """
    rows, width = system.shape
    wide = 2 if columns < 12 else 4 if columns < 150 else 8
    flat = system.reshape(-1)
    table = aligned_words((1 << wide) * width)
    for column in range(0, columns, wide):
        now = min(wide, columns - column)
        word = column >> 6
        line = word & ~7
        pivots = find_pivots(system, column, now)
        if pivots < now:
            return column + pivots
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
def take_solution(system: Words, unknown: NDArray[np.int32], values: NDArray[np.uint8], value_bytes: int) -> int:
    """Store the values of the unknown columns of a solved system. Return how many of its spare equations contradict it."""
    flat = system.reshape(-1).view(np.uint8)
    row_bytes = system.shape[1] * 8
    first = row_bytes - (value_bytes + LINE_BYTES - 1) // LINE_BYTES * LINE_BYTES
    for i in range(unknown.shape[0]):
        copy_bytes(values, unknown[i] * value_bytes, flat[i * row_bytes + first :], value_bytes)
    contradictions = 0
    for i in range(unknown.shape[0], system.shape[0]):
        remainder = flat[i * row_bytes + first : i * row_bytes + first + value_bytes]
        contradictions += 1 if remainder.any() else 0
    return contradictions
