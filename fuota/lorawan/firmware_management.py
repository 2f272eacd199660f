"""TS006, firmware management: which firmware a device runs and holds, and when it reboots into it. Version 1, unicast only.

Clauses are named after the command in TS006-1.0.0. Versions of firmware and hardware are numbers of 32 bits whose meaning is
the manufacturer's. A device has at most one reboot pending; a new request replaces it.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from enum import IntEnum
from typing import ClassVar

from fuota.errors import MessageError
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

__all__ = [
    "CANCEL_REBOOT_COUNTDOWN",
    "CANCEL_REBOOT_TIME",
    "FPORT",
    "PACKAGE_IDENTIFIER",
    "REBOOT_NOW",
    "DevDeleteImageAns",
    "DevDeleteImageReq",
    "DevRebootCountdownAns",
    "DevRebootCountdownReq",
    "DevRebootTimeAns",
    "DevRebootTimeReq",
    "DevUpgradeImageAns",
    "DevUpgradeImageReq",
    "DevVersionAns",
    "DevVersionReq",
    "PackageVersionAns",
    "PackageVersionReq",
    "UpImageStatus",
    "parse_downlink",
    "parse_uplink",
]

PACKAGE_IDENTIFIER = 4
"""PackageIdentifier of firmware management (TS006 PackageVersionAns)."""
FPORT = 203
"""The default port (TS006). A device may use another one."""
REBOOT_NOW = 0
"""The time or countdown that reboots at once; no answer follows (TS006 DevRebootTimeReq, DevRebootCountdownReq)."""
CANCEL_REBOOT_TIME = 0xFFFFFFFF
"""The reboot time that cancels a pending reboot, answered with the same (TS006 DevRebootTimeReq)."""
CANCEL_REBOOT_COUNTDOWN = 0xFFFFFF
"""The countdown that cancels a pending reboot, answered with the same (TS006 DevRebootCountdownReq)."""

_VERSIONS = struct.Struct("<II")  # FWversion, HWversion


class UpImageStatus(IntEnum):
    """What the device holds as an upgrade image (TS006 DevUpgradeImageAns)."""

    NONE = 0
    CORRUPT = 1
    """Corrupt, or its signature is wrong."""
    OTHER_HARDWARE = 2
    """Authenticated, but for other hardware."""
    VALID = 3
    """Valid: it is installed at the next reboot."""


def _require_32_bits(name: str, value: int) -> None:
    require_range(name, value, 0, 0xFFFFFFFF, "the field has 32 bits")


def _require_24_bits(name: str, value: int) -> None:
    require_range(name, value, 0, 0xFFFFFF, "the field has 24 bits")


def _take_number(rest: memoryview, count: int, name: str) -> tuple[int, memoryview]:
    octets, rest = take(rest, count, name)
    return int.from_bytes(octets, "little"), rest


@dataclass(frozen=True, slots=True, kw_only=True)
class DevVersionReq:
    """Ask which firmware runs on which hardware."""

    cid: ClassVar[int] = 0x01

    def to_bytes(self) -> bytes:
        """The CID alone."""
        return bytes((self.cid,))

    @classmethod
    def parse(cls, rest: memoryview) -> tuple[DevVersionReq, memoryview]:
        """Take no octets: the command is its CID."""
        return cls(), rest


@dataclass(frozen=True, slots=True, kw_only=True)
class DevVersionAns:
    """The firmware that runs, and the hardware."""

    cid: ClassVar[int] = 0x01
    firmware_version: int
    hardware_version: int

    def __post_init__(self) -> None:
        _require_32_bits("firmware_version", self.firmware_version)
        _require_32_bits("hardware_version", self.hardware_version)

    def to_bytes(self) -> bytes:
        """CID, 4 octets FWversion, 4 octets HWversion."""
        return bytes((self.cid,)) + _VERSIONS.pack(self.firmware_version, self.hardware_version)

    @classmethod
    def parse(cls, rest: memoryview) -> tuple[DevVersionAns, memoryview]:
        """Take 8 octets. Raises MessageError where they are not there."""
        octets, rest = take(rest, _VERSIONS.size, "DevVersionAns")
        firmware_version, hardware_version = _VERSIONS.unpack(octets)
        return cls(firmware_version=firmware_version, hardware_version=hardware_version), rest


@dataclass(frozen=True, slots=True, kw_only=True)
class DevRebootTimeReq:
    """Reboot at `reboot_time_s`, GPS seconds modulo 2^32; or REBOOT_NOW, or CANCEL_REBOOT_TIME."""

    cid: ClassVar[int] = 0x02
    reboot_time_s: int

    def __post_init__(self) -> None:
        _require_32_bits("reboot_time_s", self.reboot_time_s)

    def to_bytes(self) -> bytes:
        """CID, 4 octets RebootTime."""
        return bytes((self.cid,)) + self.reboot_time_s.to_bytes(4, "little")

    @classmethod
    def parse(cls, rest: memoryview) -> tuple[DevRebootTimeReq, memoryview]:
        """Take 4 octets. Raises MessageError where they are not there."""
        reboot_time_s, rest = _take_number(rest, 4, "DevRebootTimeReq")
        return cls(reboot_time_s=reboot_time_s), rest


@dataclass(frozen=True, slots=True, kw_only=True)
class DevRebootTimeAns:
    """Seconds until the reboot. 0: the device cannot (no clock, time in the past); CANCEL_REBOOT_TIME: cancelled."""

    cid: ClassVar[int] = 0x02
    time_to_reboot_s: int

    def __post_init__(self) -> None:
        _require_32_bits("time_to_reboot_s", self.time_to_reboot_s)

    def to_bytes(self) -> bytes:
        """CID, 4 octets RebootTime."""
        return bytes((self.cid,)) + self.time_to_reboot_s.to_bytes(4, "little")

    @classmethod
    def parse(cls, rest: memoryview) -> tuple[DevRebootTimeAns, memoryview]:
        """Take 4 octets. Raises MessageError where they are not there."""
        time_to_reboot_s, rest = _take_number(rest, 4, "DevRebootTimeAns")
        return cls(time_to_reboot_s=time_to_reboot_s), rest


@dataclass(frozen=True, slots=True, kw_only=True)
class DevRebootCountdownReq:
    """Reboot in `countdown_s` seconds; or REBOOT_NOW, or CANCEL_REBOOT_COUNTDOWN."""

    cid: ClassVar[int] = 0x03
    countdown_s: int

    def __post_init__(self) -> None:
        _require_24_bits("countdown_s", self.countdown_s)

    def to_bytes(self) -> bytes:
        """CID, 3 octets Countdown."""
        return bytes((self.cid,)) + self.countdown_s.to_bytes(3, "little")

    @classmethod
    def parse(cls, rest: memoryview) -> tuple[DevRebootCountdownReq, memoryview]:
        """Take 3 octets. Raises MessageError where they are not there."""
        countdown_s, rest = _take_number(rest, 3, "DevRebootCountdownReq")
        return cls(countdown_s=countdown_s), rest


@dataclass(frozen=True, slots=True, kw_only=True)
class DevRebootCountdownAns:
    """Seconds until the reboot. 0: the device cannot; CANCEL_REBOOT_COUNTDOWN: cancelled."""

    cid: ClassVar[int] = 0x03
    countdown_s: int

    def __post_init__(self) -> None:
        _require_24_bits("countdown_s", self.countdown_s)

    def to_bytes(self) -> bytes:
        """CID, 3 octets Countdown."""
        return bytes((self.cid,)) + self.countdown_s.to_bytes(3, "little")

    @classmethod
    def parse(cls, rest: memoryview) -> tuple[DevRebootCountdownAns, memoryview]:
        """Take 3 octets. Raises MessageError where they are not there."""
        countdown_s, rest = _take_number(rest, 3, "DevRebootCountdownAns")
        return cls(countdown_s=countdown_s), rest


@dataclass(frozen=True, slots=True, kw_only=True)
class DevUpgradeImageReq:
    """Ask whether the device holds an upgrade image, and which."""

    cid: ClassVar[int] = 0x04

    def to_bytes(self) -> bytes:
        """The CID alone."""
        return bytes((self.cid,))

    @classmethod
    def parse(cls, rest: memoryview) -> tuple[DevUpgradeImageReq, memoryview]:
        """Take no octets: the command is its CID."""
        return cls(), rest


@dataclass(frozen=True, slots=True, kw_only=True)
class DevUpgradeImageAns:
    """The upgrade image that the device holds. `next_firmware_version` is there exactly where the image is VALID.

    An image that was installed and has started well is deleted and no longer reported.
    """

    cid: ClassVar[int] = 0x04
    up_image_status: UpImageStatus
    next_firmware_version: int | None = None

    def __post_init__(self) -> None:
        require_range("up_image_status", self.up_image_status, 0, 3, "UpImageStatus has two bits")
        if (self.next_firmware_version is not None) != (self.up_image_status == UpImageStatus.VALID):
            raise MessageError(
                f"next_firmware_version {self.next_firmware_version} was given with up_image_status {self.up_image_status}:"
                " a valid image (3) has it, any other status has none"
            )
        if self.next_firmware_version is not None:
            _require_32_bits("next_firmware_version", self.next_firmware_version)

    def to_bytes(self) -> bytes:
        """CID, one octet: bits 1:0 UpImageStatus; then 4 octets nextFirmwareVersion if it is 3."""
        octets = bytes((self.cid, self.up_image_status))
        version = self.next_firmware_version
        return octets if version is None else octets + version.to_bytes(4, "little")

    @classmethod
    def parse(cls, rest: memoryview) -> tuple[DevUpgradeImageAns, memoryview]:
        """Take one octet, and four more where the image is valid. Raises MessageError where they are not there."""
        (octet,), rest = take(rest, 1, "DevUpgradeImageAns")
        status = UpImageStatus(octet & 0x03)
        version = None
        if status == UpImageStatus.VALID:
            version, rest = _take_number(rest, 4, "nextFirmwareVersion of DevUpgradeImageAns")
        return cls(up_image_status=status, next_firmware_version=version), rest


@dataclass(frozen=True, slots=True, kw_only=True)
class DevDeleteImageReq:
    """Delete the upgrade image, if it is `firmware_to_delete_version`."""

    cid: ClassVar[int] = 0x05
    firmware_to_delete_version: int

    def __post_init__(self) -> None:
        _require_32_bits("firmware_to_delete_version", self.firmware_to_delete_version)

    def to_bytes(self) -> bytes:
        """CID, 4 octets FirmwareToDeleteVersion."""
        return bytes((self.cid,)) + self.firmware_to_delete_version.to_bytes(4, "little")

    @classmethod
    def parse(cls, rest: memoryview) -> tuple[DevDeleteImageReq, memoryview]:
        """Take 4 octets. Raises MessageError where they are not there."""
        version, rest = _take_number(rest, 4, "DevDeleteImageReq")
        return cls(firmware_to_delete_version=version), rest


@dataclass(frozen=True, slots=True, kw_only=True)
class DevDeleteImageAns:
    """The image was deleted; or there is no valid one, or it has another version."""

    cid: ClassVar[int] = 0x05
    error_no_valid_image: bool = False
    error_invalid_version: bool = False

    def to_bytes(self) -> bytes:
        """CID, one octet: bit 0 ErrorNoValidImage, bit 1 ErrorInvalidVersion."""
        return bytes((self.cid, flags(self.error_no_valid_image, self.error_invalid_version)))

    @classmethod
    def parse(cls, rest: memoryview) -> tuple[DevDeleteImageAns, memoryview]:
        """Take one octet. Raises MessageError where it is not there."""
        (octet,), rest = take(rest, 1, "DevDeleteImageAns")
        return cls(error_no_valid_image=bool(octet & 0x01), error_invalid_version=bool(octet & 0x02)), rest


_DOWNLINKS: dict[int, Parser] = {
    PackageVersionReq.cid: PackageVersionReq.parse,
    DevVersionReq.cid: DevVersionReq.parse,
    DevRebootTimeReq.cid: DevRebootTimeReq.parse,
    DevRebootCountdownReq.cid: DevRebootCountdownReq.parse,
    DevUpgradeImageReq.cid: DevUpgradeImageReq.parse,
    DevDeleteImageReq.cid: DevDeleteImageReq.parse,
}
_UPLINKS: dict[int, Parser] = {
    PackageVersionAns.cid: PackageVersionAns.parse,
    DevVersionAns.cid: DevVersionAns.parse,
    DevRebootTimeAns.cid: DevRebootTimeAns.parse,
    DevRebootCountdownAns.cid: DevRebootCountdownAns.parse,
    DevUpgradeImageAns.cid: DevUpgradeImageAns.parse,
    DevDeleteImageAns.cid: DevDeleteImageAns.parse,
}


def parse_downlink(payload: bytes) -> ParsedMessage:
    """Read what a server sent on the port of TS006. Never raises."""
    return parse(payload, _DOWNLINKS, refused={})


def parse_uplink(payload: bytes) -> ParsedMessage:
    """Read what a device sent on the port of TS006. Never raises."""
    return parse(payload, _UPLINKS, refused={})
