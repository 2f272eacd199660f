"""What can be said of octets without knowing their format: filler, and how random they look."""

from __future__ import annotations

import math
import re
from collections import Counter
from dataclasses import dataclass

_FILLER = re.compile(rb"\xff{64,}|\x00{64,}")
"""Erased flash, and zeros: so long a run is no code, and no table that has to be sent as it is."""
_LEAST_FOR_ENTROPY_BYTES = 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class Filler:
    """Runs of 64 or more octets 0xFF or zero: `size` octets in `runs` runs, the longest of `longest` octets at `offset`."""

    size: int
    runs: int
    longest: int
    offset: int


def filler(data: bytes) -> Filler | None:
    """The filler in it, None where there is none."""
    runs = [found.span() for found in _FILLER.finditer(data)]
    if not runs:
        return None
    sizes = [end - start for start, end in runs]
    longest = max(sizes)
    return Filler(size=sum(sizes), runs=len(runs), longest=longest, offset=runs[sizes.index(longest)][0])


def is_blank(data: bytes) -> bool:
    """Whether all octets are 0xFF, or all are zero."""
    return not data.strip(b"\xff") or not data.strip(b"\0")


def entropy(data: bytes) -> float | None:
    """Bits per octet, 0 to 8, as if the octets were drawn one by one; None below 1024 octets, where chance decides.

    With the correction of Miller and Madow (1955), without which a short random file looks less than random.
    """
    size = len(data)
    if size < _LEAST_FOR_ENTROPY_BYTES:
        return None
    counts = Counter(data).values()
    bits = math.log2(size) - sum(count * math.log2(count) for count in counts) / size
    return min(8.0, bits + (len(counts) - 1) / (2 * size * math.log(2)))
