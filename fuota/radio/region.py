"""The channel plans: what a region allows on the downlink, read from one file each in `regions/`."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from difflib import get_close_matches
from functools import cache
from importlib.resources import files
from typing import Any, Literal

from fuota.errors import ParameterError, PlanError
from fuota.radio.airtime import fsk_time_on_air_us, time_on_air_us

DATA_FRAGMENT_HEADER_BYTES = 1 + 2  # TS004-1.0.0, DataFragment: CID, Index&N
MAX_FRAG_SIZE = 255  # TS004-1.0.0, FragSessionSetupReq: FragSize is one octet


@dataclass(frozen=True, slots=True, kw_only=True)
class DataRate:
    """One data rate of a region.

    `index` is the x of DRx. `sf` and `bw_hz` are None unless `modulation` is LORA. `bitrate_bps` is the indicative
    figure of RP002. `max_payload_bytes` is N of RP002, the longest FRMPayload of a frame without FOpts where no
    repeater is used; `max_payload_repeater_bytes` is N where one may be.
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

    @property
    def max_frag_size(self) -> int:
        """Largest fragment in bytes that one frame carries, no repeater: min(N - 3, 255).

        TS004-1.0.0, DataFragment: the FRMPayload is FragSize + 3 bytes, and the message travels alone.
        """
        return min(self.max_payload_bytes - DATA_FRAGMENT_HEADER_BYTES, MAX_FRAG_SIZE)

    def time_on_air_us(self, phy_payload_bytes: int) -> int:
        """Time on air in microseconds of a downlink whose PHYPayload has `phy_payload_bytes` bytes (0 to 255).

        Raises PlanError for a data rate that no downlink uses, ParameterError for a length outside its range.
        """
        if not self.downlink:
            raise PlanError(
                f"DR{self.index} ({self.modulation}) is for uplinks only: no downlink has a time on air there"
            )
        if self.sf is None or self.bw_hz is None:
            return fsk_time_on_air_us(phy_payload_bytes=phy_payload_bytes, bitrate_bps=self.bitrate_bps)
        return time_on_air_us(sf=self.sf, bw_hz=self.bw_hz, phy_payload_bytes=phy_payload_bytes)


@dataclass(frozen=True, slots=True, kw_only=True)
class Region:
    """One channel plan of RP002-1.0.4.

    `data_rates` are in order of index, with the reserved ones left out. `downlink_frequencies_hz` are the fixed
    downlink channels, or the default channels where the plan has no fixed ones. With `ping_slot_hopping` a class B
    ping slot uses entry (address + floor(beacon_time / 128)) mod len of `ping_slot_frequencies_hz`, where address is
    DevAddr, or McAddr for a multicast group; without it there is one entry. `rx2_data_rate` and `ping_slot_data_rate`
    are indexes of data rates.
    """

    name: str
    aliases: tuple[str, ...]
    data_rates: tuple[DataRate, ...]
    rx2_frequency_hz: int
    rx2_data_rate: int
    downlink_frequencies_hz: tuple[int, ...]
    ping_slot_frequencies_hz: tuple[int, ...]
    ping_slot_data_rate: int
    ping_slot_hopping: bool

    @property
    def downlink_data_rates(self) -> tuple[DataRate, ...]:
        """The data rates that a downlink may use, in order of index."""
        return tuple(rate for rate in self.data_rates if rate.downlink)

    def data_rate(self, index: int) -> DataRate:
        """The data rate DR`index`. Raises ParameterError where the region has none of that index."""
        rates = {rate.index: rate for rate in self.data_rates}
        if index not in rates:
            known = ", ".join(f"DR{known}" for known in rates)
            raise ParameterError(f"{self.name} has no DR{index}: it has {known}")
        return rates[index]


def region(name: str) -> Region:
    """The region of that name or alias, such as "EU868" or "EU863-870"; upper and lower case are the same.

    Raises ParameterError for an unknown name.
    """
    by_name = _regions_by_name()
    try:
        return by_name[name.casefold()]
    except KeyError:
        close = get_close_matches(name.casefold(), by_name, n=1, cutoff=0.4)
        hint = f"; the closest is {by_name[close[0]].name}" if close else ""
        known = ", ".join(region_names())
        raise ParameterError(f"unknown region {name!r}: known are {known}{hint}") from None


def region_names() -> tuple[str, ...]:
    """The names of all regions, in alphabetical order."""
    return tuple(sorted({known.name for known in _regions_by_name().values()}))


@cache
def _regions_by_name() -> dict[str, Region]:
    folder = files(__package__).joinpath("regions")
    regions = [_parse(file.read_text(encoding="utf-8")) for file in folder.iterdir() if file.name.endswith(".toml")]
    return {name.casefold(): found for found in regions for name in (found.name, *found.aliases)}


def _parse(text: str) -> Region:
    raw = tomllib.loads(text)
    rates = tuple(DataRate(**row) for row in raw.pop("data_rates"))
    values: dict[str, Any] = {key: tuple(value) if isinstance(value, list) else value for key, value in raw.items()}
    return Region(data_rates=rates, **values)
