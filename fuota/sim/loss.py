"""Which frames a device hears."""

from __future__ import annotations

import math
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from fuota.errors import ParameterError, StorageError

_SHADOWING = 4
"""What the stream of random numbers is for, beside those of `air`."""


class Loss(Protocol):
    """A law of loss. Everything random comes from the generator that is handed in."""

    def heard(self, frames: int, rng: np.random.Generator) -> NDArray[np.bool_]:
        """bool (frames,): True where the device hears the frame."""
        ...


class FleetLoss(Protocol):
    """A law of loss for a fleet."""

    def device_losses(self, first: int, count: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """float64 (count,) twice, of the devices from number `first` on: the share of frames that each loses, and the mean
        length of a run of losses, 0 where they are independent.
        """
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

    def device_losses(self, first: int, count: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:  # noqa: ARG002
        """See FleetLoss."""
        return np.full(count, float(self.loss)), np.zeros(count)


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

    def device_losses(self, first: int, count: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:  # noqa: ARG002
        """See FleetLoss."""
        return np.full(count, float(self.loss)), np.full(count, float(self.burst_frames))


@dataclass(frozen=True, slots=True, eq=False)
class PerDevice:
    """Every device loses a share of its own, independently: `losses` (devices,). Raises ParameterError outside 0 to 1."""

    losses: NDArray[np.float64]

    def __post_init__(self) -> None:
        losses = np.array(self.losses, dtype=np.float64).reshape(-1)
        if not len(losses) or not ((losses >= 0) & (losses <= 1)).all():
            raise ParameterError("losses were given that are no shares: there is one or more, each 0 to 1")
        losses.flags.writeable = False
        object.__setattr__(self, "losses", losses)

    def device_losses(self, first: int, count: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """See FleetLoss. Raises ParameterError for more devices than there are losses."""
        if first + count > len(self.losses):
            raise ParameterError(f"{first + count} devices were asked for: there are losses of {len(self.losses)}")
        return self.losses[first : first + count], np.zeros(count)

    def __repr__(self) -> str:
        return f"PerDevice({self.losses.tolist()})"


@dataclass(frozen=True, slots=True, kw_only=True)
class SnrMargin:
    """Links with a margin over the SNR that the data rate needs: `margin_db` on average over the devices, log-normal shadowing of
    `shadowing_db` (standard deviation) for each device and gateway, Rayleigh fading for each frame.

    A frame is lost with probability 1 - exp(-10^(-margin / 10)) by each of the `gateways`, and for a device if all of them fail,
    or for `other_loss` besides. `seed` draws the shadowing. Raises ParameterError.
    """

    margin_db: float
    shadowing_db: float = 0.0
    gateways: int = 1
    other_loss: float = 0.0
    seed: int = 0

    def __post_init__(self) -> None:
        _check_probability("other_loss", self.other_loss)
        if not math.isfinite(self.margin_db) or not 0 <= self.shadowing_db < math.inf or self.gateways < 1:
            raise ParameterError(
                f"margin_db {self.margin_db}, shadowing_db {self.shadowing_db}, gateways {self.gateways} were given: a finite"
                " margin, a shadowing of 0 dB or more, and 1 gateway or more are possible"
            )

    def device_losses(self, first: int, count: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """See FleetLoss."""
        from fuota.sim.kernels import uniforms

        drawn = np.empty((count, 2 * self.gateways))
        uniforms(np.uint64(self.seed), first, _SHADOWING, drawn)
        radius, angle = np.sqrt(-2 * np.log(drawn[:, ::2])), 2 * np.pi * drawn[:, 1::2]
        margin_db = self.margin_db + self.shadowing_db * radius * np.cos(angle)  # Box and Muller 1958
        faded = -np.expm1(-(10 ** (-margin_db / 10)))
        return 1 - (1 - self.other_loss) * (1 - faded.prod(axis=1)), np.zeros(count)


@dataclass(frozen=True, slots=True)
class AnyGateway:
    """Several gateways send each frame, apart in time: a device misses it only where each of the `laws` loses it."""

    laws: tuple[FleetLoss, ...]

    def __post_init__(self) -> None:
        if not self.laws:
            raise ParameterError("no laws were given: there is a law of loss for each gateway, one or more")

    def device_losses(self, first: int, count: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """The loss that is left if all lose independently. Draws are made law by law, see SimulatedAir."""
        losses = [law.device_losses(first, count)[0] for law in self.laws]
        return np.asarray(np.prod(losses, axis=0)), np.zeros(count)


@dataclass(frozen=True, slots=True, eq=False)
class Trace:
    """What was recorded: `received` bool (devices, frames), True where a device heard the frame. Raises ParameterError."""

    received: NDArray[np.bool_]

    def __post_init__(self) -> None:
        received = np.array(self.received)
        if received.ndim != 2 or not received.size or not np.isin(received, (0, 1)).all():
            raise ParameterError(
                f"a trace of shape {received.shape} was given: it has a row for each device and a column for each frame, 0 or 1"
            )
        received = received.astype(np.bool_)
        received.flags.writeable = False
        object.__setattr__(self, "received", received)

    @classmethod
    def open(cls, path: str | Path) -> Trace:
        """Read a .npy file, or a CSV of 0 and 1, a line for each device. Raises StorageError and ParameterError."""
        try:
            bits = np.load(path) if str(path).endswith(".npy") else np.loadtxt(path, delimiter=",", ndmin=2)
            return cls(np.asarray(bits))
        except OSError as error:
            raise StorageError(f"the trace {path} cannot be read: {error.strerror or error}") from None
        except ParameterError:
            raise
        except ValueError as error:
            raise ParameterError(f"{path} is no trace: {error}") from None

    def device_losses(self, first: int, count: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """The share that each device lost."""
        return 1 - self.received[first : first + count].mean(axis=1), np.zeros(count)

    def __repr__(self) -> str:
        return f"Trace({self.received.shape}, {sha256(self.received.tobytes()).hexdigest()})"


def _check_probability(name: str, value: float) -> None:
    if not 0 <= value <= 1:
        raise ParameterError(f"{name} {value} was given: it is a probability, 0 to 1")
