"""Parts of a band, each with its own limits of duty cycle and power."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True, kw_only=True)
class SubBand:
    """Part of a band, with the limits for a gateway.

    bounds: "spectrum" if the whole occupied spectrum must lie between `low_hz` and `high_hz`, "centre" if the rule lists
    centre frequencies. step_hz: raster of the centre frequencies from `low_hz` on (0: none). max_bandwidth_hz: widest channel
    (0: no such rule). duty_cycle_ppm: share of any rolling hour, in millionths, that a plan uses (1,000,000: no limit).
    legal_duty_cycle_ppm: duty cycle that the law allows, if that is more. max_eirp_dbm: power limit. gateway_eirp_dbm: power
    that network servers use. source: the rule.
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
        """Return whether a channel of bandwidth `bw_hz` around `frequency_hz` lies in this sub-band."""
        return self.nearest_hz(frequency_hz, bw_hz) == frequency_hz

    def nearest_hz(self, frequency_hz: int, bw_hz: int) -> int | None:
        """Return the frequency nearest to `frequency_hz` at which a channel of `bw_hz` fits; None if the channel is too wide."""
        edge_hz = -(-bw_hz // 2) if self.bounds == "spectrum" else 0
        low_hz, high_hz = self.low_hz + edge_hz, self.high_hz - edge_hz
        if low_hz > high_hz or 0 < self.max_bandwidth_hz < bw_hz:
            return None
        clamped_hz = min(max(frequency_hz, low_hz), high_hz)
        if not self.step_hz:
            return clamped_hz
        steps = (clamped_hz - low_hz + self.step_hz // 2) // self.step_hz
        return low_hz + min(steps, (high_hz - low_hz) // self.step_hz) * self.step_hz
