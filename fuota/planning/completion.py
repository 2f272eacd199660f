"""How likely the devices of a fleet complete: of the real code, for each class of devices that hear alike."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

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
Channels = list[tuple[float, float]]
"""Loss and mean length of a run of losses, each."""
NODES = 40
"""A fleet with more different loss rates than this is looked at for some, and between them by interpolation."""
DRAWN_NODES = 6
"""At so many of them the real code is looked at; between them the ratio of its failures to the ideal code's is taken."""
LEAST_PATTERNS = 40
"""Drawn at least, whatever the time: where many fragments are lost a pattern takes milliseconds."""
HOPELESS = 0.9
"""Where the ideal code fails so often, the real one hardly fails more often."""
CERTAIN = 1 - 1e-12
_TINY = 1e-300


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class LossClasses:
    """Devices that hear alike: arrays (classes,), ascending by run length, then by loss.

    `loss`: the share of frames lost, `burst_frames`: the mean length of a run of losses, 1 for independent ones,
    `devices`: how many there are.
    """

    loss: Floats
    burst_frames: Floats
    devices: NDArray[np.int64]

    @classmethod
    def of(cls, fleet: Fleet, rate: DataRate) -> LossClasses:
        """The classes of a fleet at a data rate. Losses are rounded up, by 2 % at most, where there are many different ones."""
        loss = fleet.losses(rate)
        keys, member = _distinct(loss, fleet.bursts)
        if len(keys) > NODES:
            keys, member = _distinct(_rounded_up(loss, 1.02), fleet.bursts)
        counted = np.bincount(member, weights=fleet.counts, minlength=len(keys)).astype(np.int64)
        return cls(loss=keys[:, 1], burst_frames=keys[:, 0], devices=counted)

    def parameters(self) -> Channels:
        """Loss and mean length of a run of losses of each class."""
        return list(zip(self.loss.tolist(), self.burst_frames.tolist(), strict=True))


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class CompletionModel:
    """The failures of a fleet's classes as a function of the numbers of fragments, for devices of a profile."""

    classes: LossClasses
    profile: DeviceProfile

    def ideal(self, nb_frag: int, nb_coded: int) -> Floats:
        """float64 (classes,): failures if the code were ideal."""
        return self._by_class(nb_frag, nb_coded, lambda channels: self._ideal(nb_frag, nb_coded, channels))

    def real(self, nb_frag: int, nb_coded: int, *, seconds: float) -> Floats:
        """float64 (classes,): failures of the code that is sent, with about `seconds` of drawing lots."""
        sent = self._sent(nb_frag, nb_coded, seconds)
        effort = SamplingEffort(
            seconds=seconds / min(len(self.classes.loss), DRAWN_NODES), min_patterns=LEAST_PATTERNS, interval=False
        )

        def drawn(channels: Channels) -> Floats:
            laws = (self._law(nb_frag, nb_coded, channel) for channel in channels)
            return np.array([1 - probability_under(sent, law, effort).estimate for law in laws])

        def failures(channels: Channels) -> Floats:
            if len(channels) <= DRAWN_NODES:
                return drawn(channels)
            ideal = self._ideal(nb_frag, nb_coded, channels)
            chosen = _spread(np.flatnonzero(ideal < HOPELESS), DRAWN_NODES)
            real = drawn([channels[i] for i in chosen])
            losses = np.array([loss for loss, _ in channels])
            return _as_the_ideal(losses, ideal, chosen, real)

        return self._by_class(nb_frag, nb_coded, failures)

    def mean(self, nb_frag: int, nb_coded: int, *, seconds: float) -> DecodingProbability:
        """How likely a device taken at random completes: the expected share of the fleet."""
        channels, shares = self._node_shares(nb_frag, nb_coded)
        law = mixture([self._law(nb_frag, nb_coded, channel) for channel in channels], shares)
        return probability_under(self._sent(nb_frag, nb_coded, seconds), law, _effort(seconds))

    def _node_shares(self, nb_frag: int, nb_coded: int) -> tuple[Channels, Floats]:
        """Some channels, and which share of the fleet each stands for: a loss between two nodes is shared among them."""
        channels: Channels = []
        shares: list[Floats] = []
        for burst, losses, devices in self._runs():
            nodes = self._nodes(nb_frag, nb_coded, losses, burst)
            channels += [(float(loss), burst) for loss in nodes]
            above = np.clip(np.searchsorted(nodes, losses), 1, max(len(nodes) - 1, 1))
            if len(nodes) == 1:
                shares.append(np.array([float(devices.sum())]))
                continue
            part = (losses - nodes[above - 1]) / (nodes[above] - nodes[above - 1])
            upper = np.bincount(above, weights=devices * part, minlength=len(nodes))
            lower = np.bincount(above - 1, weights=devices * (1 - part), minlength=len(nodes))
            shares.append(np.asarray(upper + lower, dtype=np.float64))
        found = np.concatenate(shares)
        return channels, found / found.sum()

    def _runs(self) -> Iterator[tuple[float, Floats, NDArray[np.int64]]]:
        """For each run length: it, the losses of its classes, and how many devices these have."""
        for burst in np.unique(self.classes.burst_frames):
            same = self.classes.burst_frames == burst
            yield float(burst), self.classes.loss[same], self.classes.devices[same]

    def one(self, nb_frag: int, nb_coded: int, index: int, *, seconds: float) -> DecodingProbability:
        """How likely a device of the class `index` completes."""
        law = self._law(nb_frag, nb_coded, self.classes.parameters()[index])
        return probability_under(self._sent(nb_frag, nb_coded, seconds), law, _effort(seconds))

    def _sent(self, nb_frag: int, nb_coded: int, seconds: float) -> TransmittedCode:
        code = ParityCode(nb_frag=nb_frag, version=self.profile.version, variant=self.profile.variant)
        return TransmittedCode.of(code, code.coded_numbers(nb_coded), share=seconds)

    def _ideal(self, nb_frag: int, nb_coded: int, channels: Channels) -> Floats:
        return np.array([ideal_failure_under(self._law(nb_frag, nb_coded, channel)) for channel in channels])

    def _law(self, nb_frag: int, nb_coded: int, channel: tuple[float, float]) -> LossLaw:
        loss, burst_frames = channel
        law = loss_law(nb_frag, nb_coded, loss, _possible_run(loss, burst_frames) if burst_frames > 1 else None)
        most = self.profile.most_lost()
        return law if most is None or most >= nb_frag else law.limited_to(most)

    def _by_class(self, nb_frag: int, nb_coded: int, failures: Callable[[Channels], Floats]) -> Floats:
        """(classes,): the `failures` (channels,) at some channels of each run length, and between them."""
        parts = []
        for burst, losses, _ in self._runs():
            nodes = self._nodes(nb_frag, nb_coded, losses, burst)
            found = failures([(float(loss), burst) for loss in nodes])
            parts.append(found if nodes is losses else _between(losses, nodes, found))
        return np.concatenate(parts)

    def _nodes(self, nb_frag: int, nb_coded: int, losses: Floats, burst_frames: float) -> Floats:
        """Losses to look at: a few over the whole range, and close ones where the failures rise from none to all.

        That is where as many fragments are lost as coded ones are heard, within some standard deviations of their numbers.
        All, where they are few.
        """
        if len(losses) <= NODES:
            return losses
        lossy = losses[losses > 0]
        least, most = lossy[0], lossy[-1]
        held = self.profile.most_lost()
        middle = nb_coded / (nb_frag + nb_coded)
        middle = middle if held is None else min(middle, held / nb_frag)
        spread = np.sqrt(max(middle, least) * (2 * burst_frames - 1) / (nb_frag + nb_coded))
        close = middle + spread * np.arange(-7, 7, 0.6)
        nodes = np.concatenate([losses[:1], np.geomspace(least, most, 12), close[(close > least) & (close < most)]])
        return np.unique(nodes)


def _possible_run(loss: float, burst_frames: float) -> float:
    """This mean length of a run of losses, or the least that so many losses have: runs of received frames have one or more."""
    return max(burst_frames, loss / (1 - loss) * (1 + 1e-9)) if loss < 1 else burst_frames


def _effort(seconds: float) -> SamplingEffort:
    return SamplingEffort(seconds=seconds, min_patterns=LEAST_PATTERNS)


def _distinct(loss: Floats, burst: Floats) -> tuple[Floats, NDArray[np.int64]]:
    """(classes, 2): the different pairs of run length and loss, ascending; and which of them each device has."""
    keys, member = np.unique(np.stack([burst, loss], axis=1), axis=0, return_inverse=True)
    return np.asarray(keys), member.reshape(-1)


def _rounded_up(losses: Floats, step: float) -> Floats:
    """To the next power of `step`; 0 stays, and so does 1."""
    powers = np.ceil(np.log(np.maximum(losses, 1e-6)) / np.log(step) - 1e-9)
    return np.where(losses == 0, 0.0, np.minimum(step**powers, 1.0))


def _spread(places: NDArray[np.int64], count: int) -> NDArray[np.int64]:
    """So many of them at most, evenly, the first and the last included."""
    if not len(places):
        return places
    return np.asarray(places[np.unique(np.linspace(0, len(places) - 1, count).round().astype(np.int64))])


def _as_the_ideal(losses: Floats, ideal: Floats, chosen: NDArray[np.int64], real: Floats) -> Floats:
    """Failures at all `losses`, from the `real` ones at the `chosen`: their ratio to the `ideal` ones varies slowly."""
    if not len(chosen):
        return ideal
    ratio = np.log(np.maximum(real, _TINY)) - np.log(np.maximum(ideal[chosen], _TINY))
    place = np.log(np.maximum(losses, _TINY))
    return np.asarray(np.minimum(ideal * np.exp(np.interp(place, place[chosen], ratio)), 1.0))


def _between(losses: Floats, nodes: Floats, values: Floats) -> Floats:
    """`values` (nodes,), which are probabilities, at other losses: log odds against log loss."""
    within = np.clip(values, _TINY, CERTAIN)
    odds = np.log(within) - np.log1p(-within)
    place, places = np.log(np.maximum(losses, _TINY)), np.log(np.maximum(nodes, _TINY))
    found = 1 / (1 + np.exp(-np.interp(place, places, odds)))
    return np.where(losses == 0, 0.0, found)
