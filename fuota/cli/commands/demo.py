"""fuota demo: the whole way, on this machine."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

import click

from fuota.cli.commands.launch import launch_in_sandbox
from fuota.cli.embedded import MAX_DEVICES
from fuota.cli.options.sandbox import parse_loss, parse_speed
from fuota.cli.options.server import open_journal, state_option
from fuota.cli.output import Output, with_output
from fuota.cli.part import ROUGH, device_option, part_of, show_way

TARGET = 0.9
REDUNDANCY = 0.5
DATA_RATE = 5


@click.command()
@device_option
@click.option(
    "--devices", type=click.IntRange(1, MAX_DEVICES), help="How many devices.  [default: 100, or 1 with qemu]"
)
@click.option("--loss", default="0-0.3", show_default=True, help="Share of frames that a device loses, or a range.")
@click.option("--speed", default="60", show_default=True, help="Times real time, or max for no waiting.")
@click.option("--version", type=click.IntRange(1, 2), default=1, show_default=True, help="TS004 version.")
@click.option("--seed", type=click.IntRange(0), default=1, show_default=True, help="Same seed, same fleet.")
@state_option
@with_output
def demo(  # noqa: PLR0913 - options
    *,
    kind: str,
    devices: int | None,
    loss: str,
    speed: str,
    version: int,
    seed: int,
    state_dir: Path | None,
    out: Output,
) -> int:
    """Send the sample firmware to a fleet of lossy virtual devices and see who has it.

    A network server with its fleet runs inside this process, and is talked to over HTTP like a real one. It is done (exit
    code 0) when nine devices in ten run the new image.

    With --device qemu the first device is real firmware: an emulated Cortex-M3 receives the image, loses its power in the
    middle, checks the SHA-256, and starts the new image. QEMU must be installed (qemu-system-arm); no compiler is needed.
    """
    from fuota.cli.embedded import NEW_IMAGE, SandboxRecipe, sample_image

    with (
        part_of(kind, version=version, out=out, seed=seed, **ROUGH) as part,
        tempfile.TemporaryDirectory(prefix="fuota-demo-") as temporary,
    ):
        recipe = SandboxRecipe(
            devices=devices or (100 if part is None else 1),
            loss=parse_loss(loss),
            version=version,
            speed=parse_speed(speed),
            seed=seed,
            part=part,
        )
        journal = open_journal(state_dir or Path(temporary))
        try:
            code = launch_in_sandbox(sample_image(NEW_IMAGE), NEW_IMAGE, journal, recipe, out, _options())
        finally:
            journal.close()
        show_way(part, out)
        return code


def _options() -> dict[str, Any]:
    return {
        "redundancy": REDUNDANCY,
        "start_delay_s": 360,
        "tx_data_rate": DATA_RATE,
        "descriptor": "00000000",
        "dev_tags": None,
        "target": TARGET,
    }
