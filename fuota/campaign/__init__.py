"""The orchestra: launch an update, watch it, and say how it ended on every device."""

from __future__ import annotations

from fuota.campaign.journal import Campaign, CampaignState, Journal
from fuota.campaign.launch import cancel, launch
from fuota.campaign.preflight import Expected, check_base, known_images, preflight
from fuota.campaign.verdict import verdict_of
from fuota.campaign.watch import Patience, Progress, watch
from fuota.planning.plan_file import check_image, load_plan, plan_sha256, request_fields, save_plan

__all__ = [
    "Campaign",
    "CampaignState",
    "Expected",
    "Journal",
    "Patience",
    "Progress",
    "cancel",
    "check_base",
    "check_image",
    "known_images",
    "launch",
    "load_plan",
    "plan_sha256",
    "preflight",
    "request_fields",
    "save_plan",
    "verdict_of",
    "watch",
]
