"""The hot loops over GF(2), jitted. Their meaning is written in `naive.py`; the layout of words in `layout.py`."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numba import njit
from numpy.typing import NDArray

from fuota.gf2.layout import Words

FREE = -1
"""Nothing is known about this column yet."""
KNOWN = -2
"""The value of this column stands in `known`."""


class Basis(NamedTuple):
    """Equations in echelon form over `columns` unknown values, and what is known of them.

    The row in a slot has its first one at the column that names the slot, and no one before it.
    """

    pivot: NDArray[np.int32]
    """(columns,): FREE, KNOWN, or the slot whose row begins in this column."""
    known: Words
    """(columns, value words): the values found so far."""
    rows: Words
    """(slots, row words)"""
    values: Words
    """(slots, value words)"""


@njit(cache=True, nogil=True, error_model="numpy")
def first_one(word: np.uint64) -> int:
    """Position of the lowest one of a word that is not zero."""
    position = 0
    for step in (32, 16, 8, 4, 2, 1):
        if word & ((np.uint64(1) << np.uint64(step)) - np.uint64(1)) == 0:
            word >>= np.uint64(step)
            position += step
    return position


@njit(cache=True, nogil=True, error_model="numpy")
def xor_into(target: Words, source: Words) -> None:
    """target ^= source"""
    for i in range(target.shape[0]):
        target[i] ^= source[i]


@njit(cache=True, nogil=True, error_model="numpy")
def multiply(matrix: Words, values: Words, products: Words) -> None:
    """products[r] = XOR of values[c] over the ones c of matrix[r]; `products` comes in as zeros."""
    for r in range(matrix.shape[0]):
        product = products[r]
        for w in range(matrix.shape[1]):
            word = matrix[r, w]
            while word:
                xor_into(product, values[w * 64 + first_one(word)])
                word &= word - np.uint64(1)


@njit(cache=True, nogil=True, error_model="numpy")
def reduce_row(basis: Basis, row: Words, value: Words) -> int:
    """Reduce (row, value) in place by all that is known; the free column it begins with, or -1 if nothing is left."""
    for w in range(row.shape[0]):
        while row[w]:
            bit = first_one(row[w])
            slot = basis.pivot[w * 64 + bit]
            if slot == KNOWN:
                row[w] ^= np.uint64(1) << np.uint64(bit)
                xor_into(value, basis.known[w * 64 + bit])
            elif slot == FREE:
                return w * 64 + bit
            else:
                xor_into(row[w:], basis.rows[slot, w:])
                xor_into(value, basis.values[slot])
    return -1


@njit(cache=True, nogil=True, error_model="numpy")
def insert(basis: Basis, row: Words, value: Words, slot: int) -> int:
    """Reduce (row, value) and keep it in `slot` if it says anything new: its pivot column, or -1 (both are overwritten)."""
    column = reduce_row(basis, row, value)
    if column >= 0:
        basis.rows[slot] = row
        basis.values[slot] = value
        basis.pivot[column] = slot
    return column


@njit(cache=True, nogil=True, error_model="numpy")
def back_substitute(basis: Basis) -> None:
    """With no column FREE: find the value of every column that is not KNOWN yet, from the last to the first."""
    for column in range(basis.pivot.shape[0] - 1, -1, -1):
        slot = basis.pivot[column]
        if slot < 0:
            continue
        value = basis.known[column]
        value[:] = basis.values[slot]
        row = basis.rows[slot]
        row[column >> 6] ^= np.uint64(1) << np.uint64(column & 63)
        for w in range(column >> 6, row.shape[0]):
            word = row[w]
            while word:
                xor_into(value, basis.known[w * 64 + first_one(word)])
                word &= word - np.uint64(1)
        basis.pivot[column] = KNOWN
