"""Whether the job on a server is the job of a campaign, and whether an earlier campaign of the same image may still run.

All jobs of an application have the same id. If the answer to a launch is lost, a job that appears may have been started by somebody
else at the same time. Only a device that reports the image proves whose job it was.
"""

from __future__ import annotations

import time

from fuota.campaign.journal import Campaign, CampaignState, Journal
from fuota.campaign.verdict import verdict_of
from fuota.device import Outcome
from fuota.errors import PlanError
from fuota.network.connection import is_loopback

REMEMBERED_MS = 15 * 60_000
"""A server forgets a job this long after its end (API reference, mcastStatus)."""
LONGEST_JOB_MS = 24 * 3_600_000
"""Time of a job whose campaign does not record its duration."""
_UNRESOLVED = (CampaignState.INTENDED, CampaignState.LAUNCHED)


def is_proven(journal: Journal, campaign: Campaign) -> bool:
    """Return whether the job is the job of the campaign: the server confirmed the launch, or a device reported the image."""
    was_found = any(event["what"] == "found" for event in journal.history(campaign.id))
    is_confirmed = campaign.state is not CampaignState.INTENDED and not was_found
    return is_confirmed or verdict_of(journal, campaign).updated > 0


def was_taken(journal: Journal, campaign: Campaign) -> bool:
    """Return whether devices of the campaign have answered a set-up or reported about an update since the launch.

    Then the server had a job for these devices, even if it no longer shows the job. A report of another image does not show
    this: a device may send it after every start.
    """
    reports = verdict_of(journal, campaign).devices
    return any(report.detail or report.outcome is not Outcome.SILENT for report in reports)


def is_young(campaign: Campaign) -> bool:
    """Return whether the job of the campaign may still run, or have ended so recently that the server still shows it.

    The local clock decides; if it was set back to a time before the launch, the campaign counts as young.
    """
    lasts_ms = LONGEST_JOB_MS if campaign.lasts_ms is None else campaign.lasts_ms + campaign.airtime_ms
    return time.time_ns() // 1_000_000 - campaign.created_ms < lasts_ms + REMEMBERED_MS


def refuse_second_launch(journal: Journal, *, server: str, app_eui: str, image_sha256: str) -> None:
    """Raise PlanError if a young campaign of the same image and application may still run: the devices would be sent it twice."""
    for campaign in journal.campaigns():
        same = (campaign.app_eui, campaign.image_sha256) == (app_eui, image_sha256)
        if not same or campaign.state not in _UNRESOLVED or not _same_server(campaign.server, server):
            continue
        if is_young(campaign) and not journal.is_over(campaign):
            raise PlanError(
                f"campaign {campaign.id} sends the same image to this application, and how it ended is not known"
                f" ({campaign.state}). `fuota watch {campaign.id}` finds out; --again launches in spite of it"
            )


def _same_server(url: str, other: str) -> bool:
    """Return whether two URLs may name one server. Sandboxes on this machine differ in their ports."""
    return url == other or not (is_loopback(url) or is_loopback(other))
