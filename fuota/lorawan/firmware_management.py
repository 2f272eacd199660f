"""TS006, firmware management: the firmware that a device runs and holds, and its reboot. Version 1, unicast only.

Clauses are named after the command in TS006-1.0.0. Versions of firmware and hardware are 32-bit numbers whose meaning the
manufacturer defines. A device has at most one pending reboot; a new request replaces it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from enum import IntEnum
from typing import ClassVar, Self

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
"""Default port (TS006). A device may use another port."""
REBOOT_NOW = 0
"""Time or countdown for an immediate reboot; no answer follows (TS006 DevRebootTimeReq, DevRebootCountdownReq)."""
CANCEL_REBOOT_TIME = 0xFFFFFFFF
"""Reboot time that cancels a pending reboot; the answer repeats it (TS006 DevRebootTimeReq)."""
CANCEL_REBOOT_COUNTDOWN = 0xFFFFFF
"""Countdown that cancels a pending reboot; the answer repeats it (TS006 DevRebootCountdownReq)."""


class UpImageStatus(IntEnum):
    """State of the upgrade image on the device (TS006 DevUpgradeImageAns)."""

    NONE = 0
    CORRUPT = 1
    """The image is corrupt, or its signature is wrong."""
    OTHER_HARDWARE = 2
    """The image is authentic, but made for other hardware."""
    VALID = 3
    """The image is valid and will be installed at the next reboot."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Numbers:
    """Command whose payload is its fields in order, each an unsigned number of `number_bytes` bytes."""

    cid: ClassVar[int]
    number_bytes: ClassVar[int] = 4

    def __post_init__(self) -> None:
        bits = 8 * self.number_bytes
        for field in fields(self):
            require_range(field.name, getattr(self, field.name), 0, (1 << bits) - 1, f"the field has {bits} bits")

    def to_bytes(self) -> bytes:
        """Return the CID and the fields in order, little endian."""
        numbers = [getattr(self, field.name) for field in fields(self)]
        return bytes((self.cid,)) + b"".join(number.to_bytes(self.number_bytes, "little") for number in numbers)

    @classmethod
    def parse(cls, data: memoryview) -> tuple[Self, memoryview]:
        """Read the fields in order. Raises MessageError if there are fewer bytes."""
        size = cls.number_bytes
        content, data = take(data, size * len(fields(cls)), cls.__name__)
        numbers = (int.from_bytes(content[start : start + size], "little") for start in range(0, len(content), size))
        return cls(**{field.name: number for field, number in zip(fields(cls), numbers, strict=True)}), data


@dataclass(frozen=True, slots=True, kw_only=True)
class DevVersionReq(_Numbers):
    """Request for the running firmware and the hardware. The CID alone."""

    cid: ClassVar[int] = 0x01


@dataclass(frozen=True, slots=True, kw_only=True)
class DevVersionAns(_Numbers):
    """Running firmware, and the hardware: 4 bytes FWversion, 4 bytes HWversion."""

    cid: ClassVar[int] = 0x01
    firmware_version: int
    hardware_version: int


@dataclass(frozen=True, slots=True, kw_only=True)
class DevRebootTimeReq(_Numbers):
    """Request to reboot at `reboot_time_s`, GPS seconds modulo 2^32; or REBOOT_NOW, or CANCEL_REBOOT_TIME. 4 bytes."""

    cid: ClassVar[int] = 0x02
    reboot_time_s: int


@dataclass(frozen=True, slots=True, kw_only=True)
class DevRebootTimeAns(_Numbers):
    """Seconds until the reboot, 4 bytes.

    0 means that the device cannot reboot then (it has no clock, or the time is in the past). CANCEL_REBOOT_TIME means that the
    reboot was cancelled.
    """

    cid: ClassVar[int] = 0x02
    time_to_reboot_s: int


@dataclass(frozen=True, slots=True, kw_only=True)
class DevRebootCountdownReq(_Numbers):
    """Request to reboot in `countdown_s` seconds; or REBOOT_NOW, or CANCEL_REBOOT_COUNTDOWN. 3 bytes Countdown."""

    cid: ClassVar[int] = 0x03
    number_bytes: ClassVar[int] = 3
    countdown_s: int


@dataclass(frozen=True, slots=True, kw_only=True)
class DevRebootCountdownAns(_Numbers):
    """Seconds until the reboot, 3 bytes. 0: the device cannot reboot. CANCEL_REBOOT_COUNTDOWN: the reboot was cancelled."""

    cid: ClassVar[int] = 0x03
    number_bytes: ClassVar[int] = 3
    countdown_s: int


@dataclass(frozen=True, slots=True, kw_only=True)
class DevUpgradeImageReq(_Numbers):
    """Request for the upgrade image that the device holds. The CID alone."""

    cid: ClassVar[int] = 0x04


@dataclass(frozen=True, slots=True, kw_only=True)
class DevUpgradeImageAns:
    """Upgrade image that the device holds. `next_firmware_version` is present exactly if the image is VALID, else None.

    An image that was installed and has started well is deleted and no longer reported.
    """

    cid: ClassVar[int] = 0x04
    up_image_status: UpImageStatus
    next_firmware_version: int | None = None

    def __post_init__(self) -> None:
        require_range("up_image_status", self.up_image_status, 0, 3, "UpImageStatus has two bits")
        if (self.next_firmware_version is not None) != (self.up_image_status == UpImageStatus.VALID):
            raise MessageError(
                "next_firmware_version must be given for a valid image (status 3) and for no other status,"
                f" got next_firmware_version {self.next_firmware_version} with up_image_status {self.up_image_status}"
            )
        if self.next_firmware_version is not None:
            require_range("next_firmware_version", self.next_firmware_version, 0, 0xFFFFFFFF, "the field has 32 bits")

    def to_bytes(self) -> bytes:
        """Return the CID and one byte: bits 1:0 UpImageStatus; then, if it is 3, 4 bytes nextFirmwareVersion."""
        start = bytes((self.cid, self.up_image_status))
        version = self.next_firmware_version
        return start if version is None else start + version.to_bytes(4, "little")

    @classmethod
    def parse(cls, data: memoryview) -> tuple[DevUpgradeImageAns, memoryview]:
        """Read 1 byte, and 4 more if the image is valid. Raises MessageError if there are fewer."""
        (byte,), data = take(data, 1, "DevUpgradeImageAns")
        status = UpImageStatus(byte & 0x03)
        version = None
        if status == UpImageStatus.VALID:
            content, data = take(data, 4, "nextFirmwareVersion of DevUpgradeImageAns")
            version = int.from_bytes(content, "little")
        return cls(up_image_status=status, next_firmware_version=version), data


@dataclass(frozen=True, slots=True, kw_only=True)
class DevDeleteImageReq(_Numbers):
    """Request to delete the upgrade image if its version is `firmware_to_delete_version`. 4 bytes."""

    cid: ClassVar[int] = 0x05
    firmware_to_delete_version: int


@dataclass(frozen=True, slots=True, kw_only=True)
class DevDeleteImageAns:
    """Result of a deletion. No error: the image was deleted. Otherwise there is no valid image, or it has another version."""

    cid: ClassVar[int] = 0x05
    error_no_valid_image: bool = False
    error_invalid_version: bool = False

    def to_bytes(self) -> bytes:
        """Return the CID and one byte: bit 0 ErrorNoValidImage, bit 1 ErrorInvalidVersion."""
        return bytes((self.cid, flags(self.error_no_valid_image, self.error_invalid_version)))

    @classmethod
    def parse(cls, data: memoryview) -> tuple[DevDeleteImageAns, memoryview]:
        """Read 1 byte. Raises MessageError if there is none."""
        (byte,), data = take(data, 1, "DevDeleteImageAns")
        return cls(error_no_valid_image=bool(byte & 0x01), error_invalid_version=bool(byte & 0x02)), data


_DOWNLINKS: Mapping[int, Parser] = {
    PackageVersionReq.cid: PackageVersionReq.parse,
    DevVersionReq.cid: DevVersionReq.parse,
    DevRebootTimeReq.cid: DevRebootTimeReq.parse,
    DevRebootCountdownReq.cid: DevRebootCountdownReq.parse,
    DevUpgradeImageReq.cid: DevUpgradeImageReq.parse,
    DevDeleteImageReq.cid: DevDeleteImageReq.parse,
}
_UPLINKS: Mapping[int, Parser] = {
    PackageVersionAns.cid: PackageVersionAns.parse,
    DevVersionAns.cid: DevVersionAns.parse,
    DevRebootTimeAns.cid: DevRebootTimeAns.parse,
    DevRebootCountdownAns.cid: DevRebootCountdownAns.parse,
    DevUpgradeImageAns.cid: DevUpgradeImageAns.parse,
    DevDeleteImageAns.cid: DevDeleteImageAns.parse,
}


def parse_downlink(payload: bytes) -> ParsedMessage:
    """Read a message that a server sent on the port of TS006. Never raises.

    payload: FRMPayload after decryption.
    """
    return parse(payload, _DOWNLINKS, refused={})


def parse_uplink(payload: bytes) -> ParsedMessage:
    """Read a message that a device sent on the port of TS006. Never raises.

    payload: FRMPayload after decryption.
    """
    return parse(payload, _UPLINKS, refused={})
