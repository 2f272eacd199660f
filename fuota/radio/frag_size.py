"""Fragment sizes that fit a data rate, and the length of their frames."""

from __future__ import annotations

from bisect import bisect_right

from fuota.calls import checked_call
from fuota.errors import PlanError
from fuota.radio.data_rate import DATA_FRAGMENT_HEADER_BYTES, MAX_FRAG_SIZE, DataRate, frag_size_within
from fuota.radio.limits import RadioLimits
from fuota.radio.region_rules import Region
from fuota.rules import integer

FRAME_OVERHEAD_BYTES = (
    1  # MHDR, TS001-1.0.4 table 2
    + 4  # DevAddr, TS001-1.0.4 table 6; a multicast frame has McAddr there
    + 1  # FCtrl, TS001-1.0.4 table 6; a multicast frame has no FOpts after FCnt
    + 2  # FCnt, TS001-1.0.4 table 6
    + 1  # FPort, TS001-1.0.4 table 10
    + 4  # MIC, TS001-1.0.4 table 2
)
"""Bytes of a frame without its FRMPayload."""


@checked_call
def check_frag_size(
    region: Region,
    data_rate: int,
    frag_size: int,
    *,
    repeater: bool = False,
    limits: RadioLimits | None = None,
) -> None:
    """Raise PlanError if a fragment does not fit one downlink.

    region: the radio rules.
    data_rate: index of the data rate.
    frag_size: bytes of a fragment (TS004 FragSize), 1 or more.
    repeater: whether a repeater may be used (RP002-1.0.4, maximum payload size).
    limits: limits of one frame: payload sizes under a dwell limit, and the longest time on air. None ignores both.

    Raises PlanError also if no downlink uses the data rate, ParameterError for a size below 1 or a data rate that the region
    does not have.
    """
    rate = region.downlink_rate(data_rate)
    largest = _largest(region, rate, repeater, limits)
    if integer("fragment size", frag_size, 1) > largest:
        raise PlanError(
            f"fragment size {frag_size} does not fit DR{data_rate} of {region.name}: "
            f"{_tightest_limit(rate, repeater, limits)}, so at most {largest}"
        )


@checked_call
def largest_frag_size(
    region: Region,
    data_rate: int,
    cap: int = 0,
    multiple: int = 1,
    *,
    repeater: bool = False,
    limits: RadioLimits | None = None,
) -> int:
    """Return the largest fragment in bytes that fits one downlink.

    region, data_rate, repeater, limits: as in `check_frag_size`.
    cap: largest size that is allowed; 0 means no cap.
    multiple: the size must be a multiple of this, for devices that write flash in such units.

    Raises PlanError if no such size exists or no downlink uses the data rate, ParameterError for a cap below 0, a multiple
    below 1 or a data rate that the region does not have.
    """
    cap = integer("cap", cap, 0, why="0: no cap")
    multiple = integer("multiple", multiple, 1)
    largest = _largest(region, region.downlink_rate(data_rate), repeater, limits)
    limit = min(cap, largest) if cap else largest
    if limit < multiple:
        raise PlanError(
            f"no fragment size for DR{data_rate} of {region.name} is a multiple of {multiple}: at most {limit} bytes fit"
        )
    return limit - limit % multiple


def fragment_phy_bytes(frag_size: int) -> int:
    """Return the length in bytes of the PHYPayload that carries one fragment: frag_size + 3 + 13.

    frag_size: bytes of a fragment, 1 to 255. 3 is the DataFragment header of TS004-1.0.0: CID 1, Index&N 2. 13 is the frame
    around it, TS001-1.0.4 tables 2, 6 and 10: MHDR 1, DevAddr 4, FCtrl 1, FCnt 2, FPort 1, MIC 4. Raises ParameterError for a
    size outside its range.
    """
    return integer("fragment size", frag_size, 1, MAX_FRAG_SIZE) + DATA_FRAGMENT_HEADER_BYTES + FRAME_OVERHEAD_BYTES


def _largest(region: Region, rate: DataRate, repeater: bool, limits: RadioLimits | None) -> int:
    largest = _largest_or_0(rate, repeater, limits)
    if not largest:
        usable = [other.index for other in region.downlink_data_rates if _largest_or_0(other, repeater, limits)]
        nearest = min(usable, key=lambda index: abs(index - rate.index), default=None)
        hint = "no data rate carries one" if nearest is None else f"nearest data rate that carries one: DR{nearest}"
        reason = _tightest_limit(rate, repeater, limits)
        raise PlanError(f"no fragment fits DR{rate.index} of {region.name}: {reason} ({hint})")
    return largest


def _largest_or_0(rate: DataRate, repeater: bool, limits: RadioLimits | None) -> int:
    by_payload = frag_size_within(_payload_bytes(rate, repeater, limits))
    if limits is None or not limits.max_frame_us:
        return by_payload
    return bisect_right(range(1, by_payload + 1), limits.max_frame_us, key=lambda size: _fragment_us(rate, size))


def _fragment_us(rate: DataRate, frag_size: int) -> int:
    return rate.time_on_air_us(fragment_phy_bytes(frag_size))


def _payload_bytes(rate: DataRate, repeater: bool, limits: RadioLimits | None) -> int:
    return rate.max_payload(repeater=repeater, dwell=limits is not None and limits.dwell)


def _tightest_limit(rate: DataRate, repeater: bool, limits: RadioLimits | None) -> str:
    """Return in words the limit that decides: the time on air of a frame, or the bytes that it carries."""
    payload_bytes = _payload_bytes(rate, repeater, limits)
    if limits is not None and _largest_or_0(rate, repeater, limits) < frag_size_within(payload_bytes):
        return f"a frame may last {limits.max_frame_us / 1000:g} ms"
    if not payload_bytes:
        return "a frame carries nothing under the dwell limit"
    return f"a frame carries {payload_bytes} bytes, including the {DATA_FRAGMENT_HEADER_BYTES} of the TS004 header"
