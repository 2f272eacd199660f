"""The device of `fuota demo --device qemu`: the sample firmware in QEMU, and what it says."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from fuota.cli.embedded import OLD_IMAGE, sample_image

if TYPE_CHECKING:
    from fuota.cli.output import Output
    from fuota.sandbox.part import PartPackage

BOOT_LOADER = "boot.elf"
REPEATED = DELAYED = 0.1
POWER_CUT_AT = 50
"""In the middle of some 80 uncoded fragments."""


@contextmanager
def part_in_qemu(out: Output, *, seed: int) -> Iterator[PartPackage]:
    """A part that runs the old image, at the end of a rough way, while the block lasts; its console is shown line by line.

    Raises ParameterError where QEMU is not installed, UnreachableError where the part does not start.
    """
    from fuota.sandbox.part import Machine, Mishaps, PartPackage

    def show(line: str) -> None:
        out.event("part", line=line)
        if not out.as_json:
            out.say(f"  part: {line}")

    mishaps = Mishaps(repeated=REPEATED, delayed=DELAYED, power_cut_at=POWER_CUT_AT, seed=seed)
    with (
        tempfile.TemporaryDirectory(prefix="fuota-part-") as folder,
        Machine(Path(folder), boot=sample_image(BOOT_LOADER), image=sample_image(OLD_IMAGE), on_line=show) as machine,
    ):
        part = PartPackage(machine, mishaps)
        yield part
        out.event("part_way", repeated=part.repeated, delayed=part.delayed, power_cuts=part.power_cuts)
        out.say(
            f"  on the way to the part {part.repeated} fragments came twice and {part.delayed} late; its power"
            f" {'was cut in the middle' if part.power_cuts else 'stayed, since few fragments came'}"
        )
