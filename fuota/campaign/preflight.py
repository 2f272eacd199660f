"""What an image will need on air, found out before anything is sent."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass

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
