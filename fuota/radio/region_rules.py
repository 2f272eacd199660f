"""A region: what a channel plan and its law allow on the downlink."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from fuota.errors import ParameterError, PlanError
from fuota.radio.class_b import hop
from fuota.radio.data_rate import DataRate
from fuota.radio.sub_band import SubBand


@dataclass(frozen=True, slots=True, kw_only=True)
class Beacon:
    """The class B beacon of a region. With `hopping` it uses entry floor(beacon_time / 128) mod len of its frequencies."""

    frequencies_hz: tuple[int, ...]
    hopping: bool
    data_rate: int
    payload_bytes: int
    airtime_us: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Region:
    """One channel plan of RP002-1.0.4.

    `data_rates` are in order of index, with the reserved ones left out. `downlink_frequencies_hz` are the fixed
    downlink channels (`fixed_channels`), or the default channels where the plan has no fixed ones. With
    `ping_slot_hopping` a class B ping slot uses entry (address + floor(beacon_time / 128)) mod len of
    `ping_slot_frequencies_hz`, where address is DevAddr, or McAddr for a multicast group; without it there is one
    entry. `rx2_data_rate` and `ping_slot_data_rate` are indexes of data rates.

    `max_frame_ms` is how long one frame may last (0: no such rule), `dwell_limit_ms` the dwell limit on downlinks that
    a network may turn on (0: none; it is off by default). `status` is empty or begins with "deprecated".
    """

    name: str
    aliases: tuple[str, ...]
    status: str = ""
    band_hz: tuple[int, int]
    fixed_channels: bool
    data_rates: tuple[DataRate, ...]
    rx2_frequency_hz: int
    rx2_data_rate: int
    downlink_frequencies_hz: tuple[int, ...]
    ping_slot_frequencies_hz: tuple[int, ...]
    ping_slot_data_rate: int
    ping_slot_hopping: bool
    beacon: Beacon
    sub_bands: tuple[SubBand, ...]
    device_max_eirp_dbm: float
    max_frame_ms: int = 0
    dwell_limit_ms: int = 0
    notes: tuple[str, ...] = ()

    @property
    def downlink_data_rates(self) -> tuple[DataRate, ...]:
        """The data rates that a downlink may use, in order of index."""
        return tuple(rate for rate in self.data_rates if rate.downlink)

    def data_rate(self, index: int) -> DataRate:
        """The data rate DR`index`. Raises ParameterError where the region has none of that index."""
        rates = {rate.index: rate for rate in self.data_rates}
        if index not in rates:
            known = ", ".join(f"DR{known}" for known in rates)
            nearest = min(rates, key=lambda known: abs(known - index))
            raise ParameterError(f"{self.name} has no DR{index}: it has {known}; the nearest is DR{nearest}")
        return rates[index]

    def downlink_rate(self, index: int) -> DataRate:
        """As `data_rate`, and raises PlanError where no downlink uses that data rate."""
        rate = self.data_rate(index)
        if not rate.downlink:
            known = [known.index for known in self.downlink_data_rates]
            usable = ", ".join(f"DR{index}" for index in known)
            nearest = min(known, key=lambda known: abs(known - index))
            raise PlanError(
                f"DR{index} of {self.name} {rate.why_no_downlink}: downlinks use {usable}; the nearest is DR{nearest}"
            )
        return rate

    def sub_band(self, frequency_hz: int, bw_hz: int) -> SubBand:
        """The sub-band that holds a channel of `bw_hz` around `frequency_hz`.

        Raises PlanError where none does: outside the band, in a gap, over an edge, or too wide for all of them.
        """
        for sub_band in self.sub_bands:
            if sub_band.holds(frequency_hz, bw_hz):
                return sub_band
        raise PlanError(self._no_sub_band(frequency_hz, bw_hz))

    def gateway_eirp_dbm(self, frequency_hz: int) -> float:
        """The EIRP of a gateway at `frequency_hz` that network servers use; no rule. Raises PlanError as `sub_band`."""
        return self.sub_band(frequency_hz, 0).gateway_eirp_dbm

    def default_channel(self, device_class: Literal["B", "C"]) -> tuple[int, ...]:
        """The frequencies of a multicast that names none: RX2; in class B those of the ping slots, if these hop.

        Raises ParameterError for a class other than B and C.
        """
        if device_class not in ("B", "C"):
            raise ParameterError(f"device class is {device_class!r}: a multicast is for B or C; the nearest is C")
        hops = device_class == "B" and self.ping_slot_hopping
        return self.ping_slot_frequencies_hz if hops else (self.rx2_frequency_hz,)

    def channel_index(self, frequency_hz: int) -> int | None:
        """The index of a frequency in `downlink_frequencies_hz`, or None where it is not among them."""
        channels = self.downlink_frequencies_hz
        return channels.index(frequency_hz) if frequency_hz in channels else None

    def channel_hz(self, index: int) -> int:
        """The frequency of entry `index` of `downlink_frequencies_hz`. Raises ParameterError for one outside."""
        last = len(self.downlink_frequencies_hz) - 1
        if not 0 <= index <= last:
            nearest = min(max(index, 0), last)
            raise ParameterError(
                f"{self.name} has no downlink channel {index}: they are 0 to {last}; the nearest is {nearest}"
            )
        return self.downlink_frequencies_hz[index]

    def ping_slot_hz(self, address: int, beacon_time_s: int) -> int:
        """The frequency of the ping slots of `address` (DevAddr or McAddr) in the period of the beacon at that time.

        `beacon_time_s` is GPS time. Raises ParameterError for an address or a time that is no unsigned 32-bit number.
        """
        return hop(self.ping_slot_frequencies_hz, address, beacon_time_s)

    def beacon_hz(self, beacon_time_s: int) -> int:
        """The frequency of the beacon at `beacon_time_s` (GPS time). Raises ParameterError as `ping_slot_hz`."""
        return hop(self.beacon.frequencies_hz, 0, beacon_time_s)

    def _no_sub_band(self, frequency_hz: int, bw_hz: int) -> str:
        given = f"{frequency_hz} Hz with {bw_hz} Hz of bandwidth is in no sub-band of {self.name}"
        nearest = self._nearest(frequency_hz, bw_hz)
        if nearest is None:
            widest_hz = max(known.max_bandwidth_hz or known.high_hz - known.low_hz for known in self.sub_bands)
            return f"{given}: a channel is at most {widest_hz} Hz wide; the nearest bandwidth is {widest_hz} Hz"
        nearest_hz, sub_band = nearest
        low_mhz, high_mhz = sub_band.low_hz / 1e6, sub_band.high_hz / 1e6
        what = "whole spectrum" if sub_band.bounds == "spectrum" else "centre frequency"
        return (
            f"{given}: the nearest legal frequency is {nearest_hz} Hz, "
            f"in sub-band {sub_band.name} ({low_mhz:g} to {high_mhz:g} MHz for the {what})"
        )

    def _nearest(self, frequency_hz: int, bw_hz: int) -> tuple[int, SubBand] | None:
        """The nearest legal frequency, of the channels where these are fixed; of two as near, that of more duty cycle."""
        asked = self.downlink_frequencies_hz if self.fixed_channels else (frequency_hz,)
        found = [(sub_band.nearest_hz(hz, bw_hz), sub_band) for hz in asked for sub_band in self.sub_bands]
        legal = [(hz, sub_band) for hz, sub_band in found if hz is not None]
        return min(legal, key=lambda one: (abs(one[0] - frequency_hz), -one[1].duty_cycle_ppm), default=None)
