"""Choice of the coded fragments to send, for a sender that is free to choose them.

Every number N is legal on air and every decoder of the standard understands it, so a sender need not send N = M + 1, M + 2, ..
A coded fragment sees a combination x of lost fragments if it has an odd number of fragments in common with x. A device fails if
no coded fragment that it received sees some x. If losses have probability p, this happens for a certain x with probability
p ** (fragments in x + coded fragments that see x). A good choice keeps the sum of these probabilities over all x small. The x of
one and two fragments distinguish one choice from another; the results of several searches are also compared by the x of three
fragments. All computations use integers, with powers of two for p, so that the choice is the same on every machine.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from fuota.calls import checked_call
from fuota.fragmentation.limits import MAX_FRAGMENT_NUMBER, Variant
from fuota.fragmentation.parity import ParityCode
from fuota.fragmentation.statistics import exact, kernels
from fuota.fragmentation.statistics.coverage import near_copy_distance
from fuota.fragmentation.statistics.search import Pool, Search, worths_of
from fuota.gf2 import Words

SEARCHED_ROWS = 40
"""Largest number of coded fragments that are searched for. Above it, combinations of one and two fragments no longer
decide the result."""
SEARCHED_FRAGMENTS = 2048
"""Largest nb_frag for a search. Above it, there are too many pairs, and too many losses for pairs to matter."""
TRIPLE_FRAGMENTS = 160
"""Largest nb_frag for a comparison by combinations of three fragments. Above it, comparing takes longer than another search."""
WORK = 2_000_000_000
"""Number of additions in the searches, and again in the balancing: about half a second each."""
SWEEPS = 4
"""Largest number of sweeps of a search."""
DESIGN_BITS = (3, 4)
"""The searches minimise the sum alternately for p = 2**-3 and p = 2**-4."""
COMPARED_BITS = 4
"""The results of the searches are compared at p = 2**-4."""


@checked_call
def choose_coded(nb_frag: int, count: int, version: int = 1, variant: Variant = "deployed") -> NDArray[np.int64]:
    """Return good numbers N for `count` coded fragments: int64 (count,), ascending, each nb_frag + 1 to 16383.

    The choice avoids near copies, covers every fragment if the search finds a way, and repairs few losses better than
    N = nb_frag + 1 and the following numbers. It is deterministic and takes at most a few seconds.

    nb_frag: number of uncoded fragments, 1 to 16383. count: number of coded fragments; together at most 16383. version: TS004
    version, 1 or 2. variant: reading of the parity matrix, "deployed", or "literal" for version 2.
    Raises ParameterError for other values.
    """
    code = ParityCode(nb_frag=nb_frag, version=version, variant=variant)
    if not len(code.coded_numbers(count)):
        return code.coded_numbers(count)
    effort = _Effort.for_code(nb_frag, count)
    numbers = np.arange(nb_frag + 1, MAX_FRAGMENT_NUMBER + 1, dtype=np.int64)[: effort.pool_size]
    pool = Pool.of(code.rows(numbers), nb_frag, near_distance=near_copy_distance(nb_frag))
    chosen = _search(pool, effort) if effort.searched_rows else []
    return np.sort(numbers[_balance(pool, chosen, count, effort.window)])


@dataclass(frozen=True, slots=True, kw_only=True)
class _Effort:
    """Limits of the search.

    searched_rows: number of rows chosen by searches. searched_pool: number of rows that they are chosen from. searches: number of
    searches. sweeps: largest number of sweeps of a search. window: number of rows from which each of the other rows is chosen.
    pool_size: number of rows that are computed.
    """

    searched_rows: int
    searched_pool: int
    searches: int
    sweeps: int
    window: int
    pool_size: int

    @classmethod
    def for_code(cls, nb_frag: int, count: int) -> _Effort:
        """Return the limits for `count` coded and `nb_frag` uncoded fragments."""
        rows = min(count, SEARCHED_ROWS) if nb_frag <= SEARCHED_FRAGMENTS else 0
        evaluations = WORK // (nb_frag * (nb_frag + 1) // 2 * max(1, rows))
        sweeps = SWEEPS if evaluations >= 2 * SWEEPS * 64 else 0
        size = max(rows + 24, min(evaluations // (2 * sweeps + 1), max(1024, 16384 // max(1, rows))))
        window = max(16, WORK // (nb_frag * count))
        return cls(
            searched_rows=rows,
            searched_pool=size,
            searches=max(1, min(16, evaluations // (size * max(1, sweeps)))),
            sweeps=sweeps,
            window=window,
            pool_size=max(size, 2 * count + min(window, 4096)),
        )


def _search(pool: Pool, effort: _Effort) -> list[int]:
    """Return the rows of the best of several searches.

    The first search starts without rows, the second with the first rows of the pool, the third with the next rows, and so on.
    """
    pool = pool.first(effort.searched_pool)
    size, rows = len(pool.words), effort.searched_rows
    results = []
    for i in range(effort.searches):
        start = [] if i == 0 else [(row + (i - 1) * rows) % size for row in range(rows)]
        search = Search(pool, start, DESIGN_BITS[i % len(DESIGN_BITS)])
        search.grow(rows)
        search.descend(effort.sweeps)
        results.append(search.chosen)
    if len(results) == 1:
        return results[0]
    return min(results, key=lambda chosen: _union_bound(pool.columns(chosen), rows))


def _union_bound(columns: Words, rows: int) -> int:
    """Return the sum of the probabilities of all x of one, two and three fragments, scaled to an integer."""
    histograms = exact.sum_weights(columns, rows, triples=len(columns) <= TRIPLE_FRAGMENTS)
    return sum(
        int(count) << COMPARED_BITS * (rows + 3 - fragments - weight)
        for fragments, histogram in enumerate(histograms, start=1)
        for weight, count in enumerate(histogram)
    )


def _balance(pool: Pool, chosen: list[int], count: int, window: int) -> list[int]:
    """Return `chosen`, extended to `count` rows. Each further row is the row of a window that the lightest columns need most."""
    weights = pool.bits[chosen].sum(axis=0, dtype=np.int16)
    near = np.zeros(len(pool.words), dtype=np.int16)
    for row in chosen:
        pool.count_near(row, 1, near)
    chosen = list(chosen)
    while len(chosen) < count:
        need = worths_of(weights, int(weights.min()), DESIGN_BITS[0])
        row = kernels.most_needed(pool.bits, pool.free(chosen, near), need, window)
        chosen.append(row)
        weights += pool.bits[row]
        pool.count_near(row, 1, near)
    return chosen
