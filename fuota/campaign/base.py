"""Check of the base of a patch against the images that the devices have reported."""

from __future__ import annotations

from collections.abc import Sequence

from fuota.campaign.journal import Journal
from fuota.campaign.verdict import in_order_of_sending
from fuota.device import IMAGE_REPORT_FPORT, ImageReport
from fuota.errors import MessageError, PlanError
from fuota.findings import Finding, warning
from fuota.network.connection import is_loopback

_SHOWN_DEVICES = 3


def known_images(journal: Journal, server: str | None = None) -> dict[str, str]:
    """Return the image that each device reported last: DevEUI to SHA-256 (hexadecimal).

    The reports of all campaigns of the journal count. If `server` (a URL) is given, campaigns of other servers on this machine
    do not count: these are sandboxes, whose virtual devices have the same EUIs and start with their first image.
    """
    known: dict[str, str] = {}
    for campaign in reversed(journal.campaigns()):
        if server is not None and campaign.server != server and is_loopback(campaign.server):
            continue
        reports = [message for message in journal.messages(campaign) if message.port == IMAGE_REPORT_FPORT]
        for message in in_order_of_sending(reports):
            try:
                known[message.dev_eui] = ImageReport.parse(message.pdu).sha256.hex()
            except MessageError:
                continue
    return known


def check_base(
    journal: Journal, dev_euis: Sequence[str], base_sha256: str, server: str | None = None
) -> tuple[str, ...]:
    """Return the devices that have not reported which image they run.

    dev_euis: the devices that a patch is for. base_sha256: SHA-256 (hexadecimal) of the base of the patch.
    server: see `known_images`.
    Raises PlanError if a device has reported another image: it could not start what the patch makes.
    """
    known = known_images(journal, server)
    others = [dev_eui for dev_eui in dev_euis if known.get(dev_eui, base_sha256) != base_sha256]
    if others:
        shown = ", ".join(f"{dev_eui} ({known[dev_eui][:16]}…)" for dev_eui in others[:_SHOWN_DEVICES])
        more = f" and {len(others) - _SHOWN_DEVICES} more" if len(others) > _SHOWN_DEVICES else ""
        raise PlanError(
            f"{len(others)} of {len(dev_euis)} devices do not run the base of the patch ({base_sha256[:16]}…), by their last"
            f" report: {shown}{more}; leave these devices out, or send them the whole image"
        )
    return tuple(dev_eui for dev_eui in dev_euis if dev_eui not in known)


def base_warnings(
    journal: Journal, dev_euis: Sequence[str], base_sha256: str | None, server: str
) -> tuple[Finding, ...]:
    """Return warnings about devices whose image cannot be compared with the base of a patch.

    dev_euis: empty if devices are named by tag. base_sha256: None if the image is not a patch.
    server: see `known_images`. Raises PlanError as `check_base`.
    """
    if base_sha256 is None:
        return ()
    if not dev_euis:
        return (warning("base-not-compared", "devices named by tag are not compared with the base of the patch"),)
    if unknown := check_base(journal, dev_euis, base_sha256, server):
        return (
            warning(
                "base-not-reported",
                f"{len(unknown)} of {len(dev_euis)} devices have not reported whether they run the base of the patch",
            ),
        )
    return ()
