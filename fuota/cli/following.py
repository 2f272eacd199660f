"""Following a campaign to its end: progress, Ctrl-C, verdict."""

from __future__ import annotations

import sys
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

import click

from fuota.cli import exits
from fuota.cli.interruption import Interruption
from fuota.cli.render.campaign_progress import progress_display
from fuota.cli.render.verdict_table import show_verdict
from fuota.errors import NetworkError, OutcomeUnknownError, StorageError

if TYPE_CHECKING:
    from fuota.campaign import Campaign, Conclusion, Journal, Progress, WatchTimeouts
    from fuota.cli.output import Output
    from fuota.device import Verdict
    from fuota.network import SenraClient


@dataclass(frozen=True, slots=True, kw_only=True)
class FollowOptions:
    """Options for following a campaign.

    target: share of devices that must be updated. expect: number of devices that tags stand for. None: as recorded at the launch;
    if nothing is recorded, all devices must be updated.
    receiving: whether this process receives uplinks. waits: whether to wait for reports of a campaign whose verdict is recorded.
    can_leave: whether the job goes on when this process ends.
    """

    timeouts: WatchTimeouts
    target: float | None = None
    expect: int | None = None
    receiving: bool = False
    waits: bool = True
    can_leave: bool = True


def follow(client: SenraClient, journal: Journal, campaign: Campaign, out: Output, options: FollowOptions) -> int:
    """Watch a campaign until its end, show the verdict, and return the exit code.

    Raises NetworkError, and OutcomeUnknownError if the journal cannot be used: the job goes on.
    """
    try:
        return _follow(client, journal, campaign, out, options)
    except StorageError as error:
        raise OutcomeUnknownError(_without_journal(error, campaign)) from error


def _follow(client: SenraClient, journal: Journal, campaign: Campaign, out: Output, options: FollowOptions) -> int:
    try:
        if options.waits or journal.conclusion(campaign.id) is None:
            _watch(client, journal, campaign, out, options)
    except KeyboardInterrupt:
        if not options.can_leave:
            raise
        if not journal.is_over(campaign):
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
    with Interruption() as interruption, progress_display(out) as show:

        def sleep_ms(pause_ms: int) -> None:
            interruption.check()
            time.sleep(pause_ms / 1000)

        for progress in watch(
            campaign,
            client=client,
            journal=journal,
            timeouts=options.timeouts,
            receiving=options.receiving,
            sleep=sleep_ms,
        ):
            interruption.check()
            show(progress)
            if not late and (late := is_late(journal, campaign, progress)):
                _tell_late(campaign, progress, out)


def _without_journal(error: StorageError, campaign: Campaign) -> str:
    job = f"job {campaign.job_id}" if campaign.job_id else "a job"
    return f"{error}. The server has {job} of campaign {campaign.id}, which goes on: `fuota watch {campaign.id}` watches it again"


def _conclude(journal: Journal, campaign: Campaign, out: Output, options: FollowOptions) -> int:
    """Show and record how the campaign ended, and return the exit code."""
    from fuota.campaign import MAY_BE_ANOTHER, conclusion_of, has_reports, is_proven, population_of, verdict_of

    verdict = verdict_of(journal, campaign)
    population = population_of(campaign, verdict, campaign.expect if options.expect is None else options.expect)
    target = campaign.target if options.target is None else options.target
    conclusion = conclusion_of(verdict, population=population, target=target, state=campaign.state)
    proven = is_proven(journal, campaign)
    _tell_failure(journal, campaign, out)
    show_verdict(out, journal, campaign, verdict, population)
    _tell_end(campaign, out)
    if not has_reports(verdict):
        advice = " Let the data stream post to a receiver (--listen) to know" if options.can_leave else ""
        out.say(f"no device has reported: what arrived is unknown.{advice}")
    if not proven:
        out.say(MAY_BE_ANOTHER)
    _record(journal, campaign, verdict, conclusion)
    return exits.code_of(conclusion) if proven else exits.UNKNOWN


def _record(journal: Journal, campaign: Campaign, verdict: Verdict, conclusion: Conclusion) -> None:
    """Record the verdict if it is new; a job whose end the server did not report may go on."""
    from fuota.campaign import CampaignState

    if campaign.state in {CampaignState.INTENDED, CampaignState.LAUNCHED}:
        return
    record = {"conclusion": str(conclusion), "counts": {str(name): count for name, count in verdict.counts.items()}}
    if journal.conclusion(campaign.id) != record:
        journal.conclude(campaign.id, record)


def _tell_end(campaign: Campaign, out: Output) -> None:
    """Say so if the server did not report the end of the job."""
    from fuota.campaign import CampaignState

    if campaign.state is CampaignState.INTENDED:
        out.say("the server has shown no job of this campaign")
    if campaign.state is CampaignState.LAUNCHED:
        out.say(
            "the server did not report the end of the job: it cannot be asked, or it has removed the job, or another job was"
            " started since"
        )


def _tell_failure(journal: Journal, campaign: Campaign, out: Output) -> None:
    """Show what the server says about a job that failed."""
    for event in journal.history(campaign.id):
        if event["what"] == "ended" and event["failed"]:
            out.say(f"the server says that the job failed: {event['state']} {event['result']}".rstrip())


def _tell_late(campaign: Campaign, progress: Progress, out: Output) -> None:
    minutes = (campaign.lasts_ms or 0) / 60_000
    out.event("late", campaign=campaign.id, state=progress.state, pct_done=progress.pct_done)
    out.say(
        f"by its parameters the job should have ended {minutes:.0f} minutes after its launch; the server reports it as"
        f" {progress.state.lower()} at {progress.pct_done} %. `fuota cancel {campaign.id}` ends it if it makes no progress"
    )


def _leave_or_cancel(client: SenraClient, journal: Journal, campaign: Campaign, out: Output) -> int:
    """After Ctrl-C, ask what to do with the job. Without a terminal, or after another Ctrl-C, it is left running."""
    from fuota.campaign import cancel

    if _wants_to_cancel() and wants_to_cancel_unproven(journal, campaign, out):
        cancel(campaign, client=client, journal=journal, unproven=True)
        out.event("cancelled", campaign=campaign.id)
        out.say(f"cancelled: no further fragments of {campaign.id}; devices keep what they have received")
        return exits.STOPPED
    out.event("left", campaign=campaign.id)
    out.say(f"left running: `fuota watch {campaign.id}` watches it again, `fuota cancel {campaign.id}` ends it")
    return exits.UNKNOWN


def wants_to_cancel_unproven(journal: Journal, campaign: Campaign, out: Output) -> bool:
    """Return whether to cancel a job that may be somebody else's; if it is proven, nothing is asked.

    Raises UsageError without a terminal to ask on.
    """
    from fuota.campaign import MAY_BE_ANOTHER, is_proven

    if is_proven(journal, campaign):
        return True
    if not _has_terminal():
        raise click.UsageError(f"{MAY_BE_ANOTHER}. To cancel it without a terminal, add --yes")
    out.say(MAY_BE_ANOTHER)
    return click.confirm("Cancel it?", err=True)


def _wants_to_cancel() -> bool:
    if not _has_terminal():
        return False
    try:
        choice = click.Choice(["leave", "cancel"])
        answer = click.prompt("\nLeave the job running, or cancel it?", type=choice, default="leave", err=True)
    except click.Abort:
        return False
    return bool(answer == "cancel")


def _has_terminal() -> bool:
    return sys.stdin.isatty() and sys.stderr.isatty()
