"""Verdict and conclusion of a campaign, from the uplinks of its devices."""

from __future__ import annotations

from collections.abc import Iterable
from enum import StrEnum

from fuota.campaign.journal import Campaign, CampaignState, Journal
from fuota.device import IMAGE_REPORT_FPORT, ImageReport, Verdict, judge
from fuota.errors import MessageError
from fuota.lorawan.codec import Command
from fuota.lorawan.fragmentation import FPORT as FRAGMENTATION_FPORT
from fuota.lorawan.fragmentation import parse_uplink
from fuota.network import Uplink


class Conclusion(StrEnum):
    """Whether a campaign reached its target."""

    DONE = "done"
    """Enough devices are updated."""
    BELOW_TARGET = "below target"
    """Fewer devices are updated than the target asks for, or none."""
    PARTIAL = "partial"
    """Some devices are updated, and no target says whether they are enough."""
    STOPPED = "stopped"
    """The campaign was cancelled."""
    UNKNOWN = "unknown"
    """No device has reported, or the number of devices is unknown."""


def verdict_of(journal: Journal, campaign: Campaign) -> Verdict:
    """Return how the campaign stands on each targeted device, or, if devices were named by tags, on each device that reported.

    Only the uplinks in the journal are used. For a patch, devices report the image that it makes.
    """
    sha256 = campaign.target_sha256 or campaign.image_sha256
    messages_by_device: dict[str, list[Command | ImageReport]] = {dev_eui: [] for dev_eui in campaign.dev_euis}
    version = int(campaign.request["fragPkgVer"])
    for uplink in journal.uplinks(campaign):
        messages = list(_messages(uplink, version))
        targeted_by_tag = messages and not campaign.dev_euis and _is_targeted(uplink, campaign)
        if uplink.dev_eui in messages_by_device or targeted_by_tag:
            messages_by_device.setdefault(uplink.dev_eui, []).extend(messages)
    reports = (
        judge(dev_eui, messages, sha256=sha256, nb_frag=campaign.expected.get("nb_frag"))
        for dev_eui, messages in messages_by_device.items()
    )
    return Verdict(sha256=sha256, devices=tuple(reports))


def conclusion_of(
    verdict: Verdict, *, population: int | None, target: float | None, state: CampaignState
) -> Conclusion:
    """Return whether enough devices are updated.

    population: number of targeted devices, None if it is unknown; then the conclusion is UNKNOWN or PARTIAL.
    target: share of the population that must be updated; None asks for all devices.
    """
    if state is CampaignState.CANCELLED:
        return Conclusion.STOPPED
    if not has_reports(verdict):
        return Conclusion.UNKNOWN
    if population is None:
        return Conclusion.UNKNOWN if verdict.updated == verdict.targeted else Conclusion.PARTIAL
    # A quotient, since 0.55 * 100 is more than 55 in floating point.
    if verdict.updated / population >= (1 if target is None else target):
        return Conclusion.DONE
    return Conclusion.PARTIAL if target is None and verdict.updated else Conclusion.BELOW_TARGET


def has_reports(verdict: Verdict) -> bool:
    """Return whether any device has reported about the update or about the image that it runs."""
    return any(report.outcome != "silent" or report.sha256 for report in verdict.devices)


def population_of(campaign: Campaign, verdict: Verdict, expect: int | None) -> int | None:
    """Return the number of targeted devices, or None if it is unknown.

    expect: number of devices that the tags of the campaign stand for, as the user says; not used if devices were named.
    """
    if campaign.dev_euis:
        return verdict.targeted
    return None if expect is None else max(expect, verdict.targeted)


def _is_targeted(uplink: Uplink, campaign: Campaign) -> bool:
    """Return whether the device may be one of the devices that the campaign names by tag, as far as the uplink says."""
    tags = set(campaign.request.get("devTags", "").split(","))
    return uplink.app_eui in (None, campaign.app_eui) and (not uplink.tags or not tags.isdisjoint(uplink.tags))


def _messages(uplink: Uplink, version: int) -> Iterable[Command | ImageReport]:
    if uplink.port == FRAGMENTATION_FPORT:
        return parse_uplink(uplink.pdu, version=version).commands
    if uplink.port == IMAGE_REPORT_FPORT:
        try:
            return (ImageReport.parse(uplink.pdu),)
        except MessageError:
            return ()
    return ()
