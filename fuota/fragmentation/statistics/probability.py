"""Probability that a device completes, with the code that is really sent instead of the ideal random code."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from fuota.calls import checked_call
from fuota.fragmentation.limits import Variant
from fuota.fragmentation.parity import ParityCode
from fuota.fragmentation.statistics import exact, kernels
from fuota.fragmentation.statistics.ideal import SURPLUS, dependence_probability
from fuota.fragmentation.statistics.intervals import check_confidence, weighted_count_interval
from fuota.fragmentation.statistics.laws import NEGLIGIBLE, Floats, LossLaw, loss_law
from fuota.fragmentation.statistics.matrix import CodedFragments, coded_numbers, matrix_columns
from fuota.gf2 import Words
from fuota.rules import optional_integer

BATCH_DRAWS = 1_000_000
"""Number of random numbers drawn at a time: 4 MB."""
MANY_CODED, MANY_UNCODED = 256, 64
"""Numbers of fragments from which a surplus of SURPLUS is sufficient (see `_has_many`)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DecodingProbability:
    """Probability that a device completes, with its confidence interval.

    estimate: the probability. low, high: bounds of the interval. confidence: probability that the interval holds the true value.
    patterns: number of loss patterns drawn for the estimate; if it is 0, the estimate is exact and the interval is a point.
    """

    estimate: float
    low: float
    high: float
    confidence: float
    patterns: int

    @property
    def exact(self) -> bool:
        """Whether the estimate is exact, because no loss patterns were drawn."""
        return self.patterns == 0


@dataclass(frozen=True, slots=True, kw_only=True)
class SamplingEffort:
    """Number of random loss patterns to draw for an estimate, and what to compute from them.

    patterns: number of patterns; None draws as many as take about `seconds`, which is estimated by a formula and not timed, and
    at least `min_patterns`. width: stop early when the interval is not wider than this. confidence: of the interval, between 0
    and 1. seed: of the random numbers. interval: compute the interval, which takes a millisecond; if False, low and high are
    the bounds of what is possible. Raises ParameterError.
    """

    patterns: int | None = None
    seconds: float = 1.0
    min_patterns: int = 200
    width: float = 0.0
    confidence: float = 0.95
    seed: int = 0
    interval: bool = True

    def __post_init__(self) -> None:
        check_confidence(self.confidence)
        optional_integer("patterns", self.patterns, 1)


@checked_call
def decoding_probability(  # noqa: PLR0913 - the fields of a code, a channel and a sampling effort
    nb_frag: int,
    *,
    coded: CodedFragments = 30,
    loss: float = 0.1,
    burst_frames: float | None = None,
    version: int = 1,
    variant: Variant = "deployed",
    seed: int = 0,
    patterns: int | None = None,
    seconds: float = 1.0,
    width: float = 0.0,
    confidence: float = 0.95,
) -> DecodingProbability:
    """Return the probability that a device completes.

    The result is exact if all loss patterns can be examined. Otherwise it is exact for the patterns that lose few fragments or
    too many, and estimated from random patterns for the others. The same arguments give the same result.

    nb_frag: number of uncoded fragments, 1 to 16383.
    coded: number of coded fragments (N = nb_frag + 1 and the following), or their numbers N.
    loss: probability that a fragment, coded or uncoded, is lost, 0 to 1.
    burst_frames: mean length of a run of losses, 1 or more; None for independent losses (see `laws.loss_law`). Bursts determine
        the distribution of the numbers of losses; which fragments are lost is random.
    version: TS004 version, 1 or 2.
    variant: reading of the parity matrix, "deployed", or "literal" for version 2.
    seed: seed of the random patterns.
    patterns: number of random patterns; None draws as many as take about `seconds`.
    seconds: computing time, estimated by a formula and not timed, so that the result is the same on every machine.
    width: stop early when the interval is not wider than this.
    confidence: probability that the interval holds the true value, more than 0 and less than 1.

    Raises ParameterError for other values.
    """
    code = ParityCode(nb_frag=nb_frag, version=version, variant=variant)
    numbers = coded_numbers(code, coded)
    effort = SamplingEffort(patterns=patterns, seconds=seconds, width=width, confidence=confidence, seed=seed)
    law = loss_law(nb_frag, len(numbers), loss, burst_frames)
    return probability_under(TransmittedCode.of(code, numbers), law, effort)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class TransmittedCode:
    """The part of a code that is sent.

    columns: as returned by `matrix.matrix_columns`. scan: counts of its combinations.
    """

    columns: Words
    scan: exact.CodeScan

    @classmethod
    def of(cls, code: ParityCode, numbers: NDArray[np.int64], *, share: float = 1.0) -> TransmittedCode:
        """Return the code with the coded fragments `numbers`. share: factor for the limits of the scan."""
        columns = matrix_columns(code, numbers)
        if _has_many(code.nb_frag, len(numbers)):
            return cls(columns=columns, scan=exact.CodeScan(nb_frag=code.nb_frag))
        return cls(columns=columns, scan=exact.scan_code(columns, len(numbers), share=share))


def probability_under(code: TransmittedCode, law: LossLaw, effort: SamplingEffort) -> DecodingProbability:
    """Return the probability that a device with this loss law completes."""
    if code.scan.counts is not None:
        return _exact_result(exact.enumerated_success(code.scan.counts, law), effort)
    split = _split(code.scan, law)
    if not len(split.losses):
        return _exact_result(1 - split.failure, effort)
    return _estimate(code.columns, split, effort)


def _exact_result(success: float, effort: SamplingEffort) -> DecodingProbability:
    success = min(max(success, 0.0), 1.0)
    return DecodingProbability(estimate=success, low=success, high=success, confidence=effort.confidence, patterns=0)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Split:
    """Loss patterns, split into patterns with an exact result and cells for random sampling.

    failure: failure probability of the patterns with an exact result. A cell is a pair of numbers of lost uncoded and lost coded
    fragments: losses, (cells, 2). weight: probability of each cell. proposal: share of the random patterns drawn from each cell.
    """

    nb_coded: int
    failure: float
    losses: NDArray[np.int64]
    weight: Floats
    proposal: Floats

    def affordable_patterns(self, seconds: float) -> int:
        """Return how many patterns take about this time, at most a million per second."""
        lost = self.losses[:, 0].astype(np.float64)
        pattern_s = 400e-9 + float(self.proposal @ (20e-9 * lost + 2.5e-10 * lost**2 * (1 + lost / 1500)))
        return int(min(1e6, 1 / pattern_s) * seconds)


def _split(scan: exact.CodeScan, law: LossLaw) -> _Split:
    few = scan.scanned_losses
    failures = exact.few_lost_failures(scan, exact.silent_law(law.received)) if few else 0.0
    certain = law.fewer_received(more_than=few)
    lost, received, weight = _undecided(law, more_than=few)
    return _Split(
        nb_coded=law.nb_coded,
        failure=float((law.lost[:, : few + 1] * failures).sum()) + certain + law.overflow,
        losses=np.stack([lost, law.nb_coded - received], axis=1),
        weight=weight,
        proposal=_proposal(weight, dependence_probability(lost, received)),
    )


def _undecided(law: LossLaw, *, more_than: int) -> tuple[NDArray[np.int64], NDArray[np.int64], Floats]:
    """Return the cells whose result is uncertain: lost uncoded fragments, received coded fragments, and probability.

    These lose more than `more_than` uncoded fragments and receive at least as many coded fragments.
    """
    if _has_many(law.nb_frag, law.nb_coded):
        lost, table = law.by_surplus(SURPLUS)
        received = lost[:, None] + np.arange(SURPLUS)
        # The failure probability halves with each further coded fragment.
        table = np.where(table * 0.5 ** np.arange(SURPLUS) > NEGLIGIBLE, table, 0.0)
    else:
        lost, received = law.likely_counts()
        table, received = law.table(lost, received), np.broadcast_to(received, (len(lost), len(received)))
    rows, places = np.nonzero((table > 0) & (received >= lost[:, None]) & (lost[:, None] > more_than))
    return lost[rows], received[rows, places], table[rows, places]


def _has_many(nb_frag: int, nb_coded: int) -> bool:
    """Return whether a device certainly completes with a surplus of SURPLUS coded fragments.

    A fragment is in about 0.39 of the coded fragments (version 1) or in half of them. The probability that a device loses all of
    these, if there are MANY_CODED, is negligible. So is the probability that it loses all of MANY_UNCODED uncoded fragments, which
    not even rows of version 2 can repair.
    """
    return nb_coded >= MANY_CODED and nb_frag >= MANY_UNCODED


def _proposal(weight: Floats, ideal_failure: Floats) -> Floats:
    """Return the share of random patterns for each cell.

    Half of them go to cells where failures would be likely with the ideal code; the other half is distributed by weight, because
    the code may not be ideal. So each failure counts at most twice its weight.
    """
    if not len(weight):
        return weight
    likely_failures = weight * np.sqrt(np.maximum(ideal_failure, 1e-300))
    proposal = weight / weight.sum() + likely_failures / likely_failures.sum()
    return np.asarray(proposal / proposal.sum())


def _estimate(columns: Words, split: _Split, effort: SamplingEffort) -> DecodingProbability:
    rng = np.random.default_rng(effort.seed)
    patterns = effort.patterns or max(effort.min_patterns, split.affordable_patterns(effort.seconds))
    value = split.weight / split.proposal
    batch = max(1, int(BATCH_DRAWS / (split.proposal @ split.losses.sum(axis=1))))
    most = float(split.weight.sum())
    drawn, total, squares, low, high = 0, 0.0, 0.0, 0.0, most
    while drawn < patterns and (not drawn or high - low > effort.width):
        count = min(batch, patterns - drawn)
        failed = _failed_by_cell(columns, split, rng, count)
        drawn += count
        total += float(failed @ value)
        squares += float(failed @ value**2)
        if effort.interval and (effort.width or drawn == patterns):
            low, high = weighted_count_interval(
                total / drawn, squares / drawn**2, float(value.max()) / drawn, effort.confidence
            )
            low, high = min(low, most), min(high, most)
    return DecodingProbability(
        estimate=max(0.0, 1 - split.failure - min(total / drawn, most)),
        low=max(0.0, 1 - split.failure - high),
        high=max(0.0, 1 - split.failure - low),
        confidence=effort.confidence,
        patterns=drawn,
    )


def _failed_by_cell(columns: Words, split: _Split, rng: np.random.Generator, count: int) -> NDArray[np.int64]:
    cells = np.repeat(np.arange(len(split.weight)), rng.multinomial(count, split.proposal))
    losses = split.losses[cells]
    draws = rng.integers(0, 2**32, size=int(losses.sum()), dtype=np.uint32)
    complete = np.empty(count, dtype=np.bool_)
    kernels.decode_patterns(columns, split.nb_coded, losses, draws, complete)
    return np.bincount(cells[~complete], minlength=len(split.weight))
