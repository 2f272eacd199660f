"""Which frames a device hears."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from fuota.errors import ParameterError


class Loss(Protocol):
    """A law of loss. Everything random comes from the generator that is handed in."""

    def heard(self, frames: int, rng: np.random.Generator) -> NDArray[np.bool_]:
        """bool (frames,): True where the device hears the frame."""
        ...


@dataclass(frozen=True, slots=True)
class Bernoulli:
    """Every frame is lost with probability `loss`, independently of all others. Raises ParameterError outside 0 to 1."""

    loss: float

    def __post_init__(self) -> None:
        _check_probability("loss", self.loss)

    def heard(self, frames: int, rng: np.random.Generator) -> NDArray[np.bool_]:
        """See Loss."""
        return rng.random(frames) >= self.loss


@dataclass(frozen=True, slots=True)
class GilbertElliott:
    """Losses in bursts: a good state that hears every frame and a bad state that hears none (Gilbert 1960, Elliott 1963).

    Given by what can be measured: the mean share of frames lost (`loss`, below 1) and the mean length of a run of losses
    (`burst_frames`, 1 or more). The chain starts in its stationary state. Raises ParameterError where no such chain exists.
    """

    loss: float
    burst_frames: float

    def __post_init__(self) -> None:
        _check_probability("loss", self.loss)
        if not self.burst_frames >= 1:
            raise ParameterError(f"burst_frames {self.burst_frames} was given: a run of losses has 1 frame or more")
        if self.loss >= 1 or self._to_bad > 1:
            longest = self.burst_frames / (self.burst_frames + 1)
            raise ParameterError(
                f"loss {self.loss} was given with bursts of {self.burst_frames} frames: runs of received frames would be"
                f" shorter than one; a loss of {longest:.3f} or less is possible"
            )

    @property
    def _to_bad(self) -> float:
        """Probability of going from the good state to the bad one; leaving the bad one has 1 / burst_frames."""
        return self.loss / (self.burst_frames * (1 - self.loss))

    def heard(self, frames: int, rng: np.random.Generator) -> NDArray[np.bool_]:
        """See Loss. Drawn run by run: the lengths of the runs are geometric."""
        heard = np.ones(frames, dtype=np.bool_)
        if self.loss == 0:
            return heard
        bad = bool(rng.random() < self.loss)
        at = 0
        while at < frames:
            run = int(rng.geometric(1 / self.burst_frames if bad else self._to_bad))
            heard[at : at + run] = not bad
            at, bad = at + run, not bad
        return heard


def _check_probability(name: str, value: float) -> None:
    if not 0 <= value <= 1:
        raise ParameterError(f"{name} {value} was given: it is a probability, 0 to 1")
