"""The network server of the sandbox, without its HTTP: applications, tasks, and what goes up the data stream."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Any

from fuota.errors import BadRequestError, NotFoundError
from fuota.lorawan.fragmentation import FPORT as FRAGMENTATION_FPORT
from fuota.lorawan.mac.data_frames import DataFrame
from fuota.network import TransferRequest, Uplink
from fuota.radio import Region
from fuota.sandbox.air.air import Air
from fuota.sandbox.air.clock import Agenda
from fuota.sandbox.air.mac import Downlink, Mac
from fuota.sandbox.air.multi_package import spoken
from fuota.sandbox.devices.fleet import Fleet, VirtualDevice
from fuota.sandbox.devices.newcomers import newcomer, record_of
from fuota.sandbox.http.group_calls import GroupCalls
from fuota.sandbox.server.data_stream import DataStream
from fuota.sandbox.server.downlinks import Downlinks
from fuota.sandbox.server.faults import Faults
from fuota.sandbox.server.mc_group import NetworkGroup
from fuota.sandbox.server.multicast_groups import Groups
from fuota.sandbox.server.queue_source import QueueSource
from fuota.sandbox.server.records import Application, DeviceRecord, Directory
from fuota.sandbox.server.rf_data import uplink_rate, with_rf_data
from fuota.sandbox.server.transfer_job import TransferJob
from fuota.sandbox.server.transfer_start import make_job

REMOVED_AFTER_US = 15 * 60 * 1_000_000
"""As long as the reference keeps the status of other tasks ("available for 15 minutes after the task completes")."""
GATEWAY_EUI = "02000000F007F001"
_NO_FAULTS = Faults()


class NetworkServer:
    """Runs the tasks of its applications, one for each. Every public method takes the agenda's lock.

    `forgets`: what is over is forgotten in time. On a clock that does not wait, 15 minutes are over at once. `rf_data`: the
    data stream tells how each uplink was heard.
    """

    def __init__(  # noqa: PLR0913 - what a server is made of
        self,
        *,
        app_eui: str,
        region: Region,
        fleet: Fleet,
        agenda: Agenda,
        data_stream: DataStream | None,
        uplink_period_s: int,
        directory: Directory | None = None,
        downlinks: Downlinks | None = None,
        faults: Faults = _NO_FAULTS,
        forgets: bool = True,
        rf_data: bool = False,
    ) -> None:
        self.app_eui = app_eui
        self.directory = directory or Directory([Application(app_eui=app_eui, join_eui=app_eui)])
        self.downlinks = downlinks or Downlinks()
        self._region, self._fleet, self._agenda, self._data_stream = region, fleet, agenda, data_stream
        self._stall_at_pct, self._forgets, self._rf_data = faults.stall_at_pct, forgets, rf_data
        self._uplink_dr = uplink_rate(region).index
        self._jobs: dict[str, TransferJob] = {}
        self._session_cnts: dict[str, int] = {}
        self._mac = Mac(self.directory)
        self.air = Air(
            time=agenda, fleet=fleet, mac=self._mac, region=region, uplink_period_us=uplink_period_s * 1_000_000
        )
        self.groups = Groups(air=self.air, time=agenda, region=region)
        self.group_calls = GroupCalls(
            groups=self.groups,
            directory=self.directory,
            air=self.air,
            time=agenda,
            region=region,
            new_msg_id=self.downlinks.new_msg_id,
        )
        self._queue = QueueSource(self.downlinks, again_us=uplink_period_s * 1_000_000)
        self._wire()
        self._power_on()

    def _wire(self) -> None:
        self.air.sources = [self.groups, self, self._queue]
        self.air.on_uplink = self._on_uplink
        self.air.record_of = self.directory.devices.get
        self.downlinks.on_queued = self.air.wake

    def _power_on(self) -> None:
        """The devices of the fleet join before the sandbox begins; those of a state file join again."""
        application = self.directory.application(self.app_eui)
        for device in self._fleet.by_eui.values():
            device.join_eui = application.join_eui
            record = record_of(device, application, self.now_us())
            known = self.directory.devices.get(device.dev_eui)
            self.directory.devices[device.dev_eui] = record
            self.air.let_join(device)
            if known is not None:
                self.directory.devices[device.dev_eui] = known
                self.directory.power_on(record)
        for record in list(self.directory.devices.values()):
            if record.may_join and record.dev_eui not in self._fleet.by_eui:
                self.activated(record)
        for waiting in {one.dev_eui for one in self.downlinks.snapshot(self.now_us())}:
            self.air.wake(waiting)

    # FUOTA tasks

    def start_transfer(self, request: TransferRequest, image: bytes) -> dict[str, Any]:
        """mcastTransfer. Raises NotFoundError, BadRequestError, and PlanError where the image cannot be sent so."""
        with self._agenda.lock:
            app_eui = self.directory.application(request.app_eui).app_eui
            if (old := self._jobs.get(app_eui)) is not None and old.active:
                raise BadRequestError(f"{old.job_id} is {old.state.lower()}: one job per Application at a time")
            job = make_job(
                request,
                image,
                self.directory.targets(app_eui, request.dev_euis, request.dev_tags),
                region=self._region,
                groups=self.groups,
                air=self.air,
                around=self,
                stall_at_pct=self._stall_at_pct,
            )
            self._jobs[app_eui] = job
            job.begin()
            return _answer(job, f"MCastXferJobReq job starting in: {_clock(request.start_delay_s)}")

    def transfer_status(self, *, job_id: str | None, app_eui: str | None) -> dict[str, Any]:
        """mcastStatus. Raises NotFoundError."""
        with self._agenda.lock:
            job = self._find(job_id, app_eui)
            removed_us = job.end_us + REMOVED_AFTER_US if job.end_us else 0
            return {
                "jobId": job.job_id,
                "serverId": "sandbox",
                "state": str(job.state),
                "startTime": job.start_us // 1000,
                "endTime": job.end_us // 1000,
                "removeTime": removed_us // 1000,
                "pctDone": job.pct_done,
                "username": "sandbox",
                "result": job.result,
                "acctId": 1,
                "operId": 1,
                "jobLauncherClsNm": "fuota.sandbox",
            }

    def cancel_transfer(self, job_id: str) -> dict[str, Any]:
        """mcastCancel of a whole job. Raises NotFoundError."""
        with self._agenda.lock:
            job = self._find(job_id, None)
            job.cancel()
            return _answer(job, "MCastXferJobReq job cancelled.")

    def cancel_devices(
        self, app_eui: str, dev_euis: Sequence[str] | None, dev_tags: Sequence[str] | None
    ) -> dict[str, Any]:
        """mcastCancel of some devices of the application's job. Raises NotFoundError."""
        with self._agenda.lock:
            job = self._find(None, app_eui)
            chosen = self.directory.targets(app_eui, dev_euis, dev_tags)
            job.remove([record.dev_eui for record in chosen])
            return _answer(job, f"MCastXferJobReq job cancelled for {len(chosen)} devices.")

    # Downlinks and devices

    def send_to_address(
        self,
        app_eui: str,
        addr: int,
        pdu: bytes,
        *,
        port: int,
        bstn_euis: Sequence[str],  # noqa: ARG002 - there is one base station here, whatever it is called
    ) -> int:
        """sendmcastmsg, to a group, or to whoever has the session keys of an address; the message's number.

        A device of class A does not listen then. Raises NotFoundError where the application has no such device, and as
        `GroupCalls.send`.
        """
        with self._agenda.lock:
            if (msg_id := self.group_calls.send_to(app_eui, addr, pdu, port)) is not None:
                return msg_id
            record = self.directory.by_address(addr)
            if record is None or record.app_eui != app_eui:
                raise NotFoundError(
                    f"Device EUI was not found: no device of the application has the address {addr:08X}"
                )
            self.air.call_out(record.dev_eui, Downlink(port=port, payload=pdu))
            return self.downlinks.new_msg_id()

    def activated(self, record: DeviceRecord) -> None:
        """A device may join from now on: one that the fleet has not is made, and joins with its next uplinks."""
        with self._agenda.lock:
            device = self._fleet.by_eui.get(record.dev_eui)
            if device is None and (device := newcomer(record, region=self._region)) is not None:
                self._fleet.by_eui[record.dev_eui] = device
                self._mac.begin(record)
                self.air.appear(device)

    def uplink(self, device: VirtualDevice, port: int | None, payload: bytes) -> None:
        """A device transmits of itself: what gets through is used by the tasks and goes up the data stream."""
        with self._agenda.lock:
            self.air.uplink(device, port, payload)

    # A source of messages, those of the tasks

    def waits(self, dev_eui: str, now_us: int) -> bool:
        """See `air.Source`."""
        return any(job.waits(dev_eui, now_us) for job in self._jobs.values())

    def next(self, dev_eui: str, now_us: int) -> Downlink | None:
        """See `air.Source`."""
        found = (job.next(dev_eui, now_us) for job in self._jobs.values())
        return next((message for message in found if message is not None), None)

    # What a task needs around it

    def now_us(self) -> int:
        """Virtual time."""
        return self._agenda.now_us()

    def at(self, time_us: int, action: Callable[[], None]) -> None:
        """Plan an action."""
        self._agenda.at(time_us, action)

    def wake(self, dev_eui: str) -> None:
        """There is something for this device."""
        self.air.wake(dev_eui)

    def slot_us(self, group: NetworkGroup, time_us: int) -> int:
        """The first moment from then on at which a frame to the group can begin."""
        return self.air.unix_us(group.radio.slot_us(group.mc_addr, self.air.gps_us(time_us)))

    def transmit(self, group: NetworkGroup, frame: bytes) -> None:
        """A frame to the group begins now."""
        self.groups.transmit(group, frame)

    def leave(self, group: NetworkGroup, dev_euis: list[str]) -> None:
        """Have devices leave the group."""
        self.groups.close(group, dev_euis)

    def ended(self, group: NetworkGroup) -> None:
        """The task is over: nothing more is sent to its group."""
        self.groups.forget(group)

    def session_cnt(self, dev_eui: str) -> int:
        """The next SessionCnt of a device (TS004-2.0.0), which is used up by this."""
        used = self._session_cnts.get(dev_eui, -1)
        self._session_cnts[dev_eui] = used + 1
        return used + 1

    # Uplinks

    def _on_uplink(self, record: DeviceRecord, frame: DataFrame) -> None:
        now_us = self.now_us()
        device = self._fleet.by_eui[record.dev_eui]
        record.heard(now_us, seqno=frame.f_cnt, rssi_dbm=device.rssi_dbm, snr_db=device.snr_db)
        record.cur_dr = self._uplink_dr
        msg_id = self.downlinks.acknowledged(record.dev_eui) if frame.ack else None
        for port, payload in spoken(frame.f_port, frame.payload):
            self.groups.on_uplink(record.dev_eui, port, payload, now_us)
            for job in list(self._jobs.values()) if port == FRAGMENTATION_FPORT else ():
                job.on_uplink(record.dev_eui, payload)
        if self._data_stream is not None and (frame.f_port or msg_id is not None):
            uplink = self._as_uplink(record, frame, msg_id)
            if self._rf_data:
                uplink = with_rf_data(uplink, self._region, rssi_dbm=device.rssi_dbm, snr_db=device.snr_db)
            self._data_stream.publish(uplink)

    def _as_uplink(self, record: DeviceRecord, frame: DataFrame, msg_id: int | None) -> Uplink:
        """What the data stream tells of it; `msg_id`: of the downlink that it acknowledges."""
        return Uplink(
            dev_eui=record.dev_eui,
            gw_eui=GATEWAY_EUI,
            join_id=record.join_id,
            pdu=frame.payload,
            port=frame.f_port,
            seqno=frame.f_cnt,
            txtime=datetime.fromtimestamp(self.now_us() // 1000 / 1000, UTC),
            app_eui=record.app_eui,
            ack=None if msg_id is None else True,
            ack_dn_msg_id=msg_id,
            dev_class=record.dev_class,
            dev_type=record.dev_type or None,
            tags=record.tags,
            metadata=record.metadata or None,
            cfg_lat=record.lat,
            cfg_lng=record.lng,
            fw_version=record.fw_ver or None,
        )

    def _find(self, job_id: str | None, app_eui: str | None) -> TransferJob:
        if app_eui is not None:
            app_eui = self.directory.application(app_eui).app_eui
        found = (
            job
            for of, job in self._jobs.items()
            if job_id in (None, job.job_id) and app_eui in (None, of) and not self._is_removed(job)
        )
        if (job := next(found, None)) is None:
            raise NotFoundError(f"No job could be found with {job_id or app_eui}")
        return job

    def _is_removed(self, job: TransferJob) -> bool:
        return self._forgets and bool(job.end_us) and self.now_us() > job.end_us + REMOVED_AFTER_US


def _answer(job: TransferJob, message: str) -> dict[str, Any]:
    return {"jobId": job.job_id, "responseMsg": message, "statusCode": 200}


def _clock(seconds: int) -> str:
    return f"{seconds // 3600:02d}:{seconds // 60 % 60:02d}:{seconds % 60:02d}"
