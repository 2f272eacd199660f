"""Watching a campaign until the server has ended its job and the devices have reported."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import closing, nullcontext
from dataclasses import dataclass

from fuota.calls import checked_call, checked_init
from fuota.campaign.journal import Campaign, CampaignState, Journal
from fuota.campaign.sending import sleep_ms
from fuota.campaign.state_folder import open_journal
from fuota.campaign.status import identity, is_another, record_status
from fuota.campaign.verdict import verdict_of
from fuota.errors import (
    MalformedAnswerError,
    NetworkError,
    NotFoundError,
    OutcomeUnknownError,
    ServerFault,
    UnreachableError,
)
from fuota.network import SenraClient, TransferStatus

_BUSY = frozenset({408, 425, 429})
"""HTTP statuses of a server that wants to be asked again (RFC 9110 §15.5.9, RFC 8470 §5.2, RFC 6585 §4)."""
_UNKNOWN_ANSWERS = 3
"""Number of answers in a row that the job is unknown before this is believed: a server behind a proxy may be starting."""
_LONGEST_RETRY_S = 3600


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """Progress of a campaign.

    state, pct_done: state and percentage of the job, as the server reported them last. uplinks: uplinks received so far.
    finished: whether the watch is over. answered: whether this is an answer of the server, and not a wait for reports.
    """

    state: str
    pct_done: int
    uplinks: int
    finished: bool
    answered: bool = False


@checked_init
@dataclass(frozen=True, slots=True, kw_only=True)
class WatchTimeouts:
    """Times to wait, in milliseconds.

    poll_ms: between two status calls. outage_ms: for a server that does not answer. reports_ms: for the next uplink, once the
    job has ended and not all devices have settled.
    """

    poll_ms: int = 5_000
    outage_ms: int = 60_000
    reports_ms: int = 120_000


@dataclass(frozen=True, slots=True, kw_only=True)
class _Watch:
    """A campaign, and how it is watched."""

    client: SenraClient
    journal: Journal
    campaign: Campaign
    timeouts: WatchTimeouts
    sleep: Callable[[int], None]


@checked_call
def watch(
    campaign: Campaign,
    *,
    client: SenraClient,
    journal: Journal | None = None,
    timeouts: WatchTimeouts | None = None,
    sleep: Callable[[int], None] = sleep_ms,
) -> Iterator[Progress]:
    """Yield the progress of a campaign until it has ended; the last progress is `finished`.

    journal: where the campaign is recorded and uplinks arrive; by default the journal of the user. sleep: sleeps some ms.

    If the server does not answer for `timeouts.outage_ms`, its error is raised; the job goes on at the server, and `watch` can
    be called again. When the job has ended, `watch` waits for the reports of the devices, which somebody else stores in the
    journal, until all devices have settled or no uplink has arrived for `timeouts.reports_ms`. For a campaign that is over,
    only the reports are awaited: the server shows another job by then.
    Raises OutcomeUnknownError if the answer to the launch was lost and the server shows no job of the campaign.
    """
    with nullcontext(journal) if journal else closing(open_journal()) as record:
        yield from _progress(
            _Watch(
                client=client,
                journal=record,
                campaign=campaign,
                timeouts=timeouts or WatchTimeouts(),
                sleep=sleep,
            )
        )


def _progress(watch: _Watch) -> Iterator[Progress]:
    journal, campaign = watch.journal, watch.campaign
    last = Progress(state=str(campaign.state), pct_done=0, uplinks=0, finished=False)
    for status in () if journal.is_over(campaign) else _statuses(watch):
        last = Progress(
            state=status.state,
            pct_done=status.pct_done or 0,
            uplinks=journal.count_uplinks(campaign),
            finished=False,
            answered=True,
        )
        campaign = record_status(journal, campaign, status)
        yield last
    yield from _reports(watch, last)


def _statuses(watch: _Watch) -> Iterator[TransferStatus]:
    """Yield every status of the job, until it has ended, the server has forgotten it, or another job has replaced it.

    An answer that says nothing about the job, such as 429 or a maintenance page, counts as no answer.
    """
    answered_ms, unknown = _now_ms(), 0
    while True:
        answer, pause_ms = _answer(watch), watch.timeouts.poll_ms
        if isinstance(answer, NotFoundError):
            unknown += 1
            if unknown == _UNKNOWN_ANSWERS:
                return
        elif isinstance(answer, NetworkError):
            pause_ms = max(pause_ms, 1000 * min(answer.retry_after_s or 0, _LONGEST_RETRY_S))
            if _now_ms() - answered_ms >= max(watch.timeouts.outage_ms, pause_ms):
                raise answer
        else:
            if is_another(watch.journal, watch.campaign, answer):
                return
            answered_ms, unknown = _now_ms(), 0
            yield answer
            if answer.finished:
                return
        watch.sleep(pause_ms)


def _answer(watch: _Watch) -> TransferStatus | NetworkError:
    """Return the status of the job, or the error of an outage or of an unknown job. Raises other errors.

    Raises OutcomeUnknownError if the launch is unanswered and the server shows no new job.
    """
    campaign = watch.campaign
    intended = campaign.state is CampaignState.INTENDED
    try:
        status = watch.client.transfers.status(app_eui=campaign.app_eui)
    except NotFoundError as error:
        if intended:
            raise OutcomeUnknownError(_no_job(campaign)) from None
        return error
    except NetworkError as error:
        if not _is_outage(error):
            raise
        return error
    if intended and campaign.before == identity(status):
        raise OutcomeUnknownError(_no_job(campaign))
    return status


def _is_outage(error: NetworkError) -> bool:
    """Return whether the error says nothing about the job: no answer, a failure of the server, or an answer of something else."""
    return isinstance(error, UnreachableError | ServerFault | MalformedAnswerError) or error.status in _BUSY


def _no_job(campaign: Campaign) -> str:
    return (
        f"the server shows no job of campaign {campaign.id}, whose launch was sent and whose answer was lost. If this is still"
        " so when its start delay has passed, the server did not accept the launch: launch again"
    )


def _reports(watch: _Watch, last: Progress) -> Iterator[Progress]:
    """Yield the progress while the devices report, until all have settled or no uplink has arrived for a while."""
    journal, campaign, timeouts = watch.journal, watch.campaign, watch.timeouts
    uplinks, arrived_ms = journal.count_uplinks(campaign), _now_ms()
    settled = _have_settled(journal, campaign)
    while True:
        finished = settled or _now_ms() - arrived_ms >= timeouts.reports_ms
        yield Progress(state=last.state, pct_done=last.pct_done, uplinks=uplinks, finished=finished)
        if finished:
            return
        watch.sleep(min(timeouts.poll_ms, timeouts.reports_ms))
        if (count := journal.count_uplinks(campaign)) != uplinks:
            uplinks, arrived_ms = count, _now_ms()
            settled = _have_settled(journal, campaign)


def _have_settled(journal: Journal, campaign: Campaign) -> bool:
    """Return whether no device will report any more. If devices were named by tags, their number is not known."""
    return bool(campaign.dev_euis) and verdict_of(journal, campaign).settled


def _now_ms() -> int:
    return time.monotonic_ns() // 1_000_000
