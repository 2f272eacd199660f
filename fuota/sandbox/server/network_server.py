"""The network server of the sandbox: its applications, devices, downlinks, groups and transfers, and its data stream."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Protocol

from fuota.errors import NotFoundError
from fuota.lorawan.mac.data_frames import DataFrame
from fuota.network.uplinks import Uplink
from fuota.radio import Region
from fuota.sandbox.air.air import Air
from fuota.sandbox.air.clock import SECOND_US, Clock
from fuota.sandbox.air.downlink import Downlink, DownlinkSource
from fuota.sandbox.air.mac import Mac
from fuota.sandbox.air.multi_package import split
from fuota.sandbox.devices.devices_for_records import device_for_record, record_for_device
from fuota.sandbox.devices.fleet import VirtualFleet
from fuota.sandbox.devices.virtual_device import VirtualDevice
from fuota.sandbox.server.api_groups import ApiGroups
from fuota.sandbox.server.downlinks import DownlinkQueues, QueueSource
from fuota.sandbox.server.faults import Faults
from fuota.sandbox.server.multicast_groups import MulticastGroups
from fuota.sandbox.server.records import Application, RegisteredDevice
from fuota.sandbox.server.rf_data import uplink_rate, with_rf_data
from fuota.sandbox.server.saved_state import SavedState
from fuota.sandbox.server.transfers import SimulatedTransfers

GATEWAY_EUI = "02000000F007F001"
_NO_FAULTS = Faults()


class UplinkSink(Protocol):
    """Receiver of all uplinks, such as a `DataStream`."""

    def publish(self, uplink: Uplink) -> None:
        """Take one uplink and return at once."""
        ...


class NetworkServer:
    """The server and its fleet. To be used with the clock's lock held, except for `uplink`.

    applications: the applications; the first has the fleet. region: its radio rules. fleet: its devices. clock: virtual time.
    data_stream: receiver of uplinks, or None. uplink_period_s: time between two uplinks of a device. saved: state of an earlier
    sandbox. faults: only stall_at_pct is used here. forgets: whether ended transfers are removed after 15 minutes; on a clock
    that does not wait, these would be over at once. rf_data: whether the data stream reports the radio parameters and signal
    quality of uplinks.
    """

    def __init__(  # noqa: PLR0913 - the parts of a server
        self,
        *,
        applications: Sequence[Application],
        region: Region,
        fleet: VirtualFleet,
        clock: Clock,
        data_stream: UplinkSink | None,
        uplink_period_s: int,
        saved: SavedState | None = None,
        faults: Faults = _NO_FAULTS,
        forgets: bool = True,
        rf_data: bool = False,
    ) -> None:
        saved = saved or SavedState()
        self.directory = saved.directory(applications)
        self.mac = Mac(self.directory)
        self._region, self._fleet, self._clock, self._data_stream = region, fleet, clock, data_stream
        self._rf_data, self._uplink_dr = rf_data, uplink_rate(region).index
        period_us = uplink_period_s * SECOND_US
        self.air = Air(
            clock=clock, devices=fleet.by_eui, mac=self.mac, network=self, region=region, uplink_period_us=period_us
        )
        self.downlinks = DownlinkQueues(saved.downlinks, first_msg_id=saved.last_msg_id + 1, on_queued=self.air.wake)
        self.groups = MulticastGroups(air=self.air, clock=clock, region=region)
        self.api_groups = ApiGroups(
            groups=self.groups,
            directory=self.directory,
            clock=clock,
            region=region,
            new_msg_id=self.downlinks.new_msg_id,
        )
        self.transfers = SimulatedTransfers(
            directory=self.directory,
            groups=self.groups,
            air=self.air,
            clock=clock,
            region=region,
            stall_at_pct=faults.stall_at_pct,
            forgets=forgets,
        )
        queue_source = QueueSource(self.downlinks, resend_us=period_us)
        self._sources: tuple[DownlinkSource, ...] = (self.groups, self.transfers, queue_source)
        self._power_on(applications[0])

    def _power_on(self, application: Application) -> None:
        """Let the devices of the fleet join, and the devices of a state file join again."""
        for device in self._fleet.by_eui.values():
            record = record_for_device(device, application, self._clock.now_us())
            known = self.directory.devices.get(device.dev_eui)
            self.directory.devices[device.dev_eui] = record
            self.air.let_join(device)
            if known is not None:
                self.directory.devices[device.dev_eui] = known
                self.directory.power_on(record)
        for record in list(self.directory.devices.values()):
            if record.may_join and record.dev_eui not in self._fleet.by_eui:
                self.add_device(record)
        for dev_eui in {downlink.dev_eui for downlink in self.downlinks.snapshot(self._clock.now_us())}:
            self.air.wake(dev_eui)

    def send_to_address(self, app_eui: str, addr: int, pdu: bytes, *, port: int) -> int:
        """Send a message to a group or to the device with this address (sendmcastmsg). Return the number of the message.

        A device of class A does not listen at that moment. Raises NotFoundError if the application has no such device, and the
        errors of `ApiGroups.send`.
        """
        if (msg_id := self.api_groups.send_to_address(app_eui, addr, pdu, port)) is not None:
            return msg_id
        record = self.directory.by_address(addr)
        if record is None or record.app_eui != app_eui:
            raise NotFoundError(f"Device EUI was not found: no device of the application has the address {addr:08X}")
        self.air.send_at_once(record.dev_eui, Downlink(port=port, payload=pdu))
        return self.downlinks.new_msg_id()

    def add_device(self, record: RegisteredDevice) -> None:
        """Make the device of an activated record, if the fleet does not have it. It joins with its next uplinks."""
        device = self._fleet.by_eui.get(record.dev_eui)
        if device is None and (device := device_for_record(record, region=self._region)) is not None:
            self._fleet.by_eui[record.dev_eui] = device
            self.mac.begin(record)
            self.air.appear(device)

    def uplink(self, device: VirtualDevice, port: int | None, payload: bytes) -> None:
        """Let a device transmit on its own initiative. Takes the clock's lock."""
        with self._clock.lock:
            self.air.uplink(device, port, payload)

    # The server as the air sees it (`NetworkSide`)

    def waits(self, dev_eui: str, now_us: int) -> bool:
        """See `DownlinkSource`."""
        return any(source.waits(dev_eui, now_us) for source in self._sources)

    def next(self, dev_eui: str, now_us: int) -> Downlink | None:
        """See `DownlinkSource`."""
        messages = (source.next(dev_eui, now_us) for source in self._sources)
        return next((message for message in messages if message is not None), None)

    def on_uplink(self, record: RegisteredDevice, frame: DataFrame) -> None:
        """Take an uplink: groups and transfers use it, and it is posted to the data stream."""
        now_us = self._clock.now_us()
        device = self._fleet.by_eui[record.dev_eui]
        record.note_uplink(now_us, seqno=frame.f_cnt, rssi_dbm=device.rssi_dbm, snr_db=device.snr_db)
        record.cur_dr = self._uplink_dr
        msg_id = self.downlinks.acknowledge(record.dev_eui) if frame.ack else None
        for port, payload in split(frame.f_port, frame.payload):
            self.groups.on_uplink(record.dev_eui, port, payload, now_us)
            self.transfers.on_uplink(record.dev_eui, port, payload)
        if self._data_stream is not None and (frame.f_port or msg_id is not None):
            uplink = self._as_uplink(record, frame, msg_id)
            if self._rf_data:
                uplink = with_rf_data(uplink, self._region, rssi_dbm=device.rssi_dbm, snr_db=device.snr_db)
            self._data_stream.publish(uplink)

    def _as_uplink(self, record: RegisteredDevice, frame: DataFrame, msg_id: int | None) -> Uplink:
        """Return the uplink for the data stream. msg_id: number of the downlink that it acknowledges."""
        return Uplink(
            dev_eui=record.dev_eui,
            gw_eui=GATEWAY_EUI,
            join_id=record.join_id,
            pdu=frame.payload,
            port=frame.f_port,
            seqno=frame.f_cnt,
            txtime=datetime.fromtimestamp(self._clock.now_us() // 1000 / 1000, UTC),
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
