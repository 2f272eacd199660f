"""The fleet of a sandbox: devices with individual loss, memory and random numbers, made from one recipe."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass, field

import numpy as np

from fuota import rules
from fuota.calls import checked_init
from fuota.device.profile import DeviceProfile
from fuota.device.stack.clock import SECOND_US, DeviceClock
from fuota.device.stack.fragmentation import FragmentationPackage
from fuota.lorawan.keys import data_block_int_key
from fuota.radio import Region
from fuota.sandbox.devices.virtual_device import DEFAULT_JOIN_EUI, DeviceSession, EmulatedFirmware, VirtualDevice
from fuota.sim.loss import Loss, loss_law

_FIRST_DEV_EUI = 0x0200_0000_F0_07A0_01  # locally administered: not an EUI of a vendor
_MAX_CLOCK_ERROR_S = 2**31 - 1
_MAX_CLOCK_DRIFT_PPM = 1_000_000


@checked_init
@dataclass(frozen=True, slots=True, kw_only=True)
class FleetRecipe:
    """Recipe of a fleet. The same recipe makes the same fleet.

    devices: number of devices. loss_low, loss_high: each device loses a share of all frames, up and down, drawn uniformly between
    the two. burst_frames: mean length of a run of losses; 1 means independent losses. profile: what the devices can do.
    running: the image that they run. tag: the tag that they carry. clock_error_s: the clock of each device is wrong by at most
    this many seconds. clock_drift_ppm: it drifts by at most this many parts per million. autostart: whether devices start a new
    image without being asked; otherwise they start it at a reboot that TS006 requests. seed: random seed. firmware: emulated
    firmware that runs the first device; None for a virtual device.

    Raises ParameterError.
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
    firmware: EmulatedFirmware | None = None

    def __post_init__(self) -> None:
        rules.integer("devices", self.devices, 1)
        rules.integer("seed", self.seed, 0)
        rules.probability("loss_high", self.loss_high)
        rules.real("loss_low", self.loss_low, 0, self.loss_high)
        rules.integer("clock_error_s", self.clock_error_s, 0, _MAX_CLOCK_ERROR_S)
        rules.integer("clock_drift_ppm", self.clock_drift_ppm, 0, _MAX_CLOCK_DRIFT_PPM)

    def make(self, *, join_eui: str = DEFAULT_JOIN_EUI, region: Region | None = None) -> VirtualFleet:
        """Return the fleet. Raises ParameterError if the losses cannot come in bursts of this length.

        join_eui: the JoinEUI of the devices. region: what their radios can do; None for any frequency and data rate.
        """
        seeds = np.random.SeedSequence(self.seed).spawn(self.devices)
        running_sha256 = hashlib.sha256(self.running).digest()
        return VirtualFleet(
            self._device(i, np.random.default_rng(seed), running_sha256, join_eui, region)
            for i, seed in enumerate(seeds)
        )

    def _device(
        self, i: int, rng: np.random.Generator, running_sha256: bytes, join_eui: str, region: Region | None
    ) -> VirtualDevice:
        loss = float(rng.uniform(self.loss_low, self.loss_high))
        return virtual_device(
            dev_eui=f"{_FIRST_DEV_EUI + i:016X}",
            join_eui=join_eui,
            app_key=rng.bytes(16),
            loss=loss_law(loss, self.burst_frames),
            recipe=self,
            rng=rng,
            running_sha256=running_sha256,
            region=region,
            firmware=self.firmware if i == 0 else None,
        )

    def clock(self, rng: np.random.Generator) -> DeviceClock:
        """Return a clock with a random error and drift within the limits of the recipe."""
        error, drift = rng.uniform(-1, 1, 2)
        return DeviceClock(
            error_us=int(error * self.clock_error_s * SECOND_US), drift_ppb=int(drift * self.clock_drift_ppm * 1000)
        )


def virtual_device(  # noqa: PLR0913 - the keywords of one device
    *,
    dev_eui: str,
    join_eui: str,
    app_key: bytes,
    loss: Loss,
    recipe: FleetRecipe,
    rng: np.random.Generator,
    running_sha256: bytes,
    region: Region | None = None,
    session: DeviceSession | None = None,
    firmware: EmulatedFirmware | None = None,
) -> VirtualDevice:
    """Return a device of this recipe. app_key: its root key, 16 bytes. session: a session that exists already (ABP)."""
    return VirtualDevice(
        dev_eui=dev_eui,
        join_eui=join_eui,
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
        session=session,
        region=region,
        firmware=firmware,
    )


class VirtualFleet:
    """The devices of a sandbox by EUI. Devices can be added."""

    def __init__(self, devices: Iterable[VirtualDevice]) -> None:
        self.by_eui = {device.dev_eui: device for device in devices}

    @property
    def dev_euis(self) -> tuple[str, ...]:
        """EUIs of all devices, in order."""
        return tuple(self.by_eui)
