"""How likely a device completes: of the code that is really sent, not of the ideal random one."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from fuota.errors import ParameterError
from fuota.fragmentation.parity import ParityCode, Variant
from fuota.fragmentation.statistics import exact, kernels
from fuota.fragmentation.statistics.ideal import NEGLIGIBLE, Floats, binomial, dependent
from fuota.fragmentation.statistics.intervals import check_confidence, weighted_count_interval
from fuota.fragmentation.statistics.matrix import Coded, check_loss, columns_of, numbers_of
from fuota.gf2 import Words

BATCH_DRAWS = 1_000_000
"""Random numbers drawn at a time: 4 MB."""


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


def decoding_probability(  # noqa: PLR0913 - the code, the channel and the effort are named apart
    nb_frag: int,
    *,
    coded: Coded = 30,
    loss: float = 0.1,
    version: int = 1,
    variant: Variant = "deployed",
    seed: int = 0,
    patterns: int | None = None,
    seconds: float = 1.0,
    width: float = 0.0,
    confidence: float = 0.95,
) -> DecodingProbability:
    """How likely a device completes when `loss` strikes all fragments alike, coded and uncoded, independently.

    `coded` is a count (N = nb_frag + 1 and on) or the numbers N sent. Exact where all loss patterns can be looked at; else
    exact for the patterns that lose few fragments or too many, and estimated for the ones between from `patterns` drawn
    ones, where not given from as many as take about `seconds` (by a formula, not by the clock); from fewer once the
    interval is no wider than `width`. Same arguments, same result. Raises ParameterError.
    """
    code = ParityCode(nb_frag=nb_frag, version=version, variant=variant)
    numbers = numbers_of(code, coded)
    check_loss(loss)
    check_confidence(confidence)
    if patterns is not None and patterns < 1:
        raise ParameterError(f"patterns {patterns} was given: at least 1 loss pattern is drawn")
    columns = columns_of(code, numbers)
    if loss in {0, 1}:
        return _exactly(1.0 - loss, confidence)
    if exact.can_enumerate(nb_frag, len(numbers)):
        return _exactly(exact.enumerated_success(columns, len(numbers), loss), confidence)
    split = _split(columns, len(numbers), loss)
    if not len(split.losses):
        return _exactly(1 - split.failure, confidence)
    stop = _Stop(
        patterns=split.affordable_patterns(seconds) if patterns is None else patterns,
        width=width,
        confidence=confidence,
    )
    return _estimate(columns, split, np.random.default_rng(seed), stop)


def _exactly(success: float, confidence: float) -> DecodingProbability:
    return DecodingProbability(estimate=success, low=success, high=success, confidence=confidence, patterns=0)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Stop:
    """When to stop drawing: after so many patterns, or once the interval is narrow enough."""

    patterns: int
    width: float
    confidence: float


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
        """As many patterns as take about so long, from 200 to a million a second."""
        lost = self.losses[:, 0].astype(np.float64)
        each = 100e-9 + 2e-9 * float(self.proposal @ (lost**2 * (1 + lost / 300)))
        return max(200, int(min(1e6, 1 / each) * seconds))


def _split(columns: Words, nb_coded: int, loss: float) -> _Split:
    nb_frag = len(columns)
    up_to = exact.exact_up_to(*columns.shape)
    lost_law, heard_law = binomial(nb_frag, loss), binomial(nb_coded, 1 - loss)
    failures = exact.few_lost_failures(columns, nb_coded, loss, up_to)
    certain = exact.too_many_lost(lost_law, heard_law, more_than=up_to)
    lost, heard = np.flatnonzero(lost_law > NEGLIGIBLE), np.flatnonzero(heard_law > NEGLIGIBLE)
    lost, heard = np.repeat(lost, len(heard)), np.tile(heard, len(lost))
    undecided = (lost > up_to) & (lost <= heard)
    lost, heard = lost[undecided], heard[undecided]
    weight = lost_law[lost] * heard_law[heard]
    return _Split(
        nb_coded=nb_coded,
        failure=float(lost_law[: len(failures)] @ failures) + certain,
        losses=np.stack([lost, nb_coded - heard], axis=1),
        weight=weight,
        proposal=_proposal(weight, dependent(lost, heard)),
    )


def _proposal(weight: Floats, ideal_failure: Floats) -> Floats:
    """Half of the effort where failures would be likely if the code were ideal; the other half everywhere, as it may not be.

    The half keeps every failure counted at no more than twice its weight.
    """
    promising = weight * np.sqrt(np.maximum(ideal_failure, 1e-300))
    proposal = weight / weight.sum() + promising / promising.sum()
    return np.asarray(proposal / proposal.sum())


def _estimate(columns: Words, split: _Split, rng: np.random.Generator, stop: _Stop) -> DecodingProbability:
    worth = split.weight / split.proposal
    batch = max(1, int(BATCH_DRAWS / (split.proposal @ split.losses.sum(axis=1))))
    most = float(split.weight.sum())
    drawn, total, squares, low, high = 0, 0.0, 0.0, 0.0, most
    while drawn < stop.patterns and (not drawn or high - low > stop.width):
        count = min(batch, stop.patterns - drawn)
        failed = _failed_by_cell(columns, split, rng, count)
        drawn += count
        total += float(failed @ worth)
        squares += float(failed @ worth**2)
        if stop.width or drawn == stop.patterns:
            low, high = weighted_count_interval(
                total / drawn, squares / drawn**2, float(worth.max()) / drawn, stop.confidence
            )
            low, high = min(low, most), min(high, most)
    return DecodingProbability(
        estimate=max(0.0, 1 - split.failure - min(total / drawn, most)),
        low=max(0.0, 1 - split.failure - high),
        high=1 - split.failure - low,
        confidence=stop.confidence,
        patterns=drawn,
    )


def _failed_by_cell(columns: Words, split: _Split, rng: np.random.Generator, count: int) -> NDArray[np.int64]:
    cells = np.repeat(np.arange(len(split.weight)), rng.multinomial(count, split.proposal))
    losses = split.losses[cells]
    draws = rng.integers(0, 2**32, size=int(losses.sum()), dtype=np.uint32)
    complete = np.empty(count, dtype=np.bool_)
    kernels.decode_patterns(columns, split.nb_coded, losses, draws, complete)
    return np.bincount(cells[~complete], minlength=len(split.weight))
