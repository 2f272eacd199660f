"""How likely a device completes: of the code that is really sent, not of the ideal random one."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from fuota.errors import ParameterError
from fuota.fragmentation.parity import ParityCode, Variant
from fuota.fragmentation.statistics import exact, kernels
from fuota.fragmentation.statistics.ideal import SURPLUS, dependence_probability
from fuota.fragmentation.statistics.intervals import check_confidence, weighted_count_interval
from fuota.fragmentation.statistics.laws import NEGLIGIBLE, Floats, LossLaw, loss_law
from fuota.fragmentation.statistics.matrix import CodedFragments, coded_numbers, matrix_columns
from fuota.gf2 import Words

BATCH_DRAWS = 1_000_000
"""Random numbers drawn at a time: 4 MB."""
MANY_CODED, MANY_UNCODED = 256, 64


@dataclass(frozen=True, slots=True, kw_only=True)
class DecodingProbability:
    """`estimate` of a probability, and the interval `low` to `high` that holds it with `confidence`.

    `patterns` loss patterns were drawn for it; with none, it is exact and the interval is a point.
    """

    estimate: float
    low: float
    high: float
    confidence: float
    patterns: int

    @property
    def exact(self) -> bool:
        """Whether no lots were drawn."""
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
        if self.patterns is not None and self.patterns < 1:
            raise ParameterError(f"patterns {self.patterns} was given: at least 1 loss pattern is drawn")


def decoding_probability(  # noqa: PLR0913 - the code, the channel and the effort are named apart
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
    """How likely a device completes when `loss` strikes all fragments alike, coded and uncoded.

    Independently, or in runs of `burst_frames` on average (see `laws.loss_law`); the numbers of losses are then those of such
    runs, and which fragments they strike is taken as random. `coded` is a count (N = nb_frag + 1 and on) or the numbers N
    sent. Exact where all loss patterns can be scan at; else exact for the patterns that lose few fragments or too many, and
    estimated for the ones between: see `SamplingEffort`. Same arguments, same result. Raises ParameterError.
    """
    code = ParityCode(nb_frag=nb_frag, version=version, variant=variant)
    numbers = coded_numbers(code, coded)
    effort = SamplingEffort(patterns=patterns, seconds=seconds, width=width, confidence=confidence, seed=seed)
    law = loss_law(nb_frag, len(numbers), loss, burst_frames)
    return probability_under(TransmittedCode.of(code, numbers), law, effort)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class TransmittedCode:
    """The part of a code that is sent: `columns` as `matrix.matrix_columns` has them, and the `scan` of its combinations."""

    columns: Words
    scan: exact.CodeScan

    @classmethod
    def of(cls, code: ParityCode, numbers: NDArray[np.int64], *, share: float = 1.0) -> TransmittedCode:
        """The coded fragments `numbers`, with that share of the usual work spent on looking."""
        columns = matrix_columns(code, numbers)
        if _has_many(code.nb_frag, len(numbers)):
            return cls(columns=columns, scan=exact.CodeScan(nb_frag=code.nb_frag))
        return cls(columns=columns, scan=exact.scan_code(columns, len(numbers), share=share))


def probability_under(sent: TransmittedCode, law: LossLaw, effort: SamplingEffort) -> DecodingProbability:
    """How likely a device with this law of losses completes."""
    if sent.scan.counts is not None:
        return _exactly(exact.enumerated_success(sent.scan.counts, law), effort)
    split = _split(sent.scan, law)
    if not len(split.losses):
        return _exactly(1 - split.failure, effort)
    return _estimate(sent.columns, split, effort)


def _exactly(success: float, effort: SamplingEffort) -> DecodingProbability:
    success = min(max(success, 0.0), 1.0)
    return DecodingProbability(estimate=success, low=success, high=success, confidence=effort.confidence, patterns=0)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Split:
    """The loss patterns, by how many fragments they lose: `failure` of those that need no lots, and the rest as cells.

    A cell is a number of uncoded fragments lost and of coded ones lost (`losses`, (cells, 2)); `weight` says how likely it
    is, `proposal` how much of the effort goes there.
    """

    nb_coded: int
    failure: float
    losses: NDArray[np.int64]
    weight: Floats
    proposal: Floats

    def affordable_patterns(self, seconds: float) -> int:
        """As many patterns as take about so long, up to a million a second."""
        lost = self.losses[:, 0].astype(np.float64)
        each = 400e-9 + float(self.proposal @ (20e-9 * lost + 2.5e-10 * lost**2 * (1 + lost / 1500)))
        return int(min(1e6, 1 / each) * seconds)


def _split(scan: exact.CodeScan, law: LossLaw) -> _Split:
    failures = exact.few_lost_failures(scan, exact.silent_law(law.received)) if scan.up_to else 0.0
    certain = law.fewer_received(more_than=scan.up_to)
    lost, received, weight = _undecided(law, more_than=scan.up_to)
    return _Split(
        nb_coded=law.nb_coded,
        failure=float((law.lost[:, : scan.up_to + 1] * failures).sum()) + certain + law.overflow,
        losses=np.stack([lost, law.nb_coded - received], axis=1),
        weight=weight,
        proposal=_proposal(weight, dependence_probability(lost, received)),
    )


def _undecided(law: LossLaw, *, more_than: int) -> tuple[NDArray[np.int64], NDArray[np.int64], Floats]:
    """Uncoded fragments lost (more than that) and coded ones received (as many at least), and how likely that is."""
    if _has_many(law.nb_frag, law.nb_coded):
        lost, table = law.by_surplus(SURPLUS)
        received = lost[:, None] + np.arange(SURPLUS)
        table = np.where(
            table * 0.5 ** np.arange(SURPLUS) > NEGLIGIBLE, table, 0.0
        )  # failures halve with each one more
    else:
        lost, received = law.likely()
        table, received = law.table(lost, received), np.broadcast_to(received, (len(lost), len(received)))
    rows, places = np.nonzero((table > 0) & (received >= lost[:, None]) & (lost[:, None] > more_than))
    return lost[rows], received[rows, places], table[rows, places]


def _has_many(nb_frag: int, nb_coded: int) -> bool:
    """Whether a surplus of SURPLUS settles it.

    A fragment is in about 0.39 of the coded ones (version 1) or in half: that all of so many are lost has no probability to speak
    of, nor has it that all of so many uncoded ones are (which even rows of version 2 could never repair).
    """
    return nb_coded >= MANY_CODED and nb_frag >= MANY_UNCODED


def _proposal(weight: Floats, ideal_failure: Floats) -> Floats:
    """Half of the effort where failures would be likely if the code were ideal; the other half everywhere, as it may not be.

    The half keeps every failure counted at no more than twice its weight.
    """
    if not len(weight):
        return weight
    promising = weight * np.sqrt(np.maximum(ideal_failure, 1e-300))
    proposal = weight / weight.sum() + promising / promising.sum()
    return np.asarray(proposal / proposal.sum())


def _estimate(columns: Words, split: _Split, effort: SamplingEffort) -> DecodingProbability:
    rng = np.random.default_rng(effort.seed)
    patterns = effort.patterns or max(effort.min_patterns, split.affordable_patterns(effort.seconds))
    worth = split.weight / split.proposal
    batch = max(1, int(BATCH_DRAWS / (split.proposal @ split.losses.sum(axis=1))))
    most = float(split.weight.sum())
    drawn, total, squares, low, high = 0, 0.0, 0.0, 0.0, most
    while drawn < patterns and (not drawn or high - low > effort.width):
        count = min(batch, patterns - drawn)
        failed = _failed_by_cell(columns, split, rng, count)
        drawn += count
        total += float(failed @ worth)
        squares += float(failed @ worth**2)
        if effort.interval and (effort.width or drawn == patterns):
            low, high = weighted_count_interval(
                total / drawn, squares / drawn**2, float(worth.max()) / drawn, effort.confidence
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
