"""Rows of the device export (csvExport) as values. Nothing in a row is an error: what cannot be read is kept as it is."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from typing import Any

from fuota.errors import MalformedAnswerError
from fuota.network.eui import canonical_eui
from fuota.network.redaction import redact
from fuota.network.senra import parameters
from fuota.network.times import parse_time

EXPORT_FIELDS = (
    "devEui", "contract", "tags", "metadata", "state", "registrationDate", "activationDate", "deactivationDate",
    "lastHeardFrom", "lastJoinTime", "firstJoinTime", "yestBstns", "yestPsr", "yestAvgRssi", "yestAvgSnr", "lat", "lng",
    "profId", "devType", "devAddr", "estLat", "estLng", "txPeriod", "txPower", "curDr", "adrChg", "fwVer",
    "serviceMetrics", "metricA", "metricB", "metricC", "joinEui",
)  # fmt: skip
"""The names that `fields` takes (Application API reference, Device Export API). serviceMetrics stands for metricA to metricC."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DeviceRecord:
    """One device of an export; None and () stand for what was not asked for or not there.

    EUIs are 16 upper-case hex digits (dev_eui as the server wrote it where it is none), times are aware and in UTC, latitudes and
    longitudes in decimal degrees. The figures of yesterday (yest_...) are of the uplinks; yest_psr and psr_days are packet success
    rates as the server writes them, in percent. The units of tx_period and tx_power are not documented. state: the server's word,
    such as JOINED. psr_days: by the column's heading. unread: cells that are not what their column promises, by heading. extra:
    cells of unknown columns, by heading.
    """

    dev_eui: str | None = None
    contract: int | None = None
    tags: tuple[str, ...] = ()
    metadata: str | None = None
    state: str | None = None
    registration_date: datetime | None = None
    activation_date: datetime | None = None
    deactivation_date: datetime | None = None
    last_heard_from: datetime | None = None
    last_join_time: datetime | None = None
    first_join_time: datetime | None = None
    yest_bstns: int | None = None
    yest_psr: float | None = None
    yest_avg_rssi_dbm: float | None = None
    yest_avg_snr_db: float | None = None
    lat: float | None = None
    lng: float | None = None
    prof_id: int | None = None
    dev_type: str | None = None
    dev_addr: str | None = None
    est_lat: float | None = None
    est_lng: float | None = None
    tx_period: float | None = None
    tx_power: float | None = None
    cur_dr: str | None = None
    adr_chg: str | None = None
    fw_ver: str | None = None
    service_metrics: str | None = None
    metric_a: float | None = None
    metric_b: float | None = None
    metric_c: float | None = None
    join_eui: str | None = None
    psr_days: Mapping[str, float | None] = field(default_factory=dict, hash=False)
    unread: Mapping[str, str] = field(default_factory=dict, hash=False)
    extra: Mapping[str, str] = field(default_factory=dict, hash=False)

    def to_json(self) -> dict[str, Any]:
        """The row by the names that `fields` takes, times in ISO 8601; what is not there is left out."""
        known = {wire: getattr(self, name) for name, wire in _WIRE.items()}
        plain = {wire: _plain(value) for wire, value in known.items() if value is not None and value != ()}
        more = {"psrDays": self.psr_days, "unread": self.unread, "extra": self.extra}
        return plain | {name: dict(value) for name, value in more.items() if value}


def _plain(value: object) -> object:
    if isinstance(value, datetime):
        return value.isoformat().replace("+00:00", "Z")
    return list(value) if isinstance(value, tuple) else value


def records(rows: Iterable[tuple[int, list[str]]]) -> Iterator[DeviceRecord]:
    """The devices of the rows of an export, the first of which is the heading, one at a time.

    Raises MalformedAnswerError where no heading is that of a known field.
    """
    remaining = iter(rows)
    _, headings = next(remaining, (0, []))
    readers = [_column(heading) for heading in headings]
    if headings and not any(name for name, _ in readers):
        shown = redact(", ".join(headings))[:100]
        raise MalformedAnswerError(f"the export has no column that is known; its first line is {shown!r}", status=200)
    for _, row in remaining:
        yield _record(headings, readers, row)


_Reader = Callable[[str], Any]
_PSR_DAYS = "psr_days"


def _record(headings: list[str], readers: list[tuple[str, _Reader]], row: list[str]) -> DeviceRecord:
    others: dict[str, dict[str, Any]] = {_PSR_DAYS: {}, "unread": {}, "extra": {}}
    values: dict[str, Any] = {**others}
    for place, cell in enumerate(row):
        heading = headings[place] if place < len(headings) else f"column {place + 1}"
        name, read = readers[place] if place < len(readers) else ("", str)
        if not (text := cell.strip()) and name != _PSR_DAYS:
            continue
        try:
            value = read(text)
        except ValueError:
            others["unread"][heading] = redact(text)
            continue
        if name == _PSR_DAYS:
            others[_PSR_DAYS][heading] = value
        elif name in values or not name:  # a column that is there twice, or is not known
            others["extra"][heading] = redact(text)
        else:
            values[name] = value
    return DeviceRecord(**values)


def _column(heading: str) -> tuple[str, _Reader]:
    """The field of a column and what reads its cells; no field for a column that is not known."""
    from fuota.tables import column_name

    name = column_name(heading).replace("yesterday", "yest")
    if name in _FIELDS:
        return _FIELDS[name]
    return (_PSR_DAYS, _rate_or_none) if "psr" in name else ("", str)


# Readers of a cell, which is not empty; they raise ValueError.


def _number(text: str) -> float:
    if not math.isfinite(found := float(text)):
        raise ValueError(text)
    return found


def _whole(text: str) -> int:
    if text.isdecimal():
        return int(text)
    if (found := _number(text)) != int(found):  # 3.0 is one
        raise ValueError(text)
    return int(found)


def _rate(text: str) -> float:
    return _number(text.rstrip("% "))


def _rate_or_none(text: str) -> float | None:
    from fuota.tables import EMPTY

    return None if text.lower() in EMPTY else _rate(text)


def _degrees(text: str, limit: int) -> float:
    if abs(found := _number(text)) > limit:
        raise ValueError(text)
    return found


def _tags(text: str) -> tuple[str, ...]:
    return tuple(tag for tag in map(str.strip, text.split(",")) if tag)


def _eui(text: str) -> str:
    return canonical_eui(text) or text


def _join_eui(text: str) -> str:
    if (found := canonical_eui(text)) is None:
        raise ValueError(text)
    return found


def _address(text: str) -> str:
    if (found := parameters.canonical_address(text)) is None:
        raise ValueError(text)
    return found


_LATITUDE, _LONGITUDE = partial(_degrees, limit=90), partial(_degrees, limit=180)
# In the order of EXPORT_FIELDS: where it goes, and how it is read.
_IN_ORDER: tuple[tuple[str, _Reader], ...] = (
    ("dev_eui", _eui), ("contract", _whole), ("tags", _tags), ("metadata", redact), ("state", str.upper),
    ("registration_date", parse_time), ("activation_date", parse_time), ("deactivation_date", parse_time),
    ("last_heard_from", parse_time), ("last_join_time", parse_time), ("first_join_time", parse_time), ("yest_bstns", _whole),
    ("yest_psr", _rate), ("yest_avg_rssi_dbm", _number), ("yest_avg_snr_db", _number), ("lat", _LATITUDE),
    ("lng", _LONGITUDE), ("prof_id", _whole), ("dev_type", str), ("dev_addr", _address), ("est_lat", _LATITUDE),
    ("est_lng", _LONGITUDE), ("tx_period", _number), ("tx_power", _number), ("cur_dr", str), ("adr_chg", str),
    ("fw_ver", str), ("service_metrics", str), ("metric_a", _number), ("metric_b", _number), ("metric_c", _number),
    ("join_eui", _join_eui),
)  # fmt: skip
_WIRE = {name: wire for (name, _), wire in zip(_IN_ORDER, EXPORT_FIELDS, strict=True)}
_FIELDS = {wire.lower(): column for wire, column in zip(EXPORT_FIELDS, _IN_ORDER, strict=True)}
