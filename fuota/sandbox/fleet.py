"""The devices of the sandbox: each with its own loss, its own memory and its own luck."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass, field

import numpy as np

from fuota.device import DeviceProfile, FragmentationPackage, ImageReport
from fuota.errors import ParameterError
from fuota.lorawan import data_block_int_key
from fuota.sim import Bernoulli, GilbertElliott, Loss

_FIRST_DEV_EUI = 0x0200_0000_F0_07A0_01  # locally administered: no vendor's


@dataclass(frozen=True, slots=True, kw_only=True)
class FleetRecipe:
    """A fleet to be made: the same recipe makes the same fleet.

    `devices` in number; each loses a share of all frames, up and down, drawn evenly between `loss_low` and `loss_high`, in
    bursts of `burst_frames` on average (1: independently). All run `running`, carry `tag`, and answer within `profile`.
    """

    devices: int = 50
    loss_low: float = 0.0
    loss_high: float = 0.3
    burst_frames: float = 1
    profile: DeviceProfile = field(default_factory=DeviceProfile)
    running: bytes = b"factory firmware"
    tag: str = "sandbox"
    seed: int = 1

    def __post_init__(self) -> None:
        if self.devices < 1:
            raise ParameterError(f"{self.devices} devices were given: a fleet has 1 or more")
        if self.seed < 0:
            raise ParameterError(f"seed {self.seed} was given: it is 0 or more; the nearest is 0")
        if not 0 <= self.loss_low <= self.loss_high <= 1:
            raise ParameterError(f"loss {self.loss_low} to {self.loss_high} was given: 0 to 1, the lower bound first")

    def make(self) -> Fleet:
        """The fleet. Raises ParameterError where the bursts do not go with the loss."""
        seeds = np.random.SeedSequence(self.seed).spawn(self.devices)
        return Fleet(self._device(i, np.random.default_rng(seed)) for i, seed in enumerate(seeds))

    def _device(self, i: int, rng: np.random.Generator) -> VirtualDevice:
        loss = float(rng.uniform(self.loss_low, self.loss_high))
        root_key = rng.bytes(16)
        return VirtualDevice(
            dev_eui=f"{_FIRST_DEV_EUI + i:016X}",
            tag=self.tag,
            loss=Bernoulli(loss) if self.burst_frames == 1 else GilbertElliott(loss, self.burst_frames),
            rng=rng,
            package=FragmentationPackage(self.profile, int_key=data_block_int_key(root_key)),
            int_key=data_block_int_key(root_key),
            running_sha256=hashlib.sha256(self.running).digest(),
        )


@dataclass(slots=True, kw_only=True)
class VirtualDevice:
    """One device: what it hears, how it reassembles, which image it runs."""

    dev_eui: str
    tag: str
    loss: Loss
    rng: np.random.Generator
    package: FragmentationPackage
    int_key: bytes
    running_sha256: bytes
    seqno: int = 0
    session_cnt: int = 0

    def hears(self) -> bool:
        """Whether the next single frame between it and the network gets through."""
        return bool(self.loss.heard(1, self.rng)[0])

    def install(self, frag_index: int) -> None:
        """Start the image of this session, if its block is whole."""
        block = self.package.block(frag_index)
        if block is not None:
            self.running_sha256 = hashlib.sha256(block).digest()

    def image_report(self) -> bytes:
        """What it says of the image it runs."""
        return ImageReport(sha256=self.running_sha256).to_bytes()


class Fleet:
    """Devices by EUI."""

    def __init__(self, devices: Iterable[VirtualDevice]) -> None:
        self.by_eui = {device.dev_eui: device for device in devices}

    @property
    def dev_euis(self) -> tuple[str, ...]:
        """All EUIs, in order."""
        return tuple(self.by_eui)

    def with_tags(self, tags: Iterable[str]) -> list[VirtualDevice]:
        """The devices that carry one of the tags."""
        wanted = set(tags)
        return [device for device in self.by_eui.values() if device.tag in wanted]
