"""From what the devices sent up to how the campaign ended."""

from __future__ import annotations

from collections.abc import Iterable

from fuota.campaign.journal import Campaign, Journal
from fuota.device import IMAGE_REPORT_FPORT, ImageReport, Verdict, judge
from fuota.errors import MessageError
from fuota.lorawan.codec import Command
from fuota.lorawan.fragmentation import FPORT as FRAGMENTATION_FPORT
from fuota.lorawan.fragmentation import parse_uplink
from fuota.network import Uplink


def verdict_of(journal: Journal, campaign: Campaign) -> Verdict:
    """How the campaign ended, or stands, on each device: all targeted ones, or, where tags were given, all heard of.

    Nothing but the uplinks in the journal is used. Where a patch was sent, devices report what it makes.
    """
    sha256 = campaign.target_sha256 or campaign.image_sha256
    said: dict[str, list[Command | ImageReport]] = {dev_eui: [] for dev_eui in campaign.dev_euis}
    version = int(campaign.request["fragPkgVer"])
    for uplink in journal.uplinks(campaign):
        messages = list(_messages(uplink, version))
        if uplink.dev_eui in said or (messages and not campaign.dev_euis and _is_targeted(uplink, campaign)):
            said.setdefault(uplink.dev_eui, []).extend(messages)
    reports = (
        judge(dev_eui, messages, sha256=sha256, nb_frag=campaign.expected.get("nb_frag"))
        for dev_eui, messages in said.items()
    )
    return Verdict(sha256=sha256, devices=tuple(reports))


def _is_targeted(uplink: Uplink, campaign: Campaign) -> bool:
    """Whether a device that was named by tag, if at all, is one of the campaign's: as far as the uplink tells."""
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
