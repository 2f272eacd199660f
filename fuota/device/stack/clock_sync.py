"""The TS003 package of a device: it asks what time it is, and puts its clock right."""

from __future__ import annotations

from dataclasses import dataclass

from fuota.device.stack.clock import SECOND_US, DeviceClock
from fuota.device.stack.fragmentation import Answer
from fuota.lorawan.clock_sync import (
    PACKAGE_IDENTIFIER,
    AppTimeAns,
    AppTimeReq,
    DeviceAppTimePeriodicityAns,
    DeviceAppTimePeriodicityReq,
    ForceDeviceResyncReq,
    parse_downlink,
)
from fuota.lorawan.codec import PackageVersionAns, PackageVersionReq


@dataclass(slots=True)
class ClockSyncPackage:
    """TS003 on one device, no I/O: `receive` takes FRMPayloads of the package's port.

    `version`: what it says of itself, the octets are the same. It asks on its own where `asks_at_us` (true time) says so.
    """

    clock: DeviceClock
    version: int = 1
    _token: int = 0
    _period_us: int | None = None
    _asked_us: int = 0
    _left: int = 0

    def receive(self, payload: bytes, *, mc_group: int | None = None) -> list[Answer]:
        """Take a message and answer it. All of TS003 is unicast: what came on a multicast group is dropped."""
        if mc_group is not None:
            return []
        return [answer for command in parse_downlink(payload).commands for answer in self._on(command)]

    def request(self, *, answer_required: bool = True) -> bytes:
        """AppTimeReq: what the clock says now. The token stays until it is answered."""
        self._asked_us, self._left = self.clock.true_us, max(0, self._left - 1)
        request = AppTimeReq(device_time_s=self.clock.wire_s, token=self._token, answer_required=answer_required)
        return request.to_bytes()

    @property
    def asks_at_us(self) -> int | None:
        """When it is to ask next, in true time; None where nobody told it to. Already past: with its next uplink."""
        if self._left:
            return self._asked_us
        return None if self._period_us is None else self._asked_us + self._period_us

    def _on(self, command: object) -> list[Answer]:
        match command:
            case PackageVersionReq():
                version = PackageVersionAns(package_identifier=PACKAGE_IDENTIFIER, package_version=self.version)
                return [Answer(payload=version.to_bytes())]
            case AppTimeAns() if command.token == self._token:
                self.clock.correct(command.time_correction_s)
                self._token, self._left = (self._token + 1) % 16, 0
            case DeviceAppTimePeriodicityReq():
                self._period_us, self._asked_us = command.interval_s * SECOND_US, self.clock.true_us
                period = DeviceAppTimePeriodicityAns(device_time_s=self.clock.wire_s)
                return [Answer(payload=period.to_bytes())]
            case ForceDeviceResyncReq() if command.nb_transmissions:
                self._left = command.nb_transmissions
                return [Answer(payload=self.request())]
            case _:
                pass
        return []
