"""Rows of the device export (csvExport) as values. A cell that cannot be read is not an error: its text is kept."""

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
"""Names for the parameter `fields` (Application API reference, Device Export API). serviceMetrics includes metricA to metricC."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DeviceRecord:
    """Device of an export. None and () stand for a field that was not requested or is empty.

    The fields have the names of `EXPORT_FIELDS` in another spelling: yestAvgRssi is yest_avg_rssi_dbm, registrationDate is
    registration_date.

    EUIs are 16 upper-case hex digits; dev_eui is the server's text if it is not an EUI. Times are aware and in UTC. Latitudes and
    longitudes are decimal degrees. state: the server's word, such as JOINED. The fields yest_... are about yesterday's uplinks.
    yest_psr, psr_days: packet success rates in percent, as the server writes them; psr_days by the headings of its columns.
    tx_period, tx_power: their units are not documented. unread: text of cells that are not of the type of their column, by heading.
    extra: text of cells in unknown columns, by heading.
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

    def to_json(self) -> dict[str, object]:
        """Return the row by the names of `EXPORT_FIELDS`, times in ISO 8601, without empty fields."""
        values = {wire: getattr(self, name) for name, wire in _WIRE.items()}
        plain = {wire: _plain(value) for wire, value in values.items() if value is not None and value != ()}
        more = {"psrDays": self.psr_days, "unread": self.unread, "extra": self.extra}
        return plain | {name: dict(value) for name, value in more.items() if value}


def _plain(value: object) -> object:
    if isinstance(value, datetime):
        return value.isoformat().replace("+00:00", "Z")
    return list(value) if isinstance(value, tuple) else value


def records(rows: Iterable[tuple[int, list[str]]]) -> Iterator[DeviceRecord]:
    """Yield the devices of an export one at a time.

    rows: line number and cells of each row; the first row is the heading.
    Raises MalformedAnswerError if no heading is the name of a known field.
    """
    remaining = iter(rows)
    _, headings = next(remaining, (0, []))
    readers = [_column(heading) for heading in headings]
    if headings and not any(name for name, _ in readers):
        shown = redact(", ".join(headings))[:100]
        raise MalformedAnswerError(f"the export has no known column; its first line is {shown!r}", status=200)
    for _, row in remaining:
        yield _record(headings, readers, row)


_Reader = Callable[[str], object]
_PSR_DAYS = "psr_days"


def _record(headings: list[str], readers: list[tuple[str, _Reader]], row: list[str]) -> DeviceRecord:
    psr_days: dict[str, Any] = {}
    unread: dict[str, str] = {}
    extra: dict[str, str] = {}
    values: dict[str, Any] = {_PSR_DAYS: psr_days, "unread": unread, "extra": extra}
    for column, cell in enumerate(row):
        heading = headings[column] if column < len(headings) else f"column {column + 1}"
        name, read = readers[column] if column < len(readers) else ("", str)
        if not (text := cell.strip()) and name != _PSR_DAYS:
            continue
        try:
            value = read(text)
        except ValueError:
            unread[heading] = redact(text)
            continue
        if name == _PSR_DAYS:
            psr_days[heading] = value
        elif name in values or not name:  # a repeated or unknown column
            extra[heading] = redact(text)
        else:
            values[name] = value
    return DeviceRecord(**values)


def _column(heading: str) -> tuple[str, _Reader]:
    """Return the field of a column and the reader of its cells; the field of an unknown column is ""."""
    from fuota.tables import column_name

    name = column_name(heading).replace("yesterday", "yest")
    if name in _FIELDS:
        return _FIELDS[name]
    return (_PSR_DAYS, _rate_or_none) if "psr" in name else ("", str)


# Readers of a cell that is not empty. They raise ValueError.


def _number(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise ValueError(text)
    return number


def _whole_number(text: str) -> int:
    if text.isdecimal():
        return int(text)
    number = _number(text)
    if number != int(number):  # 3.0 is a whole number
        raise ValueError(text)
    return int(number)


def _rate(text: str) -> float:
    return _number(text.rstrip("% "))


def _rate_or_none(text: str) -> float | None:
    from fuota.tables import EMPTY

    return None if text.lower() in EMPTY else _rate(text)


def _degrees(text: str, limit: int) -> float:
    degrees = _number(text)
    if abs(degrees) > limit:
        raise ValueError(text)
    return degrees


def _tags(text: str) -> tuple[str, ...]:
    return tuple(tag for tag in map(str.strip, text.split(",")) if tag)


def _eui(text: str) -> str:
    return canonical_eui(text) or text


def _join_eui(text: str) -> str:
    if (eui := canonical_eui(text)) is None:
        raise ValueError(text)
    return eui


def _address(text: str) -> str:
    if (address := parameters.canonical_address(text)) is None:
        raise ValueError(text)
    return address


_LATITUDE, _LONGITUDE = partial(_degrees, limit=90), partial(_degrees, limit=180)
# Field and reader of each column, in the order of EXPORT_FIELDS.
_IN_ORDER: tuple[tuple[str, _Reader], ...] = (
    ("dev_eui", _eui), ("contract", _whole_number), ("tags", _tags), ("metadata", redact), ("state", str.upper),
    ("registration_date", parse_time), ("activation_date", parse_time), ("deactivation_date", parse_time),
    ("last_heard_from", parse_time), ("last_join_time", parse_time), ("first_join_time", parse_time), ("yest_bstns", _whole_number),
    ("yest_psr", _rate), ("yest_avg_rssi_dbm", _number), ("yest_avg_snr_db", _number), ("lat", _LATITUDE),
    ("lng", _LONGITUDE), ("prof_id", _whole_number), ("dev_type", str), ("dev_addr", _address), ("est_lat", _LATITUDE),
    ("est_lng", _LONGITUDE), ("tx_period", _number), ("tx_power", _number), ("cur_dr", str), ("adr_chg", str),
    ("fw_ver", str), ("service_metrics", str), ("metric_a", _number), ("metric_b", _number), ("metric_c", _number),
    ("join_eui", _join_eui),
)  # fmt: skip
_WIRE = {name: wire for (name, _), wire in zip(_IN_ORDER, EXPORT_FIELDS, strict=True)}
_FIELDS = {wire.lower(): column for wire, column in zip(EXPORT_FIELDS, _IN_ORDER, strict=True)}
