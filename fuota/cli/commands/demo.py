"""fuota demo: an update of virtual devices, from the image to the verdict, on this machine."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

import click

from fuota.cli.help import Command, sandbox_option
from fuota.cli.launching import Order, launch_in_sandbox
from fuota.cli.options.sandbox import device_kind_option, first_device, parse_loss, parse_speed, show_mishaps
from fuota.cli.options.server import state_option
from fuota.cli.output import Output, with_output
from fuota.demo.embedded import MAX_DEVICES

TARGET = 0.9
REDUNDANCY = 0.5
DATA_RATE = 5
START_DELAY_S = 360


@click.command(
    cls=Command,
    examples=("fuota demo", "fuota demo --devices 1000 --loss 0.1 --speed max", "fuota demo --device qemu"),
)
@device_kind_option
@sandbox_option(
    "--devices",
    type=click.IntRange(1, MAX_DEVICES),
    help="Number of virtual devices.  [default: 100, or 1 with qemu]",
)
@sandbox_option(
    "--loss",
    metavar="SHARE|LOW-HIGH",
    default="0-0.3",
    show_default=True,
    help="Share of frames that a device loses, or a range of shares.",
)
@sandbox_option(
    "--speed",
    metavar="FACTOR|max",
    default="60",
    show_default=True,
    help="Multiple of real time; max is without waiting.",
)
@sandbox_option(
    "--version", type=click.IntRange(1, 2), default=1, show_default=True, help="TS004 version of the devices."
)
@sandbox_option("--seed", type=click.IntRange(0), default=1, show_default=True, help="Random seed.")
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
    """Send the sample firmware to a fleet of virtual devices that lose frames, and show which devices run it.

    A network server with its devices runs inside this process and is reached over HTTP like a real server. The exit code is 0
    if nine of ten devices run the new image.

    With --device qemu the first device is real firmware: an emulated Cortex-M3 receives the image, loses its power in the
    middle, checks the SHA-256, and starts the new image. QEMU must be installed (qemu-system-arm); no compiler is needed.
    """
    import tempfile
    from dataclasses import replace

    from fuota.campaign import open_journal
    from fuota.demo import DEMO_MISHAPS, DemoSandboxRecipe

    with (
        first_device(kind, version=version, out=out, mishaps=replace(DEMO_MISHAPS, seed=seed)) as firmware,
        tempfile.TemporaryDirectory(prefix="fuota-demo-") as temporary,
        closing(open_journal(state_dir or Path(temporary))) as journal,
    ):
        recipe = DemoSandboxRecipe(
            devices=devices or (100 if firmware is None else 1),
            loss=parse_loss(loss),
            version=version,
            speed=parse_speed(speed),
            seed=seed,
            firmware=firmware,
        )
        code = launch_in_sandbox(_order(recipe.region, version), recipe, TARGET, journal, out)
        show_mishaps(firmware, out)
        return code


def _order(region_name: str, version: int) -> Order:
    from fuota.campaign import GateOptions
    from fuota.demo import NEW_IMAGE, sample_image
    from fuota.device import DeviceProfile
    from fuota.image import FirmwareImage
    from fuota.planning import PlanRecipe

    recipe = PlanRecipe(
        region=region_name,
        data_rate=DATA_RATE,
        redundancy=REDUNDANCY,
        start_delay_s=START_DELAY_S,
        profile=DeviceProfile(version=version),
    )
    image = FirmwareImage(data=sample_image(NEW_IMAGE), name=NEW_IMAGE)
    return Order(image=image, plan=recipe, gate=GateOptions())
