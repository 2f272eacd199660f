"""The product of a bit matrix with a column of values."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from fuota.errors import ParameterError
from fuota.gf2.kernels.matmul import multiply as multiply_flat
from fuota.gf2.layout import LINE_BYTES, Words, words_for_bits


def multiply(matrix: Words, values: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Return, for each row of `matrix`, the XOR of the values that the row selects.

    matrix: words (rows, words_for_bits(columns)). values: uint8 (columns, bytes of a value). Returns uint8
    (rows, bytes of a value). Raises ParameterError if the shapes do not fit.
    """
    count, value_bytes = values.shape
    if matrix.shape[1] != words_for_bits(count):
        raise ParameterError(
            f"matrix must have {words_for_bits(count)} words in each row for {count} values, got {matrix.shape[1]}"
        )
    flat = np.zeros(count * value_bytes + LINE_BYTES, dtype=np.uint8)
    flat[: count * value_bytes] = values.reshape(-1)
    products = np.zeros(len(matrix) * value_bytes, dtype=np.uint8)
    if count and len(matrix):
        multiply_flat(matrix, flat, value_bytes, count, products)
    return products.reshape(len(matrix), value_bytes)
