"""From mcastTransfer's parameters to a FUOTA task: what is sent, when, and in which session."""

from __future__ import annotations

from collections.abc import Sequence

from fuota.device.stack.clock import SECOND_US
from fuota.errors import BadRequestError
from fuota.fragmentation import FragmentationSession
from fuota.network import TransferRequest
from fuota.radio import Region, fragment_phy_bytes, largest_frag_size
from fuota.radio.class_b import BEACON_PERIOD_S, beacon_time_at_or_after
from fuota.sandbox.air.air import Air
from fuota.sandbox.server.mc_group import McRadio
from fuota.sandbox.server.multicast_groups import Groups
from fuota.sandbox.server.records import DeviceRecord
from fuota.sandbox.server.transfer_job import STATUS_WAIT_US, Participant, Surroundings, TransferJob, frames_of

LONGEST_TASK_US = 366 * 24 * 3600 * SECOND_US
"""Longer than any task, short of what dates and waits can hold."""
SPARE_US = 30 * SECOND_US
"""By how much a session outlasts what is sent in it."""


def make_job(  # noqa: PLR0913 - where a task comes together
    request: TransferRequest,
    image: bytes,
    records: Sequence[DeviceRecord],
    *,
    region: Region,
    groups: Groups,
    air: Air,
    around: Surroundings,
    stall_at_pct: int | None,
) -> TransferJob:
    """The task, its group made and its devices in it. Raises BadRequestError, PlanError, ParameterError, ImageError."""
    radio = groups.radio(request.dev_class, tx_channel=request.tx_channel, data_rate=request.tx_data_rate)
    groups.check_room(records)
    session = _session(request, image, region, radio)
    frames = frames_of(session, request)
    on_air_us = region.data_rate(radio.data_rate).time_on_air_us(fragment_phy_bytes(session.frag_size))
    interval_us = on_air_us + request.millis_between_pkts * 1000
    slot_us = 0 if radio.periodicity is None else SECOND_US << radio.periodicity
    lasts_us = len(frames) * (interval_us + slot_us)
    if request.start_delay_s * SECOND_US + lasts_us > LONGEST_TASK_US:
        raise BadRequestError("the task would not end within 366 days: lower startDelaySecs or millisBetweenPkts")
    start_us = _start_us(air, radio, around.now_us() + request.start_delay_s * SECOND_US)
    group = groups.make(
        radio,
        start_us=air.gps_us(start_us),
        time_out=_time_out(lasts_us + STATUS_WAIT_US + SPARE_US, radio),
    )
    return TransferJob(
        job_id=f"MCastXferJobReq:{request.app_eui}",
        request=request,
        session=session,
        interval_us=interval_us,
        around=around,
        group=group,
        participants={one.dev_eui: Participant(member=groups.admit(group, one)) for one in records},
        frames=frames,
        start_us=start_us,
        uplink_period_us=air.uplink_period_us,
        stall_at_pct=stall_at_pct,
    )


def _session(request: TransferRequest, image: bytes, region: Region, radio: McRadio) -> FragmentationSession:
    return FragmentationSession.fit(
        image,
        frag_size=largest_frag_size(region, radio.data_rate, cap=request.max_frag_size),
        redundancy=float(request.redundancy) if request.frag_alg == "FWD_ERR_CORR" else 0,
        version=request.frag_pkg_ver,
    )


def _start_us(air: Air, radio: McRadio, time_us: int) -> int:
    """When the session begins: then, or in class B with the next beacon (TS005 McClassBSessionReq)."""
    if radio.periodicity is None:
        return time_us
    beacon_s = beacon_time_at_or_after(-(-air.gps_us(time_us) // SECOND_US))
    return air.unix_us(beacon_s * SECOND_US)


def _time_out(lasts_us: int, radio: McRadio) -> int:
    """TimeOut of the session, 0 to 15: 2^TimeOut seconds, 128 times as many in class B. What is sent after its end is lost."""
    unit_us = SECOND_US * (1 if radio.periodicity is None else BEACON_PERIOD_S)
    return min(15, (-(-lasts_us // unit_us) - 1).bit_length())
