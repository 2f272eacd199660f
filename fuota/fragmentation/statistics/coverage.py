"""Which fragments the coded ones protect, how often, and which coded ones say the same thing twice."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from fuota.errors import ParameterError
from fuota.fragmentation.parity import ParityCode, Variant
from fuota.fragmentation.statistics import kernels
from fuota.fragmentation.statistics.matrix import CodedFragments, coded_numbers
from fuota.gf2 import Words, unpack_bits

FIRST_ROOM = 1024
BLOCK_ROWS = 1024


class NearCopy(NamedTuple):
    """Two coded fragments, N `first` < N `second`, whose rows differ in `distance` positions; 0 is an exact copy."""

    first: int
    second: int
    distance: int


def uncovered(nb_frag: int, coded: CodedFragments, version: int = 1, variant: Variant = "deployed") -> tuple[int, ...]:
    """The fragment numbers, from 1, that no coded fragment contains: a device that loses one of them can never complete.

    `coded` is a count (N = nb_frag + 1 and on) or the numbers N. Raises ParameterError.
    """
    weights = column_weights(nb_frag, coded, version, variant)
    return tuple(int(i) + 1 for i in np.flatnonzero(weights == 0))


def column_weights(
    nb_frag: int, coded: CodedFragments, version: int = 1, variant: Variant = "deployed"
) -> NDArray[np.int64]:
    """int64 (nb_frag,): how many of the coded fragments contain fragment i + 1. Raises ParameterError."""
    code = ParityCode(nb_frag=nb_frag, version=version, variant=variant)
    numbers = coded_numbers(code, coded)
    weights = np.zeros(nb_frag, dtype=np.int64)
    for start in range(0, len(numbers), BLOCK_ROWS):
        rows = code.rows(numbers[start : start + BLOCK_ROWS])
        weights += unpack_bits(rows, nb_frag).sum(axis=0, dtype=np.int64)
    return weights


def near_copy_distance(nb_frag: int) -> int:
    """How many positions near copies differ in at most, where nothing else is said: nb_frag / 8, rounded down.

    Unrelated rows differ in about nb_frag / 2 positions, and from about 60 fragments on chance does not bring two within an
    eighth of them. What does is the generator: the seeds of some coded fragments, the 125th and the 811th for one, lie a
    few steps apart on its cycle, so that their draws are the same but for these few, whatever nb_frag is.
    """
    return nb_frag // 8


def near_copies(
    nb_frag: int,
    coded: CodedFragments,
    *,
    max_distance: int | None = None,
    version: int = 1,
    variant: Variant = "deployed",
) -> tuple[NearCopy, ...]:
    """The pairs of coded fragments whose rows differ in at most `max_distance` positions, ascending.

    A device that lost L of M fragments can tell two rows apart only where they differ in one of these L: two at distance d
    are one and the same for it with probability about (1 - L / M) ** d. Where `max_distance` is not given, see
    `near_copy_distance`. Raises ParameterError.
    """
    code = ParityCode(nb_frag=nb_frag, version=version, variant=variant)
    numbers = coded_numbers(code, coded)
    most = near_copy_distance(nb_frag) if max_distance is None else max_distance
    if most < 0:
        raise ParameterError(f"max_distance {most} was given: it is a number of positions, 0 (exact copies) or more")
    pairs = _near_pairs(code.rows(numbers), most)
    return tuple(NearCopy(int(numbers[i]), int(numbers[j]), int(apart)) for i, j, apart in pairs)


def _near_pairs(rows: Words, most: int) -> NDArray[np.int64]:
    found = np.empty((FIRST_ROOM, 3), dtype=np.int64)
    count = kernels.near_pairs(rows, most, found)
    if count > len(found):
        found = np.empty((count, 3), dtype=np.int64)
        kernels.near_pairs(rows, most, found)
    return found[:count]
