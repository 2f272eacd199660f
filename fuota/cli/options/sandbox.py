"""Options of the sandbox that a command starts."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

import click

from fuota.cli.help import CommandFunction, sandbox_option
from fuota.cli.options.group import option_group
from fuota.demo.embedded import DEFAULT_SPEED, MAX_DEVICES
from fuota.errors import ParameterError

if TYPE_CHECKING:
    from fuota.cli.output import Output
    from fuota.sandbox.devices.firmware import Mishaps, QemuFirmware

MIN_SPEED = 0.001
MAX_SPEED = 1_000_000
"""Highest speed as a multiple of real time; a faster clock reaches the year 9999 within days."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SandboxOptions:
    """The sandbox that `fuota launch` starts without --server: number of devices, their loss, speed and random seed."""

    devices: int
    loss: str
    speed: str
    seed: int


def sandbox_options(command: CommandFunction) -> CommandFunction:
    """Add the options of the sandbox to a command, and pass it the parameter `sandbox`."""
    group = option_group(
        "sandbox",
        SandboxOptions,
        sandbox_option(
            "--devices",
            type=click.IntRange(1, MAX_DEVICES),
            default=100,
            show_default=True,
            help="Number of virtual devices.",
        ),
        sandbox_option(
            "--loss",
            metavar="SHARE|LOW-HIGH",
            default="0-0.3",
            show_default=True,
            help="Share of frames that a device loses, or a range of shares.",
        ),
        sandbox_option(
            "--speed",
            metavar="FACTOR|max",
            default=str(DEFAULT_SPEED),
            show_default=True,
            help="Multiple of real time; max is without waiting.",
        ),
        sandbox_option("--seed", type=click.IntRange(0), default=1, show_default=True, help="Random seed."),
    )
    return group(command)


device_kind_option = sandbox_option(
    "--device",
    "kind",
    type=click.Choice(["virtual", "qemu"]),
    default="virtual",
    show_default=True,
    help="First device: virtual, or the sample firmware in QEMU.",
)


def parse_loss(text: str) -> tuple[float, float]:
    """Parse a share ("0.1") or a range of shares ("0-0.3"). Raises ParameterError."""
    low, _, high = text.partition("-")
    try:
        return float(low), float(high or low)
    except ValueError:
        raise ParameterError(f"loss must be a share such as 0.1 or a range such as 0-0.3, got {text!r}") from None


def parse_speed(text: str) -> float | None:
    """Parse a multiple of real time, or "max" (None) for a clock that never waits. Raises ParameterError."""
    if text == "max":
        return None
    try:
        if MIN_SPEED <= (speed := float(text)) <= MAX_SPEED:
            return speed
    except ValueError:
        pass
    raise ParameterError(f"speed must be {MIN_SPEED} to {MAX_SPEED} times real time, such as 60, or max, got {text!r}")


@contextmanager
def first_device(
    kind: str, *, version: int, out: Output, mishaps: Mishaps | None = None
) -> Iterator[QemuFirmware | None]:
    """Provide the emulated firmware for `kind` "qemu", or None for "virtual", while the block lasts.

    The lines of its console are shown. Raises UsageError if the firmware does not speak `version` of TS004, ParameterError if
    QEMU is not installed, UnreachableError if the firmware does not start.
    """
    if kind == "virtual":
        yield None
        return
    from fuota.demo import FIRMWARE_VERSION, emulated_firmware
    from fuota.sandbox.devices.firmware import Mishaps

    if version != FIRMWARE_VERSION:
        raise click.UsageError(
            f"--device qemu needs --version {FIRMWARE_VERSION}: the sample firmware speaks version {FIRMWARE_VERSION}"
        )

    def show_line(line: str) -> None:
        out.event("part", line=line)
        if not out.as_json:
            out.say(f"  firmware: {line}")

    with emulated_firmware(mishaps or Mishaps(), version=version, on_line=show_line) as firmware:
        yield firmware


def show_mishaps(firmware: QemuFirmware | None, out: Output) -> None:
    """Show what happened to the fragments on their way to the emulated firmware, if there is one."""
    if firmware is None:
        return
    out.event("part_way", repeated=firmware.repeated, delayed=firmware.delayed, power_cuts=firmware.power_cuts)
    power = "its power was cut in the middle" if firmware.power_cuts else "its power was not cut: few fragments arrived"
    out.say(
        f"  on the way to the firmware, {firmware.repeated} fragments arrived twice and {firmware.delayed} late; {power}"
    )
