"""What can be said of a code's failures without drawing lots."""

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
"""At most so many sets of columns are walked: less than a second, as dependent ones are not walked to the end."""
WORD_LIMIT = 10_000_000
"""At most so many words of pairs or triples of columns are looked at: about a tenth of a second."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class CodeScan:
    """What was seen of a code by looking at all combinations of fragments, or at those of few: no law of losses is in it.

    `counts` (received + 1, lost + 1): in how many loss patterns a device completes, None where they are too many to walk.
    `singles` (nb_coded + 1,), `pairs` (2, ..), `triples` (4, ..): how often each weight occurs among the sums that
    `few_lost_failures` needs; None where there are too many, or too few fragments for them.
    """

    nb_frag: int
    counts: NDArray[np.int64] | None = None
    singles: NDArray[np.int64] | None = None
    pairs: NDArray[np.int64] | None = None
    triples: NDArray[np.int64] | None = None

    @property
    def up_to(self) -> int:
        """For how many lost fragments (0 to 3) all choices of them were looked at."""
        return sum(found is not None for found in (self.singles, self.pairs, self.triples))


def scan_code(columns: Words, nb_coded: int, *, share: float = 1.0) -> CodeScan:
    """Look at as many combinations as the limits above allow, or that `share` of them."""
    nb_frag = len(columns)
    if can_enumerate(nb_frag, nb_coded, share=share):
        counts = np.zeros((nb_coded + 1, nb_coded + 1), dtype=np.int64)
        counts[:, 0] = _choices(nb_coded, nb_coded)
        kernels.count_independent(columns, nb_coded, counts)
        return CodeScan(nb_frag=nb_frag, counts=counts)
    return scan_few_lost(columns, nb_coded, share=share)


def scan_few_lost(columns: Words, nb_coded: int, *, share: float = 1.0) -> CodeScan:
    """Look at the combinations of one, two and three fragments, as far as the limit above allows."""
    up_to = exact_up_to(*columns.shape, share=share)
    return CodeScan(
        nb_frag=len(columns),
        singles=_singles(columns, nb_coded) if up_to >= 1 else None,
        pairs=_pairs(columns, nb_coded) if up_to >= 2 else None,
        triples=_triples(columns, nb_coded) if up_to >= 3 else None,
    )


def can_enumerate(nb_frag: int, nb_coded: int, *, share: float = 1.0) -> bool:
    """Whether every loss pattern can be looked at (those that lose more than they have coded fragments need not be)."""
    if nb_coded >= 25:
        return False
    sets = list(accumulate(math.comb(nb_frag, lost) for lost in range(nb_coded + 1)))
    walked = sum(math.comb(nb_coded, received) * sets[received] for received in range(nb_coded + 1))
    return walked <= share * ENUMERATION_LIMIT


def enumerated_success(counts: NDArray[np.int64], law: LossLaw) -> float:
    """The decoding probability, from all loss patterns. Exact where all patterns of as many losses are equally likely."""
    nb_frag, nb_coded = law.nb_frag, law.nb_coded
    lost = np.arange(min(nb_frag, nb_coded) + 1)
    patterns = np.outer(_choices(nb_frag, nb_coded)[lost], _choices(nb_coded, nb_coded))
    return float((law.table(lost, np.arange(nb_coded + 1)) * counts.T[lost] / patterns).sum())


def _choices(of: int, up_to: int) -> Floats:
    """float64 (up_to + 1,): how many sets of 0, 1, .. members `of` things have."""
    return np.array([math.comb(of, members) for members in range(up_to + 1)], dtype=np.float64)


def exact_up_to(nb_frag: int, words: int, *, share: float = 1.0) -> int:
    """For how many lost fragments (0 to 3) all choices of them can be looked at."""
    limit = share * WORD_LIMIT
    return max(lost for lost in range(min(nb_frag, 3) + 1) if not lost or math.comb(nb_frag, lost) * words <= limit)


def few_lost_failures(scan: CodeScan, silent: Floats) -> Floats:
    """float64 (states, up_to + 1): how likely a device fails that lost exactly 0, 1, .. uncoded fragments, as far as looked at.

    silent (states, nb_coded + 1): how likely it is that none of so many coded fragments, whichever, is received. A combination x
    of lost fragments that no coded fragment received sees cannot be told from nothing. The union over all x is summed over the
    subspaces that they span: the ones of dimension 1, 2 and 3 count +1, -2 and +8 times (the Moebius function of the
    subspaces of a vector space over GF(2)).
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
        odd, one, unequal, some = scan.triples @ silent.T
        lines = single * math.comb(nb_frag - 1, 2) + differ * (nb_frag - 2) + odd
        planes = either * (nb_frag - 2) + one + unequal
        failures.append((lines - 2 * planes + 8 * some) / math.comb(nb_frag, 3))
    return np.array(failures).T


def silent_law(received: Floats) -> Floats:
    """float64 (states, nb_coded + 1): how likely 0, 1, .. coded fragments, whichever, are all lost, by how many are received.

    The part of the sets of w among nb_coded that lie within the m lost ones: m (m - 1) .. / nb_coded (nb_coded - 1) ..
    """
    nb_coded = received.shape[1] - 1
    lost = nb_coded - np.arange(nb_coded + 1)
    still, silent = received.copy(), np.zeros_like(received)
    for chosen in range(nb_coded + 1):
        silent[:, chosen] = still.sum(axis=1)
        if silent[:, chosen].max() < NEGLIGIBLE:
            break
        still *= np.maximum(lost - chosen, 0) / max(nb_coded - chosen, 1)
    return silent


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
