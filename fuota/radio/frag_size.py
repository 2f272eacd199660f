"""Whether a fragment fits a data rate, and how large its frame is."""

from __future__ import annotations

from bisect import bisect_right

from fuota.errors import ParameterError, PlanError
from fuota.radio.data_rate import DATA_FRAGMENT_HEADER_BYTES, MAX_FRAG_SIZE, DataRate, frag_size_within
from fuota.radio.limits import RadioLimits
from fuota.radio.region_rules import Region

FRAME_OVERHEAD_BYTES = (
    1  # MHDR, TS001-1.0.4 table 2
    + 4  # DevAddr, TS001-1.0.4 table 6; a multicast frame has McAddr there
    + 1  # FCtrl, TS001-1.0.4 table 6; a multicast frame has no FOpts after FCnt
    + 2  # FCnt, TS001-1.0.4 table 6
    + 1  # FPort, TS001-1.0.4 table 10
    + 4  # MIC, TS001-1.0.4 table 2
)
"""Of a frame around its FRMPayload."""


def check_frag_size(
    region: Region,
    data_rate: int,
    frag_size: int,
    *,
    repeater: bool = False,
    limits: RadioLimits | None = None,
) -> None:
    """Return when a fragment of `frag_size` bytes fits one downlink at data rate `data_rate` (an index) of `region`.

    `repeater`: one may be used (RP002-1.0.4, maximum payload size). `limits` may ask for the payload sizes of the dwell
    limit and for frames that do not last longer than it says; without them neither is looked at.

    Raises PlanError where it does not fit or no downlink uses the data rate, ParameterError for a size below 1 or a
    data rate that the region does not have.
    """
    rate = region.downlink_rate(data_rate)
    largest = _largest(region, rate, repeater, limits)
    if frag_size < 1:
        raise ParameterError(f"fragment size is {frag_size}: it must be from 1 to {largest}; the nearest is 1")
    if frag_size > largest:
        raise PlanError(
            f"fragment size {frag_size} does not fit DR{data_rate} of {region.name}: "
            f"{_binding(rate, repeater, limits)}, so at most {largest}"
        )


def largest_frag_size(
    region: Region,
    data_rate: int,
    cap: int = 0,
    multiple: int = 1,
    *,
    repeater: bool = False,
    limits: RadioLimits | None = None,
) -> int:
    """The largest fragment in bytes for one downlink at data rate `data_rate` (an index) of `region`.

    It does not exceed `cap` (0: no cap) and is a multiple of `multiple`, for devices that write flash in such units.
    `repeater` and `limits` are those of `check_frag_size`.

    Raises PlanError where no such size exists or no downlink uses the data rate, ParameterError for a cap below 0, a
    multiple below 1 or a data rate that the region does not have.
    """
    if cap < 0:
        raise ParameterError(f"cap is {cap}: it must be 0 (no cap) or more; the nearest is 0")
    if multiple < 1:
        raise ParameterError(f"multiple is {multiple}: it must be 1 or more; the nearest is 1")
    largest = _largest(region, region.downlink_rate(data_rate), repeater, limits)
    limit = min(cap, largest) if cap else largest
    if limit < multiple:
        raise PlanError(
            f"no fragment size for DR{data_rate} of {region.name} is a multiple of {multiple}: at most {limit} bytes fit"
        )
    return limit - limit % multiple


def fragment_phy_bytes(frag_size: int) -> int:
    """Length in bytes of the PHYPayload that carries one fragment of `frag_size` bytes (1 to 255): frag_size + 3 + 13.

    3 is the DataFragment header of TS004-1.0.0: CID 1, Index&N 2. 13 is the frame around it, TS001-1.0.4 tables 2, 6
    and 10: MHDR 1, DevAddr 4, FCtrl 1, FCnt 2, FPort 1, MIC 4. Raises ParameterError for a size outside its range.
    """
    if not 1 <= frag_size <= MAX_FRAG_SIZE:
        nearest = min(max(frag_size, 1), MAX_FRAG_SIZE)
        raise ParameterError(
            f"fragment size is {frag_size}: it must be from 1 to {MAX_FRAG_SIZE}; the nearest is {nearest}"
        )
    return frag_size + DATA_FRAGMENT_HEADER_BYTES + FRAME_OVERHEAD_BYTES


def _largest(region: Region, rate: DataRate, repeater: bool, limits: RadioLimits | None) -> int:
    largest = _largest_of(rate, repeater, limits)
    if not largest:
        usable = [known.index for known in region.downlink_data_rates if _largest_of(known, repeater, limits)]
        nearest = min(usable, key=lambda index: abs(index - rate.index), default=None)
        hint = (
            "no data rate carries one" if nearest is None else f"the nearest data rate that carries one is DR{nearest}"
        )
        raise PlanError(f"no fragment fits DR{rate.index} of {region.name}: {_binding(rate, repeater, limits)}; {hint}")
    return largest


def _largest_of(rate: DataRate, repeater: bool, limits: RadioLimits | None) -> int:
    by_payload = frag_size_within(_payload_bytes(rate, repeater, limits))
    if limits is None or not limits.max_frame_us:
        return by_payload
    return bisect_right(range(1, by_payload + 1), limits.max_frame_us, key=lambda size: _fragment_us(rate, size))


def _fragment_us(rate: DataRate, frag_size: int) -> int:
    return rate.time_on_air_us(fragment_phy_bytes(frag_size))


def _payload_bytes(rate: DataRate, repeater: bool, limits: RadioLimits | None) -> int:
    return rate.max_payload(repeater=repeater, dwell=limits is not None and limits.dwell)


def _binding(rate: DataRate, repeater: bool, limits: RadioLimits | None) -> str:
    """Which limit binds: the time that a frame may last, or the bytes that it carries."""
    payload_bytes = _payload_bytes(rate, repeater, limits)
    if limits is not None and _largest_of(rate, repeater, limits) < frag_size_within(payload_bytes):
        return f"a frame may last {limits.max_frame_us / 1000:g} ms"
    if not payload_bytes:
        return "a frame carries nothing under the dwell limit"
    return f"a frame carries {payload_bytes} bytes, {DATA_FRAGMENT_HEADER_BYTES} of them are the TS004 header"
