"""Watching a campaign to its end: progress, Ctrl-C, verdict."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import click

from fuota.cli import exits
from fuota.cli.render.verdict_table import exit_code, has_spoken, population_of, show_verdict
from fuota.errors import NetworkError, OutcomeUnknownError

if TYPE_CHECKING:
    from fuota.campaign import Campaign, Journal, Patience, Progress
    from fuota.cli.output import Output
    from fuota.network import SenraClient

Show = Callable[["Progress"], None]
LATE_MS = 60_000
"""A job is late that long, or a tenth of all its time, after it should have ended."""


def follow(  # noqa: PLR0913 - all that a watch touches
    client: SenraClient,
    journal: Journal,
    campaign: Campaign,
    out: Output,
    *,
    patience: Patience,
    target: float | None,
    expect: int | None = None,
    can_leave: bool = True,
) -> int:
    """Watch until the end, show the verdict, and return the exit code. `can_leave`: the job outlives this process."""
    from fuota.campaign import CampaignState, verdict_of, watch

    try:
        with _shown(out) as show:
            late = _late(journal, campaign, out)
            for progress in watch(client, journal, campaign, patience=patience):
                show(progress)
                late(progress)
    except KeyboardInterrupt:
        if not can_leave:
            raise
        return _interrupted(client, journal, campaign, out)
    except OutcomeUnknownError:
        raise
    except NetworkError as error:
        if not can_leave:
            raise
        told = f"{error} The job of {campaign.id} may go on: `fuota watch {campaign.id}` looks again"
        raise type(error)(told, status=error.status) from None
    campaign = journal.campaign(campaign.id)
    verdict = verdict_of(journal, campaign)
    population = population_of(campaign, verdict, expect)
    _say_how_it_ended(out, journal, campaign)
    show_verdict(out, journal, campaign, verdict, population)
    cancelled = campaign.state is CampaignState.CANCELLED
    if campaign.state is CampaignState.LAUNCHED:
        out.say(
            "the server no longer shows the job: it was removed, or another was started since; how it ended is not known"
        )
    if not has_spoken(verdict):
        advice = " Let the data stream post to a receiver (--listen) to know" if can_leave else ""
        out.say(f"no device has reported: nothing proves what arrived.{advice}")
    return exit_code(verdict, population=population, target=target, cancelled=cancelled)


def _say_how_it_ended(out: Output, journal: Journal, campaign: Campaign) -> None:
    """The server's own words, where they are of a failure."""
    for event in journal.history(campaign.id):
        if event["what"] == "ended" and event["failed"]:
            out.say(f"the server says that the job failed: {event['state']} {event['result']}".rstrip())


def _interrupted(client: SenraClient, journal: Journal, campaign: Campaign, out: Output) -> int:
    """Ctrl-C: ask what becomes of the job; without a terminal, or with another Ctrl-C, it is left running."""
    from fuota.campaign import cancel

    answer = "leave"
    if sys.stdin.isatty() and sys.stderr.isatty():
        try:
            choice = click.Choice(["leave", "cancel"])
            answer = click.prompt("\nLeave the job running, or cancel it?", type=choice, default="leave", err=True)
        except click.Abort:
            answer = "leave"
    if answer == "cancel":
        cancel(client, journal, campaign)
        out.event("cancelled", campaign=campaign.id)
        out.say(f"cancelled: no further fragments of {campaign.id}; devices keep what they have")
        return exits.STOPPED
    out.event("left", campaign=campaign.id)
    out.say(f"left running: `fuota watch {campaign.id}` goes on watching, `fuota cancel {campaign.id}` ends it")
    return exits.UNKNOWN


def _late(journal: Journal, campaign: Campaign, out: Output) -> Show:
    """Says once that a job goes on long after it should have ended, where it is known how long it takes."""
    if "duration_ms" not in campaign.expected:
        return lambda _progress: None
    lasts_ms = campaign.expected["duration_ms"] + 1000 * int(campaign.request.get("startDelaySecs", 0))
    too_late_ms = campaign.created_ms + lasts_ms + max(LATE_MS, lasts_ms // 10)
    said: list[Progress] = []

    def look(progress: Progress) -> None:
        if said or time.time_ns() < too_late_ms * 1_000_000 or not _goes_on(journal, campaign, progress):
            return
        said.append(progress)
        out.event("late", campaign=campaign.id, state=progress.state, pct_done=progress.pct_done)
        out.say(
            f"by its parameters the job should have ended, {lasts_ms / 60_000:.0f} minutes after its launch; the server calls it"
            f" {progress.state.lower()} at {progress.pct_done} %. `fuota cancel {campaign.id}` ends it if it stands still"
        )

    return look


def _goes_on(journal: Journal, campaign: Campaign, progress: Progress) -> bool:
    """Whether the server has been seen to run the job, and has not been seen to end it."""
    from fuota.campaign import CampaignState

    seen = progress.state != str(campaign.state)
    return seen and journal.campaign(campaign.id).state is CampaignState.LAUNCHED


@contextmanager
def _shown(out: Output) -> Iterator[Show]:
    if out.as_json:
        yield _as_events(out)
    elif sys.stderr.isatty():
        with _bar() as show:
            yield show
    else:
        yield _as_lines(out)


def _as_events(out: Output) -> Show:
    last: dict[str, object] = {}

    def show(progress: Progress) -> None:
        shown: dict[str, object] = {"state": progress.state, "pct_done": progress.pct_done, "uplinks": progress.heard}
        if shown != last:
            last.update(shown)
            out.event("progress", **shown)

    return show


def _as_lines(out: Output) -> Show:
    """A line for each state and each ten per cent: a log stays readable."""
    said: set[tuple[str, int]] = set()

    def show(progress: Progress) -> None:
        step = (progress.state, progress.pct_done // 10)
        if step not in said:
            said.add(step)
            out.say(f"{progress.state.lower()} {progress.pct_done} %, {progress.heard} uplinks")

    return show


@contextmanager
def _bar() -> Iterator[Show]:
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeElapsedColumn

    columns = (
        TextColumn("{task.description}"),
        BarColumn(bar_width=None),
        TaskProgressColumn(),
        TextColumn("{task.fields[heard]} uplinks"),
        TimeElapsedColumn(),
    )
    with Progress(*columns, console=Console(stderr=True), transient=False) as bar:
        task = bar.add_task("", total=100, heard=0)
        yield lambda progress: bar.update(
            task, description=f"{progress.state:9}", completed=progress.pct_done, heard=progress.heard
        )
