"""Measures everything side by side and writes the engine section of docs/numbers.md: `make bench`."""

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
    """The lines of the section."""
    made: list[str] = []
    for measure in (sections.rows, sections.encode, sections.decode, sections.memory, sections.growth):
        made += _announced(measure.__name__, partial(measure, scale))
    made += _announced("command", partial(command, scale.rounds))
    # Last: the second thread may go on spinning for a while, and that would count as CPU time of the others.
    made += _announced("threads", partial(sections.threads, scale))
    return [
        "## The engine",
        "",
        "Written by `make bench`. One thread, caches warm, medians of CPU time of interleaved rounds unless it says otherwise;"
        " TS004 version 2 is the `deployed` variant. Results are compared octet for octet before they are timed.",
        "",
        *machine.description(),
        f"* {tally(made)}",
        "",
        *made,
    ]


def _announced(name: str, measure: Callable[[], list[str]]) -> list[str]:
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
