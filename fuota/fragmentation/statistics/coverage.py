"""Fragments that the coded fragments protect, and coded fragments that are nearly copies of each other."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from fuota.calls import checked_call
from fuota.fragmentation.limits import Variant
from fuota.fragmentation.parity import ParityCode
from fuota.fragmentation.statistics.matrix import CodedFragments, coded_numbers
from fuota.gf2 import Words, unpack_bits
from fuota.rules import integer

FIRST_CAPACITY = 1024
"""Number of pairs that the memory reserved at first can hold."""
BLOCK_ROWS = 1024
"""Number of parity rows that are unpacked at a time."""


class NearCopy(NamedTuple):
    """Two coded fragments whose rows differ in few positions.

    first, second: their numbers N, first < second. distance: number of positions in which the rows differ; 0 is an exact copy.
    """

    first: int
    second: int
    distance: int


@checked_call
def uncovered(nb_frag: int, coded: CodedFragments, version: int = 1, variant: Variant = "deployed") -> tuple[int, ...]:
    """Return the numbers, from 1, of the fragments that no coded fragment contains.

    A device that loses one of them can never complete.

    nb_frag: number of uncoded fragments, 1 to 16383. coded: number of coded fragments (N = nb_frag + 1 and the following), or
    their numbers N. version: TS004 version, 1 or 2. variant: reading of the parity matrix, "deployed", or "literal" for
    version 2. Raises ParameterError for other values.
    """
    weights = column_weights(nb_frag, coded, version, variant)
    return tuple(int(i) + 1 for i in np.flatnonzero(weights == 0))


def column_weights(
    nb_frag: int, coded: CodedFragments, version: int = 1, variant: Variant = "deployed"
) -> NDArray[np.int64]:
    """Return how many coded fragments contain fragment i + 1, for each i: int64 (nb_frag,). Parameters as for `uncovered`."""
    code = ParityCode(nb_frag=nb_frag, version=version, variant=variant)
    numbers = coded_numbers(code, coded)
    weights = np.zeros(nb_frag, dtype=np.int64)
    for start in range(0, len(numbers), BLOCK_ROWS):
        rows = code.rows(numbers[start : start + BLOCK_ROWS])
        weights += unpack_bits(rows, nb_frag).sum(axis=0, dtype=np.int64)
    return weights


def near_copy_distance(nb_frag: int) -> int:
    """Return the default of the largest distance of near copies: nb_frag / 8, rounded down.

    Unrelated rows differ in about nb_frag / 2 positions; from about 60 fragments on, two rows are not closer than an eighth of
    nb_frag by chance. The cause of near copies is the generator: the seeds of some coded fragments, such as the 125th and the
    811th, are a few steps apart in its cycle, so that nearly all of their draws are the same, for any nb_frag.
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
    """Return the pairs of coded fragments whose rows differ in at most `max_distance` positions, ascending.

    For a device that lost L of M fragments, two rows are different only if they differ in one of these L fragments: two rows at
    distance d are equal for it with a probability of about (1 - L / M) ** d.

    max_distance: 0 (exact copies) or more; None for `near_copy_distance`. Other parameters as for `uncovered`.
    Raises ParameterError.
    """
    code = ParityCode(nb_frag=nb_frag, version=version, variant=variant)
    numbers = coded_numbers(code, coded)
    limit = near_copy_distance(nb_frag) if max_distance is None else integer("max_distance", max_distance, 0)
    pairs = _near_pairs(code.rows(numbers), limit)
    return tuple(NearCopy(int(numbers[i]), int(numbers[j]), int(distance)) for i, j, distance in pairs)


def _near_pairs(rows: Words, max_distance: int) -> NDArray[np.int64]:
    from fuota.fragmentation.statistics import kernels  # imports numba

    pairs = np.empty((FIRST_CAPACITY, 3), dtype=np.int64)
    count = kernels.near_pairs(rows, max_distance, pairs)
    if count > len(pairs):
        pairs = np.empty((count, 3), dtype=np.int64)
        kernels.near_pairs(rows, max_distance, pairs)
    return pairs[:count]
