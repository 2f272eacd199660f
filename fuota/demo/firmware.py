"""The sample firmware in QEMU as one device of a sandbox."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from fuota.demo.embedded import OLD_IMAGE, sample_image
from fuota.errors import ParameterError
from fuota.sandbox.devices.firmware import Machine, Mishaps, QemuFirmware

BOOT_LOADER = "boot.elf"
"""File in sample_firmware: the boot loader of the emulated device."""
FIRMWARE_VERSION = 1
"""TS004 version of the sample firmware."""


DEMO_MISHAPS = Mishaps(repeated=0.1, delayed=0.1, power_cut_at=50)
"""Mishaps of the demonstration: the power is cut in the middle of about 80 uncoded fragments."""


@contextmanager
def emulated_firmware(mishaps: Mishaps, *, version: int, on_line: Callable[[str], None]) -> Iterator[QemuFirmware]:
    """Run the old sample image in QEMU while the block lasts.

    mishaps: what happens to fragments on their way to the device, and to the device.
    version: TS004 version of the sandbox. on_line: called with each line of the console of the device.
    Raises ParameterError if the firmware does not speak `version` or if QEMU is not installed, UnreachableError if the
    device does not start.
    """
    if version != FIRMWARE_VERSION:
        raise ParameterError(
            f"version must be {FIRMWARE_VERSION} with emulated firmware, got {version}: the sample firmware speaks version"
            f" {FIRMWARE_VERSION}"
        )
    boot, image = sample_image(BOOT_LOADER), sample_image(OLD_IMAGE)
    with (
        tempfile.TemporaryDirectory(prefix="fuota-firmware-") as folder,
        Machine(Path(folder), boot=boot, image=image, on_line=on_line) as machine,
    ):
        yield QemuFirmware(machine, mishaps)
