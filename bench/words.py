"""Bytes as rows of 64-bit words, the form that libm4ri needs for values."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from fuota.gf2 import Words


def pack_bytes(values: NDArray[np.uint8]) -> Words:
    """Return bytes (rows, n) as words (rows, ceil(n / 8)), with zero bytes at the end of each row."""
    rows, n = values.shape
    words = np.zeros((rows, -(-n // 8)), dtype=np.uint64)
    words.view(np.uint8)[:, :n] = values
    return words
