"""One data rate of a region: how it is modulated, what a frame carries, how long it lasts."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from fuota.errors import PlanError
from fuota.radio.airtime import fsk_time_on_air_us, time_on_air_us

DATA_FRAGMENT_HEADER_BYTES = 1 + 2  # TS004-1.0.0, DataFragment: CID, Index&N
MAX_FRAG_SIZE = 255  # TS004-1.0.0, FragSessionSetupReq: FragSize is one octet

# RP002-1.0.4, physical layer, FSK: 50 kbit/s with 25 kHz of deviation; Carson's rule: 2 * (25 kHz + 50 kbit/s / 2)
_FSK_BANDWIDTH_HZ = 100_000


@dataclass(frozen=True, slots=True, kw_only=True)
class DataRate:
    """One data rate of a region.

    `index` is the x of DRx. `sf` and `bw_hz` are None unless `modulation` is LORA. `bitrate_bps` is the indicative
    figure of RP002. `max_payload_bytes` is N of RP002, the longest FRMPayload of a frame without FOpts where no
    repeater is used; `max_payload_repeater_bytes` is N where one may be. The two with `dwell` are N where the region's
    dwell limit is on: None where it does not change N, 0 where it makes the rate unusable.
    """

    index: int
    modulation: Literal["LORA", "FSK", "LRFHSS"]
    sf: int | None = None
    bw_hz: int | None = None
    bitrate_bps: int
    uplink: bool
    downlink: bool
    max_payload_bytes: int
    max_payload_repeater_bytes: int
    max_payload_dwell_bytes: int | None = None
    max_payload_dwell_repeater_bytes: int | None = None

    @property
    def max_frag_size(self) -> int:
        """Largest fragment in bytes that one frame carries, no repeater and no dwell limit: min(N - 3, 255), or 0.

        TS004-1.0.0, DataFragment: the FRMPayload is FragSize + 3 bytes, and the message travels alone.
        """
        return frag_size_within(self.max_payload_bytes)

    @property
    def bandwidth_hz(self) -> int:
        """The spectrum that a downlink occupies: `bw_hz` of LoRa, 100 kHz of FSK. Raises PlanError as time_on_air_us."""
        self._check_downlink()
        return _FSK_BANDWIDTH_HZ if self.bw_hz is None else self.bw_hz

    @property
    def why_no_downlink(self) -> str:
        """The end of a sentence that begins with the name of a data rate that no downlink uses."""
        return "is for uplinks only" if self.uplink else "carries nothing"

    def max_payload(self, *, repeater: bool = False, dwell: bool = False) -> int:
        """N in bytes: the longest FRMPayload where a repeater may be used or not, and the dwell limit is on or off."""
        plain = self.max_payload_repeater_bytes if repeater else self.max_payload_bytes
        limited = self.max_payload_dwell_repeater_bytes if repeater else self.max_payload_dwell_bytes
        return limited if dwell and limited is not None else plain

    def time_on_air_us(self, phy_payload_bytes: int) -> int:
        """Time on air in microseconds of a downlink whose PHYPayload has `phy_payload_bytes` bytes (0 to 255).

        Raises PlanError for a data rate that no downlink uses, ParameterError for a length outside its range.
        """
        self._check_downlink()
        if self.sf is None or self.bw_hz is None:
            return fsk_time_on_air_us(phy_payload_bytes=phy_payload_bytes, bitrate_bps=self.bitrate_bps)
        return time_on_air_us(sf=self.sf, bw_hz=self.bw_hz, phy_payload_bytes=phy_payload_bytes)

    def _check_downlink(self) -> None:
        if not self.downlink:
            rule = self.why_no_downlink
            raise PlanError(f"DR{self.index} ({self.modulation}) {rule}: no downlink has a time on air there")


def frag_size_within(payload_bytes: int) -> int:
    """The largest fragment in an FRMPayload of at most `payload_bytes`; 0 where none fits."""
    return max(min(payload_bytes - DATA_FRAGMENT_HEADER_BYTES, MAX_FRAG_SIZE), 0)
