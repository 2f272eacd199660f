"""The TS003 package of a device, which requests the time and corrects the clock."""

from __future__ import annotations

from dataclasses import dataclass

from fuota.device.stack.clock import SECOND_US, PackageClock
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
    """TS003 on one device, without I/O: `receive` takes FRMPayloads of the package's port.

    clock: clock of the device. version: version that the package reports; the messages are the same in all versions.
    The runner of the device calls `request` at `next_request_us`.
    """

    clock: PackageClock
    version: int = 1
    _token: int = 0
    _period_us: int | None = None
    _last_request_us: int = 0
    _requests_left: int = 0

    def receive(self, payload: bytes, *, mc_group: int | None = None) -> list[Answer]:
        """Take a message and return the answers. TS003 is unicast, so messages to a multicast group are dropped."""
        if mc_group is not None:
            return []
        return [answer for command in parse_downlink(payload).commands for answer in self._on_command(command)]

    def request(self, *, answer_required: bool = True) -> bytes:
        """Return AppTimeReq with the time by the clock. The token stays the same until it is answered."""
        self._last_request_us, self._requests_left = self.clock.true_us, max(0, self._requests_left - 1)
        request = AppTimeReq(device_time_s=self.clock.wire_s, token=self._token, answer_required=answer_required)
        return request.to_bytes()

    @property
    def next_request_us(self) -> int | None:
        """True time of the next request; None if the server asked for none. A time in the past means the next uplink."""
        if self._requests_left:
            return self._last_request_us
        return None if self._period_us is None else self._last_request_us + self._period_us

    def _on_command(self, command: object) -> list[Answer]:
        match command:
            case PackageVersionReq():
                version = PackageVersionAns(package_identifier=PACKAGE_IDENTIFIER, package_version=self.version)
                return [Answer(payload=version.to_bytes())]
            case AppTimeAns() if command.token == self._token:
                self.clock.correct(command.time_correction_s)
                self._token, self._requests_left = (self._token + 1) % 16, 0
            case DeviceAppTimePeriodicityReq():
                self._period_us, self._last_request_us = command.interval_s * SECOND_US, self.clock.true_us
                period = DeviceAppTimePeriodicityAns(device_time_s=self.clock.wire_s)
                return [Answer(payload=period.to_bytes())]
            case ForceDeviceResyncReq() if command.nb_transmissions:
                self._requests_left = command.nb_transmissions
                return [Answer(payload=self.request())]
            case _:
                pass
        return []
