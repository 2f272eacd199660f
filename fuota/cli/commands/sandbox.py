"""Command `fuota sandbox serve`: a network server and its devices, on this machine."""

from __future__ import annotations

import contextlib
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import click

from fuota.cli.help import Group, OptionsUnder, sandbox_option
from fuota.cli.options.group import option_group
from fuota.cli.options.sandbox import device_kind_option, first_device, parse_loss, parse_speed
from fuota.cli.output import Output, with_output
from fuota.demo.embedded import MAX_DEVICES, OLD_IMAGE, sample_image

if TYPE_CHECKING:
    from fuota.sandbox import FleetRecipe, Sandbox
    from fuota.sandbox.devices.virtual_device import EmulatedFirmware

POLL_S = 0.5
"""Time between two looks at the registration token; a signal that arrives just before a wait is handled at its end."""

device_settings = OptionsUnder("Devices")
stream_option = OptionsUnder("Data stream")


@dataclass(frozen=True, slots=True, kw_only=True)
class ServeOptions:
    """Server of the sandbox. app_euis: empty for the usual two. state: file of the saved state. faults: see Faults.parse."""

    port: int
    region: str
    speed: str
    app_euis: tuple[str, ...]
    state: Path | None
    faults: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class VirtualFleetOptions:
    """Devices of the sandbox. loss: a share or a range. version: of TS004."""

    devices: int
    loss: str
    burst_frames: float
    version: int
    seed: int
    uplink_period_s: int

    def recipe(self, part: EmulatedFirmware | None) -> FleetRecipe:
        """Return the recipe of the fleet. part: real firmware that plays the first device."""
        from fuota.device import DeviceProfile
        from fuota.sandbox import FleetRecipe

        low, high = parse_loss(self.loss)
        return FleetRecipe(
            devices=self.devices,
            loss_low=low,
            loss_high=high,
            burst_frames=self.burst_frames,
            profile=DeviceProfile(version=self.version),
            running=sample_image(OLD_IMAGE),
            seed=self.seed,
            firmware=part,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class StreamOptions:
    """Parameters of the data stream. duplicates: number of further gateways that receive each uplink."""

    data_stream_url: str | None
    batch: bool
    batch_delay_ms: int
    duplicates: int
    rf_data: bool


@click.group(cls=Group, examples=("fuota sandbox serve --devices 20 --speed 10",))
def sandbox() -> None:
    """Serve a network server on this machine, for trials."""


@sandbox.command(
    examples=(
        "fuota sandbox serve --devices 20 --loss 0-0.3 --speed 10",
        "fuota sandbox serve --state sandbox.json \\\n    --data-stream http://127.0.0.1:8381/uplinks",
        "fuota sandbox serve --fault 5xx=0.1 --fault lost-answer=0.05",
    )
)
@option_group(
    "serving",
    ServeOptions,
    sandbox_option(
        "--port",
        type=click.IntRange(0, 65535),
        metavar="PORT",
        default=8380,
        show_default=True,
        help="Port on 127.0.0.1; 0 for any free port.",
    ),
    sandbox_option("--region", metavar="NAME", default="EU868", show_default=True, help="Region."),
    sandbox_option(
        "--speed",
        metavar="X|max",
        default="1",
        show_default=True,
        help="Speed of its clock as a multiple of real time; max never waits.",
    ),
    sandbox_option(
        "--app",
        "app_euis",
        metavar="EUI",
        multiple=True,
        help="Application; may be repeated, the first one has the devices.  [default: 02000000F0A00001,"
        " 02000000F0A00002]",
    ),
    sandbox_option(
        "--state",
        metavar="FILE",
        type=click.Path(dir_okay=False, path_type=Path),
        help="Keep devices, downlinks and tasks in this file for the next start.",
    ),
    sandbox_option(
        "--fault",
        "faults",
        metavar="FAULT",
        multiple=True,
        help="Simulate a fault; may be repeated. One of latency=MS, 5xx=SHARE, lost-answer=SHARE, drop-notification=SHARE,"
        " repeat-notification=SHARE, stall=PERCENT, restart=SECOND:SECONDS.",
    ),
)
@option_group(
    "fleet",
    VirtualFleetOptions,
    device_settings(
        "--devices",
        type=click.IntRange(1, MAX_DEVICES),
        metavar="N",
        default=100,
        show_default=True,
        help="Number of devices.",
    ),
    device_settings(
        "--loss",
        metavar="SHARE|RANGE",
        default="0-0.3",
        show_default=True,
        help="Share of frames that a device loses, or a range of shares.",
    ),
    device_settings(
        "--burst",
        "burst_frames",
        type=float,
        metavar="FRAMES",
        default=1,
        show_default=True,
        help="Mean length of a burst of losses.",
    ),
    device_settings(
        "--version",
        type=click.IntRange(1, 2),
        metavar="1|2",
        default=1,
        show_default=True,
        help="TS004 version of the devices.",
    ),
    device_settings(
        "--seed",
        type=click.IntRange(0),
        metavar="N",
        default=1,
        show_default=True,
        help="Random seed; the same seed gives the same devices.",
    ),
    device_settings(
        "--uplink-period",
        "uplink_period_s",
        type=click.IntRange(1, 86_400),
        metavar="SECONDS",
        default=30,
        show_default=True,
        help="Time between the uplinks of a device.",
    ),
)
@option_group(
    "stream",
    StreamOptions,
    stream_option(
        "--data-stream",
        "data_stream_url",
        metavar="URL",
        help="Post uplinks to this URL, such as http://127.0.0.1:8381/uplinks.",
    ),
    stream_option(
        "--batch/--no-batch",
        default=True,
        show_default=True,
        help="Post arrays of uplinks, or each uplink as one object.",
    ),
    stream_option(
        "--batch-delay",
        "batch_delay_ms",
        type=click.IntRange(0, 10_000),
        metavar="MS",
        default=5,
        show_default=True,
        help="How long a batch waits for further uplinks.",
    ),
    stream_option(
        "--duplicates",
        type=click.IntRange(0, 15),
        metavar="N",
        default=0,
        show_default=True,
        help="Number of further gateways that receive each uplink.",
    ),
    stream_option(
        "--rf/--no-rf",
        "rf_data",
        help="Also post channel, data rate, RSSI and SNR of the uplinks.  [default: no-rf]",
    ),
)
@device_kind_option
@with_output
def serve(*, kind: str, serving: ServeOptions, fleet: VirtualFleetOptions, stream: StreamOptions, out: Output) -> int:
    """Serve the 20 calls of the SenRa API for virtual devices, until Ctrl-C.

    At the start it shows a key per role for each application; these keys open only sandboxes. It also shows the registration
    token, and a new token when that one has been used.

    --state saves devices, waiting downlinks, the token and the results of tasks, however the sandbox ends. It does not save
    running tasks, FUOTA transfers, multicast groups and the memory of the devices: they start with their first image.
    """
    with (
        first_device(kind, version=fleet.version, out=out) as part,
        _sandbox(serving, fleet.recipe(part), fleet.uplink_period_s, stream) as running,
        contextlib.suppress(KeyboardInterrupt),
    ):
        token = _introduce(running, out)
        while True:
            time.sleep(POLL_S)
            token = _show_new_token(running, out, token)
    out.say("sandbox closed")
    return 0


def _sandbox(serving: ServeOptions, fleet: FleetRecipe, uplink_period_s: int, stream: StreamOptions) -> Sandbox:
    """Return the sandbox that the options describe. Raises FuotaError."""
    from fuota.sandbox import SANDBOX_APP_EUI, SANDBOX_SECOND_APP_EUI, Faults, Sandbox

    return Sandbox(
        fleet=fleet,
        region=serving.region,
        speed=parse_speed(serving.speed),
        data_stream_url=stream.data_stream_url,
        batch=stream.batch,
        batch_delay_ms=stream.batch_delay_ms,
        duplicates=stream.duplicates,
        rf_data=stream.rf_data,
        uplink_period_s=uplink_period_s,
        port=serving.port,
        app_euis=serving.app_euis or (SANDBOX_APP_EUI, SANDBOX_SECOND_APP_EUI),
        faults=Faults.parse(serving.faults, seed=fleet.seed),
        state=serving.state,
    )


def _introduce(running: Sandbox, out: Output) -> str:
    """Show the address, the keys and the registration token, and return that token."""
    euis, token = running.dev_euis, running.token
    keys = [{"app_eui": app_eui, "role": str(role), "key": key} for app_eui, role, key in running.keys]
    out.event("serving", url=running.url, app_eui=running.app_eui, dev_euis=euis, keys=keys, token=token)
    out.say(f"sandbox at {running.url}, application {running.app_eui}, {len(euis)} devices with tag 'sandbox'")
    for app_eui in running.app_euis:
        out.say(f"keys of {app_eui}:")
        for key in keys:
            if key["app_eui"] == app_eui:
                out.say(f"  {key['role']:<12}{key['key']}")
    out.say(f"registration token {token}")
    out.say(f"first device {euis[0]}, last {euis[-1]}; Ctrl-C ends it")
    return token


def _show_new_token(running: Sandbox, out: Output, shown_token: str) -> str:
    """Show the registration token if it has changed, and return the valid token."""
    if (token := running.token) != shown_token:
        out.event("token", token=token)
        out.say(f"registration token {token}")
    return token
