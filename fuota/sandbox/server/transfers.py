"""The FUOTA transfers of a server, one for each application: mcastTransfer, mcastStatus and mcastCancel."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

from fuota.errors import BadRequestError, NotFoundError
from fuota.fragmentation.session import FragmentationSession
from fuota.lorawan.fragmentation import FPORT as FRAGMENTATION_FPORT
from fuota.network.senra.transfers import TransferRequest
from fuota.radio import Region, fragment_phy_bytes, largest_frag_size
from fuota.radio.class_b import BEACON_PERIOD_S, beacon_time_at_or_after
from fuota.sandbox.air.air import Air
from fuota.sandbox.air.clock import SECOND_US, Clock, gps_us, unix_us
from fuota.sandbox.air.downlink import Downlink
from fuota.sandbox.server.multicast_group import McRadio
from fuota.sandbox.server.multicast_groups import MulticastGroups
from fuota.sandbox.server.records import Directory, RegisteredDevice
from fuota.sandbox.server.transfer import STATUS_WAIT_US, BlockSetup, Participant, SimulatedTransfer, frames_of

MAX_TRANSFER_US = 366 * 24 * 3600 * SECOND_US
"""Limit for the duration of a transfer: longer than any real one, and within the range of dates and waits."""
SPARE_US = 30 * SECOND_US
"""Extra length of a session, beyond the transmissions in it."""


class SimulatedTransfers:
    """All transfers of a server, and a `DownlinkSource` for their devices. To be used with the clock's lock held.

    stall_at_pct: percentage at which every transfer stops, a fault; None for never. forgets: whether ended transfers are removed
    after 15 minutes.
    """

    def __init__(  # noqa: PLR0913 - collaborators and options
        self,
        *,
        directory: Directory,
        groups: MulticastGroups,
        air: Air,
        clock: Clock,
        region: Region,
        stall_at_pct: int | None = None,
        forgets: bool = True,
    ) -> None:
        self._directory, self._groups, self._air, self._clock, self._region = directory, groups, air, clock, region
        self._stall_at_pct, self._forgets = stall_at_pct, forgets
        self._by_app_eui: dict[str, SimulatedTransfer] = {}
        self._session_counts: defaultdict[str, int] = defaultdict(int)

    def start(self, request: TransferRequest, image: bytes) -> SimulatedTransfer:
        """Start a transfer (mcastTransfer) and return it.

        Raises NotFoundError; BadRequestError while the application has an active transfer; PlanError, ParameterError or ImageError
        if the image cannot be sent in this way.
        """
        app_eui = self._directory.application(request.app_eui).app_eui
        if (present := self._by_app_eui.get(app_eui)) is not None and present.active:
            raise BadRequestError(f"{present.job_id} is {present.state.lower()}: one job per Application at a time")
        records = self._directory.targets(app_eui, request.dev_euis, request.dev_tags)
        transfer = self._by_app_eui[app_eui] = self._make(request, image, records)
        transfer.begin()
        return transfer

    def find(self, *, job_id: str | None = None, app_eui: str | None = None) -> SimulatedTransfer:
        """Return the transfer with this job id and of this application; None for any. Raises NotFoundError."""
        if app_eui is not None:
            app_eui = self._directory.application(app_eui).app_eui
        for transfer_app_eui, transfer in self._by_app_eui.items():
            if (
                job_id in (None, transfer.job_id)
                and app_eui in (None, transfer_app_eui)
                and not self._is_removed(transfer)
            ):
                return transfer
        raise NotFoundError(f"No job could be found with {job_id or app_eui}")

    def remove_devices(self, app_eui: str, dev_euis: Sequence[str] | None, dev_tags: Sequence[str] | None) -> int:
        """Leave devices out of the application's transfer (mcastCancel). Return their number. Raises NotFoundError."""
        transfer = self.find(app_eui=app_eui)
        records = self._directory.targets(app_eui, dev_euis, dev_tags)
        transfer.remove([record.dev_eui for record in records])
        return len(records)

    def waits(self, dev_eui: str, now_us: int) -> bool:
        """See `DownlinkSource`."""
        return any(transfer.waits(dev_eui, now_us) for transfer in self._by_app_eui.values())

    def next(self, dev_eui: str, now_us: int) -> Downlink | None:
        """See `DownlinkSource`."""
        messages = (transfer.next(dev_eui, now_us) for transfer in self._by_app_eui.values())
        return next((message for message in messages if message is not None), None)

    def on_uplink(self, dev_eui: str, port: int | None, payload: bytes) -> None:
        """Take an uplink that may answer a message of a transfer."""
        if port == FRAGMENTATION_FPORT:
            for transfer in list(self._by_app_eui.values()):
                transfer.on_uplink(dev_eui, payload)

    def _is_removed(self, transfer: SimulatedTransfer) -> bool:
        return self._forgets and bool(transfer.end_us) and self._clock.now_us() > transfer.removed_us

    def _make(self, request: TransferRequest, image: bytes, records: Sequence[RegisteredDevice]) -> SimulatedTransfer:
        radio = self._groups.radio(request.dev_class, tx_channel=request.tx_channel, data_rate=request.tx_data_rate)
        self._groups.require_free_ids(records)
        session = self._session(request, image, radio)
        frames = frames_of(session, request)
        airtime_us = self._region.data_rate(radio.data_rate).time_on_air_us(fragment_phy_bytes(session.frag_size))
        interval_us = airtime_us + request.millis_between_pkts * 1000
        duration_us = _duration_us(request, radio, len(frames), interval_us)
        start_us = _start_us(radio, self._clock.now_us() + request.start_delay_s * SECOND_US)
        setup = BlockSetup(session, request.descriptor_bytes, self._session_counts)
        group = self._groups.make(
            radio,
            start_us=gps_us(start_us),
            time_out=_time_out(duration_us + STATUS_WAIT_US + SPARE_US, radio),
            block_setup=setup.command_for if request.use_multi_pkg else None,
        )
        return SimulatedTransfer(
            job_id=f"MCastXferJobReq:{request.app_eui}",
            version=session.version,
            frames=frames,
            setup=setup,
            interval_us=interval_us,
            start_us=start_us,
            clock=self._clock,
            air=self._air,
            groups=self._groups,
            group=group,
            participants={record.dev_eui: Participant(member=self._groups.admit(group, record)) for record in records},
            stall_at_pct=self._stall_at_pct,
        )

    def _session(self, request: TransferRequest, image: bytes, radio: McRadio) -> FragmentationSession:
        return FragmentationSession.fit(
            image,
            frag_size=largest_frag_size(self._region, radio.data_rate, cap=request.max_frag_size),
            redundancy=float(request.redundancy) if request.frag_alg == "FWD_ERR_CORR" else 0,
            version=request.frag_pkg_ver,
        )


def _duration_us(request: TransferRequest, radio: McRadio, frame_count: int, interval_us: int) -> int:
    """Return the longest duration of the transmissions. Raises BadRequestError if the transfer takes more than 366 days."""
    slot_us = 0 if radio.periodicity is None else SECOND_US << radio.periodicity
    duration_us = frame_count * (interval_us + slot_us)
    if request.start_delay_s * SECOND_US + duration_us > MAX_TRANSFER_US:
        raise BadRequestError("the transfer would not end within 366 days: lower startDelaySecs or millisBetweenPkts")
    return duration_us


def _start_us(radio: McRadio, time_us: int) -> int:
    """Return the start of the session: `time_us`, or in class B the next beacon (TS005 McClassBSessionReq)."""
    if radio.periodicity is None:
        return time_us
    beacon_s = beacon_time_at_or_after(-(-gps_us(time_us) // SECOND_US))
    return unix_us(beacon_s * SECOND_US)


def _time_out(duration_us: int, radio: McRadio) -> int:
    """Return TimeOut of the session, 0 to 15: 2^TimeOut seconds, 128 times as long in class B. Later frames are lost."""
    unit_us = SECOND_US * (1 if radio.periodicity is None else BEACON_PERIOD_S)
    return min(15, (-(-duration_us // unit_us) - 1).bit_length())
