"""Progress of device-management tasks: a bar on a terminal, a line per chunk in a log, events with --json."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from fuota.text import counted

if TYPE_CHECKING:
    from fuota.cli.output import Output
    from fuota.network.senra import Chunk, TaskStatus

Report = Callable[[str, "TaskStatus | None"], None]
"""Function that receives the title of a step and the status of its task."""


@contextmanager
def shown(out: Output) -> Iterator[Report]:
    """Provide a function that shows progress on stderr, or on stdout as events, while the block lasts."""
    if out.as_json:
        yield _as_events(out)
    elif sys.stderr.isatty():
        with _bar() as report:
            yield report
    else:
        yield _as_lines(out)


def title(chunk: Chunk) -> str:
    """Return a title such as "DevMgmtJobReq:AAAAAAAAAAAAAA01, chunk 2 of 10, 1000 devices"."""
    task = "" if chunk.task is None else f"{chunk.task.request_id}, "
    part = f"chunk {chunk.number} of {chunk.count}, " if chunk.count > 1 else ""
    return f"{task}{part}{counted(len(chunk.dev_euis), 'device')}"


def _as_events(out: Output) -> Report:
    last: list[tuple[str, str, int | None]] = []

    def report(what: str, status: TaskStatus | None) -> None:
        state = (what, "", None) if status is None else (what, status.state, status.pct_done)
        if state not in last[-1:]:
            last[:] = [state]
            out.event("progress", what=state[0], state=state[1] or None, pct_done=state[2])

    return report


def _as_lines(out: Output) -> Report:
    titles: set[str] = set()

    def report(what: str, _status: TaskStatus | None) -> None:
        if what not in titles:
            titles.add(what)
            out.say(what)

    return report


@contextmanager
def _bar() -> Iterator[Report]:
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeElapsedColumn

    columns = (TextColumn("{task.description}"), BarColumn(bar_width=None), TaskProgressColumn(), TimeElapsedColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("", total=100)

        def report(what: str, status: TaskStatus | None) -> None:
            state = "" if status is None else f"  {status.state.lower()}"
            done = 0 if status is None else status.pct_done or 0
            bar.update(task, description=f"{what}{state}", completed=done)

        yield report
