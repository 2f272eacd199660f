"""Whether a fragment fits a data rate, and how large its frame is."""

from __future__ import annotations

from fuota.errors import ParameterError, PlanError
from fuota.radio.region import DATA_FRAGMENT_HEADER_BYTES, MAX_FRAG_SIZE, DataRate, Region

_FRAME_OVERHEAD_BYTES = (
    1  # MHDR, TS001-1.0.4 table 2
    + 4  # DevAddr, TS001-1.0.4 table 6; a multicast frame has McAddr there
    + 1  # FCtrl, TS001-1.0.4 table 6; a multicast frame has no FOpts after FCnt
    + 2  # FCnt, TS001-1.0.4 table 6
    + 1  # FPort, TS001-1.0.4 table 10
    + 4  # MIC, TS001-1.0.4 table 2
)


def check_frag_size(region: Region, data_rate: int, frag_size: int) -> None:
    """Return when a fragment of `frag_size` bytes fits one downlink at data rate `data_rate` (an index) of `region`.

    Raises PlanError where it does not fit or the data rate is for uplinks only, ParameterError for a size below 1 or a
    data rate that the region does not have. No repeater is assumed (RP002-1.0.4, maximum payload size).
    """
    rate = _downlink_rate(region, data_rate)
    if frag_size < 1:
        raise ParameterError(
            f"fragment size is {frag_size}: it must be from 1 to {rate.max_frag_size}; the nearest is 1"
        )
    if frag_size > rate.max_frag_size:
        raise PlanError(
            f"fragment size {frag_size} does not fit DR{data_rate} of {region.name}: a frame carries "
            f"{rate.max_payload_bytes} bytes, {DATA_FRAGMENT_HEADER_BYTES} of them are the TS004 header, "
            f"so at most {rate.max_frag_size}"
        )


def largest_frag_size(region: Region, data_rate: int, cap: int = 0, multiple: int = 1) -> int:
    """The largest fragment in bytes for one downlink at data rate `data_rate` (an index) of `region`.

    It does not exceed `cap` (0: no cap) and is a multiple of `multiple`, for devices that write flash in such units.
    Raises PlanError where no such size exists or the data rate is for uplinks only, ParameterError for a cap below 0, a
    multiple below 1 or a data rate that the region does not have.
    """
    if cap < 0:
        raise ParameterError(f"cap is {cap}: it must be 0 (no cap) or more; the nearest is 0")
    if multiple < 1:
        raise ParameterError(f"multiple is {multiple}: it must be 1 or more; the nearest is 1")
    rate = _downlink_rate(region, data_rate)
    limit = min(cap, rate.max_frag_size) if cap else rate.max_frag_size
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
    return frag_size + DATA_FRAGMENT_HEADER_BYTES + _FRAME_OVERHEAD_BYTES


def _downlink_rate(region: Region, data_rate: int) -> DataRate:
    rate = region.data_rate(data_rate)
    if not rate.downlink:
        usable = ", ".join(f"DR{known.index}" for known in region.downlink_data_rates)
        raise PlanError(f"DR{data_rate} of {region.name} is for uplinks only: downlinks use {usable}")
    return rate
