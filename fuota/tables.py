"""Reading the tables that people edit: CSV of devices, and TOML into dataclasses."""

from __future__ import annotations

import csv
import math
import re
import sys
import tomllib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import fields
from difflib import get_close_matches
from itertools import chain
from pathlib import Path
from types import NoneType
from typing import Any, Literal, TypeVar, get_args, get_origin, get_type_hints

from fuota import files, rules
from fuota.calls import KIND_NAMES
from fuota.errors import MessageError, ParameterError, StorageError
from fuota.rules import shown

T = TypeVar("T")

EMPTY = frozenset({"", "-", "null", "none", "n/a", "na"})
"""Cells without content, in lower case and without surrounding white space."""
_LARGEST = sys.float_info.max
_MAX_TOML_BYTES = 16 * 1024 * 1024
_TYPE_NAMES = {**KIND_NAMES, bytes: "bytes in hexadecimal"}


def rows(lines: Iterable[str], where: str, *, strict: bool) -> Iterator[tuple[int, list[str]]]:
    """Yield the rows of a CSV that are not empty, each with the number of its last line, from 1.

    lines: with their line ends, read one at a time. Cells are separated by comma, semicolon or tab, whichever is most frequent
    in the first line. strict: refuse wrong quotes; otherwise read them as well as possible. where: name of the CSV in the message.
    Raises MessageError, with the line number.
    """
    remaining = iter(lines)
    first = next(remaining, "")
    delimiter = max(",;\t", key=first.count)
    reader = csv.reader(chain([first], remaining), delimiter=delimiter, strict=strict)
    try:
        for row in reader:
            if any(row):
                yield reader.line_num, row
    except csv.Error as exc:
        raise MessageError(f"{where}, line {reader.line_num}: not valid CSV: {exc}") from None


def column_name(heading: str) -> str:
    """Return the letters of a heading in lower case: devEui, dev_eui and "Dev EUI" are all "deveui"."""
    return "".join(re.findall("[a-z]", heading.lower()))


def number(cell: str) -> float:
    """Return the number in a cell; nan for an empty cell, inf for a cell that is not a number."""
    if not cell:
        return math.nan
    try:
        return float(cell)
    except ValueError:
        return math.nan if cell.strip().lower() in EMPTY else math.inf


def read_toml(path: Path) -> dict[str, Any]:
    """Read a TOML file. Raises StorageError if it cannot be read, MessageError if it is not TOML in UTF-8."""
    try:
        content = files.read_whole(path, what=str(path), limit_bytes=_MAX_TOML_BYTES)
        return parse_toml(content.decode("utf-8-sig"), path.name)
    except OSError as exc:
        raise StorageError(f"{path} cannot be read: {exc.strerror or exc}") from None
    except UnicodeDecodeError as exc:
        raise MessageError(f"{path.name} is not valid TOML: byte {exc.start} is not UTF-8") from None


def parse_toml(text: str, where: str) -> dict[str, Any]:
    """Parse a TOML text. Raises MessageError, with the line, if it is not valid."""
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as exc:
        raise MessageError(f"{where} is not valid TOML: {exc}") from None
    except RecursionError:
        raise MessageError(f"{where} is nested too deeply") from None


def build(kind: type[T], table: dict[str, Any], where: str) -> T:
    """Build a dataclass from a TOML table whose keys are its fields.

    where: name of the table in messages. Raises ParameterError for an unknown key or a value of the wrong type or range.
    """
    hints = get_type_hints(kind)
    check_keys(table, [field.name for field in fields(kind) if field.init], where)  # type: ignore[arg-type]
    values = {key: _value(value, hints[key], f"{key} of {where}") for key, value in table.items()}
    try:
        return kind(**values)
    except ParameterError as exc:
        raise ParameterError(f"{where}: {exc}") from None


def check_keys(table: dict[str, Any], known: Sequence[str], where: str) -> None:
    """Raise ParameterError for a key that is not in `known`, with the closest key that is."""
    for key in table:
        if key not in known:
            raise ParameterError(f"{where} has an unknown key {key!r}{suggestion(key, known)}")


def suggestion(name: str, known: Sequence[str]) -> str:
    """Return the end of a message: the name in `known` closest to `name`, or all names if none is close."""
    close = get_close_matches(name, known, n=1, cutoff=0.5)
    return f" (did you mean {close[0]!r}?)" if close else f" (known: {', '.join(known)})"


def _value(value: Any, hint: Any, what: str) -> Any:
    if get_origin(hint) is tuple:
        return _items(value, get_args(hint)[0], what)
    kinds = [kind for kind in get_args(hint) or (hint,) if kind is not NoneType]
    if get_origin(hint) is Literal:
        return _choice(value, kinds, what)
    (kind,) = kinds
    if isinstance(value, dict) and kind not in _TYPE_NAMES:
        return build(kind, value, what)
    if kind is bytes:
        return _bytes(value, what)
    allowed = (int, float) if kind is float else kind
    if not isinstance(value, allowed) or (isinstance(value, bool) and kind is not bool):
        raise ParameterError(f"{what} must be {_TYPE_NAMES.get(kind, 'a table')}, got {shown(value)}")
    return rules.real(what, value, -_LARGEST, _LARGEST) if kind is float and isinstance(value, int) else value


def _items(value: Any, kind: Any, what: str) -> tuple[Any, ...]:
    if not isinstance(value, list):
        raise ParameterError(f"{what} must be a list, got {shown(value)}")
    return tuple(_value(item, kind, f"each of {what}") for item in value)


def _choice(value: Any, choices: list[Any], what: str) -> Any:
    if value not in choices:
        names = [str(choice) for choice in choices]
        raise ParameterError(
            f"{what} must be one of {', '.join(names)}, got {shown(value)}{suggestion(str(value), names)}"
        )
    return value


def _bytes(value: Any, what: str) -> bytes:
    try:
        return bytes.fromhex(value)
    except (TypeError, ValueError):
        raise ParameterError(f"{what} must be {_TYPE_NAMES[bytes]}, such as '01020304', got {shown(value)}") from None
