"""fuota sandbox serve: a network server and its fleet, on this machine."""

from __future__ import annotations

import contextlib
import time

import click

from fuota.cli.embedded import MAX_DEVICES, OLD_IMAGE, sample_image
from fuota.cli.output import Output, with_output
from fuota.errors import ParameterError

SLOWEST = 0.001
FASTEST = 1_000_000
"""Times real time; beyond it the calendar ends (year 9999) within days of running."""


def parse_loss(text: str) -> tuple[float, float]:
    """A share ("0.1") or a range ("0-0.3"). Raises ParameterError."""
    low, _, high = text.partition("-")
    try:
        return float(low), float(high or low)
    except ValueError:
        raise ParameterError(f"loss {text!r} was given: it is a share such as 0.1, or a range such as 0-0.3") from None


def parse_speed(text: str) -> float | None:
    """A number, or "max" for no waiting. Raises ParameterError."""
    if text == "max":
        return None
    try:
        if SLOWEST <= (speed := float(text)) <= FASTEST:
            return speed
    except ValueError:
        pass
    raise ParameterError(f"speed {text!r} was given: it is {SLOWEST} to {FASTEST}, such as 60, or max")


@click.group()
def sandbox() -> None:
    """A network server of one's own, to try things on."""


@sandbox.command()
@click.option(
    "--port",
    type=click.IntRange(0, 65535),
    default=8380,
    show_default=True,
    help="Port on 127.0.0.1; 0 is any free one.",
)
@click.option(
    "--devices", type=click.IntRange(1, MAX_DEVICES), default=100, show_default=True, help="How many devices."
)
@click.option("--loss", default="0-0.3", show_default=True, help="Share of frames that a device loses, or a range.")
@click.option(
    "--burst",
    "burst_frames",
    type=float,
    default=1,
    show_default=True,
    help="Mean length of a run of losses, in frames.",
)
@click.option("--region", "region_name", default="EU868", show_default=True, help="Channel plan.")
@click.option("--speed", default="1", show_default=True, help="Times real time, or max for no waiting.")
@click.option(
    "--version", type=click.IntRange(1, 2), default=1, show_default=True, help="TS004 version of the devices."
)
@click.option("--seed", type=click.IntRange(0), default=1, show_default=True, help="Same seed, same fleet.")
@click.option(
    "--data-stream", "data_stream_url", metavar="URL", help="Post uplinks here, such as http://127.0.0.1:8381/uplinks"
)
@click.option("--batch/--no-batch", default=True, show_default=True, help="Post arrays, or one object each.")
@with_output
def serve(  # noqa: PLR0913 - options
    *,
    port: int,
    devices: int,
    loss: str,
    burst_frames: float,
    region_name: str,
    speed: str,
    version: int,
    seed: int,
    data_stream_url: str | None,
    batch: bool,
    out: Output,
) -> int:
    """Serve mcastTransfer, mcastStatus and mcastCancel for a fleet of virtual devices, until Ctrl-C."""
    from fuota.device import DeviceProfile
    from fuota.sandbox import FleetRecipe, Sandbox

    low, high = parse_loss(loss)
    fleet = FleetRecipe(
        devices=devices,
        loss_low=low,
        loss_high=high,
        burst_frames=burst_frames,
        profile=DeviceProfile(version=version),
        running=sample_image(OLD_IMAGE),
        seed=seed,
    )
    made = Sandbox(
        fleet=fleet,
        region=region_name,
        speed=parse_speed(speed),
        data_stream_url=data_stream_url,
        batch=batch,
        port=port,
    )
    with made as running, contextlib.suppress(KeyboardInterrupt):
        euis = running.dev_euis
        out.event("serving", url=running.url, app_eui=running.app_eui, dev_euis=euis)
        out.say(f"sandbox at {running.url}, application {running.app_eui}, {len(euis)} devices with tag 'sandbox'")
        out.say(f"first device {euis[0]}, last {euis[-1]}; Ctrl-C ends it")
        while True:
            time.sleep(0.5)  # and not for ever: a signal on the very threshold of a wait is seen at its end only
    out.say("sandbox closed")
    return 0
