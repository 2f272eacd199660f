"""Rows in columns, without lines: what `fuota plan` and `fuota image` print.

Cells are of Text: what comes from outside (names of files, versions in images) would otherwise be read as markup.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from fuota.text import printable

if TYPE_CHECKING:
    from rich.table import Table

    from fuota.findings import Finding


def grid(rows: Sequence[tuple[str, ...]], *, name_style: str = "") -> Table:
    """Rows of a text, or of a name and a text, shown as they are."""
    from rich.table import Table
    from rich.text import Text

    table = Table.grid(padding=(0, 2, 0, 0))
    if len(rows[0]) > 1:
        table.add_column(style=name_style, no_wrap=True)
    table.add_column(overflow="fold")  # a word that is longer than the line is a hash or an id: all of it counts
    for row in rows:
        table.add_row(*(Text(printable(cell)) for cell in row))
    return table


def findings_grid(findings: Sequence[Finding]) -> Table:
    """One row for each finding: how bad, what, and its code. There is one at least."""
    return grid([(one.severity.value, f"{one.message} ({one.code})") for one in findings])
