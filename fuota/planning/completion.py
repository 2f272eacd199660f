"""Probability that the devices of a fleet complete, for the code that is sent and for each class of devices with equal loss."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from fuota.device import DeviceProfile
from fuota.fragmentation.parity import ParityCode
from fuota.fragmentation.statistics.ideal import ideal_failure_under
from fuota.fragmentation.statistics.laws import LossLaw, loss_law, mixture
from fuota.fragmentation.statistics.probability import (
    DecodingProbability,
    SamplingEffort,
    TransmittedCode,
    probability_under,
)
from fuota.planning.fleet.fleet import Fleet
from fuota.radio import DataRate

Floats = NDArray[np.float64]
NODES = 40
"""Number of different losses above which the failures are computed at some losses and interpolated between them."""
DRAWN_NODES = 6
"""Number of losses at which the real code is examined; between them the ratio of its failures to the ideal code's is used."""
LEAST_PATTERNS = 40
"""Least number of loss patterns to draw, whatever the time: if many fragments are lost a pattern takes milliseconds."""
HOPELESS = 0.9
"""Failure of the ideal code from which the real code hardly fails more often."""
CERTAIN = 1 - 1e-12
_TINY = 1e-300


class LossParameters(NamedTuple):
    """Share of frames lost, and mean length of a run of losses in frames (1 for independent losses)."""

    loss: float
    burst_frames: float


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class LossClasses:
    """Devices with equal loss: arrays (classes,), ascending by run length, then by loss.

    loss: share of frames lost. burst_frames: mean length of a run of losses, 1 for independent losses. devices: number of devices.
    """

    loss: Floats
    burst_frames: Floats
    devices: NDArray[np.int64]

    @classmethod
    def of(cls, fleet: Fleet, rate: DataRate) -> LossClasses:
        """Return the classes of a fleet at a data rate. Losses are rounded up, by 2 % at most, if many of them differ."""
        loss = fleet.losses(rate)
        keys, member = _distinct(loss, fleet.bursts)
        if len(keys) > NODES:
            keys, member = _distinct(_rounded_up(loss, 1.02), fleet.bursts)
        devices = np.bincount(member, weights=fleet.counts, minlength=len(keys)).astype(np.int64)
        return cls(loss=keys[:, 1], burst_frames=keys[:, 0], devices=devices)

    def parameters(self) -> list[LossParameters]:
        """Return the loss parameters of each class."""
        pairs = zip(self.loss.tolist(), self.burst_frames.tolist(), strict=True)
        return [LossParameters(loss, burst_frames) for loss, burst_frames in pairs]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class CompletionModel:
    """Failures of a fleet's classes as a function of the numbers of fragments, for devices with one profile."""

    classes: LossClasses
    profile: DeviceProfile

    def ideal(self, nb_frag: int, nb_coded: int) -> Floats:
        """Return the failures if the code were ideal, float64 (classes,)."""
        return self._by_class(nb_frag, nb_coded, lambda losses: self._ideal(nb_frag, nb_coded, losses))

    def real(self, nb_frag: int, nb_coded: int, *, seconds: float) -> Floats:
        """Return the failures of the code that is sent, float64 (classes,), with about `seconds` of drawing loss patterns."""
        sent = self._sent(nb_frag, nb_coded, seconds)
        effort = SamplingEffort(
            seconds=seconds / min(len(self.classes.loss), DRAWN_NODES), min_patterns=LEAST_PATTERNS, interval=False
        )

        def draw(losses: list[LossParameters]) -> Floats:
            laws = (self._law(nb_frag, nb_coded, loss) for loss in losses)
            return np.array([1 - probability_under(sent, law, effort).estimate for law in laws])

        def failures(losses: list[LossParameters]) -> Floats:
            if len(losses) <= DRAWN_NODES:
                return draw(losses)
            ideal = self._ideal(nb_frag, nb_coded, losses)
            chosen = _spread(np.flatnonzero(ideal < HOPELESS), DRAWN_NODES)
            real = draw([losses[i] for i in chosen])
            return _scale_ideal(np.array([parameters.loss for parameters in losses]), ideal, chosen, real)

        return self._by_class(nb_frag, nb_coded, failures)

    def mean(self, nb_frag: int, nb_coded: int, *, seconds: float) -> DecodingProbability:
        """Return the probability that a random device completes: the expected share of the fleet."""
        nodes, shares = self._node_shares(nb_frag, nb_coded)
        law = mixture([self._law(nb_frag, nb_coded, node) for node in nodes], shares)
        return probability_under(self._sent(nb_frag, nb_coded, seconds), law, _effort(seconds))

    def _node_shares(self, nb_frag: int, nb_coded: int) -> tuple[list[LossParameters], Floats]:
        """Return some loss parameters, and the share of the fleet that each represents.

        A loss between two nodes is divided between them.
        """
        parameters: list[LossParameters] = []
        shares: list[Floats] = []
        for burst, losses, devices in self._by_burst():
            nodes = self._nodes(nb_frag, nb_coded, losses, burst)
            parameters += [LossParameters(float(loss), burst) for loss in nodes]
            above = np.clip(np.searchsorted(nodes, losses), 1, max(len(nodes) - 1, 1))
            if len(nodes) == 1:
                shares.append(np.array([float(devices.sum())]))
                continue
            part = (losses - nodes[above - 1]) / (nodes[above] - nodes[above - 1])
            upper = np.bincount(above, weights=devices * part, minlength=len(nodes))
            lower = np.bincount(above - 1, weights=devices * (1 - part), minlength=len(nodes))
            shares.append(np.asarray(upper + lower, dtype=np.float64))
        weights = np.concatenate(shares)
        return parameters, weights / weights.sum()

    def _by_burst(self) -> Iterator[tuple[float, Floats, NDArray[np.int64]]]:
        """Yield each run length with the losses of its classes, and the numbers of devices in them."""
        for burst in np.unique(self.classes.burst_frames):
            same = self.classes.burst_frames == burst
            yield float(burst), self.classes.loss[same], self.classes.devices[same]

    def of_class(self, nb_frag: int, nb_coded: int, index: int, *, seconds: float) -> DecodingProbability:
        """Return the probability that a device of the class `index` completes."""
        law = self._law(nb_frag, nb_coded, self.classes.parameters()[index])
        return probability_under(self._sent(nb_frag, nb_coded, seconds), law, _effort(seconds))

    def _sent(self, nb_frag: int, nb_coded: int, seconds: float) -> TransmittedCode:
        code = ParityCode(nb_frag=nb_frag, version=self.profile.version, variant=self.profile.variant)
        return TransmittedCode.of(code, code.coded_numbers(nb_coded), share=seconds)

    def _ideal(self, nb_frag: int, nb_coded: int, losses: list[LossParameters]) -> Floats:
        return np.array([ideal_failure_under(self._law(nb_frag, nb_coded, loss)) for loss in losses])

    def _law(self, nb_frag: int, nb_coded: int, parameters: LossParameters) -> LossLaw:
        loss, burst_frames = parameters
        law = loss_law(nb_frag, nb_coded, loss, _possible_run(loss, burst_frames) if burst_frames > 1 else None)
        most = self.profile.max_repairable()
        return law if most is None or most >= nb_frag else law.limited_to(most)

    def _by_class(self, nb_frag: int, nb_coded: int, failures: Callable[[list[LossParameters]], Floats]) -> Floats:
        """Return the failures of the classes, float64 (classes,), computed at the nodes of each run length and interpolated.

        failures: returns float64 (nodes,) for the loss parameters of the nodes.
        """
        parts = []
        for burst, losses, _ in self._by_burst():
            nodes = self._nodes(nb_frag, nb_coded, losses, burst)
            values = failures([LossParameters(float(loss), burst) for loss in nodes])
            parts.append(values if nodes is losses else _between(losses, nodes, values))
        return np.concatenate(parts)

    def _nodes(self, nb_frag: int, nb_coded: int, losses: Floats, burst_frames: float) -> Floats:
        """Return the losses at which failures are computed: all losses if there are few.

        Otherwise a few losses over the whole range, and close losses in the range in which the failures rise from none to all. In
        that range as many fragments are lost as coded fragments are received, within some standard deviations of their numbers.
        """
        if len(losses) <= NODES:
            return losses
        lossy = losses[losses > 0]
        least, most = lossy[0], lossy[-1]
        most_lost = self.profile.max_repairable()
        middle = nb_coded / (nb_frag + nb_coded)
        middle = middle if most_lost is None else min(middle, most_lost / nb_frag)
        spread = np.sqrt(max(middle, least) * (2 * burst_frames - 1) / (nb_frag + nb_coded))
        close = middle + spread * np.arange(-7, 7, 0.6)
        nodes = np.concatenate([losses[:1], np.geomspace(least, most, 12), close[(close > least) & (close < most)]])
        return np.unique(nodes)


def _possible_run(loss: float, burst_frames: float) -> float:
    """Return the mean length of a run of losses, at least the length that the loss needs.

    A run of received frames has one frame or more.
    """
    return max(burst_frames, loss / (1 - loss) * (1 + 1e-9)) if loss < 1 else burst_frames


def _effort(seconds: float) -> SamplingEffort:
    return SamplingEffort(seconds=seconds, min_patterns=LEAST_PATTERNS)


def _distinct(loss: Floats, burst: Floats) -> tuple[Floats, NDArray[np.int64]]:
    """Return the different pairs of run length and loss, float64 (classes, 2), ascending, and the index of each device's pair."""
    keys, member = np.unique(np.stack([burst, loss], axis=1), axis=0, return_inverse=True)
    return np.asarray(keys), member.reshape(-1)


def _rounded_up(losses: Floats, step: float) -> Floats:
    """Return the losses rounded up to the next power of `step`; 0 stays 0, and 1 stays 1."""
    powers = np.ceil(np.log(np.maximum(losses, 1e-6)) / np.log(step) - 1e-9)
    return np.where(losses == 0, 0.0, np.minimum(step**powers, 1.0))


def _spread(indexes: NDArray[np.int64], count: int) -> NDArray[np.int64]:
    """Return at most `count` of the indexes, evenly spaced, with the first and the last."""
    if not len(indexes):
        return indexes
    return np.asarray(indexes[np.unique(np.linspace(0, len(indexes) - 1, count).round().astype(np.int64))])


def _scale_ideal(losses: Floats, ideal: Floats, chosen: NDArray[np.int64], real: Floats) -> Floats:
    """Return the failures at all `losses` from the `real` failures at the `chosen` indexes.

    The ratio of the real failures to the `ideal` failures varies slowly with the loss, so it is interpolated.
    """
    if not len(chosen):
        return ideal
    ratio = np.log(np.maximum(real, _TINY)) - np.log(np.maximum(ideal[chosen], _TINY))
    place = np.log(np.maximum(losses, _TINY))
    return np.asarray(np.minimum(ideal * np.exp(np.interp(place, place[chosen], ratio)), 1.0))


def _between(losses: Floats, nodes: Floats, values: Floats) -> Floats:
    """Return the probabilities `values` (nodes,) interpolated at `losses`: log odds against log loss."""
    within = np.clip(values, _TINY, CERTAIN)
    odds = np.log(within) - np.log1p(-within)
    place, places = np.log(np.maximum(losses, _TINY)), np.log(np.maximum(nodes, _TINY))
    interpolated = 1 / (1 + np.exp(-np.interp(place, places, odds)))
    return np.where(losses == 0, 0.0, interpolated)
