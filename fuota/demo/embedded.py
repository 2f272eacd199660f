"""A sandbox and a receiver of its uplinks, inside this process."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import fuota
from fuota.errors import StorageError

if TYPE_CHECKING:
    from fuota.campaign import Journal, WatchTimeouts
    from fuota.network import SenraClient
    from fuota.sandbox.devices.virtual_device import EmulatedFirmware

OLD_IMAGE = "sensor-1.0.0.bin"
"""Image in sample_firmware that the virtual devices run at first."""
NEW_IMAGE = "sensor-1.1.0.bin"
"""Image in sample_firmware that `fuota demo` sends."""
MAX_DEVICES = 20_000
"""Largest number of devices of a sandbox: each has its own memory, and all their EUIs must fit one URL."""
DEFAULT_SPEED = 240
"""Default speed of the sandbox that `fuota launch` starts, as a multiple of real time."""
_PLANNED_LOSSES = 100
"""A fleet of the sandbox is planned for at most this number of different loss rates."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DemoSandboxRecipe:
    """Recipe of a sandbox.

    devices: number of devices. loss: lowest and highest share of frames that a device loses. region: name of the region.
    version: TS004 version of the devices. speed: multiple of real time; None is without waiting. seed: random seed.
    firmware: emulated firmware that is the first of the devices.
    """

    devices: int = 100
    loss: tuple[float, float] = (0.0, 0.3)
    region: str = "EU868"
    version: int = 1
    speed: float | None = 60
    seed: int = 1
    firmware: EmulatedFirmware | None = None

    def expected_losses(self) -> list[float]:
        """Return loss rates, evenly spaced from the lowest to the highest, that stand for the devices in a plan."""
        count = min(self.devices, _PLANNED_LOSSES)
        low, high = self.loss
        if count == 1:
            return [(low + high) / 2]
        return [low + (high - low) * i / (count - 1) for i in range(count)]


@dataclass(frozen=True, slots=True, kw_only=True)
class DemoSandbox:
    """A running sandbox: a client for it, its URL, application and devices, and how long to wait when it is watched."""

    client: SenraClient
    url: str
    app_eui: str
    dev_euis: tuple[str, ...]
    timeouts: WatchTimeouts


@contextmanager
def embedded_sandbox(recipe: DemoSandboxRecipe, journal: Journal) -> Iterator[DemoSandbox]:
    """Run a sandbox while the block lasts. Its uplinks are stored in `journal`; all traffic goes over HTTP.

    Raises ParameterError if the recipe cannot be met, StorageError if the sample firmware is missing.
    """
    from fuota.campaign import WatchTimeouts
    from fuota.device import DeviceProfile
    from fuota.network import SenraClient
    from fuota.network.background import MAX_REQUEST_LINE_BYTES, BackgroundServer
    from fuota.network.webhook import create_receiver
    from fuota.sandbox import FleetRecipe, Sandbox

    fleet = FleetRecipe(
        devices=recipe.devices,
        loss_low=recipe.loss[0],
        loss_high=recipe.loss[1],
        profile=DeviceProfile(version=recipe.version),
        running=sample_image(OLD_IMAGE),
        seed=recipe.seed,
        firmware=recipe.firmware,
    )
    receiver = create_receiver(journal.store_bodies)
    with (
        BackgroundServer(receiver) as listening,
        Sandbox(
            fleet=fleet, region=recipe.region, speed=recipe.speed, data_stream_url=f"{listening.url}/uplinks"
        ) as sandbox,
    ):
        yield DemoSandbox(
            client=SenraClient(sandbox.url, sandbox.api_key, max_url_bytes=MAX_REQUEST_LINE_BYTES),
            url=sandbox.url,
            app_eui=sandbox.app_eui,
            dev_euis=sandbox.dev_euis,
            timeouts=WatchTimeouts(poll_ms=200, outage_ms=5_000, reports_ms=_longest_silence_ms(recipe.speed)),
        )


def sample_image(name: str) -> bytes:
    """Return a file of sample_firmware, from the checkout or from the installed package. Raises StorageError."""
    package = Path(fuota.__file__).parent
    for folder in (package.parent / "sample_firmware", package / "sample_firmware"):
        if (folder / name).is_file():
            return (folder / name).read_bytes()
    raise StorageError(f"{name} is neither beside nor inside the package in {package}: install fuota again")


def _longest_silence_ms(speed: float | None) -> int:
    """Return the longest time between two reports: at most 30 s of the sandbox, and two seconds for slow machines."""
    return 2_000 + (0 if speed is None else int(30_000 / speed))
