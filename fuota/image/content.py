"""Properties of bytes that do not depend on their format: runs of filler, and entropy."""

from __future__ import annotations

import math
import re
from collections import Counter
from dataclasses import dataclass

_FILLER = re.compile(rb"\xff{64,}|\x00{64,}")
"""Runs of erased flash or of zeros. A run of 64 bytes is too long for code or for a table that must be sent as it is."""
_MIN_ENTROPY_BYTES = 1024
_MIN_CLEAR_BYTES = 4096
_CLEAR_BITS = 7.5
"""Bits per byte below which 4 KiB or more are not encrypted: code of a Cortex-M has 6 to 7.3, random bytes have 7.9 or more."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Filler:
    """Runs of 64 or more bytes 0xFF or zero.

    size: bytes in all runs together. runs: number of runs. longest: bytes in the longest run. offset: offset of the longest run.
    """

    size: int
    runs: int
    longest: int
    offset: int


def filler(data: bytes) -> Filler | None:
    """Return the filler in `data`; None if there is none."""
    runs = [match.span() for match in _FILLER.finditer(data)]
    if not runs:
        return None
    sizes = [end - start for start, end in runs]
    longest = max(sizes)
    return Filler(size=sum(sizes), runs=len(runs), longest=longest, offset=runs[sizes.index(longest)][0])


def is_blank(data: bytes) -> bool:
    """Return whether all bytes are 0xFF, or all are zero."""
    return not data.strip(b"\xff") or not data.strip(b"\0")


def is_surely_clear(data: bytes) -> bool:
    """Return whether the data is long enough to tell that it is not encrypted: its bytes are not random."""
    bits = entropy(data) if len(data) >= _MIN_CLEAR_BYTES else None
    return bits is not None and bits < _CLEAR_BITS


def entropy(data: bytes) -> float | None:
    """Return the entropy in bits per byte, 0 to 8; None below 1024 bytes, because a short sample varies too much.

    Bytes are taken as independent. The correction of Miller and Madow (1955) is applied; without it a short random file looks
    less than random.
    """
    size = len(data)
    if size < _MIN_ENTROPY_BYTES:
        return None
    counts = Counter(data).values()
    bits = math.log2(size) - sum(count * math.log2(count) for count in counts) / size
    return min(8.0, bits + (len(counts) - 1) / (2 * size * math.log(2)))
