"""What an answer to the status question means for a campaign."""

from __future__ import annotations

from typing import Any

from fuota.campaign.journal import Campaign, CampaignState, Journal
from fuota.network import TransferStatus


def identity(status: TransferStatus) -> dict[str, Any]:
    """What tells one run from another: all jobs of an application have the same id, but not the same times."""
    return {name: getattr(status, name) for name in ("job_id", "start_time_ms", "end_time_ms")}


def is_another(journal: Journal, campaign: Campaign, status: TransferStatus) -> bool:
    """Whether the status is that of another job than the one that was seen before: the server gives all of them one id."""
    seen = [event["start_time_ms"] for event in journal.history(campaign.id) if event["what"] == "started"]
    return bool(seen and status.start_time_ms and status.start_time_ms != seen[0])


def note_status(journal: Journal, campaign: Campaign, status: TransferStatus) -> Campaign:
    """Write down what the status says that is news: that the job runs after all, or that it has ended."""
    if campaign.state is CampaignState.INTENDED:
        journal.note(campaign.id, "found", {"job_id": status.job_id, "state": status.state})
        campaign = journal.set_state(campaign.id, CampaignState.LAUNCHED, job_id=status.job_id)
    if status.start_time_ms and not any(event["what"] == "started" for event in journal.history(campaign.id)):
        journal.note(campaign.id, "started", {"start_time_ms": status.start_time_ms})
    if not status.finished or campaign.state is not CampaignState.LAUNCHED:
        return campaign
    ended = {name: getattr(status, name) for name in ("state", "pct_done", "result", "start_time_ms", "end_time_ms")}
    journal.note(campaign.id, "ended", ended | {"failed": status.failed})
    return journal.set_state(campaign.id, CampaignState.CANCELLED if status.cancelled else CampaignState.FINISHED)
