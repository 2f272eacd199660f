"""Data rate of a region: its modulation, and the payload and time on air of its frames."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

from fuota.errors import PlanError
from fuota.radio.airtime import fsk_time_on_air_us, time_on_air_us

DATA_FRAGMENT_HEADER_BYTES = 1 + 2
"""Bytes of a DataFragment before its payload: CID, Index&N (TS004-1.0.0, DataFragment)."""
MAX_FRAG_SIZE = 255
"""Largest fragment in bytes: FragSize is one byte (TS004-1.0.0, FragSessionSetupReq)."""

# RP002-1.0.4, physical layer, FSK: 50 kbit/s with 25 kHz of deviation; Carson's rule: 2 * (25 kHz + 50 kbit/s / 2)
_FSK_BANDWIDTH_HZ = 100_000


@dataclass(frozen=True, slots=True, kw_only=True)
class DataRate:
    """Data rate of a region.

    index: the x of DRx. sf, bw_hz: spreading factor and bandwidth, None unless `modulation` is LORA. bitrate_bps: indicative
    bit rate of RP002. uplink, downlink: whether frames of this direction may use it. max_payload_bytes: N of RP002, the
    longest FRMPayload of a frame without FOpts if no repeater is used. max_payload_repeater_bytes: N if a repeater may be used.
    max_payload_dwell_bytes, max_payload_dwell_repeater_bytes: the same if the dwell limit of the region is on; None if the
    limit does not change N, 0 if it makes the rate unusable.
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
        """Largest fragment in bytes that one frame carries without repeater and dwell limit: min(N - 3, 255), or 0.

        TS004-1.0.0, DataFragment: the FRMPayload has FragSize + 3 bytes, and the message is alone in its frame.
        """
        return frag_size_within(self.max_payload_bytes)

    @property
    def bandwidth_hz(self) -> int:
        """Bandwidth that a downlink occupies: `bw_hz` for LoRa, 100 kHz for FSK.

        Raises PlanError if no downlink uses this data rate.
        """
        self._check_downlink()
        return _FSK_BANDWIDTH_HZ if self.bw_hz is None else self.bw_hz

    @property
    def why_no_downlink(self) -> str:
        """Reason why no downlink uses this data rate: the end of a sentence that starts with its name."""
        return "is for uplinks only" if self.uplink else "carries nothing"

    def max_payload(self, *, repeater: bool = False, dwell: bool = False) -> int:
        """Return N of RP002, the longest FRMPayload in bytes.

        repeater: whether a repeater may be used. dwell: whether the dwell limit of the region is on.
        """
        plain = self.max_payload_repeater_bytes if repeater else self.max_payload_bytes
        limited = self.max_payload_dwell_repeater_bytes if repeater else self.max_payload_dwell_bytes
        return limited if dwell and limited is not None else plain

    def time_on_air_us(self, phy_payload_bytes: int) -> int:
        """Return the time on air of a downlink in microseconds.

        phy_payload_bytes: length of the whole PHYPayload, 0 to 255. Raises PlanError if no downlink uses this data rate,
        ParameterError for a length outside its range.
        """
        self._check_downlink()
        return _downlink_us(self.sf, self.bw_hz, self.bitrate_bps, phy_payload_bytes)

    def _check_downlink(self) -> None:
        if not self.downlink:
            raise PlanError(
                f"DR{self.index} ({self.modulation}) {self.why_no_downlink}, so it has no time on air of a downlink"
            )


@lru_cache(maxsize=4096, typed=True)  # planning asks for the same frames again and again
def _downlink_us(sf: int | None, bw_hz: int | None, bitrate_bps: int, phy_payload_bytes: int) -> int:
    if sf is None or bw_hz is None:
        return fsk_time_on_air_us(phy_payload_bytes=phy_payload_bytes, bitrate_bps=bitrate_bps)
    return time_on_air_us(sf=sf, bw_hz=bw_hz, phy_payload_bytes=phy_payload_bytes)


def frag_size_within(payload_bytes: int) -> int:
    """Return the largest fragment in bytes that fits an FRMPayload of `payload_bytes`; 0 if none fits."""
    return max(min(payload_bytes - DATA_FRAGMENT_HEADER_BYTES, MAX_FRAG_SIZE), 0)
