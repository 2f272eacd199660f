"""Effects of the status of a job on its campaign."""

from __future__ import annotations

from collections.abc import Mapping

from fuota.campaign.journal import Campaign, CampaignState, Journal
from fuota.network import TransferStatus


def identity(status: TransferStatus) -> dict[str, object]:
    """Return the fields that tell one run from another: all jobs of an application have the same id, but other times."""
    return {name: getattr(status, name) for name in ("job_id", "start_time_ms", "end_time_ms")}


def job_start_ms(journal: Journal, campaign: Campaign) -> int | None:
    """Return the start of the job in ms since 1970, by the clock of the server; None if the server has not reported it."""
    starts_ms = [event["start_time_ms"] for event in journal.history(campaign.id) if event["what"] == "started"]
    return int(starts_ms[0]) if starts_ms else None


def is_another(journal: Journal, campaign: Campaign, status: TransferStatus) -> bool:
    """Return whether the status is about another job than the job of the campaign, which has the same id."""
    start_ms = job_start_ms(journal, campaign)
    return bool(start_ms and status.start_time_ms and status.start_time_ms != start_ms)


def is_before(campaign: Campaign, status: TransferStatus) -> bool:
    """Return whether the status is about the job that the application had before the launch."""
    return campaign.before is not None and campaign.before == identity(status)


def record_found(
    journal: Journal, campaign: Campaign, detail: Mapping[str, object], *, job_id: str | None = None
) -> Campaign:
    """Record that the server has, or had, a job that may be the job of this campaign, and return the campaign.

    detail: how it was found. job_id: None if the server does not show it.
    """
    journal.note(campaign.id, "found", {"job_id": job_id, **detail})
    return journal.set_state(campaign.id, CampaignState.LAUNCHED, job_id=job_id)


def record_status(journal: Journal, campaign: Campaign, status: TransferStatus) -> Campaign:
    """Record what is new in the status, such as that the job runs or has ended, and return the campaign."""
    if campaign.state is CampaignState.INTENDED:
        campaign = record_found(journal, campaign, {"state": status.state}, job_id=status.job_id)
    if status.start_time_ms and job_start_ms(journal, campaign) is None:
        journal.note(campaign.id, "started", {"start_time_ms": status.start_time_ms})
    if not status.finished or campaign.state is not CampaignState.LAUNCHED:
        return campaign
    ended = {name: getattr(status, name) for name in ("state", "pct_done", "result", "start_time_ms", "end_time_ms")}
    journal.note(campaign.id, "ended", ended | {"failed": status.failed})
    return journal.set_state(campaign.id, CampaignState.CANCELLED if status.cancelled else CampaignState.FINISHED)
