"""Verdict and conclusion of a campaign, from the uplinks of its devices."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from fuota.campaign.journal import Campaign, CampaignState, DeviceMessage, Journal
from fuota.campaign.status import job_start_ms
from fuota.device import IMAGE_REPORT_FPORT, DeviceReport, ImageReport, Outcome, Verdict, judge
from fuota.errors import MessageError
from fuota.lorawan.codec import Command
from fuota.lorawan.fragmentation import FPORT as FRAGMENTATION_FPORT
from fuota.lorawan.fragmentation import parse_uplink

_PORTS = frozenset({FRAGMENTATION_FPORT, IMAGE_REPORT_FPORT})
_RULES = 1
"""Version of the rules of `judge` and of this module: a new version makes stored reports out of date."""


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


@dataclass(frozen=True, slots=True, kw_only=True)
class _Basis:
    """All that a verdict depends on besides the uplinks.

    sha256: image that the devices report. version: version of TS004. nb_frag: number of uncoded fragments. app_eui: application.
    dev_euis: devices of the campaign; empty if it names tags. tags: its tags.
    start_us: uplinks that the server received before this time, in us since 1970, are older than the job; None if it is unknown.
    until_seq: number of the last uplink of a campaign that another campaign followed.
    """

    sha256: str
    version: int
    nb_frag: int | None
    app_eui: str
    dev_euis: frozenset[str]
    tags: frozenset[str]
    start_us: int | None
    until_seq: int | None

    def key(self) -> str:
        """Return a text that differs if any part differs."""
        parts = {name: getattr(self, name) for name in self.__slots__}
        return json.dumps({**parts, "dev_euis": len(self.dev_euis), "tags": sorted(self.tags), "rules": _RULES})

    def counts(self, message: DeviceMessage) -> bool:
        """Return whether a message may be about this campaign."""
        if message.app_eui not in (None, self.app_eui) or message.port not in _PORTS:
            return False
        if self.start_us is not None and message.sent_us is not None and message.sent_us < self.start_us:
            return False
        if self.dev_euis:
            return message.dev_eui in self.dev_euis
        return not message.tags or not self.tags.isdisjoint(message.tags)


def verdict_of(journal: Journal, campaign: Campaign) -> Verdict:
    """Return how the campaign stands on each targeted device, or, if devices were named by tags, on each device that reported.

    Only the uplinks in the journal are used. For a patch, devices report the image that it makes. An uplink does not count if it
    is of another application, or if the server received it before the job began. The messages of a device count in the order in
    which it sent them, see `in_order_of_sending`; the local clock has no part in it.

    Reports are stored in the journal, so the next call reads only the devices with new uplinks.
    """
    basis = _basis_of(journal, campaign)
    upto_seq, stored = journal.projection(campaign, basis.key())
    reports = {dev_eui: _report_from(text) for dev_eui, text in stored.items()}
    last_seq = journal.last_seq(campaign)
    if last_seq > upto_seq:
        changed = sorted(journal.devices_after(campaign, upto_seq)) if stored else None
        fresh = _reports(basis, journal.messages(campaign, dev_euis=changed))
        texts = {dev_eui: json.dumps(report.to_json()) for dev_eui, report in fresh.items()}
        journal.project(campaign, basis.key(), upto_seq=last_seq, reports=texts)
        reports |= fresh
    targeted = campaign.dev_euis or tuple(reports)
    devices = tuple(reports.get(dev_eui) or DeviceReport(dev_eui=dev_eui) for dev_eui in targeted)
    return Verdict(sha256=basis.sha256, devices=devices)


def in_order_of_sending(messages: Iterable[DeviceMessage]) -> list[DeviceMessage]:
    """Return the messages of one device in the order in which it sent them, as far as the uplinks tell.

    A network may deliver late, out of order and twice. The order is: number of the join and number of the uplink, if all messages
    have them; then the time at which the server received the message, if all have it; then the order of arrival.
    """
    listed = list(messages)
    has_numbers = all(message.join_id is not None and message.seqno is not None for message in listed)
    has_times = all(message.sent_us is not None for message in listed)

    def place(message: DeviceMessage) -> tuple[int, ...]:
        numbers = (message.join_id or 0, message.seqno or 0) if has_numbers else ()
        times = (message.sent_us or 0,) if has_times else ()
        return (*numbers, *times, message.seq)

    return sorted(listed, key=place)


def _basis_of(journal: Journal, campaign: Campaign) -> _Basis:
    start_ms = job_start_ms(journal, campaign)
    delay_ms = 1000 * int(campaign.request.get("startDelaySecs", 0))
    return _Basis(
        sha256=campaign.target_sha256 or campaign.image_sha256,
        version=int(campaign.request["fragPkgVer"]),
        nb_frag=campaign.expected.get("nb_frag"),
        app_eui=campaign.app_eui,
        dev_euis=frozenset(campaign.dev_euis),
        tags=frozenset(campaign.request.get("devTags", "").split(",")),
        # Devices answer the set-up before the first fragment, and the reference does not say which of both is the start.
        start_us=None if start_ms is None else 1000 * (start_ms - delay_ms),
        until_seq=journal.until_seq(campaign),
    )


def _reports(basis: _Basis, messages: Iterable[DeviceMessage]) -> dict[str, DeviceReport]:
    """Return the report of each device that has messages about the campaign."""
    by_device: dict[str, list[DeviceMessage]] = {}
    for message in messages:
        if basis.counts(message):
            by_device.setdefault(message.dev_eui, []).append(message)
    reports = {}
    for dev_eui, sent in by_device.items():
        parts = [part for message in in_order_of_sending(sent) for part in _parts(message, basis.version)]
        if parts:
            reports[dev_eui] = judge(dev_eui, parts, sha256=basis.sha256, nb_frag=basis.nb_frag)
    return reports


def _report_from(text: str) -> DeviceReport:
    fields = json.loads(text)
    return DeviceReport(**{**fields, "outcome": Outcome(fields["outcome"])})


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


def _parts(message: DeviceMessage, version: int) -> Iterable[Command | ImageReport]:
    if message.port == FRAGMENTATION_FPORT:
        return parse_uplink(message.pdu, version=version).commands
    try:
        return (ImageReport.parse(message.pdu),)
    except MessageError:
        return ()
