"""Failures of a code that can be computed exactly, without random sampling."""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import accumulate

import numpy as np
from numpy.typing import NDArray

from fuota.fragmentation.statistics import kernels
from fuota.fragmentation.statistics.laws import NEGLIGIBLE, Floats, LossLaw
from fuota.gf2 import Words, unpack_bits

ENUMERATION_LIMIT = 100_000_000
"""Limit of enumerated sets of columns: less than a second, as dependent sets are not extended."""
WORD_LIMIT = 10_000_000
"""Limit of examined words of pairs or triples of columns: about a tenth of a second."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class CodeScan:
    """Counts from examining all combinations of fragments, or all combinations of few fragments. Independent of a loss law.

    counts: (received + 1, lost + 1), number of loss patterns in which a device completes; None if there are too many patterns.
    singles: (nb_coded + 1,), pairs: (2, nb_coded + 1), triples: (4, nb_coded + 1), numbers of times that each weight occurs among
    the sums that `few_lost_failures` needs; None if there are too many sums, or too few fragments for them.
    """

    nb_frag: int
    counts: NDArray[np.int64] | None = None
    singles: NDArray[np.int64] | None = None
    pairs: NDArray[np.int64] | None = None
    triples: NDArray[np.int64] | None = None

    @property
    def scanned_losses(self) -> int:
        """Largest number of lost fragments (0 to 3) whose combinations were all examined."""
        return sum(histogram is not None for histogram in (self.singles, self.pairs, self.triples))


def scan_code(columns: Words, nb_coded: int, *, share: float = 1.0) -> CodeScan:
    """Examine all combinations within the limits of this module.

    columns: as returned by `matrix.matrix_columns`. nb_coded: number of coded fragments. share: factor for the limits.
    """
    nb_frag = len(columns)
    if can_enumerate(nb_frag, nb_coded, share=share):
        counts = np.zeros((nb_coded + 1, nb_coded + 1), dtype=np.int64)
        counts[:, 0] = _choices(nb_coded, nb_coded)
        kernels.count_independent(columns, nb_coded, counts)
        return CodeScan(nb_frag=nb_frag, counts=counts)
    return scan_few_lost(columns, nb_coded, share=share)


def scan_few_lost(columns: Words, nb_coded: int, *, share: float = 1.0) -> CodeScan:
    """Examine the combinations of one, two and three fragments within WORD_LIMIT. Parameters as for `scan_code`."""
    losses = scannable_losses(*columns.shape, share=share)
    return CodeScan(
        nb_frag=len(columns),
        singles=_singles(columns, nb_coded) if losses >= 1 else None,
        pairs=_pairs(columns, nb_coded) if losses >= 2 else None,
        triples=_triples(columns, nb_coded) if losses >= 3 else None,
    )


def can_enumerate(nb_frag: int, nb_coded: int, *, share: float = 1.0) -> bool:
    """Return whether every loss pattern can be examined.

    Patterns that lose more uncoded fragments than they receive coded fragments need not be examined.
    """
    if nb_coded >= 25:
        return False
    sets = list(accumulate(math.comb(nb_frag, lost) for lost in range(nb_coded + 1)))
    total = sum(math.comb(nb_coded, received) * sets[received] for received in range(nb_coded + 1))
    return total <= share * ENUMERATION_LIMIT


def enumerated_success(counts: NDArray[np.int64], law: LossLaw) -> float:
    """Return the decoding probability from the counts of all loss patterns.

    It is exact if all patterns with the same numbers of losses are equally likely.
    """
    nb_frag, nb_coded = law.nb_frag, law.nb_coded
    lost = np.arange(min(nb_frag, nb_coded) + 1)
    patterns = np.outer(_choices(nb_frag, nb_coded)[lost], _choices(nb_coded, nb_coded))
    return float((law.table(lost, np.arange(nb_coded + 1)) * counts.T[lost] / patterns).sum())


def _choices(total: int, largest: int) -> Floats:
    """Return the number of sets of 0 to `largest` members among `total` elements: float64 (largest + 1,)."""
    return np.array([math.comb(total, members) for members in range(largest + 1)], dtype=np.float64)


def scannable_losses(nb_frag: int, words: int, *, share: float = 1.0) -> int:
    """Return the largest number of lost fragments (0 to 3) whose combinations can all be examined.

    words: number of words of a column.
    """
    limit = share * WORD_LIMIT
    return max(lost for lost in range(min(nb_frag, 3) + 1) if not lost or math.comb(nb_frag, lost) * words <= limit)


def few_lost_failures(scan: CodeScan, silent: Floats) -> Floats:
    """Return the probability that a device fails if it lost exactly 0, 1, .. fragments: float64 (states, scanned_losses + 1).

    silent: (states, nb_coded + 1), probability that none of w selected coded fragments is received, for each w (`silent_law`).

    A device fails if, for some combination x of the lost fragments, no received coded fragment contains an odd number of the
    fragments of x. The probability of the union over all x is a sum over the subspaces that they span: subspaces of
    dimension 1, 2 and 3 count +1, -2 and +8 times (the Moebius function of the subspaces of a vector space over GF(2)).
    """
    nb_frag = scan.nb_frag
    failures = [np.zeros(len(silent))]
    if scan.singles is not None:
        single = silent @ scan.singles
        failures.append(single / nb_frag)
    if scan.pairs is not None:
        either, differ = scan.pairs @ silent.T
        failures.append((single * (nb_frag - 1) + differ - 2 * either) / math.comb(nb_frag, 2))
    if scan.triples is not None:
        odd, with_single, unequal, union = scan.triples @ silent.T
        lines = single * math.comb(nb_frag - 1, 2) + differ * (nb_frag - 2) + odd
        planes = either * (nb_frag - 2) + with_single + unequal
        failures.append((lines - 2 * planes + 8 * union) / math.comb(nb_frag, 3))
    return np.array(failures).T


def silent_law(received: Floats) -> Floats:
    """Return the probability that 0, 1, .. selected coded fragments are all lost: float64 (states, nb_coded + 1).

    received: (states, nb_coded + 1), the distribution of the number of received coded fragments. If m of them are lost, the share
    of the sets of w fragments that are all lost is m (m - 1) .. / nb_coded (nb_coded - 1) ..
    """
    nb_coded = received.shape[1] - 1
    lost = nb_coded - np.arange(nb_coded + 1)
    remaining, silent = received.copy(), np.zeros_like(received)
    for chosen in range(nb_coded + 1):
        silent[:, chosen] = remaining.sum(axis=1)
        if silent[:, chosen].max() < NEGLIGIBLE:
            break
        remaining *= np.maximum(lost - chosen, 0) / max(nb_coded - chosen, 1)
    return silent


def sum_weights(columns: Words, nb_coded: int, *, triples: bool) -> list[NDArray[np.int64]]:
    """Return how often each weight, 0 to nb_coded, occurs among the sums of one, of two and, if `triples`, of three columns."""
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
