"""TS006 on a device."""

from __future__ import annotations

from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fuota.device.stack.clock import DeviceClock
from fuota.device.stack.firmware_management import FirmwareManagementPackage
from fuota.lorawan.codec import PackageVersionAns, PackageVersionReq
from fuota.lorawan.firmware_management import (
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
    UpImageStatus,
    parse_uplink,
)

NOW_S = 1_400_000_000


@dataclass
class StoredImages:
    """Images of a device."""

    held: int | None = None
    running_version: int = 0x01020304

    def upgrade(self):
        return (UpImageStatus.NONE, None) if self.held is None else (UpImageStatus.VALID, self.held)

    def delete_upgrade(self):
        self.held = None


def device(**images):
    return FirmwareManagementPackage(StoredImages(**images), DeviceClock(true_us=NOW_S * 1_000_000), hardware_version=7)


def ask(package, command, **kwargs):
    answers = package.receive(command.to_bytes(), **kwargs)
    return [command for answer in answers for command in parse_uplink(answer.payload).require_whole()]


def test_versions_and_upgrade_image_are_reported():
    package = device(held=9)
    assert ask(package, PackageVersionReq()) == [PackageVersionAns(package_identifier=4, package_version=1)]
    assert ask(package, DevVersionReq()) == [DevVersionAns(firmware_version=0x01020304, hardware_version=7)]
    assert ask(package, DevUpgradeImageReq()) == [
        DevUpgradeImageAns(up_image_status=UpImageStatus.VALID, next_firmware_version=9)
    ]
    assert ask(device(), DevUpgradeImageReq()) == [DevUpgradeImageAns(up_image_status=UpImageStatus.NONE)]


def test_image_is_deleted_only_by_its_version():
    package = device(held=9)
    assert ask(package, DevDeleteImageReq(firmware_to_delete_version=8)) == [
        DevDeleteImageAns(error_invalid_version=True)
    ]
    assert package.images.held == 9
    assert ask(package, DevDeleteImageReq(firmware_to_delete_version=9)) == [DevDeleteImageAns()]
    assert ask(package, DevDeleteImageReq(firmware_to_delete_version=9)) == [
        DevDeleteImageAns(error_no_valid_image=True)
    ]


@pytest.mark.parametrize(
    ("request_", "answer", "reboot_s"),
    [
        (DevRebootTimeReq(reboot_time_s=NOW_S + 90), DevRebootTimeAns(time_to_reboot_s=90), 90),
        (DevRebootTimeReq(reboot_time_s=NOW_S - 1), DevRebootTimeAns(time_to_reboot_s=0), None),
        (DevRebootTimeReq(reboot_time_s=0), None, 0),
        (DevRebootCountdownReq(countdown_s=45), DevRebootCountdownAns(countdown_s=45), 45),
        (DevRebootCountdownReq(countdown_s=0), None, 0),
    ],
)
def test_reboot_is_planned(request_, answer, reboot_s):
    package = device()
    assert ask(package, request_) == ([answer] if answer else [])
    assert package.reboot_us == (None if reboot_s is None else (NOW_S + reboot_s) * 1_000_000)


@pytest.mark.parametrize(
    ("cancel", "answer"),
    [
        (DevRebootTimeReq(reboot_time_s=0xFFFFFFFF), DevRebootTimeAns(time_to_reboot_s=0xFFFFFFFF)),
        (DevRebootCountdownReq(countdown_s=0xFFFFFF), DevRebootCountdownAns(countdown_s=0xFFFFFF)),
    ],
)
def test_planned_reboot_is_replaced_and_cancelled(cancel, answer):
    package = device()
    ask(package, DevRebootCountdownReq(countdown_s=45))
    ask(package, DevRebootTimeReq(reboot_time_s=NOW_S + 10))
    assert package.reboot_us == (NOW_S + 10) * 1_000_000
    assert ask(package, cancel) == [answer]
    assert package.reboot_us is None


def test_message_to_a_group_is_dropped():
    package = device()
    assert ask(package, DevRebootCountdownReq(countdown_s=0), mc_group=0) == []
    assert package.reboot_us is None


@given(st.binary(max_size=40))
def test_any_bytes_are_dropped_or_answered(content):
    for answer in device(held=1).receive(content):
        parse_uplink(answer.payload).require_whole()
