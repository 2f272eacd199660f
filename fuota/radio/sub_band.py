"""The parts of a band, each with its own duty cycle and power."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True, kw_only=True)
class SubBand:
    """One part of a band and what a gateway may do there.

    `bounds` tells what lies between `low_hz` and `high_hz`: the whole occupied "spectrum", or the "centre" frequency
    alone where the rule lists those. `step_hz` is the raster of these from `low_hz` on (0: none) and `max_bandwidth_hz`
    the widest channel (0: no such rule). `duty_cycle_ppm` is the share of any rolling hour, in millionths, that a plan
    uses (1,000,000: no limit); `legal_duty_cycle_ppm` is what the law allows where that is more. `max_eirp_dbm` is the
    limit, `gateway_eirp_dbm` what network servers use. `source` is the rule.
    """

    name: str
    low_hz: int
    high_hz: int
    duty_cycle_ppm: int
    legal_duty_cycle_ppm: int | None = None
    max_eirp_dbm: float
    gateway_eirp_dbm: float
    bounds: Literal["spectrum", "centre"]
    step_hz: int = 0
    max_bandwidth_hz: int = 0
    source: str
    note: str = ""

    def holds(self, frequency_hz: int, bw_hz: int) -> bool:
        """Whether a channel of `bw_hz` around `frequency_hz` lies in here."""
        return self.nearest_hz(frequency_hz, bw_hz) == frequency_hz

    def nearest_hz(self, frequency_hz: int, bw_hz: int) -> int | None:
        """The frequency nearest to `frequency_hz` at which a channel of `bw_hz` lies in here; None if it is too wide."""
        edge_hz = -(-bw_hz // 2) if self.bounds == "spectrum" else 0
        low_hz, high_hz = self.low_hz + edge_hz, self.high_hz - edge_hz
        if low_hz > high_hz or 0 < self.max_bandwidth_hz < bw_hz:
            return None
        clamped_hz = min(max(frequency_hz, low_hz), high_hz)
        if not self.step_hz:
            return clamped_hz
        steps = (clamped_hz - low_hz + self.step_hz // 2) // self.step_hz
        return low_hz + min(steps, (high_hz - low_hz) // self.step_hz) * self.step_hz
