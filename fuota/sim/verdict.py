"""What became of a simulated fleet: counts that add, with intervals."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fuota.errors import ParameterError
from fuota.fragmentation.statistics.intervals import wilson_interval


class Ending(StrEnum):
    """How a session ended on a simulated device."""

    COMPLETE = "complete"
    """The rank of what it heard is full."""
    INCOMPLETE = "incomplete"
    """Rank is lacking."""
    GAVE_UP = "gave up"
    """It lost more uncoded fragments than its decoder can hold."""
    REFUSED = "refused"
    """The session does not fit the device, which refused it."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class SimulatedVerdict:
    """What `devices` devices ended with. Verdicts of parts of one fleet add.

    `completed_at` int64 (frames + 1,): how many devices completed with fragment N = index; `missing` int64: how many report that
    so many fragments are missing (MissingFrag, as their profile has it; 0 is not counted). `starts_ms` int64 (frames,): when
    each frame starts. `recipe`: SHA-256 of all that decided the outcome. `airtime_us` of all frames, `energy_uj` of one
    device that stays to the end of the session.
    """

    recipe: str
    devices: int
    counts: Mapping[Ending, int]
    completed_at: NDArray[np.int64]
    missing: NDArray[np.int64]
    starts_ms: NDArray[np.int64]
    airtime_us: int
    energy_uj: int

    @property
    def complete(self) -> int:
        """How many devices are complete."""
        return self.counts[Ending.COMPLETE]

    @property
    def share(self) -> float:
        """Their share."""
        return self.complete / self.devices

    def interval(self, confidence: float = 0.95) -> tuple[float, float]:
        """The Wilson interval of the probability that a device completes . Raises ParameterError."""
        return wilson_interval(self.complete, self.devices, confidence)

    def quantile(self, share: float) -> int | None:
        """The number N of the fragment with which that share of the fleet is complete, None where it never is."""
        if not 0 < share <= 1:
            raise ParameterError(f"share {share!r} was given: it is more than 0 and at most 1, such as 0.5")
        reached = np.cumsum(self.completed_at)
        at = int(np.searchsorted(reached, math.ceil(share * self.devices - 1e-9)))
        return at if at < len(reached) else None

    @property
    def airtime_per_complete_us(self) -> float:
        """Time on air for each device that completed; infinite where none did."""
        return self.airtime_us / self.complete if self.complete else math.inf

    @property
    def energy_per_complete_uj(self) -> float:
        """What the whole fleet spent for each device that completed; infinite where none did."""
        return self.energy_uj * self.devices / self.complete if self.complete else math.inf

    def __add__(self, other: SimulatedVerdict) -> SimulatedVerdict:
        """Of two parts of one fleet the whole. Raises ParameterError where they are not of one recipe."""
        if self.recipe != other.recipe:
            raise ParameterError("verdicts of two recipes were added: only parts of one fleet under one plan add")
        return SimulatedVerdict(
            recipe=self.recipe,
            devices=self.devices + other.devices,
            counts={ending: self.counts[ending] + other.counts[ending] for ending in Ending},
            completed_at=self.completed_at + other.completed_at,
            missing=_sum(self.missing, other.missing),
            starts_ms=self.starts_ms,
            airtime_us=self.airtime_us,
            energy_uj=self.energy_uj,
        )

    def to_json(self) -> dict[str, Any]:
        """Counts, share, interval and quantiles, as plain values."""
        low, high = self.interval()
        return {
            "recipe": self.recipe,
            "devices": self.devices,
            "counts": {ending.value: self.counts[ending] for ending in Ending},
            "share": self.share,
            "low": low,
            "high": high,
            "complete_at": {str(share): self.quantile(share) for share in (0.5, 0.9, 0.99)},
            "airtime_us": self.airtime_us,
            "energy_uj": self.energy_uj,
        }

    def to_dataframe(self) -> Any:
        """A pandas DataFrame with a row for each frame: n, start_s, completed with it, and the share that is complete then."""
        from pandas import DataFrame

        numbers = np.arange(1, len(self.completed_at))
        return DataFrame(
            {
                "n": numbers,
                "start_s": self.starts_ms / 1000,
                "completed": self.completed_at[1:],
                "share": np.cumsum(self.completed_at[1:]) / self.devices,
            }
        )

    def plot(self) -> Any:
        """A matplotlib Figure: the share of the fleet that is complete against time."""
        from fuota.sim.plots import completion_figure

        return completion_figure(self)

    def _repr_html_(self) -> str:
        low, high = self.interval()
        rows = "".join(f"<tr><td>{ending}</td><td>{self.counts[ending]}</td></tr>" for ending in Ending)
        head = f"{self.share:.4%} of {self.devices} devices complete ({low:.4%} to {high:.4%}, 95 % confidence)"
        return f"<table><caption>{head}</caption>{rows}</table>"


def _sum(one: NDArray[np.int64], other: NDArray[np.int64]) -> NDArray[np.int64]:
    """Of two arrays of different lengths."""
    total = np.zeros(max(len(one), len(other)), dtype=np.int64)
    total[: len(one)] += one
    total[: len(other)] += other
    return total
