"""A fleet from CSV, read column by column: ten thousand devices take some hundredths of a second. See open_fleet."""

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

NO_FIGURES = "nothing tells how well it hears, and no default loss was given"

_LONGEST_BURST = 1e6
_STATES = {  # Application API reference, Device Export API
    "REGISTERED": "it is not activated yet",
    "ACTIVATED": "it has not joined yet",
    "DEACTIVATED": "it cannot join any more",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class FleetReader:
    """By what a fleet is read: see open_fleet."""

    region: Region
    model: LinkModel
    device_class: str
    default_loss: float | None


def fleet_from_csv(text: str, where: str, reader: FleetReader) -> Fleet:
    """The fleet in a CSV text; `where` names it in errors. Raises MessageError, with the line, and PlanError."""
    rows = list(tables.rows(io.StringIO(text, newline=""), where, strict=True))
    table = _table(rows, where)
    euis = [_eui(cell) for cell in table.cells("deveui")]
    figures = _figures(table, reader)
    excluding = zip(_cannot_take_part(table, euis, reader.device_class), figures.faults, strict=True)
    columns = (figures.loss, figures.cn0, figures.burst, table.place("lat"), table.place("lng"))
    links = zip(*(_nones(column) for column in columns), strict=True)
    made = [
        _member(eui, *link)
        if (reason := first or second) is None
        else Excluded(name=eui or f"line {line}", reason=reason)
        for eui, line, (first, second), link in zip(euis, table.lines, excluding, links, strict=True)
    ]
    return Fleet(
        members=tuple(one for one in made if isinstance(one, FleetMember)),
        excluded=(*table.ragged, *(one for one in made if isinstance(one, Excluded))),
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
    """The rows that have a cell for each heading, the lines that they end on, and where in them each column is."""

    rows: list[list[str]]
    lines: list[int]
    columns: dict[str, int]
    ragged: list[Excluded]

    def cells(self, *names: str) -> list[str]:
        """The first of these columns that there is, or empty cells."""
        at = next((self.columns[name] for name in names if name in self.columns), None)
        return [""] * len(self.rows) if at is None else [row[at] for row in self.rows]

    def numbers(self, *names: str) -> Floats:
        """The same as numbers: nan for an empty cell, inf for one that is no number."""
        return np.array([number(cell) for cell in self.cells(*names)], np.float64)

    def place(self, name: str) -> Floats:
        """Where the devices are, or are estimated to be; nan where neither is said."""
        exact, estimated = self.numbers(name), self.numbers(f"est{name}")
        found = np.where(np.isfinite(exact), exact, estimated)
        return np.where(np.isfinite(found), found, np.nan)


def _table(rows: list[tuple[int, list[str]]], where: str) -> _Table:
    if not rows:
        raise MessageError(f"{where} is empty: a heading such as dev_eui,loss is needed")
    (line, headings), *rest = rows
    names = [column_name(heading) for heading in headings]
    if "deveui" not in names:
        raise MessageError(f"{where}, line {line}: no column is a DevEUI, they are {', '.join(headings)[:100]}")
    whole = [(line, row) for line, row in rest if len(row) == len(names)]
    return _Table(
        rows=[row for _, row in whole],
        lines=[line for line, _ in whole],
        columns={name: names.index(name) for name in names},
        ragged=[_ragged(line, len(row), len(names)) for line, row in rest if len(row) != len(names)],
    )


def _ragged(line: int, cells: int, headings: int) -> Excluded:
    return Excluded(name=f"line {line}", reason=f"the row has {cells} cells, the heading has {headings}")


# Who cannot take part


def _cannot_take_part(table: _Table, euis: list[str], device_class: str) -> list[str | None]:
    """The reason of each row, if there is one."""
    states = _by_cell(table.cells("state"), _state_reason)
    classes = _by_cell(table.cells("devclass"), lambda cell: _class_reason(cell, device_class))
    named = zip(_eui_reasons(euis, table), states, classes, strict=True)
    return [of_eui or of_state or of_class for of_eui, of_state, of_class in named]


def _eui(cell: str) -> str:
    """16 upper-case hexadecimal digits, or nothing where the cell is no EUI-64; octets may be parted by hyphens or colons."""
    digits = cell.strip().replace("-", "").replace(":", "").upper()
    return digits if len(digits) == 16 and not digits.strip("0123456789ABCDEF") else ""


def _eui_reasons(euis: list[str], table: _Table) -> list[str | None]:
    reasons: list[str | None] = [None] * len(euis)
    lines: dict[str, int] = {}
    for row, (eui, cell, line) in enumerate(zip(euis, table.cells("deveui"), table.lines, strict=True)):
        if not eui:
            reasons[row] = f"{cell[:40]!r} is no DevEUI: it has 16 hexadecimal digits"
        elif lines.setdefault(eui, line) != line:
            reasons[row] = f"the DevEUI stands on line {lines[eui]} already"
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


# How well they hear


@dataclass(frozen=True, slots=True)
class _Figures:
    """Loss or C/N0, and mean run of losses, of each row, nan where not known; and what is wrong with those of a row."""

    loss: Floats
    cn0: Floats
    burst: Floats
    faults: list[str | None]


def _figures(table: _Table, reader: FleetReader) -> _Figures:
    given, burst = table.numbers("loss"), table.numbers("burstframes")
    snr, psr = table.numbers("snrdb", "yestavgsnr"), _shares(table)
    rates, no_rate = _rates(table, reader.region)
    needed = np.isnan(given)  # a loss counts before everything else
    heard_loss, heard_cn0 = reader.model.from_uplinks(snr_db=snr, success=psr, rates=rates)
    loss, cn0 = np.where(needed, heard_loss, given), np.where(needed, heard_cn0, np.nan)
    nothing = np.isnan(loss) & np.isnan(cn0)
    if reader.default_loss is not None:
        loss[nothing] = reader.default_loss
    faults = _faults(
        table,
        (_out_of(burst, 1, _LONGEST_BURST), "burst_frames is 1 or more", "burstframes"),
        (_out_of(given, 0, 1), "a loss is a share, 0 to 1", "loss"),
        (needed & _out_of(snr, -40, 40), "an SNR of LoRa is -40 to 40 dB", "snrdb", "yestavgsnr"),
        (needed & _out_of(psr, 0, 1), "a packet success rate is 0 to 100 percent", "psr", "yestpsr"),
        (needed & (psr == 0), "nothing was heard of it, which does not tell how well it hears", "psr", "yestpsr"),
        (needed & no_rate, f"{reader.region.name} has no such data rate for uplinks", "curdr", "datarate"),
    )
    if reader.default_loss is None:
        faults = [fault or (NO_FIGURES if none else None) for fault, none in zip(faults, nothing.tolist(), strict=True)]
    return _Figures(loss, cn0, burst, faults)


def _shares(table: _Table) -> Floats:
    """The packet success rates. In percent, unless no value of the column is above 1 and none has the sign."""
    cells = table.cells("psr", "yestpsr")
    shares = np.array([number(cell.rstrip("% ")) for cell in cells], np.float64)
    in_percent = any("%" in cell for cell in cells) or bool((shares[np.isfinite(shares)] > 1).any())
    return shares / 100 if in_percent else shares


def _rates(table: _Table, region: Region) -> tuple[list[DataRate | None], NDArray[np.bool_]]:
    """The data rate of each row's uplinks, None where it is not said, and whether what is said is none."""
    known = {name: rate for rate in region.data_rates if rate.uplink for name in _rate_names(rate)}
    cells = table.cells("curdr", "datarate")
    rates = _by_cell(cells, lambda cell: known.get(_rate_name(cell)))
    said = _by_cell(cells, lambda cell: cell.strip().lower() not in EMPTY)
    return rates, np.array([rate is None and text for rate, text in zip(rates, said, strict=True)], np.bool_)


def _rate_names(rate: DataRate) -> tuple[str, ...]:
    lora = (f"SF{rate.sf}BW{rate.bw_hz // 1000}",) if rate.bw_hz else ()
    return (str(rate.index), f"DR{rate.index}", *lora)


def _rate_name(cell: str) -> str:
    return re.sub(r"[\s_/]|\.0$|KHZ$", "", cell.upper())


def _faults(table: _Table, *rules: tuple[NDArray[np.bool_], str, *tuple[str, ...]]) -> list[str | None]:
    """The first rule that each row breaks; a rule is: which rows break it, in words, and the columns that it is about."""
    faults: list[str | None] = [None] * len(table.lines)
    for broken, rule, *names in rules:
        cells = table.cells(*names)
        for row in np.flatnonzero(broken).tolist():
            faults[row] = faults[row] or f"{cells[row][:40]!r} on line {table.lines[row]}: {rule}"
    return faults


def _out_of(values: Floats, low: float, high: float) -> NDArray[np.bool_]:
    return (values < low) | (values > high)


def _by_cell(cells: Sequence[str], told: Callable[[str], T]) -> list[T]:
    """What each cell tells; asked once for each text, for columns that repeat few."""
    known = {cell: told(cell) for cell in set(cells)}
    return [known[cell] for cell in cells]


def _nones(column: Floats) -> list[float | None]:
    boxed = column.astype(np.object_)
    boxed[np.isnan(column)] = None
    return list(boxed)
