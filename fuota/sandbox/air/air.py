"""What is between the network and its devices: frames, when they are heard, and what devices do of themselves.

A device of class A is reached after an uplink only. It has one every uplink period, at its own moment; an empty one is acted out
only while something waits for the device, since nobody would notice the others.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from functools import partial
from typing import Protocol

from fuota.device import IMAGE_REPORT_FPORT, Answer
from fuota.device.stack.clock import SECOND_US
from fuota.lorawan import clock_sync, firmware_management, multi_package, multicast_setup
from fuota.lorawan.fragmentation import FPORT as FRAGMENTATION_FPORT
from fuota.lorawan.fragmentation import FragDataBlockReceivedReq, FragSessionStatusAns
from fuota.lorawan.gps_time import gps_seconds
from fuota.lorawan.mac.data_frames import DataFrame
from fuota.radio import Region
from fuota.sandbox.air.mac import Downlink, Mac
from fuota.sandbox.air.multi_package import spoken
from fuota.sandbox.devices.fleet import Fleet, VirtualDevice
from fuota.sandbox.server.records import DeviceRecord

RX1_US = SECOND_US
"""From an uplink to the device's first receive window (RECEIVE_DELAY1, RP002-1.0.4)."""
AGAIN_US = 2 * SECOND_US
"""Between two downlinks to a device that listens all the time."""
IMAGE_REPORTS = 3
JOIN_ATTEMPTS = 8

RECEIVED_TOLD = 3
"""How often a device says that its block is whole, unless it is answered: as LoRa Basics Modem does."""

# What a device says, by port and CID, that ends a session for it.
_TOLD = (FRAGMENTATION_FPORT, bytes((FragSessionStatusAns.cid,)))
_RECEIVED = (FRAGMENTATION_FPORT, bytes((FragDataBlockReceivedReq.cid,)))
_LEFT = (multicast_setup.FPORT, bytes((multicast_setup.McGroupDeleteAns.cid,)))


class Source(Protocol):
    """Something of the server that has messages for single devices."""

    def next(self, dev_eui: str, now_us: int) -> Downlink | None:
        """The message to send this device now, if any: it counts as sent."""
        ...

    def waits(self, dev_eui: str, now_us: int) -> bool:
        """Whether there is, or will soon be, a message for it."""
        ...


class Time(Protocol):
    """Of the agenda: what is needed here."""

    def now_us(self) -> int:
        """Virtual time."""
        ...

    def at(self, time_us: int, action: Callable[[], None]) -> None:
        """Do something then."""
        ...


class Air:
    """Carries frames both ways. To be used with the agenda's lock held.

    `sources`: asked in their order when a device can hear. `on_uplink`: called with the record and the frame of each uplink
    that came through. `reports`: the application port on which devices say which image they run.
    """

    def __init__(self, *, time: Time, fleet: Fleet, mac: Mac, region: Region, uplink_period_us: int) -> None:
        self._time, self._fleet, self._mac, self._region = time, fleet, mac, region
        self._period_us = uplink_period_us
        self.sources: list[Source] = []
        self.on_uplink: Callable[[DeviceRecord, DataFrame], None] = lambda _record, _frame: None
        self.record_of: Callable[[str], DeviceRecord | None] = lambda _dev_eui: None
        self._planned: set[str] = set()
        self._reporting_until_us: dict[str, int] = {}
        self._begun_us = time.now_us()
        unix_s = self._begun_us // SECOND_US
        self._gps_ahead_us = (gps_seconds(datetime.fromtimestamp(unix_s, UTC)) - unix_s) * SECOND_US
        for device in fleet.by_eui.values():
            device.multicast.region = region

    @property
    def uplink_period_us(self) -> int:
        """How often a device has an uplink."""
        return self._period_us

    def gps_us(self, time_us: int) -> int:
        """GPS time of a moment of the agenda. No leap second has been inserted since 2017, and none is to come."""
        return time_us + self._gps_ahead_us

    def unix_us(self, gps_us: int) -> int:
        """The moment of the agenda with this GPS time."""
        return gps_us - self._gps_ahead_us

    def at_gps(self, gps_us: int, action: Callable[[], None]) -> None:
        """Do something at a moment of GPS time."""
        self._time.at(self.unix_us(gps_us), action)

    # Upwards

    def let_join(self, device: VirtualDevice) -> bool:
        """The device asks to join, and is answered, if nothing stands against it; no frame is lost here."""
        accept = self._mac.join(device.join_request(), self._time.now_us())
        if accept is not None:
            device.take_accept(accept)
        return accept is not None

    def appear(self, device: VirtualDevice, attempts: int = JOIN_ATTEMPTS) -> None:
        """A device is switched on: it joins with its next uplinks."""
        due_us = self._next_uplink_us(device)
        self._time.at(due_us, partial(self.uplink, device, None, b""))
        if device.session is None and attempts > 1:
            self._time.at(due_us, partial(self._appear_again, device, attempts - 1))

    def _appear_again(self, device: VirtualDevice, attempts: int) -> None:
        if device.session is None:
            self.appear(device, attempts)

    def uplink(self, device: VirtualDevice, port: int | None, payload: bytes) -> None:
        """A device transmits. What gets through is told, and gives the device a chance for a downlink."""
        self._tell_time(device)
        if device.session is None and not (device.hears() and device.hears() and self.let_join(device)):
            return
        frame = device.uplink(port, payload)
        if not device.hears() or (opened := self._mac.open(frame)) is None:
            return
        record, data = opened
        self.on_uplink(record, data)
        self._time.at(self._time.now_us() + RX1_US, partial(self._chance, device, ack=data.confirmed))

    def wake(self, dev_eui: str) -> None:
        """Something waits for this device: act out its uplinks from now on. In class C it can hear at once."""
        device = self._fleet.by_eui.get(dev_eui)
        if device is None or dev_eui in self._planned:
            return
        self._planned.add(dev_eui)
        if self._always_listens(dev_eui):
            self._time.at(self._time.now_us(), partial(self._chance, device))
        self._time.at(self._next_uplink_us(device), partial(self._contact, device))

    def _contact(self, device: VirtualDevice) -> None:
        """The uplink of the period, if anything still waits for the device."""
        self._planned.discard(device.dev_eui)
        now_us = self._time.now_us()
        if self._waits(device.dev_eui, now_us):
            self.uplink(device, None, b"")
            self.wake(device.dev_eui)

    def _next_uplink_us(self, device: VirtualDevice) -> int:
        # Counted from the beginning: what happens must not depend on the time of day.
        first_us = self._begun_us + int(device.phase * self._period_us)
        return first_us + ((self._time.now_us() - first_us) // self._period_us + 1) * self._period_us

    # Downwards

    def _always_listens(self, dev_eui: str) -> bool:
        record = self.record_of(dev_eui)
        return record is not None and record.dev_class != "A"

    def _waits(self, dev_eui: str, now_us: int) -> bool:
        return any(source.waits(dev_eui, now_us) for source in self.sources)

    def _chance(self, device: VirtualDevice, *, ack: bool = False) -> None:
        """The device can hear: send it the next message there is for it."""
        now_us, dev_eui = self._time.now_us(), device.dev_eui
        found = (source.next(dev_eui, now_us) for source in self.sources)
        message = next((one for one in found if one is not None), None)
        if message is not None or ack:
            self.unicast(device, message or Downlink(port=None, payload=b""), ack=ack)
        if self._waits(dev_eui, now_us):
            self.wake(dev_eui)
            if message is not None and self._always_listens(dev_eui):
                self._time.at(now_us + AGAIN_US, partial(self._chance, device))

    def unicast(self, device: VirtualDevice, message: Downlink, *, ack: bool = False) -> None:
        """Send one device a frame, which it may not hear."""
        record = self.record_of(device.dev_eui)
        frame = None if record is None else self._mac.downlink(record, message, ack=ack)
        if frame is None or not device.hears():
            return
        self._tell_time(device)
        port, answers = device.hear(frame)
        self._answer(device, port, answers)
        if device.session is not None and device.session.ack_due and not answers:
            self._time.at(self._time.now_us(), partial(self._acknowledge, device))

    def call_out(self, dev_eui: str, message: Downlink) -> None:
        """Send a frame without waiting for a chance: a device of class A does not hear it."""
        device, record = self._fleet.by_eui.get(dev_eui), self.record_of(dev_eui)
        if device is not None and self._always_listens(dev_eui):
            self.unicast(device, message)
        elif record is not None:
            self._mac.downlink(record, message)

    def multicast(self, phy_payload: bytes, mc_addr: int, *, frequency_hz: int, data_rate: int) -> None:
        """A frame to a group begins now: every device whose radio listens for it may hear it."""
        gps_us = self.gps_us(self._time.now_us())
        for device in self._fleet.by_eui.values():
            group = device.multicast.group_at(mc_addr)
            if group is None:
                continue
            device.clock.true_us = gps_us
            listens = group.listens(device.clock, self._region, frequency_hz=frequency_hz, data_rate=data_rate)
            if listens and device.hears_next():
                port, answers = device.hear_multicast(group, phy_payload)
                self._answer(device, port, answers)

    def _acknowledge(self, device: VirtualDevice) -> None:
        """An empty uplink, unless another one has carried the acknowledgement by now."""
        if device.session is not None and device.session.ack_due:
            self.uplink(device, None, b"")

    # What devices do of themselves

    def _tell_time(self, device: VirtualDevice) -> None:
        device.clock.true_us = self.gps_us(self._time.now_us())

    def _answer(self, device: VirtualDevice, port: int | None, answers: Iterable[Answer]) -> None:
        """Plan the answers, each after its delay, and what else a message has set going."""
        now_us = self._time.now_us()
        for answer in answers:
            delay_us = int(device.rng.uniform(0, answer.max_delay_s) * SECOND_US) if answer.max_delay_s else 0
            self._time.at(now_us + delay_us, partial(self._send_answer, device, port, answer.payload))
        if port in {multicast_setup.FPORT, clock_sync.FPORT, multi_package.FPORT}:
            self._plan_ends(device)
        if port in {clock_sync.FPORT, multi_package.FPORT}:
            self._plan_question(device)
        reboot_us = device.management.reboot_us
        if reboot_us is not None and port in {firmware_management.FPORT, multi_package.FPORT}:
            self._time.at(self.unix_us(reboot_us), partial(self._reboot, device))

    def _send_answer(self, device: VirtualDevice, port: int | None, payload: bytes) -> None:
        """An answer goes up. Having told how far a session is, or having left its group, the device takes it for over."""
        self.uplink(device, port, payload)
        said = {(its_port, its_payload[:1]) for its_port, its_payload in spoken(port, payload)}
        if _RECEIVED in said:
            self._plan_repeat(device, payload[1] & 0x03, RECEIVED_TOLD - 1)
        if said & {_TOLD, _RECEIVED} or (_LEFT in said and device.session_heard):
            self._session_over(device)

    def _plan_repeat(self, device: VirtualDevice, frag_index: int, times: int) -> None:
        """TS004 version 2: the server is to answer that the block was received; until then it is told again."""
        if times and device.part is None:
            self._time.at(self._next_uplink_us(device), partial(self._repeat, device, frag_index, times))

    def _repeat(self, device: VirtualDevice, frag_index: int, times: int) -> None:
        if (answer := device.package.received_again(frag_index)) is not None:
            self.uplink(device, FRAGMENTATION_FPORT, answer.payload)
            self._plan_repeat(device, frag_index, times - 1)

    def _plan_ends(self, device: VirtualDevice) -> None:
        for mc_group_id in device.multicast.groups:
            ends_us = device.multicast.ends_us(mc_group_id)
            if ends_us is not None:
                self._time.at(self.unix_us(ends_us), partial(self._window_ends, device, mc_group_id))

    def _window_ends(self, device: VirtualDevice, mc_group_id: int) -> None:
        """The radio goes off, if the window has not been put off meanwhile."""
        self._tell_time(device)
        ends_us = device.multicast.ends_us(mc_group_id)
        if ends_us is None:
            return
        if ends_us > device.clock.true_us:  # put off, or the clock goes slow
            self._time.at(self.unix_us(ends_us), partial(self._window_ends, device, mc_group_id))
            return
        device.multicast.groups[mc_group_id].window = None
        if device.session_heard:
            self._session_over(device)

    def _session_over(self, device: VirtualDevice) -> None:
        """Start the image if there is one, and say which one runs with the next uplinks."""
        device.session_heard = False
        started = device.session_over()
        if device.autostart and (started or self._reporting_until_us.get(device.dev_eui, 0) <= self._time.now_us()):
            self._plan_reports(device)

    def _plan_reports(self, device: VirtualDevice) -> None:
        first_us = self._next_uplink_us(device)
        for k in range(IMAGE_REPORTS):
            due_us = first_us + k * self._period_us
            self._time.at(due_us, partial(self._report, device))
        self._reporting_until_us[device.dev_eui] = due_us

    def _report(self, device: VirtualDevice) -> None:
        self.uplink(device, IMAGE_REPORT_FPORT, device.image_report())

    def _reboot(self, device: VirtualDevice) -> None:
        """A reboot that TS006 asked for, if it was not put off meanwhile."""
        self._tell_time(device)
        reboot_us = device.management.reboot_us
        if reboot_us is not None and reboot_us <= device.clock.true_us:
            device.reboot()
            self._plan_reports(device)

    def _plan_question(self, device: VirtualDevice) -> None:
        """TS003: when the device is to ask for the time."""
        asks_us = device.clock_sync.asks_at_us
        if asks_us is not None:
            due_us = max(self.unix_us(asks_us), self._next_uplink_us(device))
            self._time.at(due_us, partial(self._ask_time, device, asks_us))

    def _ask_time(self, device: VirtualDevice, planned_us: int) -> None:
        self._tell_time(device)
        if device.clock_sync.asks_at_us == planned_us:
            self.uplink(device, clock_sync.FPORT, device.clock_sync.request())
            self._plan_question(device)
