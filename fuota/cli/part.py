"""--device qemu: the sample firmware in QEMU as one device of the sandbox, and what it says."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from fuota.cli.embedded import OLD_IMAGE, sample_image

if TYPE_CHECKING:
    from fuota.cli.output import Output
    from fuota.sandbox.devices.firmware import QemuFirmware

BOOT_LOADER = "boot.elf"
ROUGH: dict[str, Any] = {"repeated": 0.1, "delayed": 0.1, "power_cut_at": 50}
"""The way of the demonstration; its power goes in the middle of some 80 uncoded fragments."""

device_option = click.option(
    "--device",
    "kind",
    type=click.Choice(["virtual", "qemu"]),
    default="virtual",
    show_default=True,
    help="What the first device is: virtual like the others, or the sample firmware in QEMU.",
)


@contextmanager
def part_of(kind: str, *, version: int, out: Output, **mishaps: Any) -> Iterator[QemuFirmware | None]:
    """None for a virtual device; for qemu a part that runs the old image, while the block lasts. Its console is shown.

    Raises UsageError for a version of TS004 that it does not speak, ParameterError where QEMU is not installed, and
    UnreachableError where the part does not start.
    """
    if kind == "virtual":
        yield None
        return
    if version != 1:
        raise click.UsageError(
            f"--device qemu and --version {version} do not go together: the sample firmware speaks version 1"
        )
    from fuota.sandbox.devices.firmware import Machine, Mishaps, QemuFirmware

    def show(line: str) -> None:
        out.event("part", line=line)
        if not out.as_json:
            out.say(f"  part: {line}")

    boot, image = sample_image(BOOT_LOADER), sample_image(OLD_IMAGE)
    with (
        tempfile.TemporaryDirectory(prefix="fuota-part-") as folder,
        Machine(Path(folder), boot=boot, image=image, on_line=show) as machine,
    ):
        yield QemuFirmware(machine, Mishaps(**mishaps))


def show_way(part: QemuFirmware | None, out: Output) -> None:
    """What befell the fragments on the way to the part, if there is one."""
    if part is None:
        return
    out.event("part_way", repeated=part.repeated, delayed=part.delayed, power_cuts=part.power_cuts)
    out.say(
        f"  on the way to the part {part.repeated} fragments came twice and {part.delayed} late; its power"
        f" {'was cut in the middle' if part.power_cuts else 'stayed, since few fragments came'}"
    )
