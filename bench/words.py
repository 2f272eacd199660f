"""Octets as rows of 64-bit words, the form in which libm4ri takes values."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from fuota.gf2 import Words


def pack_octets(octets: NDArray[np.uint8]) -> Words:
    """Octets (rows, n) to words (rows, ceil(n / 8)), zero octets behind."""
    rows, n = octets.shape
    words = np.zeros((rows, -(-n // 8)), dtype=np.uint64)
    words.view(np.uint8)[:, :n] = octets
    return words
