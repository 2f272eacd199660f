"""Following a campaign to its end: progress, Ctrl-C, verdict."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

import click

from fuota.cli import exits
from fuota.cli.render.verdict_table import show_verdict
from fuota.errors import NetworkError, OutcomeUnknownError

if TYPE_CHECKING:
    from fuota.campaign import Campaign, Journal, Progress, WatchTimeouts
    from fuota.cli.output import Output
    from fuota.network import SenraClient

Show = Callable[["Progress"], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class FollowOptions:
    """Options for following a campaign.

    target: share of devices that must be updated. expect: number of devices that tags stand for. None: as recorded at the launch;
    if nothing is recorded, all devices must be updated.
    can_leave: whether the job goes on when this process ends.
    """

    timeouts: WatchTimeouts
    target: float | None = None
    expect: int | None = None
    can_leave: bool = True


def follow(client: SenraClient, journal: Journal, campaign: Campaign, out: Output, options: FollowOptions) -> int:
    """Watch a campaign until its end, show the verdict, and return the exit code. Raises NetworkError."""
    try:
        _watch(client, journal, campaign, out, options)
    except KeyboardInterrupt:
        if not options.can_leave:
            raise
        return _leave_or_cancel(client, journal, campaign, out)
    except OutcomeUnknownError:
        raise
    except NetworkError as error:
        if not options.can_leave:
            raise
        message = f"{error} The job of {campaign.id} may go on: `fuota watch {campaign.id}` watches it again"
        raise type(error)(message, status=error.status) from None
    return _conclude(journal, journal.campaign(campaign.id), out, options)


def _watch(client: SenraClient, journal: Journal, campaign: Campaign, out: Output, options: FollowOptions) -> None:
    from fuota.campaign import is_late, watch

    late = False
    with _progress_display(out) as show:
        for progress in watch(campaign, client=client, journal=journal, timeouts=options.timeouts):
            show(progress)
            if not late and (late := is_late(journal, campaign, progress)):
                _tell_late(campaign, progress, out)


def _conclude(journal: Journal, campaign: Campaign, out: Output, options: FollowOptions) -> int:
    """Show how the campaign ended and return the exit code."""
    from fuota.campaign import CampaignState, conclusion_of, has_reports, population_of, verdict_of

    verdict = verdict_of(journal, campaign)
    population = population_of(campaign, verdict, campaign.expect if options.expect is None else options.expect)
    target = campaign.target if options.target is None else options.target
    _tell_failure(journal, campaign, out)
    show_verdict(out, journal, campaign, verdict, population)
    if campaign.state is CampaignState.LAUNCHED:
        out.say(
            "the server no longer shows the job: it was removed, or another job was started since; how it ended is unknown"
        )
    if not has_reports(verdict):
        advice = " Let the data stream post to a receiver (--listen) to know" if options.can_leave else ""
        out.say(f"no device has reported: what arrived is unknown.{advice}")
    return exits.code_of(conclusion_of(verdict, population=population, target=target, state=campaign.state))


def _tell_failure(journal: Journal, campaign: Campaign, out: Output) -> None:
    """Show what the server says about a job that failed."""
    for event in journal.history(campaign.id):
        if event["what"] == "ended" and event["failed"]:
            out.say(f"the server says that the job failed: {event['state']} {event['result']}".rstrip())


def _tell_late(campaign: Campaign, progress: Progress, out: Output) -> None:
    from fuota.campaign import lasts_ms

    minutes = (lasts_ms(campaign) or 0) / 60_000
    out.event("late", campaign=campaign.id, state=progress.state, pct_done=progress.pct_done)
    out.say(
        f"by its parameters the job should have ended {minutes:.0f} minutes after its launch; the server reports it as"
        f" {progress.state.lower()} at {progress.pct_done} %. `fuota cancel {campaign.id}` ends it if it makes no progress"
    )


def _leave_or_cancel(client: SenraClient, journal: Journal, campaign: Campaign, out: Output) -> int:
    """After Ctrl-C, ask what to do with the job. Without a terminal, or after another Ctrl-C, it is left running."""
    from fuota.campaign import cancel

    if _wants_to_cancel():
        cancel(campaign, client=client, journal=journal)
        out.event("cancelled", campaign=campaign.id)
        out.say(f"cancelled: no further fragments of {campaign.id}; devices keep what they have received")
        return exits.STOPPED
    out.event("left", campaign=campaign.id)
    out.say(f"left running: `fuota watch {campaign.id}` watches it again, `fuota cancel {campaign.id}` ends it")
    return exits.UNKNOWN


def _wants_to_cancel() -> bool:
    if not (sys.stdin.isatty() and sys.stderr.isatty()):
        return False
    try:
        choice = click.Choice(["leave", "cancel"])
        answer = click.prompt("\nLeave the job running, or cancel it?", type=choice, default="leave", err=True)
    except click.Abort:
        return False
    return bool(answer == "cancel")


@contextmanager
def _progress_display(out: Output) -> Iterator[Show]:
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
        }
        if fields != last:
            last.update(fields)
            out.event("progress", **fields)

    return show


def _line_display(out: Output) -> Show:
    """Show one line for each state and each ten per cent, so that a log stays short."""
    shown: set[tuple[str, int]] = set()

    def show(progress: Progress) -> None:
        step = (progress.state, progress.pct_done // 10)
        if step not in shown:
            shown.add(step)
            out.say(f"{progress.state.lower()} {progress.pct_done} %, {progress.uplinks} uplinks")

    return show


@contextmanager
def _bar() -> Iterator[Show]:
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeElapsedColumn

    columns = (
        TextColumn("{task.description}"),
        BarColumn(bar_width=None),
        TaskProgressColumn(),
        TextColumn("{task.fields[uplinks]} uplinks"),
        TimeElapsedColumn(),
    )
    with Progress(*columns, console=Console(stderr=True), transient=False) as bar:
        task = bar.add_task("", total=100, uplinks=0)
        yield lambda progress: bar.update(
            task, description=f"{progress.state:9}", completed=progress.pct_done, uplinks=progress.uplinks
        )
