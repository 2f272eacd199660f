"""Whether the job of a campaign goes on long after it should have ended."""

from __future__ import annotations

import time

from fuota.campaign.journal import Campaign, CampaignState, Journal
from fuota.campaign.progress import Progress

LATE_MS = 60_000
"""A job is late if it exceeds its time by this and by `LATE_SHARE`, whichever is more."""
LATE_SHARE = 0.1
"""Share of the time of a job."""


def is_late(journal: Journal, campaign: Campaign, progress: Progress) -> bool:
    """Return whether the server reports a running job that should have ended long ago.

    The server may count its interval from the end of each frame; then a job lasts longer by the airtime of its frames.
    """
    time_ms = campaign.lasts_ms
    if time_ms is None or not progress.answered:
        return False
    allowed_ms = time_ms + campaign.airtime_ms + max(LATE_MS, int(LATE_SHARE * time_ms))
    if time.time_ns() < (campaign.created_ms + allowed_ms) * 1_000_000:
        return False
    return journal.campaign(campaign.id).state is CampaignState.LAUNCHED
