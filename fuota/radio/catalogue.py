"""Regions by name, read from one file each in the folder `regions`.

A file describes one channel plan. `like` names another file; its values are used for keys that the file lacks. `sub_plans`
and their `join_channels` (CN470) are plans that share the values above them. Frequencies are listed one by one or as ranges.
"""

from __future__ import annotations

import tomllib
from difflib import get_close_matches
from functools import cache
from importlib.resources import files
from typing import Any

from fuota.calls import checked_call
from fuota.errors import ParameterError
from fuota.radio.airtime import time_on_air_us
from fuota.radio.data_rate import DataRate
from fuota.radio.region_rules import Beacon, Region
from fuota.radio.sub_band import SubBand


@checked_call
def region(name: str) -> Region:
    """Return the region with this name or alias.

    name: such as "EU868" or "EU863-870", in upper or lower case. "CN470" is sub-plan 20A on common join channel 0; the other
    sub-plans are in `sub_plan_names`. Raises ParameterError for an unknown name.

    Source: RP002-1.0.4, and the rules that each file names.
    """
    by_name = _regions_by_name()
    try:
        return by_name[name.casefold()]
    except KeyError:
        close = get_close_matches(name.casefold(), by_name, n=1, cutoff=0.4)
        hint = f"; nearest: {by_name[close[0]].name}" if close else ""
        raise ParameterError(f"unknown region {name!r} (known: {', '.join(region_names())}{hint})") from None


def region_names() -> tuple[str, ...]:
    """Return the names of all regions in alphabetical order, with one sub-plan of CN470."""
    return tuple(sorted(plans[0].name for plans in _files()))


def sub_plan_names() -> tuple[str, ...]:
    """Return the names of the sub-plans that `region_names` omits.

    They belong to CN470: 20A on the common join channels 1 to 7 (such as "CN470-20A-3"), 20B on 8 ("CN470-20B") and 9, 26A, 26B.
    """
    return tuple(plan.name for plans in _files() for plan in plans[1:])


@cache
def _regions_by_name() -> dict[str, Region]:
    all_plans = [plan for plans in _files() for plan in plans]
    return {name.casefold(): plan for plan in all_plans for name in (plan.name, *plan.aliases)}


@cache
def _files() -> tuple[tuple[Region, ...], ...]:
    folder = files(__package__).joinpath("regions")
    stems = sorted(file.name.removesuffix(".toml") for file in folder.iterdir() if file.name.endswith(".toml"))
    return tuple(tuple(_parse(table) for table in _tables(_read(stem))) for stem in stems)


@cache
def _read(stem: str) -> dict[str, Any]:
    text = files(__package__).joinpath("regions", f"{stem}.toml").read_text(encoding="utf-8")
    raw = tomllib.loads(text)
    return _read(raw["like"]) | raw if "like" in raw else raw


def _tables(raw: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the table of the plan, or the tables of its sub-plans and their join channels with the shared values."""
    for key in ("sub_plans", "join_channels"):
        if key in raw:
            shared = {name: value for name, value in raw.items() if name != key}
            return [table for part in raw[key] for table in _tables(shared | part)]
    return [raw]


def _parse(table: dict[str, Any]) -> Region:
    own = {key: value for key, value in table.items() if key != "like" and not key.startswith("beacon_")}
    values: dict[str, Any] = {key: tuple(value) if isinstance(value, list) else value for key, value in own.items()}
    rates = tuple(DataRate(**row) for row in table["data_rates"])
    parsed: dict[str, Any] = {
        "data_rates": rates,
        "sub_bands": tuple(SubBand(**row) for row in table["sub_bands"]),
        "downlink_frequencies_hz": _frequencies(table["downlink_frequencies_hz"]),
        "ping_slot_frequencies_hz": _frequencies(table["ping_slot_frequencies_hz"]),
        "beacon": _beacon(table, rates),
    }
    return Region(**values | parsed)


def _beacon(table: dict[str, Any], rates: tuple[DataRate, ...]) -> Beacon:
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
