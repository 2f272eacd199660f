"""Which coded fragments to send, where a sender is free to choose.

Every number N is legal on air and every decoder of the standard understands it, so a sender need not send N = M + 1, M + 2, ..
A device fails where some combination x of the fragments that it lost is seen by no coded fragment that it heard (x has an
even number of fragments in common with each). When losses have probability p, that happens to a given x with
p ** (fragments in x + coded fragments that see x), so the sum of this over all x is what a good choice keeps small. The x of
one and two fragments make the difference between one choice and another; the outcomes of several searches are compared by
those of three as well. All of it is done in integers, with powers of two for p: the choice is the same on every machine.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from fuota.fragmentation.parity import MAX_FRAGMENT_NUMBER, ParityCode, Variant
from fuota.fragmentation.statistics import exact, kernels
from fuota.fragmentation.statistics.coverage import near_copy_distance
from fuota.fragmentation.statistics.search import Pool, Search, worth_of
from fuota.gf2 import Words

SEARCHED_ROWS = 40
"""With more coded fragments than this, hardly an x of one or two fragments is left that decides anything."""
SEARCHED_FRAGMENTS = 2048
"""With more fragments than this, the pairs are too many to search with, and the losses too many for them to matter."""
JUDGED_FRAGMENTS = 160
"""With more fragments than this, looking at all x of three takes longer than another search."""
WORK = 2_000_000_000
"""Additions in the searches, and again in the balancing: about half a second each."""
SWEEPS = 4
DESIGN_BITS = (3, 4)
"""The searches keep the sum small for p = 2**-3 and 2**-4 in turn."""
JUDGED_BITS = 4
"""Their outcomes are compared at p = 2**-4."""


def choose_coded(nb_frag: int, count: int, version: int = 1, variant: Variant = "deployed") -> NDArray[np.int64]:
    """int64 (count,): good numbers N for `count` coded fragments, ascending, each nb_frag + 1 to 16383.

    They leave out near copies, cover every fragment where the search finds a way, and repair few losses better than
    N = nb_frag + 1 and on does. Deterministic, at most a few seconds. Raises ParameterError.
    """
    code = ParityCode(nb_frag=nb_frag, version=version, variant=variant)
    if not len(code.coded_numbers(count)):
        return code.coded_numbers(count)
    effort = _Effort.for_code(nb_frag, count)
    numbers = np.arange(nb_frag + 1, MAX_FRAGMENT_NUMBER + 1, dtype=np.int64)[: effort.pool_size]
    pool = Pool.of(code.rows(numbers), nb_frag, apart=near_copy_distance(nb_frag))
    chosen = _searched(pool, effort) if effort.searched_rows else []
    return np.sort(numbers[_balanced(pool, chosen, count, effort.window)])


@dataclass(frozen=True, slots=True, kw_only=True)
class _Effort:
    """How much is looked at. `searched_rows` are chosen from `searched_pool` rows, in `searches` searches of `sweeps` sweeps;
    the others one by one from the next `window` rows.
    """

    searched_rows: int
    searched_pool: int
    searches: int
    sweeps: int
    window: int
    pool_size: int

    @classmethod
    def for_code(cls, nb_frag: int, count: int) -> _Effort:
        rows = min(count, SEARCHED_ROWS) if nb_frag <= SEARCHED_FRAGMENTS else 0
        looks = WORK // (nb_frag * (nb_frag + 1) // 2 * max(1, rows))
        sweeps = SWEEPS if looks >= 2 * SWEEPS * 64 else 0
        size = max(rows + 24, min(looks // (2 * sweeps + 1), max(1024, 16384 // max(1, rows))))
        window = max(16, WORK // (nb_frag * count))
        return cls(
            searched_rows=rows,
            searched_pool=size,
            searches=max(1, min(16, looks // (size * max(1, sweeps)))),
            sweeps=sweeps,
            window=window,
            pool_size=max(size, 2 * count + min(window, 4096)),
        )


def _searched(pool: Pool, effort: _Effort) -> list[int]:
    """The best outcome of several searches: one from nothing, the others from the rows 1.., then the ones after these."""
    pool = pool.first(effort.searched_pool)
    size, rows = len(pool.words), effort.searched_rows
    outcomes = []
    for i in range(effort.searches):
        start = [] if i == 0 else [(row + (i - 1) * rows) % size for row in range(rows)]
        search = Search(pool, start, DESIGN_BITS[i % len(DESIGN_BITS)])
        search.grow(rows)
        search.descend(effort.sweeps)
        outcomes.append(search.chosen)
    if len(outcomes) == 1:
        return outcomes[0]
    return min(outcomes, key=lambda chosen: _judged(pool.columns(chosen), rows))


def _judged(columns: Words, rows: int) -> int:
    """The sum over all x of one, two and three fragments, as an integer."""
    histograms = exact.sum_weights(columns, rows, triples=len(columns) <= JUDGED_FRAGMENTS)
    return sum(
        int(count) << JUDGED_BITS * (rows + 3 - fragments - weight)
        for fragments, histogram in enumerate(histograms, start=1)
        for weight, count in enumerate(histogram)
    )


def _balanced(pool: Pool, chosen: list[int], count: int, window: int) -> list[int]:
    """`chosen`, and as many rows more as `count` asks for, each the one of a window that the lightest columns need most."""
    weights = pool.bits[chosen].sum(axis=0, dtype=np.int16)
    near = np.zeros(len(pool.words), dtype=np.int16)
    for row in chosen:
        pool.count_near(row, 1, near)
    chosen = list(chosen)
    while len(chosen) < count:
        need = worth_of(weights, int(weights.min()), DESIGN_BITS[0])
        row = kernels.most_needed(pool.bits, pool.free(chosen, near), need, window)
        chosen.append(row)
        weights += pool.bits[row]
        pool.count_near(row, 1, near)
    return chosen
