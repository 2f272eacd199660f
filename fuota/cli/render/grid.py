"""Tables without lines, for `fuota plan`, `fuota simulate` and `fuota image`.

Cells are rich.text.Text, so that text from outside (names of files, versions in images) is not read as markup.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from fuota.text import printable

if TYPE_CHECKING:
    from rich.table import Table

    from fuota.findings import Finding


def grid(rows: Sequence[tuple[str, ...]], *, name_style: str = "") -> Table:
    """Return a table of rows that have one text, or a name and a text. There must be at least one row."""
    from rich.table import Table
    from rich.text import Text

    table = Table.grid(padding=(0, 2, 0, 0))
    if len(rows[0]) > 1:
        table.add_column(style=name_style, no_wrap=True)
    table.add_column(overflow="fold")  # a word longer than the line is a hash or an id, which must not be cut off
    for row in rows:
        table.add_row(*(Text(printable(cell)) for cell in row))
    return table


def findings_grid(findings: Sequence[Finding]) -> Table:
    """Return a table with severity, message and code of each finding. There must be at least one finding."""
    return grid([(finding.severity.value, f"{finding.message} ({finding.code})") for finding in findings])
