"""Share of a campaign that was sent, by the last words of the server."""

from __future__ import annotations

from typing import Any

from fuota.campaign.journal import Campaign, CampaignState, Journal


def last_event(journal: Journal, campaign: Campaign, *names: str) -> dict[str, Any] | None:
    """Return the last event of the campaign with one of these names, or None."""
    events = [event for event in journal.history(campaign.id) if event["what"] in names]
    return events[-1] if events else None


def sent_share(journal: Journal, campaign: Campaign) -> float | None:
    """Return the share of the frames that the server has sent, 0 to 1; None if the server did not report the end of the job.

    The server reports whole per cent, and the last answer before a cancellation counts, so the share is a lower bound.
    """
    if campaign.state is CampaignState.REFUSED:
        return 0.0
    end = last_event(journal, campaign, "ended", "cancelled") or {}
    pct_done = end.get("pct_done")
    if pct_done is None:
        return 1.0 if campaign.state is CampaignState.FINISHED and not end.get("failed") else None
    return float(min(max(pct_done, 0), 100)) / 100
