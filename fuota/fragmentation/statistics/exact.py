"""What can be said of a code's failures without drawing lots."""

from __future__ import annotations

import math
from itertools import accumulate

import numpy as np
from numpy.typing import NDArray

from fuota.fragmentation.statistics import kernels
from fuota.fragmentation.statistics.ideal import Floats
from fuota.gf2 import Words, unpack_bits

ENUMERATION_LIMIT = 100_000_000
"""At most so many sets of columns are walked: less than a second, as dependent ones are not walked to the end."""
WORD_LIMIT = 10_000_000
"""At most so many words of pairs or triples of columns are looked at: about a tenth of a second."""


def can_enumerate(nb_frag: int, nb_coded: int) -> bool:
    """Whether every loss pattern can be looked at (those that lose more than they have coded fragments need not be)."""
    if nb_coded >= 25:
        return False
    sets = list(accumulate(math.comb(nb_frag, lost) for lost in range(nb_coded + 1)))
    return sum(math.comb(nb_coded, heard) * sets[heard] for heard in range(nb_coded + 1)) <= ENUMERATION_LIMIT


def enumerated_success(columns: Words, nb_coded: int, loss: float) -> float:
    """The decoding probability, from all loss patterns. Exact for any loss."""
    nb_frag = len(columns)
    counts = np.zeros((nb_coded + 1, nb_coded + 1), dtype=np.int64)
    counts[:, 0] = [math.comb(nb_coded, heard) for heard in range(nb_coded + 1)]
    kernels.count_independent(columns, nb_coded, counts)
    heard, lost = np.indices(counts.shape)
    lost_coded = nb_coded - heard
    kept = nb_frag - np.minimum(lost, nb_frag)
    return float((counts * loss ** (lost + lost_coded) * (1 - loss) ** (kept + heard)).sum())


def exact_up_to(nb_frag: int, words: int) -> int:
    """For how many lost fragments (0 to 3) all choices of them can be looked at."""
    return max(lost for lost in range(min(nb_frag, 3) + 1) if math.comb(nb_frag, lost) * words <= WORD_LIMIT)


def few_lost_failures(columns: Words, nb_coded: int, loss: float, up_to: int) -> list[float]:
    """How likely a device that lost exactly 0, 1, .. `up_to` (at most 3) uncoded fragments fails, for any coded ones lost.

    A combination x of lost fragments that no coded fragment heard sees cannot be told from nothing; that is so with
    probability loss ** (weight of x). The union over all x is summed over the subspaces that they span: the ones of
    dimension 1, 2 and 3 count +1, -2 and +8 times (the Moebius function of the subspaces of a vector space over GF(2)).
    """
    silent = loss ** np.arange(nb_coded + 1)
    nb_frag = len(columns)
    single = float(_singles(columns, nb_coded) @ silent)
    failures = [0.0, single / nb_frag]
    if up_to >= 2:
        either, differ = _pairs(columns, nb_coded) @ silent
        failures.append((single * (nb_frag - 1) + differ - 2 * either) / math.comb(nb_frag, 2))
    if up_to >= 3:
        odd, one, unequal, some = _triples(columns, nb_coded) @ silent
        lines = single * math.comb(nb_frag - 1, 2) + differ * (nb_frag - 2) + odd
        planes = either * (nb_frag - 2) + one + unequal
        failures.append((lines - 2 * planes + 8 * some) / math.comb(nb_frag, 3))
    return failures[: up_to + 1]


def sum_weights(columns: Words, nb_coded: int, *, triples: bool) -> list[NDArray[np.int64]]:
    """How often each weight, 0 to nb_coded, occurs among the sums of one, of two and, if `triples`, of three columns."""
    histograms = [_singles(columns, nb_coded), _pairs(columns, nb_coded)[1]]
    return [*histograms, _triples(columns, nb_coded)[0]] if triples else histograms


def _singles(columns: Words, nb_coded: int) -> NDArray[np.int64]:
    return np.bincount(unpack_bits(columns, nb_coded).sum(axis=1, dtype=np.int64), minlength=nb_coded + 1)


def _pairs(columns: Words, nb_coded: int) -> NDArray[np.int64]:
    histograms = np.zeros((2, nb_coded + 1), dtype=np.int64)
    kernels.pair_histograms(columns, histograms[0], histograms[1])
    return histograms


def _triples(columns: Words, nb_coded: int) -> NDArray[np.int64]:
    histograms = np.zeros((4, nb_coded + 1), dtype=np.int64)
    kernels.triple_histograms(columns, histograms)
    return histograms


def too_many_lost(lost_law: Floats, heard_law: Floats, *, more_than: int) -> float:
    """How likely more than `more_than` uncoded fragments are lost and fewer coded ones heard than that: failure for certain.

    `lost_law` and `heard_law` are the laws of the numbers of uncoded fragments lost and of coded ones heard.
    """
    fewer_heard = np.concatenate([[0.0], np.cumsum(heard_law), np.ones(len(lost_law))])
    return float((lost_law * fewer_heard[: len(lost_law)])[more_than + 1 :].sum())
