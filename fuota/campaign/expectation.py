"""What an image will need on air, found out before anything is sent."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass

from fuota.campaign.journal import Journal
from fuota.device import IMAGE_REPORT_FPORT, ImageReport
from fuota.errors import MessageError, PlanError
from fuota.fragmentation import FragmentationSession
from fuota.network import TransferRequest
from fuota.radio import Region, check_frag_size, fragment_phy_bytes, largest_frag_size


@dataclass(frozen=True, slots=True, kw_only=True)
class Expected:
    """What a transfer is expected to need.

    `frames` in all, for `nb_frag` uncoded and `nb_coded` coded fragments of `frag_size` octets, each `interval_ms` after the
    one before at data rate `data_rate`. `airtime_us` is that of all frames, `duration_ms` that from the first frame to the
    end of the last interval.
    """

    data_rate: int
    nb_frag: int
    nb_coded: int
    frag_size: int
    frames: int
    airtime_us: int
    interval_ms: int
    duration_ms: int

    def to_json(self) -> dict[str, int]:
        """A flat object."""
        return asdict(self)


def preflight(image: bytes, request: TransferRequest, region: Region) -> Expected:
    """Check that the image can be sent as the request has it, and say what that takes.

    The fragment size is the largest that fits the data rate (the default one of RX2, where the request names none), or the
    request's own maximum, which must fit. Raises ImageError for an empty image and PlanError for a fragment size that does not
    fit or more fragments than TS004 can count. The server's interval is counted as the gap after each frame, the longer
    reading of `millisBetweenPkts`.
    """
    data_rate = region.rx2_data_rate if request.tx_data_rate is None else request.tx_data_rate
    if request.max_frag_size:
        check_frag_size(region, data_rate, request.max_frag_size)
    frag_size = request.max_frag_size or largest_frag_size(region, data_rate)
    coded = request.frag_alg == "FWD_ERR_CORR"
    redundancy = float(request.redundancy) if coded else 0
    session = FragmentationSession.fit(image, frag_size=frag_size, redundancy=redundancy, version=request.frag_pkg_ver)
    frames = session.nb_frag + session.nb_coded if coded else session.nb_frag * (1 + math.ceil(request.redundancy))
    on_air_us = region.data_rate(data_rate).time_on_air_us(fragment_phy_bytes(frag_size))
    interval_ms = request.millis_between_pkts + -(-on_air_us // 1000)
    return Expected(
        data_rate=data_rate,
        nb_frag=session.nb_frag,
        nb_coded=session.nb_coded,
        frag_size=frag_size,
        frames=frames,
        airtime_us=frames * on_air_us,
        interval_ms=interval_ms,
        duration_ms=frames * interval_ms,
    )


def known_images(journal: Journal) -> dict[str, str]:
    """What each device said last that it runs, in any campaign of the journal: DevEUI to SHA-256, hexadecimal."""
    known: dict[str, str] = {}
    for campaign in reversed(journal.campaigns()):
        for uplink in journal.uplinks(campaign):
            if uplink.port == IMAGE_REPORT_FPORT:
                try:
                    known[uplink.dev_eui] = ImageReport.parse(uplink.pdu).sha256.hex()
                except MessageError:
                    continue
    return known


def check_base(journal: Journal, dev_euis: Sequence[str], base_sha256: str) -> tuple[str, ...]:
    """Those of the devices of which it is not known whether they run the base of a patch.

    Raises PlanError where one is known to run another image: the patch would give it nothing that starts.
    """
    known = known_images(journal)
    others = [dev_eui for dev_eui in dev_euis if known.get(dev_eui, base_sha256) != base_sha256]
    if others:
        shown = ", ".join(f"{dev_eui} ({known[dev_eui][:16]}…)" for dev_eui in others[:3])
        more = f" and {len(others) - 3} more" if len(others) > 3 else ""
        raise PlanError(
            f"{len(others)} of {len(dev_euis)} devices do not run the base of the patch ({base_sha256[:16]}…), by what they"
            f" reported last: {shown}{more}; leave them out, or send them the whole image"
        )
    return tuple(dev_eui for dev_eui in dev_euis if dev_eui not in known)
