"""TS003, application layer clock synchronisation: a device asks what time it is, by its own clock.

Clauses are named after the command in TS003-1.0.0 and TS003-2.0.0, whose octets are the same. Times are GPS seconds modulo
2^32, see `fuota.lorawan.gps_time`.
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
"""The default port (TS003)."""

_TIME_AND_PARAM = struct.Struct("<IB")
_CORRECTION_AND_PARAM = struct.Struct("<iB")
_STATUS_AND_TIME = struct.Struct("<BI")
_GREATEST_CORRECTION_S = 2**31 - 1


def time_correction_s(*, server_time_s: int, device_time_s: int) -> int:
    """TimeCorrection: how far the device's clock is behind, in seconds, held within 32 signed bits.

    A correction that does not fit is sent as far as it goes, and the device asks again (TS003-2.0.0 AppTimeAns).
    """
    return max(-_GREATEST_CORRECTION_S - 1, min(server_time_s - device_time_s, _GREATEST_CORRECTION_S))


@dataclass(frozen=True, slots=True, kw_only=True)
class AppTimeReq:
    """Device to server: its clock says `device_time_s`. `answer_required`: it waits for an answer even if that is right."""

    cid: ClassVar[int] = 0x01
    device_time_s: int
    token: int
    answer_required: bool = False

    def __post_init__(self) -> None:
        require_range("device_time_s", self.device_time_s, 0, 0xFFFFFFFF, "DeviceTime has 32 bits")
        require_range("token", self.token, 0, 15, "TokenReq has four bits")

    def to_bytes(self) -> bytes:
        """CID, DeviceTime, one octet: bits 3:0 TokenReq, bit 4 AnsRequired."""
        return bytes((self.cid,)) + _TIME_AND_PARAM.pack(
            self.device_time_s, bool(self.answer_required) << 4 | self.token
        )

    @classmethod
    def parse(cls, rest: memoryview) -> tuple[AppTimeReq, memoryview]:
        """Take five octets. Raises MessageError where they are not there."""
        octets, rest = take(rest, _TIME_AND_PARAM.size, "AppTimeReq")
        device_time_s, param = _TIME_AND_PARAM.unpack(octets)
        return cls(device_time_s=device_time_s, token=param & 0x0F, answer_required=bool(param & 0x10)), rest


@dataclass(frozen=True, slots=True, kw_only=True)
class AppTimeAns:
    """Server to device: add `time_correction_s` to your clock. `token` is the request's, or the device ignores the answer."""

    cid: ClassVar[int] = 0x01
    time_correction_s: int
    token: int

    def __post_init__(self) -> None:
        low, high = -_GREATEST_CORRECTION_S - 1, _GREATEST_CORRECTION_S
        require_range("time_correction_s", self.time_correction_s, low, high, "TimeCorrection has 32 signed bits")
        require_range("token", self.token, 0, 15, "TokenAns has four bits")

    def to_bytes(self) -> bytes:
        """CID, TimeCorrection, one octet: bits 3:0 TokenAns."""
        return bytes((self.cid,)) + _CORRECTION_AND_PARAM.pack(self.time_correction_s, self.token)

    @classmethod
    def parse(cls, rest: memoryview) -> tuple[AppTimeAns, memoryview]:
        """Take five octets. Raises MessageError where they are not there."""
        octets, rest = take(rest, _CORRECTION_AND_PARAM.size, "AppTimeAns")
        correction_s, param = _CORRECTION_AND_PARAM.unpack(octets)
        return cls(time_correction_s=correction_s, token=param & 0x0F), rest


@dataclass(frozen=True, slots=True, kw_only=True)
class DeviceAppTimePeriodicityReq:
    """Server to device: ask for the time every 128 x 2^period seconds, `period` 0 to 15."""

    cid: ClassVar[int] = 0x02
    period: int

    def __post_init__(self) -> None:
        require_range("period", self.period, 0, 15, "Period has four bits")

    @property
    def interval_s(self) -> int:
        """128 x 2^period."""
        return 128 << self.period

    def to_bytes(self) -> bytes:
        """CID, one octet: bits 3:0 Period."""
        return bytes((self.cid, self.period))

    @classmethod
    def parse(cls, rest: memoryview) -> tuple[DeviceAppTimePeriodicityReq, memoryview]:
        """Take one octet. Raises MessageError where it is not there."""
        (octet,), rest = take(rest, 1, "DeviceAppTimePeriodicityReq")
        return cls(period=octet & 0x0F), rest


@dataclass(frozen=True, slots=True, kw_only=True)
class DeviceAppTimePeriodicityAns:
    """Device to server: whether it can ask periodically, and what its clock says."""

    cid: ClassVar[int] = 0x02
    device_time_s: int
    not_supported: bool = False

    def __post_init__(self) -> None:
        require_range("device_time_s", self.device_time_s, 0, 0xFFFFFFFF, "DeviceTime has 32 bits")

    def to_bytes(self) -> bytes:
        """CID, Status (bit 0 NotSupported), DeviceTime."""
        return bytes((self.cid,)) + _STATUS_AND_TIME.pack(flags(self.not_supported), self.device_time_s)

    @classmethod
    def parse(cls, rest: memoryview) -> tuple[DeviceAppTimePeriodicityAns, memoryview]:
        """Take five octets. Raises MessageError where they are not there."""
        octets, rest = take(rest, _STATUS_AND_TIME.size, "DeviceAppTimePeriodicityAns")
        status, device_time_s = _STATUS_AND_TIME.unpack(octets)
        return cls(device_time_s=device_time_s, not_supported=bool(status & 0x01)), rest


@dataclass(frozen=True, slots=True, kw_only=True)
class ForceDeviceResyncReq:
    """Server to device: ask for the time now, up to `nb_transmissions` times. Version 2 calls it ForceDeviceResyncCmd."""

    cid: ClassVar[int] = 0x03
    nb_transmissions: int

    def __post_init__(self) -> None:
        require_range("nb_transmissions", self.nb_transmissions, 0, 7, "NbTransmissions has three bits")

    def to_bytes(self) -> bytes:
        """CID, one octet: bits 2:0 NbTransmissions."""
        return bytes((self.cid, self.nb_transmissions))

    @classmethod
    def parse(cls, rest: memoryview) -> tuple[ForceDeviceResyncReq, memoryview]:
        """Take one octet. Raises MessageError where it is not there."""
        (octet,), rest = take(rest, 1, "ForceDeviceResyncReq")
        return cls(nb_transmissions=octet & 0x07), rest


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
    """Read what a server sent on the port of TS003, of either version. Never raises."""
    return parse(payload, _DOWNLINKS, refused={})


def parse_uplink(payload: bytes) -> ParsedMessage:
    """Read what a device sent on the port of TS003, of either version. Never raises."""
    return parse(payload, _UPLINKS, refused={})
