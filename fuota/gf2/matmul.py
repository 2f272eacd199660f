"""The product of a bit matrix with a column of values."""

from __future__ import annotations

import numpy as np

from fuota.errors import ParameterError
from fuota.gf2 import kernels
from fuota.gf2.layout import Words, words_for_bits


def multiply(matrix: Words, values: Words) -> Words:
    """For each row of `matrix` (rows, words_for_bits(columns)), the XOR of the `values` (columns, value words) it selects.

    Returns uint64 (rows, value words). Raises ParameterError where the shapes do not belong together.
    """
    if matrix.shape[1] != words_for_bits(values.shape[0]):
        raise ParameterError(
            f"a matrix of {matrix.shape[1]} words a row was given for {values.shape[0]} values:"
            f" {words_for_bits(values.shape[0])} words are needed"
        )
    products = np.zeros((matrix.shape[0], values.shape[1]), dtype=np.uint64)
    kernels.multiply(matrix, values, products)
    return products
