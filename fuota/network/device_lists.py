"""Lists of devices in files: CSV with a heading, JSON, JSON Lines, or one EUI per line."""

from __future__ import annotations

import io
import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import IO

from fuota import files
from fuota.errors import MessageError
from fuota.network.eui import canonical_eui
from fuota.network.redaction import redact
from fuota.network.senra.device_rows import DeviceDetails, RowError, checked_rows
from fuota.text import counted

STANDARD_INPUT = "standard input"
_QR_TEXT = re.compile(r"LW:D[01]:[0-9A-F]{16}:([0-9A-F]{16})(:|$)", re.IGNORECASE)
"""JoinEUI and DevEUI (captured) of a device's QR code: TR005, "LW", schema, JoinEUI, DevEUI, ProfileID."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DeviceList:
    """Entries of a list of devices or of messages.

    source: name of the list in messages. rows: one mapping from field names to values per entry, without empty values.
    ignored: headings that are not the name of a field.
    """

    source: str
    rows: tuple[dict[str, object], ...]
    ignored: tuple[str, ...] = ()


def read_devices(file: IO[bytes], fields: Sequence[str]) -> DeviceList:
    """Read the entries of a list.

    file: opened in binary mode; its `name` appears in messages.
    fields: names of the fields that an entry may have. Headings are compared by their letters: devEui, dev_eui and "Dev EUI" are
        the same field.

    Values are converted to the types of their fields, as far as possible; the fields themselves check them later.
    Raises MessageError if the content is neither CSV nor JSON, or if it has none of the fields.
    """
    source = _name_of(file)
    try:
        text = files.read_whole(file, what=source).decode("utf-8-sig")
    except UnicodeDecodeError:
        raise MessageError(f"{source} is not UTF-8 text") from None
    is_json = text.lstrip()[:1] in ("[", "{")
    entries = _entries_of_json(text, source) if is_json else _entries_of_csv(text, source, fields)
    return _with_field_names(entries, source, fields)


def read_euis(file: IO[bytes]) -> tuple[str, ...]:
    """Return the EUIs of the devices in a list, as 16 upper-case hex digits.

    file: opened in binary mode. Raises MessageError as `read_devices` does, and RowError for an EUI that is not valid or repeated.
    """
    devices = read_devices(file, ["dev_eui"])
    with source_in_errors(devices.source):
        return tuple(row.dev_eui for row in checked_rows(DeviceDetails, devices.rows))


@contextmanager
def source_in_errors(source: str) -> Iterator[None]:
    """Put the name of a list, `source`, before the message of a RowError that is raised inside."""
    try:
        yield
    except RowError as error:
        raise RowError(f"{source}, {error}", row=error.row) from None


def _name_of(file: IO[bytes]) -> str:
    name = getattr(file, "name", "-")
    return STANDARD_INPUT if name in ("-", "<stdin>") else str(name)


def _entries_of_json(text: str, source: str) -> Iterable[Mapping[str, object]]:
    try:
        content = json.loads(text)
    except (ValueError, RecursionError) as error:
        lines = [line for line in text.splitlines() if line.strip()]
        if len(lines) < 2:
            raise MessageError(f"{source} is not valid JSON: {error}") from None
        content = [_json_line(line, number, source) for number, line in enumerate(lines, 1)]
    if isinstance(content, dict):
        content = content["data"] if isinstance(content.get("data"), list) else [content]
    return [_entry(value, number, source) for number, value in enumerate(content, 1)]


def _json_line(line: str, number: int, source: str) -> object:
    try:
        value: object = json.loads(line)
    except (ValueError, RecursionError):
        raise MessageError(f"{source}, row {number} is not valid JSON") from None
    return value


def _entry(value: object, number: int, source: str) -> Mapping[str, object]:
    if isinstance(value, str):
        return {"dev_eui": value}
    if not isinstance(value, dict):
        kind = type(value).__name__
        raise MessageError(f"{source}, row {number} must be an object or an EUI, got a value of type {kind}")
    return value


def _entries_of_csv(text: str, source: str, fields: Sequence[str]) -> Iterable[Mapping[str, object]]:
    from fuota.tables import rows

    lines = rows(io.StringIO(text, newline=""), source, strict=True)
    number, headings = next(lines, (0, ["dev_eui"]))
    if _is_eui_alone(headings):
        yield {"dev_eui": next(filter(str.strip, headings))}
        headings = ["dev_eui" if cell.strip() else "" for cell in headings]
    else:
        _require_heading(headings, f"{source}, line {number}", fields)
    for line, cells in lines:
        if len(cells) > len(headings):
            raise MessageError(
                f"{source}, line {line}: the row has {len(cells)} cells, the heading has {len(headings)}"
            )
        yield {heading: cell for heading, cell in zip(headings, cells, strict=False) if heading or cell.strip()}


def _is_eui_alone(cells: Sequence[str]) -> bool:
    """Return whether one cell of the first line is an EUI and the others are empty: the list has no heading."""
    texts = [cell for cell in cells if cell.strip()]
    return len(texts) == 1 and canonical_eui(texts[0]) is not None


def _require_heading(cells: Sequence[str], place: str, fields: Sequence[str]) -> None:
    """Raise MessageError, with what the line is instead, unless one of the cells is the heading of a field."""
    from fuota.tables import column_name

    if {column_name(cell) for cell in cells} & {column_name(field) for field in fields}:
        return
    columns = ", ".join(fields)
    content = _foreign_line(cells)
    raise MessageError(
        f"{place} must be a heading or an EUI alone, got {content}: put a heading with the columns of the list before it"
        f" (possible: {columns})"
    )


def _foreign_line(cells: Sequence[str]) -> str:
    """Return what a first line without a heading is, in words; no cell but an EUI is quoted, because it may be a key."""
    first = cells[0].strip() if cells else ""
    if match := _QR_TEXT.match(first):
        return f"the text of a QR code (TR005) with the DevEUI {match[1].upper()}"
    euis = [eui for cell in cells if (eui := canonical_eui(cell)) is not None]
    if first.upper().startswith("CREATE_"):
        return f"a line of ThingPark ({first.upper()[:16]})" + (f" with the DevEUI {euis[0]}" if euis else "")
    if euis:
        return f"a line with the EUI{'s' if len(euis) > 1 else ''} {', '.join(euis[:2])} and other cells"
    return f"none of the columns in {counted(len(cells), 'cell')}"


def _with_field_names(entries: Iterable[Mapping[str, object]], source: str, fields: Sequence[str]) -> DeviceList:
    from fuota.tables import column_name

    field_of = {column_name(field): field for field in fields}
    rows: list[dict[str, object]] = []
    ignored: dict[str, None] = {}
    for entry in entries:
        row: dict[str, object] = {}
        rows.append(row)
        for heading, cell in entry.items():
            if (field := field_of.get(column_name(heading))) is None:
                ignored[redact(heading)] = None  # a row of keys may stand where the heading belongs
            elif (value := _value(field, cell)) is not None:
                row[field] = value
    if ignored and not any(rows):
        raise MessageError(f"{source} has none of the columns {', '.join(fields)}; is its first line a heading?")
    return DeviceList(source=source, rows=tuple(rows), ignored=tuple(ignored))


def _value(field: str, cell: object) -> object:
    """Return the value of a cell in the type of its field, None if the cell is empty.

    Text that cannot be converted stays text, so that the check of the field refuses it.
    """
    if not isinstance(cell, str):
        return cell
    text = cell.strip()
    if field == "tags":
        return [tag for tag in map(str.strip, text.split(",")) if tag] or None
    return _CONVERTERS.get(field, str)(text) if text else None


def _float_or_text(text: str) -> float | str:
    try:
        return float(text)
    except ValueError:
        return text


def _integer_or_text(text: str) -> int | str:
    return int(text) if re.fullmatch("[+-]?[0-9]{1,18}", text) else text


def _bool_or_text(text: str) -> bool | str:
    return {"true": True, "false": False, "1": True, "0": False}.get(text.lower(), text)


_CONVERTERS: Mapping[str, Callable[[str], object]] = {
    "lat": _float_or_text,
    "lng": _float_or_text,
    "port": _integer_or_text,
    "timeout_minutes": _integer_or_text,
    "confirmed": _bool_or_text,
    "clear": _bool_or_text,
    "immediate": _bool_or_text,
}
