"""The TS006 package of a device, which reports the firmware images and plans reboots."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from fuota.device.stack.clock import SECOND_US, PackageClock
from fuota.device.stack.fragmentation import Answer
from fuota.lorawan.codec import Command, encode
from fuota.lorawan.firmware_management import (
    CANCEL_REBOOT_COUNTDOWN,
    CANCEL_REBOOT_TIME,
    PACKAGE_IDENTIFIER,
    REBOOT_NOW,
    DevDeleteImageAns,
    DevDeleteImageReq,
    DevRebootCountdownAns,
    DevRebootCountdownReq,
    DevRebootTimeAns,
    DevRebootTimeReq,
    DevUpgradeImageAns,
    DevUpgradeImageReq,
    DevVersionAns,
    DevVersionReq,
    PackageVersionAns,
    PackageVersionReq,
    UpImageStatus,
    parse_downlink,
)


class Images(Protocol):
    """Images of a device: the running image, and the upgrade image for the next reboot."""

    @property
    def running_version(self) -> int:
        """FWversion of the running image, 32 bits."""
        ...

    def upgrade(self) -> tuple[UpImageStatus, int | None]:
        """Return the status of the upgrade image, and its version if the status is VALID."""
        ...

    def delete_upgrade(self) -> None:
        """Delete the upgrade image."""
        ...


@dataclass(slots=True)
class FirmwareManagementPackage:
    """TS006 on one device, without I/O: `receive` takes FRMPayloads of the package's port.

    images: images of the device. clock: clock of the device. hardware_version: version that the package reports.
    reboot_us: true time of the planned reboot; None if none is planned. The runner of the device reboots it and calls
    `record_reboot`.
    """

    images: Images
    clock: PackageClock
    hardware_version: int = 1
    reboot_us: int | None = None

    def receive(self, payload: bytes, *, mc_group: int | None = None) -> list[Answer]:
        """Take a message and return the answers in one uplink without delay. All messages of TS006 are unicast."""
        if mc_group is not None:
            return []
        answers = [
            answer for command in parse_downlink(payload).commands if (answer := self._on_command(command)) is not None
        ]
        return [Answer(payload=encode(answers))] if answers else []

    def record_reboot(self) -> None:
        """Record that the device has rebooted, so no reboot is planned."""
        self.reboot_us = None

    def _on_command(self, command: Command) -> Command | None:
        match command:
            case DevRebootTimeReq():
                return self._on_time(command.reboot_time_s)
            case DevRebootCountdownReq():
                return self._on_countdown(command.countdown_s)
            case DevDeleteImageReq():
                return self._on_delete(command.firmware_to_delete_version)
            case _:
                return self._on_query(command)

    def _on_query(self, command: Command) -> Command | None:
        """Return the answer to a command that changes nothing."""
        match command:
            case PackageVersionReq():
                return PackageVersionAns(package_identifier=PACKAGE_IDENTIFIER, package_version=1)
            case DevVersionReq():
                return DevVersionAns(
                    firmware_version=self.images.running_version, hardware_version=self.hardware_version
                )
            case DevUpgradeImageReq():
                status, version = self.images.upgrade()
                return DevUpgradeImageAns(up_image_status=status, next_firmware_version=version)
            case _:
                return None

    def _on_time(self, reboot_time_s: int) -> DevRebootTimeAns | None:
        if reboot_time_s == CANCEL_REBOOT_TIME:
            self.reboot_us = None
            return DevRebootTimeAns(time_to_reboot_s=CANCEL_REBOOT_TIME)
        if reboot_time_s == REBOOT_NOW:
            self.reboot_us = self.clock.true_us
            return None
        seconds = self.clock.seconds_until(reboot_time_s)
        if seconds <= 0:
            return DevRebootTimeAns(time_to_reboot_s=0)
        self.reboot_us = self.clock.true_us + seconds * SECOND_US
        return DevRebootTimeAns(time_to_reboot_s=seconds)

    def _on_countdown(self, countdown_s: int) -> DevRebootCountdownAns | None:
        if countdown_s == CANCEL_REBOOT_COUNTDOWN:
            self.reboot_us = None
            return DevRebootCountdownAns(countdown_s=CANCEL_REBOOT_COUNTDOWN)
        self.reboot_us = self.clock.true_us + countdown_s * SECOND_US
        return None if countdown_s == REBOOT_NOW else DevRebootCountdownAns(countdown_s=countdown_s)

    def _on_delete(self, version: int) -> DevDeleteImageAns:
        status, held_version = self.images.upgrade()
        if status is not UpImageStatus.VALID:
            return DevDeleteImageAns(error_no_valid_image=True)
        if version != held_version:
            return DevDeleteImageAns(error_invalid_version=True)
        self.images.delete_upgrade()
        return DevDeleteImageAns()
