"""Measure the engine and write the engine section of docs/numbers.md. `make bench` runs it."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import machine
import peers
import sections
from command import command
from markdown import tally, write_between_markers

NUMBERS = Path(__file__).parents[1] / "docs" / "numbers.md"


def engine(scale: sections.Scale) -> list[str]:
    """Return the lines of the section."""
    tables: list[str] = []
    for measure in (sections.rows, sections.encode, sections.decode, sections.memory, sections.growth):
        tables += _run_and_report(measure.__name__, partial(measure, scale))
    tables += _run_and_report("command", partial(command, scale.rounds))
    # Last, because the second thread may keep spinning for a while, which would count as CPU time of the other measurements.
    tables += _run_and_report("threads", partial(sections.threads, scale))
    return [
        "## The engine",
        "",
        "Written by `make bench`. One thread, warm caches, medians of the CPU time of alternating rounds, unless stated otherwise;"
        " TS004 version 2 is the `deployed` variant. Results are compared byte by byte before they are timed.",
        "",
        *machine.description(),
        f"* {tally(tables)}",
        "",
        *tables,
    ]


def _run_and_report(name: str, measure: Callable[[], list[str]]) -> list[str]:
    start = time.monotonic()
    lines = measure()
    print(f"{name}: {time.monotonic() - start:.0f} s", file=sys.stderr)
    return lines


def main(path: Path = NUMBERS, scale: sections.Scale | None = None) -> None:
    for sentence in peers.load().left_out:
        print(sentence, file=sys.stderr)
    write_between_markers(path, "engine", engine(scale or sections.Scale()))
    print(f"{path.name} written", file=sys.stderr)


if __name__ == "__main__":
    main()
