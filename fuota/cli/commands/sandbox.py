"""fuota sandbox serve: a network server and its fleet, on this machine."""

from __future__ import annotations

import contextlib
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from fuota.cli.embedded import MAX_DEVICES, OLD_IMAGE, sample_image
from fuota.cli.output import Output, with_output
from fuota.cli.part import device_option, part_of
from fuota.errors import ParameterError

if TYPE_CHECKING:
    from fuota.sandbox import FleetRecipe, Sandbox

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


_LISTENING = (
    click.option(
        "--port",
        type=click.IntRange(0, 65535),
        default=8380,
        show_default=True,
        help="Port on 127.0.0.1; 0 is any free one.",
    ),
    click.option("--region", default="EU868", show_default=True, help="Channel plan."),
    click.option("--speed", default="1", show_default=True, help="Times real time, or max for no waiting."),
    click.option(
        "--app",
        "app_euis",
        metavar="EUI",
        multiple=True,
        help="An application; may be repeated, the first has the devices.  [default: 02000000F0A00001, 02000000F0A00002]",
    ),
    click.option(
        "--state",
        type=click.Path(dir_okay=False, path_type=Path),
        help="Keep devices, downlinks and tasks in this file, for the next time.",
    ),
    click.option(
        "--fault",
        "faults",
        metavar="FAULT",
        multiple=True,
        help="Do something wrong, such as 5xx=0.1; may be repeated. latency=MS, 5xx=SHARE, lost-answer=SHARE,"
        " drop-notification=SHARE, repeat-notification=SHARE, stall=PERCENT, restart=SECOND:SECONDS.",
    ),
)
_FLEET = (
    click.option(
        "--devices", type=click.IntRange(1, MAX_DEVICES), default=100, show_default=True, help="How many devices."
    ),
    click.option("--loss", default="0-0.3", show_default=True, help="Share of frames that a device loses, or a range."),
    click.option(
        "--burst",
        "burst_frames",
        type=float,
        default=1,
        show_default=True,
        help="Mean length of a run of losses, in frames.",
    ),
    click.option(
        "--version", type=click.IntRange(1, 2), default=1, show_default=True, help="TS004 version of the devices."
    ),
    click.option("--seed", type=click.IntRange(0), default=1, show_default=True, help="Same seed, same fleet."),
    click.option(
        "--uplink-period",
        "uplink_period_s",
        type=click.IntRange(1, 86_400),
        metavar="SECONDS",
        default=30,
        show_default=True,
        help="How often a device sends.",
    ),
)
_STREAM = (
    click.option(
        "--data-stream",
        "data_stream_url",
        metavar="URL",
        help="Post uplinks here, such as http://127.0.0.1:8381/uplinks",
    ),
    click.option("--batch/--no-batch", default=True, show_default=True, help="Post arrays, or one object each."),
    click.option(
        "--batch-delay",
        "batch_delay_ms",
        type=click.IntRange(0, 10_000),
        metavar="MS",
        default=5,
        show_default=True,
        help="How long a batch waits for company.",
    ),
    click.option(
        "--duplicates",
        type=click.IntRange(0, 15),
        default=0,
        show_default=True,
        help="How many further gateways hear each uplink.",
    ),
    click.option(
        "--rf/--no-rf", "rf_data", help="Tell channel, data rate, RSSI and SNR of uplinks too.  [default: no-rf]"
    ),
)


def _described(command: Any) -> Any:
    """The options of a sandbox."""
    for option in reversed(_LISTENING + _FLEET + _STREAM):
        command = option(command)
    return command


@sandbox.command()
@_described
@device_option
@with_output
def serve(*, kind: str, out: Output, **options: Any) -> int:
    """Serve the 20 calls of the SenRa API for a fleet of virtual devices, until Ctrl-C.

    Each application has a key of each role, shown at the start; they open nothing but sandboxes. The registration token is
    shown too, and a new one whenever it has been used.

    --state keeps devices, waiting downlinks, the token and what tasks came to, whenever the sandbox ends. It does not keep tasks
    under way, FUOTA tasks, multicast groups, nor what is in the devices: they start with the image they were made with.
    """
    with (
        part_of(kind, version=options["version"], out=out) as part,
        _sandbox(part=part, **options) as running,
        contextlib.suppress(KeyboardInterrupt),
    ):
        shown = _introduce(running, out)
        while True:
            time.sleep(0.5)  # and not for ever: a signal on the very threshold of a wait is seen at its end only
            shown = _show_token(running, out, shown)
    out.say("sandbox closed")
    return 0


def _sandbox(**options: Any) -> Sandbox:
    """The sandbox that the options describe. Raises FuotaError."""
    from fuota.sandbox import Faults, Sandbox

    fleet = _fleet(options)
    kept = ("region", "port", "state", "uplink_period_s", "data_stream_url")
    stream = ("batch", "batch_delay_ms", "duplicates", "rf_data")
    applications = {"app_euis": options["app_euis"]} if options["app_euis"] else {}
    return Sandbox(
        fleet=fleet,
        speed=parse_speed(options["speed"]),
        faults=Faults.parse(options["faults"], seed=options["seed"]),
        **applications,
        **{name: options[name] for name in kept + stream},
    )


def _fleet(options: dict[str, Any]) -> FleetRecipe:
    from fuota.device import DeviceProfile
    from fuota.sandbox import FleetRecipe

    low, high = parse_loss(options["loss"])
    return FleetRecipe(
        devices=options["devices"],
        loss_low=low,
        loss_high=high,
        burst_frames=options["burst_frames"],
        profile=DeviceProfile(version=options["version"]),
        running=sample_image(OLD_IMAGE),
        seed=options["seed"],
        part=options["part"],
    )


def _introduce(running: Sandbox, out: Output) -> str:
    """Say where it is and how to get in; the token that was shown."""
    euis, token = running.dev_euis, running.token
    keys = [{"app_eui": app_eui, "role": str(role), "key": key} for app_eui, role, key in running.keys]
    out.event("serving", url=running.url, app_eui=running.app_eui, dev_euis=euis, keys=keys, token=token)
    out.say(f"sandbox at {running.url}, application {running.app_eui}, {len(euis)} devices with tag 'sandbox'")
    for app_eui in running.app_euis:
        out.say(f"keys of {app_eui}:")
        for one in keys:
            if one["app_eui"] == app_eui:
                out.say(f"  {one['role']:<12}{one['key']}")
    out.say(f"registration token {token}")
    out.say(f"first device {euis[0]}, last {euis[-1]}; Ctrl-C ends it")
    return token


def _show_token(running: Sandbox, out: Output, shown: str) -> str:
    """Show the registration token again if it is another by now; the one that is good."""
    if (token := running.token) != shown:
        out.event("token", token=token)
        out.say(f"registration token {token}")
    return token
