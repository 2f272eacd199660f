"""Progress of a campaign while it is watched: the words of the server, and the reports of the devices."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from fuota.campaign.journal import Campaign, Journal
from fuota.campaign.sent import last_event, sent_share
from fuota.campaign.status import record_status
from fuota.campaign.verdict import verdict_of
from fuota.device import Verdict
from fuota.network import TransferStatus


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """Progress of a campaign.

    state, pct_done: state and percentage of the job, as the server reported them last. uplinks: uplinks received so far.
    finished: whether the watch is over. answered: whether this is an answer of the server, and not a wait.
    counts: number of devices by outcome, of the devices that have been heard of or were named. wait_ms: time left to wait for the
    next report; None while the job runs. trouble: why the watch goes on without the server or the journal, "" if it does not.
    """

    state: str
    pct_done: int
    uplinks: int
    finished: bool
    answered: bool = False
    counts: Mapping[str, int] = field(default_factory=dict)
    wait_ms: int | None = None
    trouble: str = ""


class CampaignView:
    """Knowledge about a campaign: last words of the server, number of uplinks, verdict."""

    def __init__(self, *, journal: Journal, campaign: Campaign) -> None:
        self.journal, self.campaign = journal, campaign
        self.trouble = ""
        end = last_event(journal, campaign, "ended", "cancelled") or {}
        self._state = str(end.get("state") or campaign.state)
        self._pct_done = round(100 * (sent_share(journal, campaign) or 0))
        self.uplinks = -1
        self._verdict: Verdict | None = None
        self.look()

    def look(self) -> bool:
        """Count the uplinks, and return whether there are more than before."""
        uplinks = self.journal.count_uplinks(self.campaign)
        if uplinks == self.uplinks:
            return False
        self.uplinks, self._verdict = uplinks, None
        return True

    @property
    def verdict(self) -> Verdict:
        """Verdict of the uplinks that were counted last."""
        if self._verdict is None:
            self._verdict = verdict_of(self.journal, self.campaign)
        return self._verdict

    @property
    def settled(self) -> bool:
        """Whether no device will report any more. If devices were named by tags, `expect` must say how many there are."""
        if self.campaign.dev_euis:
            return self.verdict.settled
        expect = self.campaign.expect
        return expect is not None and sum(report.settled for report in self.verdict.devices) >= expect

    def answered(self, status: TransferStatus) -> Progress:
        """Record the status, and return the progress. Raises StorageError."""
        self.trouble = ""
        self._state, self._pct_done = status.state, status.pct_done or 0
        self.campaign = record_status(self.journal, self.campaign, status)
        self.look()
        return self.progress(answered=True)

    def progress(self, *, answered: bool = False, finished: bool = False, wait_ms: int | None = None) -> Progress:
        """Return the progress as it is known."""
        return Progress(
            state=self._state,
            pct_done=self._pct_done,
            uplinks=self.uplinks,
            finished=finished,
            answered=answered,
            counts={str(outcome): count for outcome, count in self.verdict.counts.items()},
            wait_ms=wait_ms,
            trouble=self.trouble,
        )
