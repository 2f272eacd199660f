"""Verdict of a simulated fleet: counts that can be added, with intervals."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from fuota import rules
from fuota.errors import ParameterError
from fuota.fragmentation.statistics.intervals import wilson_interval

if TYPE_CHECKING:
    from pandas import DataFrame


class Ending(StrEnum):
    """End of a session on a simulated device."""

    COMPLETE = "complete"
    """The received fragments have full rank."""
    INCOMPLETE = "incomplete"
    """The received fragments lack rank."""
    GAVE_UP = "gave up"
    """The device lost more uncoded fragments than its decoder can hold."""
    REFUSED = "refused"
    """The session does not fit the device, which refused it."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class SimulatedVerdict:
    """Outcome of a simulated fleet. The verdicts of parts of a fleet can be added.

    recipe: SHA-256 of everything that decided the outcome. devices: number of devices. counts: number of devices by ending.
    completed_at: int64 (frames + 1,), number of devices that completed with fragment N = index. missing: int64, number of devices
    that report index missing fragments (MissingFrag, as their profile reports it; 0 is not counted). starts_ms: int64 (frames,),
    start of each frame. airtime_us: of all frames. energy_uj: of one device that stays to the end of the session.
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
        """Number of complete devices."""
        return self.counts[Ending.COMPLETE]

    @property
    def share(self) -> float:
        """Share of complete devices."""
        return self.complete / self.devices

    def interval(self, confidence: float = 0.95) -> tuple[float, float]:
        """Return the Wilson interval of the probability that a device completes.

        Raises ParameterError unless the confidence is between 0 and 1.
        """
        return wilson_interval(self.complete, self.devices, confidence)

    def quantile(self, share: float) -> int | None:
        """Return the number N of the fragment that completes this share of the fleet, or None if it never is complete.

        Raises ParameterError unless `share` is above 0 and at most 1.
        """
        if not 0 < share <= 1:
            rules.refuse("share", "above 0 and at most 1, such as 0.5", share)
        reached = np.cumsum(self.completed_at)
        number = int(np.searchsorted(reached, math.ceil(share * self.devices - 1e-9)))
        return number if number < len(reached) else None

    @property
    def airtime_per_complete_us(self) -> float:
        """Time on air for each device that completed; infinite if no device did."""
        return self.airtime_us / self.complete if self.complete else math.inf

    @property
    def energy_per_complete_uj(self) -> float:
        """Energy of the whole fleet for each device that completed; infinite if no device did."""
        return self.energy_uj * self.devices / self.complete if self.complete else math.inf

    def __add__(self, other: SimulatedVerdict) -> SimulatedVerdict:
        """Return the verdict of two parts of a fleet together. Raises ParameterError if their recipes differ."""
        if self.recipe != other.recipe:
            raise ParameterError(
                "verdicts of two recipes cannot be added: both must be parts of one fleet under one plan"
            )
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

    def to_json(self) -> dict[str, object]:
        """Return counts, share, interval and quantiles as plain values."""
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

    def to_dataframe(self) -> DataFrame:
        """Return a pandas DataFrame with a row for each frame: n, start_s, devices completed with it, share complete by then."""
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
        """Return a matplotlib Figure: the share of the fleet that is complete against time."""
        from fuota.sim.plots import completion_figure

        return completion_figure(self)

    def _repr_html_(self) -> str:
        low, high = self.interval()
        rows = "".join(f"<tr><td>{ending}</td><td>{self.counts[ending]}</td></tr>" for ending in Ending)
        head = f"{self.share:.4%} of {self.devices} devices complete ({low:.4%} to {high:.4%}, 95 % confidence)"
        return f"<table><caption>{head}</caption>{rows}</table>"


def _sum(first: NDArray[np.int64], second: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return the sum of two arrays of different lengths; the shorter array is continued with zeros."""
    total = np.zeros(max(len(first), len(second)), dtype=np.int64)
    total[: len(first)] += first
    total[: len(second)] += second
    return total
