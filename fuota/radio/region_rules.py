"""Region: the downlink rules of a channel plan and of the law."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from fuota.errors import ParameterError, PlanError
from fuota.radio.class_b import hop
from fuota.radio.data_rate import DataRate
from fuota.radio.frequencies import megahertz_text
from fuota.radio.sub_band import SubBand
from fuota.rules import one_of


@dataclass(frozen=True, slots=True, kw_only=True)
class Beacon:
    """Class B beacon of a region.

    hopping: whether it uses entry floor(beacon_time / 128) mod len of its frequencies. data_rate: index.
    """

    frequencies_hz: tuple[int, ...]
    hopping: bool
    data_rate: int
    payload_bytes: int
    airtime_us: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Region:
    """Channel plan of RP002-1.0.4.

    status: empty, or starts with "deprecated".
    fixed_channels: whether the plan has fixed downlink channels.
    data_rates: in order of index, without reserved data rates.
    rx2_data_rate, ping_slot_data_rate: indexes of data rates.
    downlink_frequencies_hz: the fixed downlink channels, or the default channels if the plan has no fixed channels.
    ping_slot_hopping: if true, a class B ping slot uses entry (address + floor(beacon_time / 128)) mod len of
    `ping_slot_frequencies_hz`; address is DevAddr, or McAddr for a multicast group. If false, there is one entry.
    max_frame_ms: longest time on air of one frame (0: no such rule).
    dwell_limit_ms: dwell limit on downlinks that a network may turn on (0: none). It is off by default.
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
        """Data rates that a downlink may use, in order of index."""
        return tuple(rate for rate in self.data_rates if rate.downlink)

    def data_rate(self, index: int) -> DataRate:
        """Return the data rate DR`index`. Raises ParameterError if the region does not have it."""
        rates = {rate.index: rate for rate in self.data_rates}
        if index not in rates:
            names = ", ".join(f"DR{known}" for known in rates)
            nearest = min(rates, key=lambda known: abs(known - index))
            raise ParameterError(f"{self.name} has no DR{index}; it has {names} (nearest: DR{nearest})")
        return rates[index]

    def downlink_rate(self, index: int) -> DataRate:
        """Return the same as `data_rate`. Raises also PlanError if no downlink uses this data rate."""
        rate = self.data_rate(index)
        if not rate.downlink:
            usable = [other.index for other in self.downlink_data_rates]
            names = ", ".join(f"DR{other}" for other in usable)
            nearest = min(usable, key=lambda other: abs(other - index))
            raise PlanError(
                f"DR{index} of {self.name} {rate.why_no_downlink}; downlinks use {names} (nearest: DR{nearest})"
            )
        return rate

    def sub_band(self, frequency_hz: int, bw_hz: int) -> SubBand:
        """Return the sub-band that contains a channel of bandwidth `bw_hz` around `frequency_hz`.

        Raises PlanError if no sub-band contains it: outside the band, in a gap, over an edge, or too wide for all sub-bands.
        """
        for sub_band in self.sub_bands:
            if sub_band.holds(frequency_hz, bw_hz):
                return sub_band
        raise PlanError(self._no_sub_band(frequency_hz, bw_hz))

    def gateway_eirp_dbm(self, frequency_hz: int) -> float:
        """Return the EIRP of a gateway at `frequency_hz` that network servers use. It is not a legal limit.

        Raises PlanError if no sub-band contains the frequency.
        """
        return self.sub_band(frequency_hz, 0).gateway_eirp_dbm

    def default_channel(self, device_class: Literal["B", "C"]) -> tuple[int, ...]:
        """Return the frequencies of a multicast without a given frequency.

        They are RX2, or in class B the ping slot frequencies if these hop. Raises ParameterError for a class other than B
        and C.
        """
        one_of("device class", device_class, ("B", "C"))
        hops = device_class == "B" and self.ping_slot_hopping
        return self.ping_slot_frequencies_hz if hops else (self.rx2_frequency_hz,)

    def channel_index(self, frequency_hz: int) -> int | None:
        """Return the index of a frequency in `downlink_frequencies_hz`, or None if it is not among them."""
        channels = self.downlink_frequencies_hz
        return channels.index(frequency_hz) if frequency_hz in channels else None

    def channel_hz(self, index: int) -> int:
        """Return entry `index` of `downlink_frequencies_hz`. Raises ParameterError if there is no such entry."""
        last = len(self.downlink_frequencies_hz) - 1
        if not 0 <= index <= last:
            nearest = min(max(index, 0), last)
            raise ParameterError(
                f"{self.name} has no downlink channel {index}; its channels are 0 to {last} (nearest: {nearest})"
            )
        return self.downlink_frequencies_hz[index]

    def ping_slot_hz(self, address: int, beacon_time_s: int) -> int:
        """Return the frequency of the ping slots in one beacon period.

        address: DevAddr or McAddr. beacon_time_s: time of the beacon in GPS seconds. Raises ParameterError for an address or a
        time that is not an unsigned 32-bit number.
        """
        return hop(self.ping_slot_frequencies_hz, address, beacon_time_s)

    def beacon_hz(self, beacon_time_s: int) -> int:
        """Return the frequency of the beacon at `beacon_time_s` in GPS seconds. Raises the same as `ping_slot_hz`."""
        return hop(self.beacon.frequencies_hz, 0, beacon_time_s)

    def _no_sub_band(self, frequency_hz: int, bw_hz: int) -> str:
        problem = f"{frequency_hz} Hz with {bw_hz} Hz of bandwidth is in no sub-band of {self.name}"
        nearest = self._nearest(frequency_hz, bw_hz)
        if nearest is None:
            widest_hz = max(band.max_bandwidth_hz or band.high_hz - band.low_hz for band in self.sub_bands)
            return f"{problem}: a channel is at most {widest_hz} Hz wide"
        nearest_hz, sub_band = nearest
        low_mhz, high_mhz = megahertz_text(sub_band.low_hz), megahertz_text(sub_band.high_hz)
        bounds = "whole spectrum" if sub_band.bounds == "spectrum" else "centre frequency"
        return (
            f"{problem}: the nearest legal frequency is {nearest_hz} Hz, "
            f"in sub-band {sub_band.name} ({low_mhz} to {high_mhz} MHz for the {bounds})"
        )

    def _nearest(self, frequency_hz: int, bw_hz: int) -> tuple[int, SubBand] | None:
        """Return the nearest legal frequency and its sub-band; None if the channel is too wide.

        In a plan with fixed channels, it is the nearest channel. Between two equally near, the larger duty cycle decides.
        """
        candidates = self.downlink_frequencies_hz if self.fixed_channels else (frequency_hz,)
        nearest = [(sub_band.nearest_hz(hz, bw_hz), sub_band) for hz in candidates for sub_band in self.sub_bands]
        legal = [(hz, sub_band) for hz, sub_band in nearest if hz is not None]
        return min(legal, key=lambda entry: (abs(entry[0] - frequency_hz), -entry[1].duty_cycle_ppm), default=None)
