"""The regions by name, read from one file each in `regions/`.

A file holds one plan. `like` names a file whose values hold where it has none of its own; `sub_plans` and their
`join_channels` (CN470) are plans that share what stands above them. Frequencies are written out or as ranges.
"""

from __future__ import annotations

import tomllib
from difflib import get_close_matches
from functools import cache
from importlib.resources import files
from typing import Any

from fuota.errors import ParameterError
from fuota.radio.airtime import time_on_air_us
from fuota.radio.data_rate import DataRate
from fuota.radio.region_rules import Beacon, Region
from fuota.radio.sub_band import SubBand

_Table = dict[str, Any]


def region(name: str) -> Region:
    """The region of that name or alias, such as "EU868" or "EU863-870"; upper and lower case are the same.

    "CN470" is sub-plan 20A on common join channel 0; the others are in `sub_plan_names`. Raises ParameterError for an
    unknown name.
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
    """The names of all regions, in alphabetical order; of CN470 one of its sub-plans."""
    return tuple(sorted(plans[0].name for plans in _files()))


def sub_plan_names() -> tuple[str, ...]:
    """The names of the sub-plans that are no region of their own.

    They are of CN470: 20A on the common join channels 1 to 7 ("CN470-20A-3"), 20B on 8 ("CN470-20B") and 9, 26A, 26B.
    """
    return tuple(plan.name for plans in _files() for plan in plans[1:])


@cache
def _regions_by_name() -> dict[str, Region]:
    found = [plan for plans in _files() for plan in plans]
    return {name.casefold(): plan for plan in found for name in (plan.name, *plan.aliases)}


@cache
def _files() -> tuple[tuple[Region, ...], ...]:
    folder = files(__package__).joinpath("regions")
    stems = sorted(file.name.removesuffix(".toml") for file in folder.iterdir() if file.name.endswith(".toml"))
    return tuple(tuple(_parse(table) for table in _tables(_read(stem))) for stem in stems)


@cache
def _read(stem: str) -> _Table:
    text = files(__package__).joinpath("regions", f"{stem}.toml").read_text(encoding="utf-8")
    raw = tomllib.loads(text)
    return _read(raw["like"]) | raw if "like" in raw else raw


def _tables(raw: _Table) -> list[_Table]:
    """The plan itself, or its sub-plans and their join channels, each with what they share."""
    for key in ("sub_plans", "join_channels"):
        if key in raw:
            shared = {name: value for name, value in raw.items() if name != key}
            return [table for part in raw[key] for table in _tables(shared | part)]
    return [raw]


def _parse(table: _Table) -> Region:
    own = {key: value for key, value in table.items() if key != "like" and not key.startswith("beacon_")}
    values: _Table = {key: tuple(value) if isinstance(value, list) else value for key, value in own.items()}
    rates = tuple(DataRate(**row) for row in table["data_rates"])
    parsed: _Table = {
        "data_rates": rates,
        "sub_bands": tuple(SubBand(**row) for row in table["sub_bands"]),
        "downlink_frequencies_hz": _frequencies(table["downlink_frequencies_hz"]),
        "ping_slot_frequencies_hz": _frequencies(table["ping_slot_frequencies_hz"]),
        "beacon": _beacon(table, rates),
    }
    return Region(**values | parsed)


def _beacon(table: _Table, rates: tuple[DataRate, ...]) -> Beacon:
    (rate,) = (rate for rate in rates if rate.index == table["beacon_data_rate"])
    return Beacon(
        frequencies_hz=_frequencies(table["beacon_frequencies_hz"]),
        hopping=table["beacon_hopping"],
        data_rate=rate.index,
        payload_bytes=table["beacon_payload_bytes"],
        airtime_us=_beacon_us(rate, table["beacon_payload_bytes"]),
    )


def _beacon_us(rate: DataRate, payload_bytes: int) -> int:
    # RP002-1.0.4, class B beacon: 10 symbols of preamble, implicit header, no CRC, coding rate 4/5; always LoRa
    return time_on_air_us(
        sf=rate.sf or 0,
        bw_hz=rate.bw_hz or 0,
        phy_payload_bytes=payload_bytes,
        preamble_symbols=10,
        explicit_header=False,
    )


def _frequencies(listed: list[int | dict[str, int]]) -> tuple[int, ...]:
    return tuple(hz for entry in listed for hz in ((entry,) if isinstance(entry, int) else _range_hz(**entry)))


def _range_hz(*, first_hz: int, step_hz: int, count: int) -> range:
    return range(first_hz, first_hz + step_hz * count, step_hz)
