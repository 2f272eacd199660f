"""csvExport: devices as CSV, with headings and times as in the examples of the reference."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime

from fuota.sandbox.server.reception import DAY_US, DayReception
from fuota.sandbox.server.records import RegisteredDevice

Cell = str | int | float | None
CHUNK_ROWS = 500
"""Number of rows in one part of the CSV."""


def export(
    records: Iterable[RegisteredDevice], fields: Collection[str], *, psr_days: int | None, now_us: int
) -> Iterator[str]:
    """Yield the CSV in parts: the heading, then one row for each device.

    fields: wire names of the fields. psr_days: number of columns with the reception rate of one day. now_us: virtual time.
    """
    yesterday = now_us // DAY_US - 1
    columns = _columns(fields, psr_days or 0, yesterday)
    yield _lines([list(columns)])
    waiting: list[list[Cell]] = []
    for record in records:
        waiting.append([cell(record) for cell in columns.values()])
        if len(waiting) == CHUNK_ROWS:
            yield _lines(waiting)
            waiting = []
    yield _lines(waiting)


def date_text(time_us: int) -> str:
    """Return a time as in the examples, such as "04/03/2018 00:27:38 PM UTC"; "" for 0.

    The first hour after noon is 00 there, not 12.
    """
    if not time_us:
        return ""
    moment = datetime.fromtimestamp(time_us // 1_000_000, UTC)
    return f"{moment:%m/%d/%Y} {moment.hour % 12:02d}:{moment:%M:%S} {'AM' if moment.hour < 12 else 'PM'} UTC"


def _lines(rows: Sequence[Sequence[Cell]]) -> str:
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows(rows)
    return text.getvalue()


def _columns(fields: Collection[str], psr_days: int, yesterday: int) -> dict[str, Callable[[RegisteredDevice], Cell]]:
    """Return the function for each column, by heading."""
    columns: dict[str, Callable[[RegisteredDevice], Cell]] = {}
    for field in fields:
        for name in ("metricA", "metricB", "metricC") if field == "serviceMetrics" else (field,):
            columns |= dict([_COLUMNS[name]])
    columns |= {heading: _on_day(read, yesterday) for heading, read in _YESTERDAY.items() if heading in columns}
    for ago in range(psr_days):
        date = datetime.fromtimestamp((yesterday - ago) * DAY_US // 1_000_000, UTC)
        columns[f"PSR {date:%m/%d/%Y}"] = _on_day(lambda day: day.psr_percent, yesterday - ago)
    return columns


def _on_day(read: Callable[[DayReception], Cell], number: int) -> Callable[[RegisteredDevice], Cell]:
    def cell(record: RegisteredDevice) -> Cell:
        day = record.reception.days.get(number)
        return None if day is None else read(day)

    return cell


def _empty(_record: RegisteredDevice) -> Cell:
    """Return an empty cell, for a field that the sandbox does not know."""
    return None


def _metric_a(record: RegisteredDevice) -> Cell:
    """Return the percentage of uplinks received. The reference shows numbers up to 100 without their meaning."""
    days = record.reception.days.values()
    sent = sum(day.sent for day in days)
    return round(100 * sum(day.received for day in days) / sent) if sent else None


def _full_metric(record: RegisteredDevice) -> Cell:
    return 100 if record.reception.days else None


def _address(record: RegisteredDevice) -> Cell:
    return None if record.dev_addr is None else f"{record.dev_addr:08X}"


_COLUMNS: Mapping[str, tuple[str, Callable[[RegisteredDevice], Cell]]] = {
    "devEui": ("Dev EUI", lambda record: record.dev_eui),
    "contract": ("Contract", lambda record: record.contract_id),
    "tags": ("Tags", lambda record: ",".join(record.tags)),
    "metadata": ("Metadata", lambda record: record.metadata),
    "state": ("State", lambda record: str(record.state)),
    "registrationDate": ("Registration Date", lambda record: date_text(record.registered_us)),
    "activationDate": ("Activation Date", lambda record: date_text(record.activated_us)),
    "deactivationDate": ("Deactivation Date", lambda record: date_text(record.deactivated_us)),
    "lastHeardFrom": ("Last Heard From", lambda record: date_text(record.last_heard_us)),
    "lastJoinTime": ("Last Join Time", lambda record: date_text(record.last_join_us)),
    "firstJoinTime": ("First Join Time", lambda record: date_text(record.first_join_us)),
    "yestBstns": ("Yest Bstns", _empty),
    "yestPsr": ("Yest PSR", _empty),
    "yestAvgRssi": ("Yest Avg RSSI", _empty),
    "yestAvgSnr": ("Yest Avg SNR", _empty),
    "lat": ("Lat", lambda record: record.lat),
    "lng": ("Lng", lambda record: record.lng),
    "profId": ("Prof ID", lambda record: record.profile_id),
    "devType": ("Dev Type", lambda record: record.dev_type),
    "devAddr": ("Dev Addr", _address),
    "estLat": ("Est Lat", _empty),
    "estLng": ("Est Lng", _empty),
    "txPeriod": ("Tx Period", _empty),
    "txPower": ("Tx Power", _empty),
    "curDr": ("Cur DR", lambda record: record.cur_dr),
    "adrChg": ("ADR Chg", _empty),
    "fwVer": ("FW Ver", lambda record: record.fw_ver),
    "metricA": ("Metric A", _metric_a),
    "metricB": ("Metric B", _full_metric),
    "metricC": ("Metric C", _full_metric),
    "joinEui": ("Join EUI", lambda record: record.join_eui),
}
_YESTERDAY: Mapping[str, Callable[[DayReception], Cell]] = {
    "Yest Bstns": lambda day: day.base_stations,
    "Yest PSR": lambda day: day.psr_percent,
    "Yest Avg RSSI": lambda day: round(day.rssi_sum_dbm / day.received),
    "Yest Avg SNR": lambda day: round(day.snr_sum_db / day.received, 2),
}
