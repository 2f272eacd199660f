"""The product of a bit matrix with a column of values."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from fuota.errors import ParameterError
from fuota.gf2.kernels.matmul import multiply as multiply_flat
from fuota.gf2.layout import LINE_OCTETS, Words, words_for_bits


def multiply(matrix: Words, values: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """For each row of `matrix` (rows, words_for_bits(columns)), the XOR of the `values` (columns, octets) that it selects.

    Returns uint8 (rows, octets). Raises ParameterError where the shapes do not belong together.
    """
    count, octets = values.shape
    if matrix.shape[1] != words_for_bits(count):
        raise ParameterError(
            f"a matrix of {matrix.shape[1]} words a row was given for {count} values:"
            f" {words_for_bits(count)} words are needed"
        )
    flat = np.zeros(count * octets + LINE_OCTETS, dtype=np.uint8)
    flat[: count * octets] = values.reshape(-1)
    products = np.zeros(len(matrix) * octets, dtype=np.uint8)
    if count and len(matrix):
        multiply_flat(matrix, flat, octets, count, products)
    return products.reshape(len(matrix), octets)
