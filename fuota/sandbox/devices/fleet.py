"""The devices of the sandbox: each with its own loss, its own memory and its own luck."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass, field

import numpy as np

from fuota.device import DeviceProfile, FragmentationPackage
from fuota.device.stack.clock import SECOND_US, DeviceClock
from fuota.errors import ParameterError
from fuota.lorawan.keys import data_block_int_key
from fuota.sandbox.devices.virtual_device import Part, VirtualDevice
from fuota.sim import Bernoulli, GilbertElliott, Loss

__all__ = ["Fleet", "FleetRecipe", "VirtualDevice"]

_FIRST_DEV_EUI = 0x0200_0000_F0_07A0_01  # locally administered: no vendor's
_MOST_CLOCK_ERROR_S = 2**31 - 1


@dataclass(frozen=True, slots=True, kw_only=True)
class FleetRecipe:
    """A fleet to be made: the same recipe makes the same fleet.

    `devices` in number; each loses a share of all frames, up and down, drawn evenly between `loss_low` and `loss_high`, in
    bursts of `burst_frames` on average (1: independently). All run `running`, carry `tag`, and answer within `profile`.
    The clock of each is wrong by up to `clock_error_s` seconds either way, and drifts by up to `clock_drift_ppm` parts per
    million. `autostart`: they start a new image by themselves; otherwise at a reboot that TS006 asks for.
    `part`: real firmware that plays the first of them.
    """

    devices: int = 50
    loss_low: float = 0.0
    loss_high: float = 0.3
    burst_frames: float = 1
    profile: DeviceProfile = field(default_factory=DeviceProfile)
    running: bytes = b"factory firmware"
    tag: str = "sandbox"
    clock_error_s: int = 0
    clock_drift_ppm: int = 0
    autostart: bool = True
    seed: int = 1
    part: Part | None = None

    def __post_init__(self) -> None:
        if self.devices < 1:
            raise ParameterError(f"{self.devices} devices were given: a fleet has 1 or more")
        if self.seed < 0:
            raise ParameterError(f"seed {self.seed} was given: it is 0 or more; the nearest is 0")
        if not 0 <= self.loss_low <= self.loss_high <= 1:
            raise ParameterError(f"loss {self.loss_low} to {self.loss_high} was given: 0 to 1, the lower bound first")
        _check("clock_error_s", self.clock_error_s, _MOST_CLOCK_ERROR_S)
        _check("clock_drift_ppm", self.clock_drift_ppm, 1_000_000)

    def make(self) -> Fleet:
        """The fleet. Raises ParameterError where the bursts do not go with the loss."""
        seeds = np.random.SeedSequence(self.seed).spawn(self.devices)
        running_sha256 = hashlib.sha256(self.running).digest()
        fleet = Fleet(self._device(i, np.random.default_rng(seed), running_sha256) for i, seed in enumerate(seeds))
        fleet.by_eui[fleet.dev_euis[0]].part = self.part
        return fleet

    def _device(self, i: int, rng: np.random.Generator, running_sha256: bytes) -> VirtualDevice:
        loss = float(rng.uniform(self.loss_low, self.loss_high))
        return virtual_device(
            dev_eui=f"{_FIRST_DEV_EUI + i:016X}",
            app_key=rng.bytes(16),
            loss=Bernoulli(loss) if self.burst_frames == 1 else GilbertElliott(loss, self.burst_frames),
            recipe=self,
            rng=rng,
            running_sha256=running_sha256,
        )

    def clock(self, rng: np.random.Generator) -> DeviceClock:
        """A clock as wrong as the recipe has it."""
        error, drift = rng.uniform(-1, 1, 2)
        return DeviceClock(
            error_us=int(error * self.clock_error_s * SECOND_US), drift_ppb=int(drift * self.clock_drift_ppm * 1000)
        )


def virtual_device(
    *, dev_eui: str, app_key: bytes, loss: Loss, recipe: FleetRecipe, rng: np.random.Generator, running_sha256: bytes
) -> VirtualDevice:
    """A device of this recipe, with its own root key (16 octets), loss and luck."""
    return VirtualDevice(
        dev_eui=dev_eui,
        tag=recipe.tag,
        loss=loss,
        rng=rng,
        package=FragmentationPackage(recipe.profile, int_key=data_block_int_key(app_key)),
        app_key=app_key,
        profile=recipe.profile,
        running_sha256=running_sha256,
        phase=float(rng.random()),
        autostart=recipe.autostart,
        clock=recipe.clock(rng),
    )


class Fleet:
    """Devices by EUI."""

    def __init__(self, devices: Iterable[VirtualDevice]) -> None:
        self.by_eui = {device.dev_eui: device for device in devices}

    @property
    def dev_euis(self) -> tuple[str, ...]:
        """All EUIs, in order."""
        return tuple(self.by_eui)


def _check(name: str, value: int, most: int) -> None:
    if not 0 <= value <= most:
        raise ParameterError(f"{name} {value} was given: it is 0 to {most}; the nearest is {min(max(value, 0), most)}")
