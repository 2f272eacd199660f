"""A fleet from CSV, read column by column so that ten thousand devices take some hundredths of a second. See open_fleet."""

from __future__ import annotations

import io
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from fuota import tables
from fuota.errors import MessageError, ParameterError
from fuota.planning.fleet.fleet import Excluded, Fleet, FleetMember
from fuota.planning.fleet.link_model import Floats, LinkModel
from fuota.radio import DataRate, Region
from fuota.tables import EMPTY, column_name, number

T = TypeVar("T")

NO_FIGURES = "it has no figures of its link, and there is no default loss"

_LONGEST_BURST = 1e6
_STATES = {  # Application API reference, Device Export API
    "REGISTERED": "it is not activated yet",
    "ACTIVATED": "it has not joined yet",
    "DEACTIVATED": "it cannot join any more",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class FleetReader:
    """Arguments of open_fleet that decide how rows and groups are read."""

    region: Region
    model: LinkModel
    device_class: str
    default_loss: float | None


def fleet_from_csv(text: str, where: str, reader: FleetReader) -> Fleet:
    """Return the fleet in a CSV text.

    where: name of the text in errors. Raises MessageError, with the line, and PlanError if no device is left.
    """
    rows = list(tables.rows(io.StringIO(text, newline=""), where, strict=True))
    table = _table(rows, where)
    euis = [_eui(cell) for cell in table.cells("deveui")]
    figures = _figures(table, reader)
    reasons = zip(_exclusions(table, euis, reader.device_class), figures.faults, strict=True)
    columns = (figures.loss, figures.cn0, figures.burst, table.place("lat"), table.place("lng"))
    links = zip(*(_nan_to_none(column) for column in columns), strict=True)
    devices = [
        _member(eui, *link)
        if (reason := exclusion or fault) is None
        else Excluded(name=eui or f"line {line}", reason=reason)
        for eui, line, (exclusion, fault), link in zip(euis, table.lines, reasons, links, strict=True)
    ]
    return Fleet(
        members=tuple(device for device in devices if isinstance(device, FleetMember)),
        excluded=(*table.ragged, *(device for device in devices if isinstance(device, Excluded))),
        model=reader.model,
    )


def _member(
    name: str, loss: float | None, cn0: float | None, burst: float | None, lat: float | None, lng: float | None
) -> FleetMember | Excluded:
    try:
        return FleetMember(name=name, loss=loss, cn0_dbhz=cn0, burst_frames=burst or 1.0, lat=lat, lng=lng)
    except ParameterError as exc:
        return Excluded(name=name, reason=str(exc))


# Rows and columns


@dataclass(frozen=True, slots=True)
class _Table:
    """The rows that have a cell for each heading.

    rows: cells of each row. lines: number of the line that each row ends on. columns: index of each column by its name.
    ragged: rows with another number of cells.
    """

    rows: list[list[str]]
    lines: list[int]
    columns: dict[str, int]
    ragged: list[Excluded]

    def cells(self, *names: str) -> list[str]:
        """Return the cells of the first of these columns that exists, or empty cells."""
        index = next((self.columns[name] for name in names if name in self.columns), None)
        return [""] * len(self.rows) if index is None else [row[index] for row in self.rows]

    def numbers(self, *names: str) -> Floats:
        """Return the cells as numbers: nan for an empty cell, inf for a cell that is not a number."""
        return np.array([number(cell) for cell in self.cells(*names)], np.float64)

    def place(self, name: str) -> Floats:
        """Return the known or else the estimated `name` (lat or lng) of the devices, nan if neither is known."""
        exact, estimated = self.numbers(name), self.numbers(f"est{name}")
        place = np.where(np.isfinite(exact), exact, estimated)
        return np.where(np.isfinite(place), place, np.nan)


def _table(rows: list[tuple[int, list[str]]], where: str) -> _Table:
    if not rows:
        raise MessageError(f"{where} is empty: a heading such as dev_eui,loss is needed")
    (line, headings), *content = rows
    names = [column_name(heading) for heading in headings]
    if "deveui" not in names:
        raise MessageError(f"{where}, line {line}: no column is a DevEUI, they are {', '.join(headings)[:100]}")
    whole = [(line, row) for line, row in content if len(row) == len(names)]
    return _Table(
        rows=[row for _, row in whole],
        lines=[line for line, _ in whole],
        columns={name: names.index(name) for name in names},
        ragged=[_ragged(line, len(row), len(names)) for line, row in content if len(row) != len(names)],
    )


def _ragged(line: int, cells: int, headings: int) -> Excluded:
    return Excluded(name=f"line {line}", reason=f"the row has {cells} cells, the heading has {headings}")


# Devices that cannot take part


def _exclusions(table: _Table, euis: list[str], device_class: str) -> list[str | None]:
    """Return for each row the reason why its device cannot take part, or None."""
    states = _by_cell(table.cells("state"), _state_reason)
    classes = _by_cell(table.cells("devclass"), lambda cell: _class_reason(cell, device_class))
    reasons = zip(_eui_reasons(euis, table), states, classes, strict=True)
    return [eui_reason or state_reason or class_reason for eui_reason, state_reason, class_reason in reasons]


def _eui(cell: str) -> str:
    """Return 16 upper-case hexadecimal digits, or "" if the cell is not an EUI-64; bytes may be separated by hyphens or colons."""
    digits = cell.strip().replace("-", "").replace(":", "").upper()
    return digits if len(digits) == 16 and not digits.strip("0123456789ABCDEF") else ""


def _eui_reasons(euis: list[str], table: _Table) -> list[str | None]:
    reasons: list[str | None] = [None] * len(euis)
    lines: dict[str, int] = {}
    for row, (eui, cell, line) in enumerate(zip(euis, table.cells("deveui"), table.lines, strict=True)):
        if not eui:
            reasons[row] = f"{cell[:40]!r} is not a DevEUI: it has 16 hexadecimal digits"
        elif lines.setdefault(eui, line) != line:
            reasons[row] = f"the DevEUI is already on line {lines[eui]}"
    return reasons


def _state_reason(cell: str) -> str | None:
    state = cell.strip().upper()
    if state in {"", "JOINED"}:
        return None
    return f"its state is {state[:40]}: {_STATES.get(state, 'only JOINED devices can take part')}"


def _class_reason(cell: str, device_class: str) -> str | None:
    classes = cell.upper().replace("CLASS", "")
    if device_class in classes or cell.strip().lower() in EMPTY:
        return None
    return f"its class is {cell.strip()[:40]}: the session is for class {device_class}"


# Figures of the links


@dataclass(frozen=True, slots=True)
class _Figures:
    """Loss, C/N0 and mean run of losses of each row, nan if unknown; and what is wrong with the figures of the row, or None."""

    loss: Floats
    cn0: Floats
    burst: Floats
    faults: list[str | None]


def _figures(table: _Table, reader: FleetReader) -> _Figures:
    loss_column, burst = table.numbers("loss"), table.numbers("burstframes")
    snr, psr = table.numbers("snrdb", "yestavgsnr"), _shares(table)
    rates, no_rate = _rates(table, reader.region)
    needed = np.isnan(loss_column)  # a loss counts before everything else
    uplink_loss, uplink_cn0 = reader.model.from_uplinks(snr_db=snr, success=psr, rates=rates)
    loss, cn0 = np.where(needed, uplink_loss, loss_column), np.where(needed, uplink_cn0, np.nan)
    unknown = np.isnan(loss) & np.isnan(cn0)
    if reader.default_loss is not None:
        loss[unknown] = reader.default_loss
    faults = _faults(
        table,
        (_outside(burst, 1, _LONGEST_BURST), "burst_frames is 1 or more", "burstframes"),
        (_outside(loss_column, 0, 1), "a loss is a share, 0 to 1", "loss"),
        (needed & _outside(snr, -40, 40), "an SNR of LoRa is -40 to 40 dB", "snrdb", "yestavgsnr"),
        (needed & _outside(psr, 0, 1), "a packet success rate is 0 to 100 percent", "psr", "yestpsr"),
        (needed & (psr == 0), "no uplink of it arrived, so its downlink is unknown", "psr", "yestpsr"),
        (needed & no_rate, f"{reader.region.name} has no such data rate for uplinks", "curdr", "datarate"),
    )
    if reader.default_loss is None:
        pairs = zip(faults, unknown.tolist(), strict=True)
        faults = [fault or (NO_FIGURES if is_unknown else None) for fault, is_unknown in pairs]
    return _Figures(loss, cn0, burst, faults)


def _shares(table: _Table) -> Floats:
    """Return the packet success rates as shares. They are in percent, unless no value is above 1 and none has the sign %."""
    cells = table.cells("psr", "yestpsr")
    shares = np.array([number(cell.rstrip("% ")) for cell in cells], np.float64)
    in_percent = any("%" in cell for cell in cells) or bool((shares[np.isfinite(shares)] > 1).any())
    return shares / 100 if in_percent else shares


def _rates(table: _Table, region: Region) -> tuple[list[DataRate | None], NDArray[np.bool_]]:
    """Return the data rate of each row's uplinks, None if it is not named, and whether the name is wrong, bool (rows,)."""
    known = {name: rate for rate in region.data_rates if rate.uplink for name in _rate_names(rate)}
    cells = table.cells("curdr", "datarate")
    rates = _by_cell(cells, lambda cell: known.get(_rate_name(cell)))
    named = _by_cell(cells, lambda cell: cell.strip().lower() not in EMPTY)
    return rates, np.array([rate is None and name for rate, name in zip(rates, named, strict=True)], np.bool_)


def _rate_names(rate: DataRate) -> tuple[str, ...]:
    lora = (f"SF{rate.sf}BW{rate.bw_hz // 1000}",) if rate.bw_hz else ()
    return (str(rate.index), f"DR{rate.index}", *lora)


def _rate_name(cell: str) -> str:
    return re.sub(r"[\s_/]|\.0$|KHZ$", "", cell.upper())


def _faults(table: _Table, *checks: tuple[NDArray[np.bool_], str, *tuple[str, ...]]) -> list[str | None]:
    """Return for each row the first rule that it breaks, or None.

    checks: which rows break the rule, bool (rows,), the rule in words, and the names of its columns.
    """
    faults: list[str | None] = [None] * len(table.lines)
    for broken, rule, *names in checks:
        cells = table.cells(*names)
        for row in np.flatnonzero(broken).tolist():
            faults[row] = faults[row] or f"{cells[row][:40]!r} on line {table.lines[row]}: {rule}"
    return faults


def _outside(values: Floats, low: float, high: float) -> NDArray[np.bool_]:
    return (values < low) | (values > high)


def _by_cell(cells: Sequence[str], value_of: Callable[[str], T]) -> list[T]:
    """Return the value of each cell. `value_of` is called once for each different text: columns have few different texts."""
    values = {cell: value_of(cell) for cell in set(cells)}
    return [values[cell] for cell in cells]


def _nan_to_none(column: Floats) -> list[float | None]:
    boxed = column.astype(np.object_)
    boxed[np.isnan(column)] = None
    return list(boxed)
