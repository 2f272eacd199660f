"""Watching a campaign until the server has ended its job and the devices have reported."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import closing, nullcontext
from dataclasses import dataclass, field

from fuota.calls import checked_call, checked_init
from fuota.campaign.claim import is_young, was_taken
from fuota.campaign.journal import Campaign, CampaignState, Journal
from fuota.campaign.progress import CampaignView, Progress
from fuota.campaign.sending import sleep_ms
from fuota.campaign.sent import last_event
from fuota.campaign.state_folder import open_journal
from fuota.campaign.status import is_another, is_before, record_found
from fuota.errors import (
    MalformedAnswerError,
    NetworkError,
    NotFoundError,
    OutcomeUnknownError,
    ServerFault,
    StorageError,
    UnreachableError,
)
from fuota.network import SenraClient, TransferStatus

_BUSY = frozenset({408, 425, 429})
"""HTTP statuses of a server that wants to be asked again (RFC 9110 §15.5.9, RFC 8470 §5.2, RFC 6585 §4)."""
_UNKNOWN_ANSWERS = 3
"""Number of answers in a row that the job is unknown before this is believed: a server behind a proxy may be starting."""
_LONGEST_RETRY_S = 3600
_USUAL_REPORTS_MS = 120_000
_WHOLE_JOB = 0.9
"""Share of its planned time after which an end of the job, as the server reports it, is plausible."""


@checked_init
@dataclass(frozen=True, slots=True, kw_only=True)
class WatchTimeouts:
    """Times to wait, in milliseconds.

    poll_ms: between two status calls. outage_ms: for a server that does not answer. reports_ms: for the next uplink, once the
    job has ended and not all devices have settled; None waits two minutes if this process receives uplinks, or if the job ended
    during the watch and uplinks of the campaign have arrived, and not at all otherwise.
    """

    poll_ms: int = 5_000
    outage_ms: int = 60_000
    reports_ms: int | None = 120_000


@checked_call
def watch(
    campaign: Campaign,
    *,
    client: SenraClient,
    journal: Journal | None = None,
    timeouts: WatchTimeouts | None = None,
    receiving: bool = False,
    sleep: Callable[[int], None] = sleep_ms,
) -> Iterator[Progress]:
    """Yield the progress of a campaign until it has ended; the last progress is `finished`.

    journal: where the campaign is recorded and uplinks arrive; by default the journal of the user.
    receiving: whether this process receives the uplinks while it watches. Then the watch goes on until the planned time of the
        job is over or all devices have settled, whatever the server says: reports would be lost.
    sleep: sleeps some ms.

    If the server does not answer for `timeouts.outage_ms`, or refuses, its error is raised; the job goes on at the server, and
    `watch` can be called again. When the job has ended, `watch` waits for the reports of the devices until all devices have settled
    or no uplink has arrived for `timeouts.reports_ms`. For a campaign that is over, only the reports are awaited: the server shows
    another job by then.

    Raises OutcomeUnknownError if the answer to the launch was lost, the server shows no job of the campaign, and no device has
    answered either. Raises StorageError if the journal cannot be written.
    """
    with nullcontext(journal) if journal else closing(open_journal()) as record:
        view = CampaignView(journal=record, campaign=campaign)
        job = _Job(
            client=client,
            view=view,
            timeouts=timeouts or WatchTimeouts(),
            planned_end_ms=_now_ms() + _time_left_ms(campaign) if receiving else None,
            was_over=record.is_over(campaign),
            ended=record.is_over(campaign) and _is_plausible_end(record, campaign),
            sleep=sleep,
        )
        yield from job.progress()
        yield from _planned_time(job)
        yield from _reports(job)


@dataclass(slots=True, kw_only=True)
class _Job:
    """The job on the server.

    planned_end_ms: time of the monotonic clock until which uplinks are received whatever the server says; None without a receiver.
    was_over: whether the job had ended before the watch. ended: whether the server has reported a plausible end.
    """

    client: SenraClient
    view: CampaignView
    timeouts: WatchTimeouts
    planned_end_ms: int | None
    sleep: Callable[[int], None]
    was_over: bool
    ended: bool
    _answered_ms: int = field(default_factory=lambda: time.monotonic_ns() // 1_000_000)
    _unknown: int = 0

    @property
    def must_receive(self) -> bool:
        """Whether uplinks must be received because frames may still be sent."""
        return self.planned_end_ms is not None and not self.ended and _now_ms() < self.planned_end_ms

    def progress(self) -> Iterator[Progress]:
        """Yield the progress until the job has ended, the server has forgotten it, or another job has replaced it.

        An answer that says nothing about the job, such as 429 or a maintenance page, counts as no answer.
        """
        view = self.view
        while not view.journal.is_over(view.campaign):
            answer, pause_ms = self._ask(), self.timeouts.poll_ms
            if isinstance(answer, TransferStatus):
                if is_another(view.journal, view.campaign, answer):
                    return
                self._answered_ms, self._unknown = _now_ms(), 0
                yield from self._record(answer)
                if answer.finished and not view.trouble:
                    return
            elif self._is_forgotten(answer):
                return
            else:
                pause_ms = self._endure(answer)
            if view.trouble:
                view.look()
                yield view.progress()
                if view.settled or not self.must_receive:
                    return
            self.sleep(pause_ms)

    def _ask(self) -> TransferStatus | NetworkError:
        """Return the status of the job, or the error of a server that shows no job of this campaign or cannot be asked."""
        campaign = self.view.campaign
        try:
            status = self.client.transfers.status(app_eui=campaign.app_eui)
        except NetworkError as error:
            return error
        if campaign.state is CampaignState.INTENDED and is_before(campaign, status):
            return NotFoundError("the server shows the previous job of the application", status=404)
        return status

    def _record(self, status: TransferStatus) -> Iterator[Progress]:
        try:
            yield self.view.answered(status)
        except StorageError as error:
            if not self.must_receive:
                raise
            self.view.trouble = str(error)
        else:
            self.ended = status.finished and _is_plausible_end(self.view.journal, self.view.campaign)

    def _is_forgotten(self, error: NetworkError) -> bool:
        """Return whether to believe that the server shows the job no more. Raises OutcomeUnknownError if it never did."""
        if not isinstance(error, NotFoundError):
            return False
        view = self.view
        if view.campaign.state is not CampaignState.INTENDED:
            self._unknown += 1
            return self._unknown >= _UNKNOWN_ANSWERS
        if was_taken(view.journal, view.campaign):
            view.campaign = record_found(view.journal, view.campaign, {"by": "uplinks"})
            return True
        if not self.must_receive:
            raise OutcomeUnknownError(_no_job(view.campaign))
        return False

    def _endure(self, error: NetworkError) -> int:
        """Return the pause in ms before the server is asked again. Raises `error` if the watch must end."""
        pause_ms = max(self.timeouts.poll_ms, 1000 * min(error.retry_after_s or 0, _LONGEST_RETRY_S))
        if isinstance(error, NotFoundError) and self.view.campaign.state is not CampaignState.INTENDED:
            return pause_ms
        outage_ms = max(self.timeouts.outage_ms, pause_ms) if _is_outage(error) else 0
        if _now_ms() - self._answered_ms >= outage_ms:
            if not self.must_receive and not self.view.trouble:
                raise error
            self.view.trouble = str(error)
        return pause_ms


def _planned_time(job: _Job) -> Iterator[Progress]:
    """Yield the progress while uplinks must be received although the server ended, forgot or replaced the job."""
    while job.must_receive and not job.view.settled:
        yield job.view.progress()
        job.sleep(job.timeouts.poll_ms)
        job.view.look()


def _reports(job: _Job) -> Iterator[Progress]:
    """Yield the progress while the devices report, until all have settled or no uplink has arrived for a while."""
    view, arrived_ms = job.view, _now_ms()
    view.look()
    reports_ms = _reports_ms(job)
    while True:
        wait_ms = max(0, arrived_ms + reports_ms - _now_ms())
        finished = view.settled or not wait_ms
        yield view.progress(finished=finished, wait_ms=wait_ms)
        if finished:
            return
        job.sleep(min(job.timeouts.poll_ms, reports_ms))
        if view.look():
            arrived_ms = _now_ms()


def _reports_ms(job: _Job) -> int:
    if job.timeouts.reports_ms is not None:
        return job.timeouts.reports_ms
    arrive = job.planned_end_ms is not None or (job.view.uplinks and not job.was_over)
    return _USUAL_REPORTS_MS if arrive else 0


def _is_outage(error: NetworkError) -> bool:
    """Return whether the error says nothing about the job: no answer, a failure of the server, or an answer of something else."""
    return isinstance(error, UnreachableError | ServerFault | MalformedAnswerError) or error.status in _BUSY


def _is_plausible_end(journal: Journal, campaign: Campaign) -> bool:
    """Return whether no frame of a campaign that is over can follow.

    The server reports that the job failed, was cancelled, or ran for its planned time by the server's own clock; or
    another campaign has followed.
    """
    end = last_event(journal, campaign, "ended")
    if end is None or end["failed"] or journal.campaign(campaign.id).state is CampaignState.CANCELLED:
        return True
    ran_ms = (end["end_time_ms"] or 0) - (end["start_time_ms"] or 0)
    return ran_ms >= _WHOLE_JOB * campaign.expected.get("duration_ms", 0)


def _no_job(campaign: Campaign) -> str:
    text = f"the server shows no job of campaign {campaign.id}, whose launch was sent and whose answer was lost"
    if is_young(campaign):
        return (
            f"{text}, and no device has answered. If this is still so when its start delay has passed, the server did not accept"
            " the launch: launch again"
        )
    return (
        f"{text}. This says nothing any more: a server forgets a job 15 minutes after its end. No device has answered either, but"
        " the data stream may have had no receiver: look at a device before launching again"
    )


def _time_left_ms(campaign: Campaign) -> int:
    """Return the time until the planned end of the job. If the local clock was set back, it is the whole time."""
    lasts_ms = (campaign.lasts_ms or 0) + campaign.airtime_ms
    age_ms = time.time_ns() // 1_000_000 - campaign.created_ms
    return lasts_ms - min(max(age_ms, 0), lasts_ms)


def _now_ms() -> int:
    return time.monotonic_ns() // 1_000_000
