"""Fixture of devices: the committed images on the emulated board, started behind the boot loader."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from fuota.sandbox.devices.firmware import Machine, Mishaps, QemuFirmware

FOLDER = Path(__file__).parents[2] / "sample_firmware"
QEMU = "qemu-system-arm"


class Bench:
    """Emulated devices of a test. console: lines that they print on their consoles."""

    def __init__(self, folder: Path, stack: ExitStack) -> None:
        self.console: list[str] = []
        self._folder, self._stack = folder, stack

    def device(self, *, boot: str = "boot.elf", **mishaps: object) -> QemuFirmware:
        """Return a device with version 1.0.0 from the factory. mishaps: fields of `Mishaps`."""
        image = (FOLDER / "sensor-1.0.0.bin").read_bytes()
        machine = Machine(self._folder, boot=(FOLDER / boot).read_bytes(), image=image, on_line=self.console.append)
        return QemuFirmware(self._stack.enter_context(machine), Mishaps(**mishaps))  # type: ignore[arg-type]


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    if shutil.which(QEMU) is None:
        pytest.skip(f"{QEMU} is not installed (Debian: {QEMU})")
    with ExitStack() as stack:
        yield Bench(tmp_path, stack)
