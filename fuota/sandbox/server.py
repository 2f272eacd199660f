"""The network server of the sandbox, without its HTTP: applications, tasks, and what goes up the data stream."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Any

from fuota.device import IMAGE_REPORT_FPORT
from fuota.errors import BadRequestError, NotFoundError
from fuota.fragmentation import FragmentationSession
from fuota.lorawan import FPORT as FRAGMENTATION_FPORT
from fuota.network import TransferRequest, Uplink
from fuota.radio import Region, fragment_phy_bytes, largest_frag_size
from fuota.sandbox.agenda import Agenda
from fuota.sandbox.data_stream import DataStream
from fuota.sandbox.downlinks import Downlinks
from fuota.sandbox.fleet import Fleet, VirtualDevice
from fuota.sandbox.records import Application, DeviceRecord, DeviceState, Directory
from fuota.sandbox.transfer_job import Participant, TransferJob, frames_of

REMOVED_AFTER_US = 15 * 60 * 1_000_000
"""As long as the reference keeps the status of other tasks ("available for 15 minutes after the task completes")."""
GATEWAY_EUI = "02000000F007F001"
LONGEST_TASK_US = 366 * 24 * 3600 * 1_000_000
"""Longer than any task, short of what dates and waits can hold."""


class NetworkServer:
    """Runs the tasks of one application. Every public method takes the agenda's lock."""

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
    ) -> None:
        self.app_eui = app_eui
        self.directory = directory or Directory([Application(app_eui=app_eui, join_eui=app_eui)])
        self.downlinks = downlinks or Downlinks()
        # The app calls groups.setup/add/remove/status/send/delete with the wire's parameters in snake_case, addresses as on the
        # wire and EUIs as tuples; each returns the JSON of the reference.
        self.groups: Any = None
        for device in fleet.by_eui.values():
            self.directory.power_on(self._record_of(device, agenda.now_us()))
        self._region = region
        self._fleet = fleet
        self._agenda = agenda
        self._data_stream = data_stream
        self._uplink_period_us = uplink_period_s * 1_000_000
        self._job: TransferJob | None = None

    def start_transfer(self, request: TransferRequest, image: bytes) -> dict[str, Any]:
        """mcastTransfer. Raises NotFoundError, BadRequestError, and PlanError where the image cannot be sent so."""
        with self._agenda.lock:
            self._check_application(request.app_eui)
            if self._job is not None and self._job.active:
                raise BadRequestError(
                    f"{self._job.job_id} is {self._job.state.lower()}: one job per Application at a time"
                )
            job = self._make_job(request, image)
            self._job = job
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
            chosen = self.targets(dev_euis, dev_tags)
            for device in chosen:
                job.remove(device.dev_eui)
            return _answer(job, f"MCastXferJobReq job cancelled for {len(chosen)} devices.")

    def targets(self, dev_euis: Sequence[str] | None, dev_tags: Sequence[str] | None) -> list[VirtualDevice]:
        """The devices of a list of EUIs, or those that carry one of the tags. Raises NotFoundError."""
        if dev_euis is None:
            if found := self._fleet.with_tags(dev_tags or ()):
                return found
            raise NotFoundError(f"No device carries a tag of {', '.join(dev_tags or ())}")
        if unknown := [eui for eui in dev_euis if eui not in self._fleet.by_eui]:
            raise NotFoundError(f"Device EUI was not found: {', '.join(unknown[:3])} ({len(unknown)} in all)")
        return [self._fleet.by_eui[eui] for eui in dev_euis]

    def send_to_address(
        self,
        app_eui: str,
        addr: int,
        pdu: bytes,  # noqa: ARG002
        *,
        port: int,  # noqa: ARG002
        bstn_euis: Sequence[str],  # noqa: ARG002
    ) -> int:
        """sendmcastmsg, by base stations, to whoever has the session keys of an address; the message's number.

        Raises NotFoundError where the application has no such device.
        """
        with self._agenda.lock:
            record = self.directory.by_address(addr)
            if record is None or record.app_eui != app_eui:
                raise NotFoundError(
                    f"Device EUI was not found: no device of the application has the address {addr:08X}"
                )
            return self.downlinks.new_msg_id()

    def activated(self, record: DeviceRecord) -> None:
        """A device may join from now on."""

    # What a task needs around it.

    def now_us(self) -> int:
        """Virtual time."""
        return self._agenda.now_us()

    def at(self, time_us: int, action: Callable[[], None]) -> None:
        """Plan an action."""
        self._agenda.at(time_us, action)

    def image_report_due(self, device: VirtualDevice) -> None:
        """The device says which image it runs."""
        self.uplink(device, IMAGE_REPORT_FPORT, device.image_report())

    def uplink(self, device: VirtualDevice, port: int, payload: bytes) -> None:
        """A device transmits. What gets through is used by the task and goes up the data stream."""
        device.seqno += 1
        if not device.hears():
            return
        if self._job is not None and port == FRAGMENTATION_FPORT:
            self._job.on_uplink(device, payload)
        if self._data_stream is not None:
            self._data_stream.publish(self._as_uplink(device, port, payload))

    def _record_of(self, device: VirtualDevice, now_us: int) -> DeviceRecord:
        """The device as the server knows it: it joined before the sandbox began."""
        application = self.directory.application(self.app_eui)
        return DeviceRecord(
            dev_eui=device.dev_eui,
            app_eui=application.app_eui,
            join_eui=application.join_eui,
            contract_id=application.contract_id,
            profile_id=application.profile_id,
            state=DeviceState.JOINED,
            join_id=1,
            dev_class="C",
            tags=(device.tag,),
            registered_us=now_us,
            activated_us=now_us,
            first_join_us=now_us,
            last_join_us=now_us,
        )

    def _as_uplink(self, device: VirtualDevice, port: int, payload: bytes) -> Uplink:
        return Uplink(
            dev_eui=device.dev_eui,
            gw_eui=GATEWAY_EUI,
            join_id=1,
            pdu=payload,
            port=port,
            seqno=device.seqno,
            txtime=datetime.fromtimestamp(self.now_us() // 1000 / 1000, UTC),
            app_eui=self.app_eui,
            dev_class="C",
            tags=(device.tag,),
        )

    def _make_job(self, request: TransferRequest, image: bytes) -> TransferJob:
        devices = self.targets(request.dev_euis, request.dev_tags)
        data_rate = self._region.rx2_data_rate if request.tx_data_rate is None else request.tx_data_rate
        frag_size = largest_frag_size(self._region, data_rate, cap=request.max_frag_size)
        coded = request.frag_alg == "FWD_ERR_CORR"
        session = FragmentationSession.fit(
            image,
            frag_size=frag_size,
            redundancy=float(request.redundancy) if coded else 0,
            version=request.frag_pkg_ver,
        )
        frames = frames_of(session, request)
        on_air_us = self._region.data_rate(data_rate).time_on_air_us(fragment_phy_bytes(frag_size))
        interval_us = on_air_us + request.millis_between_pkts * 1000
        if request.start_delay_s * 1_000_000 + len(frames) * interval_us > LONGEST_TASK_US:
            raise BadRequestError("the task would not end within 366 days: lower startDelaySecs or millisBetweenPkts")
        return TransferJob(
            job_id=f"MCastXferJobReq:{self.app_eui}",
            request=request,
            session=session,
            interval_us=interval_us,
            uplink_period_us=self._uplink_period_us,
            around=self,
            participants={
                device.dev_eui: Participant(device, device.loss.heard(len(frames), device.rng)) for device in devices
            },
            frames=frames,
        )

    def _find(self, job_id: str | None, app_eui: str | None) -> TransferJob:
        if app_eui is not None:
            self._check_application(app_eui)
        job = self._job
        if job is None or (job_id is not None and job_id != job.job_id) or self._is_removed(job):
            raise NotFoundError(f"No job could be found with {job_id or app_eui}")
        return job

    def _is_removed(self, job: TransferJob) -> bool:
        return bool(job.end_us) and self.now_us() > job.end_us + REMOVED_AFTER_US

    def _check_application(self, app_eui: str) -> None:
        if app_eui.upper() != self.app_eui:
            raise NotFoundError(f"Application EUI {app_eui} was not found")


def _answer(job: TransferJob, message: str) -> dict[str, Any]:
    return {"jobId": job.job_id, "responseMsg": message, "statusCode": 200}


def _clock(seconds: int) -> str:
    return f"{seconds // 3600:02d}:{seconds // 60 % 60:02d}:{seconds % 60:02d}"
