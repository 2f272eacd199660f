"""TS003, application layer clock synchronisation: a device sends the time of its clock and asks for the right time.

Clauses are named after the command in TS003-1.0.0 and TS003-2.0.0; both versions use the same bytes. Times are GPS seconds
modulo 2^32, see `fuota.lorawan.gps_time`.
"""

from __future__ import annotations

import struct
from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

from fuota.lorawan.codec import (
    PackageVersionAns,
    PackageVersionReq,
    ParsedMessage,
    Parser,
    flags,
    parse,
    require_range,
    take,
)

PACKAGE_IDENTIFIER = 1
"""PackageIdentifier of clock synchronisation (TS003 PackageVersionAns)."""
FPORT = 202
"""Default port (TS003)."""

_TIME_AND_PARAM = struct.Struct("<IB")
_CORRECTION_AND_PARAM = struct.Struct("<iB")
_STATUS_AND_TIME = struct.Struct("<BI")
_MAX_CORRECTION_S = 2**31 - 1


def time_correction_s(*, server_time_s: int, device_time_s: int) -> int:
    """Return TimeCorrection: the seconds that the clock of the device is behind, limited to 32 signed bits.

    server_time_s, device_time_s: GPS seconds. A larger correction is sent as the limit, and the device asks again
    (TS003-2.0.0 AppTimeAns).
    """
    return max(-_MAX_CORRECTION_S - 1, min(server_time_s - device_time_s, _MAX_CORRECTION_S))


@dataclass(frozen=True, slots=True, kw_only=True)
class AppTimeReq:
    """Request from the device for the time.

    device_time_s: time of the device's clock, in GPS seconds modulo 2^32. token: 0 to 15; the answer repeats it.
    answer_required: the device needs an answer even if its clock is right.
    """

    cid: ClassVar[int] = 0x01
    device_time_s: int
    token: int
    answer_required: bool = False

    def __post_init__(self) -> None:
        require_range("device_time_s", self.device_time_s, 0, 0xFFFFFFFF, "DeviceTime has 32 bits")
        require_range("token", self.token, 0, 15, "TokenReq has four bits")

    def to_bytes(self) -> bytes:
        """Return the CID, DeviceTime, and one byte: bits 3:0 TokenReq, bit 4 AnsRequired."""
        return bytes((self.cid,)) + _TIME_AND_PARAM.pack(
            self.device_time_s, bool(self.answer_required) << 4 | self.token
        )

    @classmethod
    def parse(cls, data: memoryview) -> tuple[AppTimeReq, memoryview]:
        """Read 5 bytes. Raises MessageError if there are fewer."""
        content, data = take(data, _TIME_AND_PARAM.size, "AppTimeReq")
        device_time_s, param = _TIME_AND_PARAM.unpack(content)
        return cls(device_time_s=device_time_s, token=param & 0x0F, answer_required=bool(param & 0x10)), data


@dataclass(frozen=True, slots=True, kw_only=True)
class AppTimeAns:
    """Answer of the server: the device must add `time_correction_s` to its clock.

    token: the token of the request; the device ignores an answer with another token.
    """

    cid: ClassVar[int] = 0x01
    time_correction_s: int
    token: int

    def __post_init__(self) -> None:
        low, high = -_MAX_CORRECTION_S - 1, _MAX_CORRECTION_S
        require_range("time_correction_s", self.time_correction_s, low, high, "TimeCorrection has 32 signed bits")
        require_range("token", self.token, 0, 15, "TokenAns has four bits")

    def to_bytes(self) -> bytes:
        """Return the CID, TimeCorrection, and one byte: bits 3:0 TokenAns."""
        return bytes((self.cid,)) + _CORRECTION_AND_PARAM.pack(self.time_correction_s, self.token)

    @classmethod
    def parse(cls, data: memoryview) -> tuple[AppTimeAns, memoryview]:
        """Read 5 bytes. Raises MessageError if there are fewer."""
        content, data = take(data, _CORRECTION_AND_PARAM.size, "AppTimeAns")
        correction_s, param = _CORRECTION_AND_PARAM.unpack(content)
        return cls(time_correction_s=correction_s, token=param & 0x0F), data


@dataclass(frozen=True, slots=True, kw_only=True)
class DeviceAppTimePeriodicityReq:
    """Request from the server that the device asks for the time every 128 x 2^period seconds. period: 0 to 15."""

    cid: ClassVar[int] = 0x02
    period: int

    def __post_init__(self) -> None:
        require_range("period", self.period, 0, 15, "Period has four bits")

    @property
    def interval_s(self) -> int:
        """Interval between two requests in seconds, 128 x 2^period."""
        return 128 << self.period

    def to_bytes(self) -> bytes:
        """Return the CID and one byte: bits 3:0 Period."""
        return bytes((self.cid, self.period))

    @classmethod
    def parse(cls, data: memoryview) -> tuple[DeviceAppTimePeriodicityReq, memoryview]:
        """Read 1 byte. Raises MessageError if there is none."""
        (byte,), data = take(data, 1, "DeviceAppTimePeriodicityReq")
        return cls(period=byte & 0x0F), data


@dataclass(frozen=True, slots=True, kw_only=True)
class DeviceAppTimePeriodicityAns:
    """Answer of the device: the time of its clock, and whether it cannot ask for the time periodically."""

    cid: ClassVar[int] = 0x02
    device_time_s: int
    not_supported: bool = False

    def __post_init__(self) -> None:
        require_range("device_time_s", self.device_time_s, 0, 0xFFFFFFFF, "DeviceTime has 32 bits")

    def to_bytes(self) -> bytes:
        """Return the CID, Status (bit 0 NotSupported), and DeviceTime."""
        return bytes((self.cid,)) + _STATUS_AND_TIME.pack(flags(self.not_supported), self.device_time_s)

    @classmethod
    def parse(cls, data: memoryview) -> tuple[DeviceAppTimePeriodicityAns, memoryview]:
        """Read 5 bytes. Raises MessageError if there are fewer."""
        content, data = take(data, _STATUS_AND_TIME.size, "DeviceAppTimePeriodicityAns")
        status, device_time_s = _STATUS_AND_TIME.unpack(content)
        return cls(device_time_s=device_time_s, not_supported=bool(status & 0x01)), data


@dataclass(frozen=True, slots=True, kw_only=True)
class ForceDeviceResyncReq:
    """Request from the server that the device asks for the time now, up to `nb_transmissions` times (0 to 7).

    Version 2 calls it ForceDeviceResyncCmd.
    """

    cid: ClassVar[int] = 0x03
    nb_transmissions: int

    def __post_init__(self) -> None:
        require_range("nb_transmissions", self.nb_transmissions, 0, 7, "NbTransmissions has three bits")

    def to_bytes(self) -> bytes:
        """Return the CID and one byte: bits 2:0 NbTransmissions."""
        return bytes((self.cid, self.nb_transmissions))

    @classmethod
    def parse(cls, data: memoryview) -> tuple[ForceDeviceResyncReq, memoryview]:
        """Read 1 byte. Raises MessageError if there is none."""
        (byte,), data = take(data, 1, "ForceDeviceResyncReq")
        return cls(nb_transmissions=byte & 0x07), data


_DOWNLINKS: Mapping[int, Parser] = {
    PackageVersionReq.cid: PackageVersionReq.parse,
    AppTimeAns.cid: AppTimeAns.parse,
    DeviceAppTimePeriodicityReq.cid: DeviceAppTimePeriodicityReq.parse,
    ForceDeviceResyncReq.cid: ForceDeviceResyncReq.parse,
}
_UPLINKS: Mapping[int, Parser] = {
    PackageVersionAns.cid: PackageVersionAns.parse,
    AppTimeReq.cid: AppTimeReq.parse,
    DeviceAppTimePeriodicityAns.cid: DeviceAppTimePeriodicityAns.parse,
}


def parse_downlink(payload: bytes) -> ParsedMessage:
    """Read a message, of either version, that a server sent on the port of TS003. Never raises.

    payload: FRMPayload after decryption.
    """
    return parse(payload, _DOWNLINKS, refused={})


def parse_uplink(payload: bytes) -> ParsedMessage:
    """Read a message, of either version, that a device sent on the port of TS003. Never raises.

    payload: FRMPayload after decryption.
    """
    return parse(payload, _UPLINKS, refused={})
