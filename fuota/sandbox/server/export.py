"""csvExport: devices as CSV, with the headings and the times of the reference's examples."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime

from fuota.sandbox.server.reception import DAY_US, Day
from fuota.sandbox.server.records import DeviceRecord

Cell = str | int | float | None
ROWS_AT_ONCE = 500


def export(
    records: Iterable[DeviceRecord], fields: Collection[str], *, psr_days: int | None, now_us: int
) -> Iterator[str]:
    """The CSV in parts: a heading and a row for each device. psr_days: so many columns with the reception rate of a day."""
    yesterday = now_us // DAY_US - 1
    columns = _columns(fields, psr_days or 0, yesterday)
    yield _lines([list(columns)])
    waiting: list[list[Cell]] = []
    for record in records:
        waiting.append([cell(record) for cell in columns.values()])
        if len(waiting) == ROWS_AT_ONCE:
            yield _lines(waiting)
            waiting = []
    yield _lines(waiting)


def date_text(time_us: int) -> str:
    """As in the examples, where an hour after noon is 00 and not 12: "04/03/2018 00:27:38 PM UTC"; "" for never."""
    if not time_us:
        return ""
    moment = datetime.fromtimestamp(time_us // 1_000_000, UTC)
    return f"{moment:%m/%d/%Y} {moment.hour % 12:02d}:{moment:%M:%S} {'AM' if moment.hour < 12 else 'PM'} UTC"


def _lines(rows: Sequence[Sequence[Cell]]) -> str:
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows(rows)
    return text.getvalue()


def _columns(fields: Collection[str], psr_days: int, yesterday: int) -> dict[str, Callable[[DeviceRecord], Cell]]:
    """What each cell of a row is, by its heading."""
    found: dict[str, Callable[[DeviceRecord], Cell]] = {}
    for field in fields:
        for name in ("metricA", "metricB", "metricC") if field == "serviceMetrics" else (field,):
            found |= dict([_COLUMNS[name]])
    found |= {heading: _of_yesterday(read, yesterday) for heading, read in _YESTERDAY.items() if heading in found}
    for ago in range(psr_days):
        date = datetime.fromtimestamp((yesterday - ago) * DAY_US // 1_000_000, UTC)
        found[f"PSR {date:%m/%d/%Y}"] = _of_yesterday(lambda day: day.psr_percent, yesterday - ago)
    return found


def _of_yesterday(read: Callable[[Day], Cell], number: int) -> Callable[[DeviceRecord], Cell]:
    def cell(record: DeviceRecord) -> Cell:
        day = record.reception.days.get(number)
        return None if day is None else read(day)

    return cell


def _nothing(_record: DeviceRecord) -> Cell:
    """What the sandbox does not know of its devices."""
    return None


def _metric_a(record: DeviceRecord) -> Cell:
    """The reference shows numbers up to 100 and does not say of what: here the share of uplinks heard, in per cent."""
    days = record.reception.days.values()
    sent = sum(day.sent for day in days)
    return round(100 * sum(day.heard for day in days) / sent) if sent else None


def _full_metric(record: DeviceRecord) -> Cell:
    return 100 if record.reception.days else None


def _address(record: DeviceRecord) -> Cell:
    return None if record.dev_addr is None else f"{record.dev_addr:08X}"


_COLUMNS: Mapping[str, tuple[str, Callable[[DeviceRecord], Cell]]] = {
    "devEui": ("Dev EUI", lambda one: one.dev_eui),
    "contract": ("Contract", lambda one: one.contract_id),
    "tags": ("Tags", lambda one: ",".join(one.tags)),
    "metadata": ("Metadata", lambda one: one.metadata),
    "state": ("State", lambda one: str(one.state)),
    "registrationDate": ("Registration Date", lambda one: date_text(one.registered_us)),
    "activationDate": ("Activation Date", lambda one: date_text(one.activated_us)),
    "deactivationDate": ("Deactivation Date", lambda one: date_text(one.deactivated_us)),
    "lastHeardFrom": ("Last Heard From", lambda one: date_text(one.last_heard_us)),
    "lastJoinTime": ("Last Join Time", lambda one: date_text(one.last_join_us)),
    "firstJoinTime": ("First Join Time", lambda one: date_text(one.first_join_us)),
    "yestBstns": ("Yest Bstns", _nothing),
    "yestPsr": ("Yest PSR", _nothing),
    "yestAvgRssi": ("Yest Avg RSSI", _nothing),
    "yestAvgSnr": ("Yest Avg SNR", _nothing),
    "lat": ("Lat", lambda one: one.lat),
    "lng": ("Lng", lambda one: one.lng),
    "profId": ("Prof ID", lambda one: one.profile_id),
    "devType": ("Dev Type", lambda one: one.dev_type),
    "devAddr": ("Dev Addr", _address),
    "estLat": ("Est Lat", _nothing),
    "estLng": ("Est Lng", _nothing),
    "txPeriod": ("Tx Period", _nothing),
    "txPower": ("Tx Power", _nothing),
    "curDr": ("Cur DR", lambda one: one.cur_dr),
    "adrChg": ("ADR Chg", _nothing),
    "fwVer": ("FW Ver", lambda one: one.fw_ver),
    "metricA": ("Metric A", _metric_a),
    "metricB": ("Metric B", _full_metric),
    "metricC": ("Metric C", _full_metric),
    "joinEui": ("Join EUI", lambda one: one.join_eui),
}
_YESTERDAY: Mapping[str, Callable[[Day], Cell]] = {
    "Yest Bstns": lambda day: day.base_stations,
    "Yest PSR": lambda day: day.psr_percent,
    "Yest Avg RSSI": lambda day: round(day.rssi_sum_dbm / day.heard),
    "Yest Avg SNR": lambda day: round(day.snr_sum_db / day.heard, 2),
}
