"""Laws of loss: which frames a device receives."""

from __future__ import annotations

import io
import math
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Protocol, cast

import numpy as np
from numpy.typing import NDArray

from fuota import files, rules
from fuota.calls import checked_call, checked_init
from fuota.errors import FuotaError, ParameterError, StorageError

Floats = NDArray[np.float64]
Bits = NDArray[np.bool_]

_SHADOWING = 4
"""Purpose of the stream of random numbers; `air` lists the other purposes."""


class Loss(Protocol):
    """A law of loss for one device."""

    def draw_received(self, frames: int, rng: np.random.Generator) -> NDArray[np.bool_]:
        """Return which frames the device receives, bool (frames,). `rng` is the only source of randomness."""
        ...


class FleetLoss(Protocol):
    """A law of loss for a fleet."""

    def device_losses(self, first: int, count: int) -> tuple[Floats, Floats]:
        """Return the losses of `count` devices from number `first` on.

        Two arrays float64 (count,): the share of frames that each device loses, and the mean length of a run of losses, 0 if the
        losses are independent.
        """
        ...


@checked_init
@dataclass(frozen=True, slots=True)
class Bernoulli:
    """Independent losses: every frame is lost with probability `loss`. Raises ParameterError unless it is 0 to 1."""

    loss: float

    def __post_init__(self) -> None:
        rules.probability("loss", self.loss)

    def draw_received(self, frames: int, rng: np.random.Generator) -> NDArray[np.bool_]:
        """Return which frames are received, see Loss."""
        return rng.random(frames) >= self.loss

    def device_losses(self, first: int, count: int) -> tuple[Floats, Floats]:  # noqa: ARG002 - every device loses the same share
        """Return the losses of devices, see FleetLoss."""
        return np.full(count, float(self.loss)), np.zeros(count)


@checked_init
@dataclass(frozen=True, slots=True)
class GilbertElliott:
    """Losses in bursts: a good state that receives every frame and a bad state that receives none (Gilbert 1960, Elliott 1963).

    loss: mean share of frames lost, below 1. burst_frames: mean length of a run of losses, 1 frame or more. Both can be measured.
    The chain starts in its stationary state. Raises ParameterError if there is no such chain.
    """

    loss: float
    burst_frames: float

    def __post_init__(self) -> None:
        rules.probability("loss", self.loss)
        if not self.burst_frames >= 1:
            rules.refuse("burst_frames", "1 frame or more", self.burst_frames, nearest=1)
        if self.loss >= 1 or self._to_bad > 1:
            longest = f"{self.burst_frames / (self.burst_frames + 1):.3f}"
            rule = f"{longest} or less with bursts of {self.burst_frames} frames"
            rules.refuse("loss", rule, self.loss, nearest=longest, why="a run of received frames has 1 frame or more")

    @property
    def _to_bad(self) -> float:
        """Probability of going from the good state to the bad one; the bad state is left with probability 1 / burst_frames."""
        return self.loss / (self.burst_frames * (1 - self.loss))

    def draw_received(self, frames: int, rng: np.random.Generator) -> NDArray[np.bool_]:
        """Return which frames are received, see Loss. It is drawn run by run: the lengths of the runs are geometric."""
        received = np.ones(frames, dtype=np.bool_)
        if self.loss == 0:
            return received
        bad = bool(rng.random() < self.loss)
        begin = 0
        while begin < frames:
            run = int(rng.geometric(1 / self.burst_frames if bad else self._to_bad))
            received[begin : begin + run] = not bad
            begin, bad = begin + run, not bad
        return received

    def device_losses(self, first: int, count: int) -> tuple[Floats, Floats]:  # noqa: ARG002 - every device loses the same share
        """Return the losses of devices, see FleetLoss."""
        return np.full(count, float(self.loss)), np.full(count, float(self.burst_frames))


@checked_call
def loss_law(loss: float, burst_frames: float = 1.0) -> Bernoulli | GilbertElliott:
    """Return the law of independent losses, or of losses in bursts.

    loss: share of frames lost. burst_frames: mean length of a run of losses in frames, 1 for independent losses.
    Raises ParameterError for values out of range.
    """
    return Bernoulli(loss) if burst_frames == 1 else GilbertElliott(loss, burst_frames)


@dataclass(frozen=True, slots=True, eq=False)
class PerDevice:
    """Independent losses with a share for each device: `losses` (devices,). Raises ParameterError unless all are 0 to 1."""

    losses: NDArray[np.float64]

    def __post_init__(self) -> None:
        try:
            losses = np.array(self.losses, dtype=np.float64).reshape(-1)
        except (TypeError, ValueError):
            rules.refuse("losses", "a list of shares, 0 to 1", self.losses)
        if not len(losses) or not ((losses >= 0) & (losses <= 1)).all():
            raise ParameterError("losses must be one share or more, each 0 to 1")
        losses.flags.writeable = False
        object.__setattr__(self, "losses", losses)

    def device_losses(self, first: int, count: int) -> tuple[Floats, Floats]:
        """Return the losses of devices, see FleetLoss. Raises ParameterError for more devices than losses."""
        if first + count > len(self.losses):
            rules.refuse("devices", f"{len(self.losses)} or less, the number of losses", first + count)
        return self.losses[first : first + count], np.zeros(count)

    def __repr__(self) -> str:
        return f"PerDevice({self.losses.tolist()})"


@checked_init
@dataclass(frozen=True, slots=True, kw_only=True)
class SnrMargin:
    """Links with a margin over the SNR that the data rate needs.

    margin_db: mean margin of the devices in dB. shadowing_db: standard deviation in dB of the log-normal shadowing of each device
    and gateway. gateways: number of gateways that send each frame. other_loss: share of frames lost for other reasons. seed: seed
    of the shadowing. Each frame fades by the law of Rayleigh: a gateway fails with probability 1 - exp(-10^(-margin / 10)), and a
    frame is lost if all gateways fail, or for the other reasons. Raises ParameterError for values out of range.
    """

    margin_db: float
    shadowing_db: float = 0.0
    gateways: int = 1
    other_loss: float = 0.0
    seed: int = 0

    def __post_init__(self) -> None:
        rules.probability("other_loss", self.other_loss)
        if not math.isfinite(self.margin_db):
            rules.refuse("margin_db", "a finite number", self.margin_db)
        if math.isinf(rules.real("shadowing_db", self.shadowing_db, 0)):
            rules.refuse("shadowing_db", "a finite number, 0 or more", self.shadowing_db)
        rules.integer("gateways", self.gateways, 1)

    def device_losses(self, first: int, count: int) -> tuple[Floats, Floats]:
        """Return the losses of devices, see FleetLoss."""
        from fuota.sim.kernels import uniforms

        numbers = np.empty((count, 2 * self.gateways))
        uniforms(np.uint64(self.seed), first, _SHADOWING, numbers)
        radius, angle = np.sqrt(-2 * np.log(numbers[:, ::2])), 2 * np.pi * numbers[:, 1::2]
        margin_db = self.margin_db + self.shadowing_db * radius * np.cos(angle)  # Box and Muller 1958
        faded = -np.expm1(-(10 ** (-margin_db / 10)))
        return 1 - (1 - self.other_loss) * (1 - faded.prod(axis=1)), np.zeros(count)


@dataclass(frozen=True, slots=True)
class AnyGateway:
    """Several gateways send each frame at different times: a device misses it only if each of the `laws` loses it.

    laws: a law of loss for each gateway. Raises ParameterError without laws.
    """

    laws: tuple[FleetLoss, ...]

    def __post_init__(self) -> None:
        if not self.laws:
            raise ParameterError("laws must be one law of loss or more, one for each gateway, got none")

    def device_losses(self, first: int, count: int) -> tuple[Floats, Floats]:
        """Return the losses of devices if the laws lose independently. SimulatedAir draws the losses law by law instead."""
        losses = [law.device_losses(first, count)[0] for law in self.laws]
        return np.asarray(np.prod(losses, axis=0)), np.zeros(count)


@dataclass(frozen=True, slots=True, eq=False)
class Trace:
    """Recorded receptions: `received` bool (devices, frames), True if a device received the frame. Raises ParameterError."""

    received: NDArray[np.bool_]

    def __post_init__(self) -> None:
        received = np.array(self.received)
        if received.ndim != 2 or not received.size or not np.isin(received, (0, 1)).all():
            rule = "a row for each device with a 0 or 1 for each frame"
            raise ParameterError(f"the trace must be {rule}, got an array of shape {received.shape}")
        received = received.astype(np.bool_)
        received.flags.writeable = False
        object.__setattr__(self, "received", received)

    @classmethod
    @checked_call
    def open(cls, path: str | Path) -> Trace:
        """Read a .npy file, or a CSV of 0 and 1 with a line for each device.

        Raises StorageError if the file cannot be read, ParameterError if it is not a trace.
        """
        try:
            return cls(_read_npy(Path(path)) if str(path).endswith(".npy") else _read_csv(Path(path)))
        except OSError as error:
            raise StorageError(f"the trace {path} cannot be read: {error.strerror or error}") from None
        except FuotaError:
            raise
        except Exception as error:  # numpy raises many kinds for a damaged header
            raise ParameterError(f"{path} is not a trace: {error or type(error).__name__}") from None

    def device_losses(self, first: int, count: int) -> tuple[Floats, Floats]:
        """Return the share that each device lost, see FleetLoss."""
        return 1 - self.received[first : first + count].mean(axis=1), np.zeros(count)

    def __repr__(self) -> str:
        return f"Trace({self.received.shape}, {sha256(self.received.tobytes()).hexdigest()})"


def _read_npy(path: Path) -> Bits:
    if not path.is_file() and path.exists():
        raise StorageError(f"the trace {path} is not a regular file")
    return cast(Bits, np.asarray(np.load(path, allow_pickle=False)))


def _read_csv(path: Path) -> Bits:
    text = files.read_whole(path, what=f"the trace {path}").decode()
    return cast(Bits, np.loadtxt(io.StringIO(text), delimiter=",", ndmin=2))
