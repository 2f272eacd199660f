"""Following a campaign until the server has ended it and the devices have said what there is to say."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from fuota.campaign.journal import Campaign, CampaignState, Journal
from fuota.campaign.status import identity, is_another, note_status
from fuota.campaign.verdict import verdict_of
from fuota.errors import NotFoundError, OutcomeUnknownError, ServerFault, UnreachableError
from fuota.network import SenraClient, TransferStatus


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """How far a campaign is: the server's state and percentage, and how many devices have settled."""

    state: str
    pct_done: int
    heard: int
    finished: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Patience:
    """How long to wait, in milliseconds.

    `poll_ms` between two questions to the server; `outage_ms` for a server that does not answer; `reports_ms`, once the task
    has ended, for the next uplink while devices have not settled.
    """

    poll_ms: int = 5_000
    outage_ms: int = 60_000
    reports_ms: int = 120_000


def watch(
    client: SenraClient,
    journal: Journal,
    campaign: Campaign,
    *,
    patience: Patience | None = None,
    sleep_ms: Callable[[int], None] = lambda pause_ms: time.sleep(pause_ms / 1000),
) -> Iterator[Progress]:
    """Yield the progress until the campaign has ended; the last one is `finished`.

    An outage of the server is waited out up to `patience.outage_ms`, then its error is raised: the campaign goes on at the
    server, and `watch` can be called again. A finished task is followed by a wait for the devices' reports, which arrive in
    the journal by other hands, until all have settled or none has come for `patience.reports_ms`. Of a campaign that is over
    only the reports are awaited: what the server runs by now is another job.
    """
    patience = patience or Patience()
    last = Progress(state=str(campaign.state), pct_done=0, heard=0, finished=False)
    for status in () if journal.is_over(campaign) else _statuses(client, journal, campaign, patience, sleep_ms):
        heard = journal.count_uplinks(campaign)
        last = Progress(state=status.state, pct_done=status.pct_done or 0, heard=heard, finished=False)
        campaign = note_status(journal, campaign, status)
        yield last
    yield from _await_reports(journal, campaign, last, patience, sleep_ms)


def _statuses(
    client: SenraClient, journal: Journal, campaign: Campaign, patience: Patience, sleep_ms: Callable[[int], None]
) -> Iterator[TransferStatus]:
    """Every answer to the question, up to the one that says the task has ended; to the server's having forgotten it; or to the
    first that is about another job, which somebody else has started since.
    """
    answered_ms = _now_ms()
    while True:
        try:
            status = client.transfers.status(app_eui=campaign.app_eui)
        except NotFoundError:
            if campaign.state is CampaignState.INTENDED:
                raise OutcomeUnknownError(_nowhere(campaign)) from None
            return
        except (UnreachableError, ServerFault):
            if _now_ms() - answered_ms >= patience.outage_ms:
                raise
        else:
            if campaign.state is CampaignState.INTENDED and campaign.before == identity(status):
                raise OutcomeUnknownError(_nowhere(campaign))
            if is_another(journal, campaign, status):
                return
            answered_ms = _now_ms()
            yield status
            if status.finished:
                return
        sleep_ms(patience.poll_ms)


def _nowhere(campaign: Campaign) -> str:
    return (
        f"the server shows no job of campaign {campaign.id}, whose launch was sent and its answer lost. If that is still so"
        " when its start delay has passed, it was not taken: launch again"
    )


def _await_reports(
    journal: Journal, campaign: Campaign, last: Progress, patience: Patience, sleep_ms: Callable[[int], None]
) -> Iterator[Progress]:
    heard, heard_ms = -1, _now_ms()
    while True:
        now_heard = journal.count_uplinks(campaign)
        if now_heard != heard:
            heard, heard_ms = now_heard, _now_ms()
            # Where tags were given nobody knows how many devices are still to speak.
            settled = bool(campaign.dev_euis) and verdict_of(journal, campaign).settled
        ended = settled or _now_ms() - heard_ms >= patience.reports_ms
        yield Progress(state=last.state, pct_done=last.pct_done, heard=heard, finished=ended)
        if ended:
            return
        sleep_ms(min(patience.poll_ms, patience.reports_ms))


def _now_ms() -> int:
    return time.monotonic_ns() // 1_000_000
