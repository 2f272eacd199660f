"""The default server: a sandbox and a receiver of its uplinks, inside this process."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import fuota
from fuota.errors import StorageError

if TYPE_CHECKING:
    from fuota.campaign import Journal, Patience
    from fuota.network import SenraClient
    from fuota.sandbox.devices.virtual_device import EmulatedFirmware

OLD_IMAGE = "sensor-1.0.0.bin"
NEW_IMAGE = "sensor-1.1.0.bin"
MAX_DEVICES = 20_000
"""Of a sandbox: each is a whole device with its memory. Their EUIs must fit one URL."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SandboxRecipe:
    """What the embedded sandbox is made of. `part`: real firmware that plays the first of its devices."""

    devices: int = 100
    loss: tuple[float, float] = (0.0, 0.3)
    region: str = "EU868"
    version: int = 1
    speed: float | None = 60
    seed: int = 1
    part: EmulatedFirmware | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Embedded:
    """A running sandbox and how to talk to it."""

    client: SenraClient
    url: str
    app_eui: str
    dev_euis: tuple[str, ...]
    patience: Patience


@contextmanager
def embedded_sandbox(recipe: SandboxRecipe, journal: Journal) -> Iterator[Embedded]:
    """Run a sandbox whose uplinks arrive in the journal, over HTTP like everything else."""
    from fuota.campaign import Patience
    from fuota.device import DeviceProfile
    from fuota.network import SenraClient
    from fuota.network.webhook import MAX_REQUEST_LINE_BYTES, BackgroundServer, create_receiver
    from fuota.sandbox import FleetRecipe, Sandbox

    fleet = FleetRecipe(
        devices=recipe.devices,
        loss_low=recipe.loss[0],
        loss_high=recipe.loss[1],
        profile=DeviceProfile(version=recipe.version),
        running=sample_image(OLD_IMAGE),
        seed=recipe.seed,
        firmware=recipe.part,
    )
    receiver = create_receiver(journal.store_uplinks)
    with (
        BackgroundServer(receiver) as listening,
        Sandbox(
            fleet=fleet, region=recipe.region, speed=recipe.speed, data_stream_url=f"{listening.url}/uplinks"
        ) as sandbox,
    ):
        yield Embedded(
            client=SenraClient(sandbox.url, sandbox.api_key, max_url_bytes=MAX_REQUEST_LINE_BYTES),
            url=sandbox.url,
            app_eui=sandbox.app_eui,
            dev_euis=sandbox.dev_euis,
            patience=Patience(poll_ms=200, outage_ms=5_000, reports_ms=_longest_silence_ms(recipe.speed)),
        )


def sample_image(name: str) -> bytes:
    """An image of sample_firmware, from the checkout or from the installed package. Raises StorageError."""
    package = Path(fuota.__file__).parent
    for folder in (package.parent / "sample_firmware", package / "sample_firmware"):
        if (folder / name).is_file():
            return (folder / name).read_bytes()
    raise StorageError(f"{name} is neither beside nor inside the package in {package}: reinstall fuota")


def _longest_silence_ms(speed: float | None) -> int:
    """Devices of the sandbox report within 30 s of each other at most; two seconds are for slow machines."""
    return 2_000 + (0 if speed is None else int(30_000 / speed))
