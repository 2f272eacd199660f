"""Tables for docs/numbers.md, and the comparison of figures with goals."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path


def markers(section: str) -> tuple[str, str]:
    """Return the comments that mark the beginning and the end of a section."""
    return f"<!-- {section}:begin -->", f"<!-- {section}:end -->"


ABSENT = "-"


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> list[str]:
    lines = [f"| {' | '.join(row)} |" for row in (head, ["---"] * len(head), *rows)]
    return [*lines, ""]


def milliseconds(seconds: float | None) -> str:
    return ABSENT if seconds is None else f"{seconds * 1000:.3g}"


def at_least(value: float | None, goal: float) -> str:
    """Return "met", or how far `value` is below `goal`, in percent."""
    if value is None:
        return ABSENT
    return "met" if value >= goal else f"missed by {1 - value / goal:.0%}"


def at_most(value: float | None, goal: float) -> str:
    """Return "met", or how far `value` is above `goal`, in percent."""
    if value is None:
        return ABSENT
    return "met" if value <= goal else f"missed by {value / goal - 1:.0%}"


def times(value: float | None) -> str:
    return ABSENT if value is None else f"{value:.2f}"


def quotient(numerator: float | None, denominator: float | None) -> float | None:
    return numerator / denominator if numerator is not None and denominator else None


def tally(lines: Iterable[str]) -> str:
    """Return a sentence that says how many goals of these table rows are met."""
    cells = [cell.strip() for line in lines for cell in line.split("|")]
    met, missed = cells.count("met"), sum(cell.startswith("missed") for cell in cells)
    return f"{met} of {met + missed} goals met."


def write_between_markers(path: Path, section: str, lines: Iterable[str]) -> None:
    """Replace the text between the markers of `section` in `path`. Append the section if it is new; create the file if needed."""
    begin, end = markers(section)
    text = path.read_text() if path.exists() else "# Numbers\n"
    written = "\n".join([begin, *lines, end])
    before, marker, tail = text.partition(begin)
    after = tail.partition(end)[2] if marker else "\n"
    path.write_text(f"{before if marker else before.rstrip() + chr(10) * 2}{written}{after}")
