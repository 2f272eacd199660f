"""Lists from files: CSV with a heading, JSON, JSON Lines, or one EUI a line; - is a pipe."""

from __future__ import annotations

import io
import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import IO, Any

import click

from fuota.errors import MessageError, ParameterError

FORMATS = "CSV with a heading, JSON, or an EUI a line; - is a pipe."


@dataclass(frozen=True, slots=True, kw_only=True)
class Rows:
    """Rows of a file by the names of their fields; what is empty is left out. `ignored`: columns that are no field."""

    where: str
    rows: tuple[dict[str, Any], ...]
    ignored: tuple[str, ...]


def read_rows(file: IO[bytes], fields: Sequence[str]) -> Rows:
    """The rows of a file that may have these fields, known by the letters of their names (devEui, dev_eui, "Dev EUI").

    Raises MessageError for what is neither CSV nor JSON.
    """
    where = "standard input" if file.name in ("-", "<stdin>") else str(file.name)
    try:
        text = file.read().decode("utf-8-sig")
    except UnicodeDecodeError:
        raise MessageError(f"{where} is no UTF-8 text") from None
    read = _from_json if text.lstrip()[:1] in ("[", "{") else _from_csv
    return _named(read(text, where), where, fields)


def euis_of(file: IO[bytes]) -> tuple[str, ...]:
    """The devices in a file, each once. Raises MessageError, ParameterError with the row."""
    from fuota.network.senra import DeviceDetails
    from fuota.network.senra.device_rows import checked_rows

    found = read_rows(file, ["dev_eui"])
    with naming(found.where):
        return tuple(row.dev_eui for row in checked_rows(DeviceDetails, found.rows))


@contextmanager
def naming(where: str) -> Iterator[None]:
    """Puts the name of a file before what is wrong with its rows."""
    try:
        yield
    except ParameterError as error:
        if not str(error).startswith(("row ", "devices is empty", "messages is empty")):
            raise
        raise ParameterError(f"{where}, {error}") from None


def dev_file_option(command: Callable[..., Any]) -> Callable[..., Any]:
    """Gives a command --dev-file, whose devices join those of --dev-eui, an option of `dev_eui_option`."""
    return click.option(
        "--dev-file",
        type=click.File("rb"),
        is_eager=True,
        expose_value=False,
        callback=_keep_euis,
        help=f"Devices in a file: {FORMATS}",
    )(command)


def dev_eui_option(text: str) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """--dev-eui, as `dev_euis`: a tuple."""
    return click.option("--dev-eui", "dev_euis", multiple=True, callback=_with_those_of_the_file, help=text)


_META = "fuota.cli.options.device_lists.dev_euis"


def _keep_euis(context: click.Context, _parameter: click.Parameter, file: IO[bytes] | None) -> None:
    if file is not None and not context.resilient_parsing:
        context.meta[_META] = euis_of(file)


def _with_those_of_the_file(
    context: click.Context, _parameter: click.Parameter, given: tuple[str, ...]
) -> tuple[str, ...]:
    return (*given, *context.meta.get(_META, ()))


def _from_json(text: str, where: str) -> Iterable[Mapping[str, Any]]:
    try:
        found = json.loads(text)
    except (ValueError, RecursionError) as error:
        lines = [line for line in text.splitlines() if line.strip()]
        if len(lines) < 2:
            raise MessageError(f"{where} is no JSON: {error}") from None
        found = [_json_line(line, number, where) for number, line in enumerate(lines, 1)]
    if isinstance(found, dict):
        found = found["data"] if isinstance(found.get("data"), list) else [found]
    return [_object(one, number, where) for number, one in enumerate(found, 1)]


def _json_line(line: str, number: int, where: str) -> Any:
    try:
        return json.loads(line)
    except (ValueError, RecursionError):
        raise MessageError(f"{where}, row {number}: this is no JSON") from None


def _object(one: object, number: int, where: str) -> Mapping[str, Any]:
    if isinstance(one, str):
        return {"dev_eui": one}
    if not isinstance(one, dict):
        raise MessageError(f"{where}, row {number}: it is of type {type(one).__name__}, an object or an EUI is needed")
    return one


def _from_csv(text: str, where: str) -> Iterable[Mapping[str, Any]]:
    from fuota.network.eui import canonical_eui
    from fuota.tables import rows

    cells = rows(io.StringIO(text, newline=""), where, strict=True)
    _, headings = next(cells, (0, ["dev_eui"]))
    if len(headings) == 1 and canonical_eui(headings[0]) is not None:
        yield {"dev_eui": headings[0]}
        headings = ["dev_eui"]
    for line, row in cells:
        if len(row) > len(headings):
            raise MessageError(f"{where}, line {line}: the row has {len(row)} cells, the heading has {len(headings)}")
        yield dict(zip(headings, row, strict=False))


def _named(found: Iterable[Mapping[str, Any]], where: str, fields: Sequence[str]) -> Rows:
    from fuota.network.redaction import redact
    from fuota.tables import column_name

    known = {column_name(field): field for field in fields}
    rows: list[dict[str, Any]] = []
    ignored: dict[str, None] = {}
    for one in found:
        rows.append({})
        for heading, cell in one.items():
            if (field := known.get(column_name(heading))) is None:
                ignored[redact(heading)] = None  # a row of keys may stand where the heading belongs
            elif (value := _value(field, cell)) is not None:
                rows[-1][field] = value
    if ignored and not any(rows):
        raise MessageError(
            f"{where} has none of the columns that are meant here: {', '.join(fields)}; is its first line a heading?"
        )
    return Rows(where=where, rows=tuple(rows), ignored=tuple(ignored))


def _value(field: str, cell: Any) -> Any:
    """A cell as its field takes it; None for an empty one. What cannot be meant is left to the check of the field."""
    if not isinstance(cell, str):
        return cell
    text = cell.strip()
    if field == "tags":
        return [tag for tag in map(str.strip, text.split(",")) if tag] or None
    return _KINDS.get(field, str)(text) if text else None


def _float(text: str) -> float | str:
    try:
        return float(text)
    except ValueError:
        return text


def _integer(text: str) -> int | str:
    return int(text) if text.isdecimal() or text[1:].isdecimal() else text


def _truth(text: str) -> bool | str:
    return {"true": True, "false": False, "1": True, "0": False}.get(text.lower(), text)


_KINDS: Mapping[str, Callable[[str], Any]] = {
    "lat": _float,
    "lng": _float,
    "port": _integer,
    "timeout_minutes": _integer,
    "confirmed": _truth,
    "clear": _truth,
    "immediate": _truth,
}
