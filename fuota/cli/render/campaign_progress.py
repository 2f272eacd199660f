"""Progress of a campaign: a bar on a terminal, few lines in a log, events with --json."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from fuota.cli.render.words import spoken_duration
from fuota.text import counted, printable

if TYPE_CHECKING:
    from fuota.campaign import Progress
    from fuota.cli.output import Output

Show = Callable[["Progress"], None]

_SHOWN_OUTCOMES = ("updated", "complete", "incomplete", "corrupt", "refused")


@contextmanager
def progress_display(out: Output) -> Iterator[Show]:
    """Provide a function that shows progress on stderr, or on stdout as events, while the block lasts."""
    if out.as_json:
        yield _event_display(out)
    elif sys.stderr.isatty():
        with _bar() as show:
            yield show
    else:
        yield _line_display(out)


def _event_display(out: Output) -> Show:
    last: dict[str, object] = {}

    def show(progress: Progress) -> None:
        fields: dict[str, object] = {
            "state": progress.state,
            "pct_done": progress.pct_done,
            "uplinks": progress.uplinks,
            "counts": dict(progress.counts),
            "waiting": progress.wait_ms is not None and not progress.finished,
            "trouble": progress.trouble or None,
        }
        if fields != last:
            last.update(fields)
            out.event("progress", **fields)

    return show


def _line_display(out: Output) -> Show:
    """Show a line for each state, each ten per cent, each trouble and the wait for reports, so that a log stays short."""
    shown: set[object] = set()

    def show(progress: Progress) -> None:
        is_waiting = progress.wait_ms is not None
        steps = (progress.state, progress.pct_done // 10), progress.trouble
        texts = (
            f"{progress.state.lower()} {progress.pct_done} %, {counted(progress.uplinks, 'uplink')}",
            _trouble(progress),
        )
        for step, text in zip(steps, texts, strict=True):
            if step and step not in shown:
                shown.add(step)
                out.say(text)
        if is_waiting and not progress.finished and "wait" not in shown:
            shown.add("wait")
            out.say(
                f"waiting up to {spoken_duration(progress.wait_ms or 0)} for the next report: {_reported(progress)}"
            )

    return show


@contextmanager
def _bar() -> Iterator[Show]:
    from rich.console import Console
    from rich.progress import BarColumn, TaskProgressColumn, TextColumn, TimeElapsedColumn
    from rich.progress import Progress as Bars

    columns = (
        TextColumn("{task.description}"),
        BarColumn(bar_width=None),
        TaskProgressColumn(),
        TextColumn("{task.fields[reported]}"),
        TimeElapsedColumn(),
    )
    printed: set[str] = set()
    console = Console(stderr=True)
    with Bars(*columns, console=console, transient=False) as bar:
        task = bar.add_task("", total=100, reported="")

        def show(progress: Progress) -> None:
            if progress.trouble and progress.trouble not in printed:
                printed.add(progress.trouble)
                bar.console.print(_trouble(progress), markup=False, highlight=False)
            if progress.wait_ms is not None and not progress.finished and "wait" not in printed:
                printed.add("wait")
                bar.console.print(f"{_reported(progress)}; Ctrl-C ends the wait", markup=False, highlight=False)
            bar.update(task, description=_title(progress), completed=progress.pct_done, reported=_short(progress))

        yield show


def _title(progress: Progress) -> str:
    if progress.wait_ms is None or progress.finished:
        return f"{printable(progress.state):9}"
    return f"waiting {progress.wait_ms / 1000:.0f} s"


def _short(progress: Progress) -> str:
    """Return the number of uplinks and of updated devices, short enough for a bar in 80 columns."""
    return f"{counted(progress.uplinks, 'uplink')}, {progress.counts.get('updated', 0)} updated"


def _reported(progress: Progress) -> str:
    """Return a text such as "85 of 100 devices updated, 11 incomplete, 4 to come"."""
    devices = sum(progress.counts.values())
    others = [f"{progress.counts[name]} {name}" for name in _SHOWN_OUTCOMES[1:] if progress.counts.get(name)]
    silent = progress.counts.get("silent", 0)
    parts = [*others, *([f"{silent} to come"] if silent else [])]
    return ", ".join([f"{progress.counts.get('updated', 0)} of {counted(devices, 'device')} updated", *parts])


def _trouble(progress: Progress) -> str:
    return f"{printable(progress.trouble)}. Reports are received until the planned end of the job"
