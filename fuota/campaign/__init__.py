"""The orchestra: launch an update, watch it, and say how it ended on every device."""

from __future__ import annotations

from fuota.campaign.journal import Campaign, CampaignState, Journal
from fuota.campaign.launch import cancel, launch
from fuota.campaign.plan_file import check_image, load_plan, plan_sha256, request_fields, save_plan
from fuota.campaign.preflight import Expected, preflight
from fuota.campaign.verdict import verdict_of
from fuota.campaign.watch import Patience, Progress, watch

__all__ = [
    "Campaign",
    "CampaignState",
    "Expected",
    "Journal",
    "Patience",
    "Progress",
    "cancel",
    "check_image",
    "launch",
    "load_plan",
    "plan_sha256",
    "preflight",
    "request_fields",
    "save_plan",
    "verdict_of",
    "watch",
]
