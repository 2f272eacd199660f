"""What every CSV of devices has in common, one's own or the server's export: how it is cut into rows, and what a cell says.

Rows are read one at a time, from a text or from a stream: see `fuota.planning.fleet_csv` and `fuota.network.senra.export`.
"""

from __future__ import annotations

import csv
import math
import re
from collections.abc import Iterable, Iterator
from itertools import chain

from fuota.errors import MessageError

EMPTY = frozenset({"", "-", "null", "none", "n/a", "na"})
"""Cells in lower case, without white space around them, that say nothing."""


def rows(lines: Iterable[str], where: str, *, strict: bool) -> Iterator[tuple[int, list[str]]]:
    """The rows that are not empty, with the line each ends on, from 1; cells are parted by comma, semicolon or tab.

    lines: with their line ends. strict: quotes must be right; else they are taken as well as they can be. Raises MessageError,
    with the line; `where` names the CSV in it.
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
        raise MessageError(f"{where}, line {reader.line_num}: this is no CSV: {exc}") from None


def column_name(heading: str) -> str:
    """A heading by its letters, so that devEui, dev_eui and "Dev EUI" are one: "deveui"."""
    return "".join(re.findall("[a-z]", heading.lower()))


def number(cell: str) -> float:
    """nan for an empty cell, inf for one that is no number."""
    if not cell:
        return math.nan
    try:
        return float(cell)
    except ValueError:
        return math.nan if cell.strip().lower() in EMPTY else math.inf
