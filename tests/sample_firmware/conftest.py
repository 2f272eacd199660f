"""The part: the committed images on the emulated board, switched on behind the boot loader."""

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
    """Where parts are switched on. `said`: what they say on their consoles, line by line."""

    def __init__(self, folder: Path, stack: ExitStack) -> None:
        self.said: list[str] = []
        self._folder, self._stack = folder, stack

    def part(self, *, boot: str = "boot.elf", **mishaps: object) -> QemuFirmware:
        """A part fresh from the factory, with 1.0.0; what befalls it is as in `Mishaps`."""
        image = (FOLDER / "sensor-1.0.0.bin").read_bytes()
        machine = Machine(self._folder, boot=(FOLDER / boot).read_bytes(), image=image, on_line=self.said.append)
        return QemuFirmware(self._stack.enter_context(machine), Mishaps(**mishaps))  # type: ignore[arg-type]


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    if shutil.which(QEMU) is None:
        pytest.skip(f"{QEMU} is not installed (Debian: {QEMU})")
    with ExitStack() as stack:
        yield Bench(tmp_path, stack)
