"""Frames between the network and its devices, and the uplinks that devices send on their own initiative.

A device of class A can be reached only after an uplink. It has one uplink in every uplink period, at a fixed moment. An empty
uplink is simulated only while a message waits for the device, since nobody would notice the others.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import partial
from typing import Protocol

from fuota.device import IMAGE_REPORT_FPORT, Answer
from fuota.lorawan import clock_sync, firmware_management, multi_package, multicast_setup
from fuota.lorawan.fragmentation import FPORT as FRAGMENTATION_FPORT
from fuota.lorawan.fragmentation import FragDataBlockReceivedReq, FragSessionStatusAns
from fuota.lorawan.mac.data_frames import DataFrame
from fuota.radio import Region
from fuota.sandbox.air.clock import SECOND_US, Clock, gps_us, unix_us
from fuota.sandbox.air.downlink import Downlink, DownlinkSource
from fuota.sandbox.air.mac import Mac
from fuota.sandbox.air.multi_package import split
from fuota.sandbox.devices.virtual_device import VirtualDevice
from fuota.sandbox.server.records import RegisteredDevice

RX1_US = SECOND_US
"""Time from an uplink to the device's first receive window (RECEIVE_DELAY1, RP002-1.0.4)."""
REPEAT_US = 2 * SECOND_US
"""Time between two downlinks to a device that listens all the time."""
IMAGE_REPORTS = 3
"""Number of image reports that a device sends after a session or a reboot."""
JOIN_ATTEMPTS = 8
"""Number of uplink periods in which a new device tries to join."""
RECEIVED_REPORTS = 3
"""Number of times that a device reports a whole block if the server does not answer, as in LoRa Basics Modem."""

# Answers of a device, as (FPort, CID), that end a session on the device.
_STATUS_SENT = (FRAGMENTATION_FPORT, bytes((FragSessionStatusAns.cid,)))
_BLOCK_RECEIVED = (FRAGMENTATION_FPORT, bytes((FragDataBlockReceivedReq.cid,)))
_GROUP_LEFT = (multicast_setup.FPORT, bytes((multicast_setup.McGroupDeleteAns.cid,)))


class NetworkSide(DownlinkSource, Protocol):
    """The network server as the air sees it."""

    def on_uplink(self, record: RegisteredDevice, frame: DataFrame) -> None:
        """Take an uplink that came through."""
        ...


class Air:
    """Frames in both directions. To be used with the clock's lock held.

    devices: all devices by EUI; devices may be added later. mac: sessions of the network. network: gives downlinks, takes uplinks.
    uplink_period_us: time between two uplinks of a device.
    """

    def __init__(
        self,
        *,
        clock: Clock,
        devices: Mapping[str, VirtualDevice],
        mac: Mac,
        network: NetworkSide,
        region: Region,
        uplink_period_us: int,
    ) -> None:
        self._clock, self._devices, self._mac, self._network, self._region = clock, devices, mac, network, region
        self.uplink_period_us = uplink_period_us
        self._planned: set[str] = set()
        self._reporting_until_us: dict[str, int] = {}
        self._begun_us = clock.now_us()

    # Uplinks

    def let_join(self, device: VirtualDevice) -> bool:
        """Let the device send a join request and hear the answer; no frame is lost. Return whether the device has joined."""
        accept = self._mac.join(device.join_request(), self._clock.now_us())
        if accept is not None:
            device.take_accept(accept)
        return accept is not None

    def appear(self, device: VirtualDevice, attempts: int = JOIN_ATTEMPTS) -> None:
        """Switch a device on: it joins with its next uplinks. attempts: number of uplink periods in which it tries."""
        due_us = self._next_uplink_us(device)
        self._clock.at(due_us, partial(self.uplink, device, None, b""))
        if device.session is None and attempts > 1:
            self._clock.at(due_us, partial(self._appear_again, device, attempts - 1))

    def _appear_again(self, device: VirtualDevice, attempts: int) -> None:
        if device.session is None:
            self.appear(device, attempts)

    def uplink(self, device: VirtualDevice, port: int | None, payload: bytes) -> None:
        """Let a device transmit. If the uplink comes through, the network takes it and may send a downlink."""
        self._set_true_time(device)
        if device.session is None and not (device.hears() and device.hears() and self.let_join(device)):
            return
        frame = device.uplink(port, payload)
        if not device.hears() or (opened := self._mac.open(frame)) is None:
            return
        record, data = opened
        self._network.on_uplink(record, data)
        self._clock.at(self._clock.now_us() + RX1_US, partial(self._send_next, device, ack=data.confirmed))

    def wake(self, dev_eui: str) -> None:
        """Simulate the uplinks of a device from now on, since a message waits for it. In class C it can hear at once."""
        device = self._devices.get(dev_eui)
        if device is None or dev_eui in self._planned:
            return
        self._planned.add(dev_eui)
        if self._always_listens(dev_eui):
            self._clock.at(self._clock.now_us(), partial(self._send_next, device))
        self._clock.at(self._next_uplink_us(device), partial(self._contact, device))

    def _contact(self, device: VirtualDevice) -> None:
        """Send the uplink of the period if a message still waits for the device."""
        self._planned.discard(device.dev_eui)
        if self._network.waits(device.dev_eui, self._clock.now_us()):
            self.uplink(device, None, b"")
            self.wake(device.dev_eui)

    def _next_uplink_us(self, device: VirtualDevice) -> int:
        # Counted from the beginning of the simulation: the result must not depend on the time of day.
        first_us = self._begun_us + int(device.phase * self.uplink_period_us)
        return first_us + ((self._clock.now_us() - first_us) // self.uplink_period_us + 1) * self.uplink_period_us

    # Downlinks

    def _always_listens(self, dev_eui: str) -> bool:
        record = self._mac.record(dev_eui)
        return record is not None and record.dev_class != "A"

    def _send_next(self, device: VirtualDevice, *, ack: bool = False) -> None:
        """Send the next message to a device that can hear now."""
        now_us, dev_eui = self._clock.now_us(), device.dev_eui
        message = self._network.next(dev_eui, now_us)
        if message is not None or ack:
            self.unicast(device, message or Downlink(port=None, payload=b""), ack=ack)
        if self._network.waits(dev_eui, now_us):
            self.wake(dev_eui)
            if message is not None and self._always_listens(dev_eui):
                self._clock.at(now_us + REPEAT_US, partial(self._send_next, device))

    def unicast(self, device: VirtualDevice, message: Downlink, *, ack: bool = False) -> None:
        """Send a frame to one device. The frame may be lost."""
        record = self._mac.record(device.dev_eui)
        frame = None if record is None else self._mac.downlink(record, message, ack=ack)
        if frame is None or not device.hears():
            return
        self._set_true_time(device)
        port, answers = device.hear(frame)
        self._plan_answers(device, port, answers)
        if device.session is not None and device.session.ack_due and not answers:
            self._clock.at(self._clock.now_us(), partial(self._acknowledge, device))

    def send_at_once(self, dev_eui: str, message: Downlink) -> None:
        """Send a frame without waiting for an uplink. A device of class A does not hear it."""
        device, record = self._devices.get(dev_eui), self._mac.record(dev_eui)
        if device is not None and self._always_listens(dev_eui):
            self.unicast(device, message)
        elif record is not None:
            self._mac.downlink(record, message)

    def multicast(self, phy_payload: bytes, mc_addr: int, *, frequency_hz: int, data_rate: int) -> None:
        """Send a frame to a group now. Every device whose radio listens on this frequency and data rate may hear it."""
        now_gps_us = gps_us(self._clock.now_us())
        for device in self._devices.values():
            group = device.multicast.group_at(mc_addr)
            if group is None:
                continue
            device.clock.true_us = now_gps_us
            listens = group.listens(device.clock, self._region, frequency_hz=frequency_hz, data_rate=data_rate)
            if listens and device.hears_next():
                port, answers = device.hear_multicast(group, phy_payload)
                self._plan_answers(device, port, answers)

    def _acknowledge(self, device: VirtualDevice) -> None:
        """Send an empty uplink, unless another uplink has carried the acknowledgement by now."""
        if device.session is not None and device.session.ack_due:
            self.uplink(device, None, b"")

    # Actions that devices take on their own initiative

    def _set_true_time(self, device: VirtualDevice) -> None:
        device.clock.true_us = gps_us(self._clock.now_us())

    def _plan_answers(self, device: VirtualDevice, port: int | None, answers: Iterable[Answer]) -> None:
        """Plan the answers to a message, each after its delay, and everything else that the message has started."""
        now_us = self._clock.now_us()
        for answer in answers:
            delay_us = int(device.rng.uniform(0, answer.max_delay_s) * SECOND_US) if answer.max_delay_s else 0
            self._clock.at(now_us + delay_us, partial(self._send_answer, device, port, answer.payload))
        if port in {multicast_setup.FPORT, clock_sync.FPORT, multi_package.FPORT}:
            self._plan_session_ends(device)
        if port in {clock_sync.FPORT, multi_package.FPORT}:
            self._plan_time_request(device)
        reboot_us = device.management.reboot_us
        if reboot_us is not None and port in {firmware_management.FPORT, multi_package.FPORT}:
            self._clock.at(unix_us(reboot_us), partial(self._reboot, device))

    def _send_answer(self, device: VirtualDevice, port: int | None, payload: bytes) -> None:
        """Send an answer. After it has reported its status or left its group, the device considers the session over."""
        self.uplink(device, port, payload)
        commands = {(package_port, message[:1]) for package_port, message in split(port, payload)}
        if _BLOCK_RECEIVED in commands:
            self._plan_received_report(device, payload[1] & 0x03, RECEIVED_REPORTS - 1)
        if commands & {_STATUS_SENT, _BLOCK_RECEIVED} or (_GROUP_LEFT in commands and device.session_heard):
            self._end_session(device)

    def _plan_received_report(self, device: VirtualDevice, frag_index: int, times: int) -> None:
        """Plan to report again that the block is whole (TS004 version 2), until the server answers."""
        if times and device.firmware is None:
            self._clock.at(self._next_uplink_us(device), partial(self._send_received_report, device, frag_index, times))

    def _send_received_report(self, device: VirtualDevice, frag_index: int, times: int) -> None:
        if (answer := device.package.pending_completion(frag_index)) is not None:
            self.uplink(device, FRAGMENTATION_FPORT, answer.payload)
            self._plan_received_report(device, frag_index, times - 1)

    def _plan_session_ends(self, device: VirtualDevice) -> None:
        for mc_group_id in device.multicast.groups:
            end_us = device.multicast.session_end_us(mc_group_id)
            if end_us is not None:
                self._clock.at(unix_us(end_us), partial(self._close_window, device, mc_group_id))

    def _close_window(self, device: VirtualDevice, mc_group_id: int) -> None:
        """Switch the radio off at the end of a multicast session, unless the session was extended meanwhile."""
        self._set_true_time(device)
        end_us = device.multicast.session_end_us(mc_group_id)
        if end_us is None:
            return
        if end_us > device.clock.true_us:  # the session was extended, or the clock of the device is slow
            self._clock.at(unix_us(end_us), partial(self._close_window, device, mc_group_id))
            return
        device.multicast.groups[mc_group_id].window = None
        if device.session_heard:
            self._end_session(device)

    def _end_session(self, device: VirtualDevice) -> None:
        """Start the received image if there is one, and report the running image with the next uplinks."""
        device.session_heard = False
        started = device.end_session()
        if device.autostart and (started or self._reporting_until_us.get(device.dev_eui, 0) <= self._clock.now_us()):
            self._plan_image_reports(device)

    def _plan_image_reports(self, device: VirtualDevice) -> None:
        first_us = self._next_uplink_us(device)
        for k in range(IMAGE_REPORTS):
            due_us = first_us + k * self.uplink_period_us
            self._clock.at(due_us, partial(self._send_image_report, device))
        self._reporting_until_us[device.dev_eui] = due_us

    def _send_image_report(self, device: VirtualDevice) -> None:
        self.uplink(device, IMAGE_REPORT_FPORT, device.image_report())

    def _reboot(self, device: VirtualDevice) -> None:
        """Reboot a device as TS006 has requested, unless the reboot was postponed meanwhile."""
        self._set_true_time(device)
        reboot_us = device.management.reboot_us
        if reboot_us is not None and reboot_us <= device.clock.true_us:
            device.reboot()
            self._plan_image_reports(device)

    def _plan_time_request(self, device: VirtualDevice) -> None:
        """Plan when the device requests the time (TS003)."""
        planned_us = device.clock_sync.next_request_us
        if planned_us is not None:
            due_us = max(unix_us(planned_us), self._next_uplink_us(device))
            self._clock.at(due_us, partial(self._request_time, device, planned_us))

    def _request_time(self, device: VirtualDevice, planned_us: int) -> None:
        self._set_true_time(device)
        if device.clock_sync.next_request_us == planned_us:
            self.uplink(device, clock_sync.FPORT, device.clock_sync.request())
            self._plan_time_request(device)
