"""Commands `fuota image`: identify, check, convert images, and make patches."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import IO, TYPE_CHECKING

import click

from fuota.cli.exits import DONE, REFUSED
from fuota.cli.help import Group, OptionsUnder, image_option, radio_option
from fuota.cli.image_gate import GateArguments, gate_options
from fuota.cli.image_input import converted, opened
from fuota.cli.options.group import option_group
from fuota.cli.options.requirements import RequirementOptions, requirement_options
from fuota.cli.output import Output, with_output
from fuota.cli.output_file import check_outputs, file_option, open_output, stream_option
from fuota.errors import ImageError
from fuota.text import counted

if TYPE_CHECKING:
    from fuota.campaign.gate import Requirements
    from fuota.cli.render.image_table import OnAir
    from fuota.image.delta import Compression, DeltaRecipe

patch_option = OptionsUnder("Patch")


@dataclass(frozen=True, slots=True, kw_only=True)
class AirOptions:
    """Region and data rate of the airtime that is shown; the default data rate is the RX2 data rate."""

    region_name: str | None
    data_rate: int | None

    def on_air(self) -> OnAir | None:
        """Return what a size costs on air, None if no region was given. Raises click.UsageError for a data rate alone."""
        if self.region_name is None:
            if self.data_rate is not None:
                raise click.UsageError("--data-rate needs --region: data rates differ between regions")
            return None
        from fuota.cli.render.image_table import OnAir
        from fuota.radio import fragment_phy_bytes, largest_frag_size, region

        channel_plan = region(self.region_name)
        index = channel_plan.rx2_data_rate if self.data_rate is None else self.data_rate
        frag_size = largest_frag_size(channel_plan, index)
        frame_us = channel_plan.data_rate(index).time_on_air_us(fragment_phy_bytes(frag_size))
        return OnAir(frag_size=frag_size, frame_us=frame_us)


@dataclass(frozen=True, slots=True, kw_only=True)
class VersionOptions:
    """Version that the devices run, and whether an older image may replace it; None: as the profile has it."""

    running_version: str | None
    downgrade: bool | None

    def changes(self) -> Requirements:
        """Return the values that replace values of the profile."""
        changes: Requirements = {}
        if self.running_version is not None:
            changes["running_version"] = self.running_version
        if self.downgrade is not None:
            changes["downgrade"] = self.downgrade
        return changes


@dataclass(frozen=True, slots=True, kw_only=True)
class DeltaOptions:
    """Parameters of a patch, see DeltaRecipe."""

    compression: Compression
    window: int
    lookahead: int
    in_place: bool
    memory_size: int | None
    segment_size: int

    def recipe(self) -> DeltaRecipe:
        """Return the recipe. Raises ParameterError."""
        from fuota.image.delta import DeltaRecipe

        return DeltaRecipe(
            compression=self.compression,
            window=self.window,
            lookahead=self.lookahead,
            in_place=self.in_place,
            memory_size=self.memory_size,
            segment_size=self.segment_size,
        )


air_options = option_group(
    "air",
    AirOptions,
    radio_option("--region", "region_name", metavar="NAME", help="Region, to show the airtime of the image."),
    radio_option("--data-rate", "-d", type=int, metavar="DR", help="Data rate of the airtime.  [default: that of RX2]"),
)


def _whole_number(_context: click.Context, _parameter: click.Parameter, text: str | None) -> int | None:
    """Parse a number that may be decimal or hexadecimal (0x)."""
    try:
        return None if text is None else int(text, 0)
    except ValueError:
        raise click.BadParameter(f"{text!r} is not a whole number, such as 4096 or 0x1000") from None


def _range(_context: click.Context, _parameter: click.Parameter, text: str | None) -> tuple[int, int] | None:
    if text is None:
        return None
    try:
        low, high = (int(part, 0) for part in text.split("-"))
    except ValueError:
        raise click.BadParameter(f"{text!r} is not LOW-HIGH, such as 0x08000000-0x08040000") from None
    if low >= high:
        raise click.BadParameter(f"{text} is empty: HIGH is the first address after the range")
    return low, high


@click.group(cls=Group, examples=("fuota image check app.hex --profile loramac-node",))
def image() -> None:
    """Identify, check and convert images, and make patches."""


@image.command(
    examples=("fuota image inspect app.bin", "fuota image inspect app.bin --region EU868 --data-rate 3 --json")
)
@click.argument("image", type=click.File("rb"))
@requirement_options
@air_options
@with_output
def inspect(*, image: IO[bytes], requirements: RequirementOptions, air: AirOptions, out: Output) -> int:
    """Show what IMAGE is.

    The result has format, version, parts, hashes and signature, and what is wrong with the image.
    """
    from fuota.campaign import inspect_with_base
    from fuota.cli.render.image_table import show_check

    gate = GateArguments(strict=False, base=None).options(requirements)
    (check,) = inspect_with_base(opened(image), gate)
    show_check(out, check, air.on_air(), path=image.name, whole=True)
    return DONE


@image.command(
    examples=(
        "fuota image check app.bin --profile loramac-node --public-key key.pem",
        "fuota image check app.patch --base old.bin --region EU868",
    )
)
@click.argument("image", type=click.File("rb"))
@gate_options
@option_group(
    "versions",
    VersionOptions,
    image_option("--running-version", metavar="VERSION", help="Version that the devices run: refuse an older IMAGE."),
    image_option("--downgrade", is_flag=True, default=None, help="Allow a downgrade."),
)
@air_options
@with_output
def check(
    *,
    image: IO[bytes],
    gate: GateArguments,
    requirements: RequirementOptions,
    versions: VersionOptions,
    air: AirOptions,
    out: Output,
) -> int:
    """Check whether IMAGE may be sent.

    The exit code is 0 if it may be sent and 3 if not. Structure, checksums, size, hardware, version, signature and filler are
    checked against --profile and --public-key. The codes of the findings are stable (docs/images.md).
    """
    from fuota.campaign import inspect_with_base
    from fuota.cli.render.image_table import show_check

    on_air = air.on_air()
    checks = inspect_with_base(opened(image), gate.options(requirements), **versions.changes())
    for number, image_check in enumerate(checks):
        base_sha256 = checks[0].image.requirements.base_sha256 if number else None
        show_check(out, image_check, on_air, path=image.name, whole=False, base_sha256=base_sha256)
    good = all(image_check.ok and not (gate.strict and image_check.findings.warnings) for image_check in checks)
    return DONE if good else REFUSED


@image.command(
    examples=(
        "fuota image convert app.hex -o app.bin",
        "fuota image convert app.elf -o app.bin --address-range 0x08000000-0x08040000",
    )
)
@click.argument("image", type=click.File("rb"))
@stream_option("File for the binary; - is stdout.", required=True)
@image_option(
    "--fill", metavar="BYTE", default="0xFF", show_default=True, callback=_whole_number, help="Fill byte for gaps."
)
@image_option("--address-range", metavar="LOW-HIGH", callback=_range, help="Keep only the addresses LOW to HIGH - 1.")
@with_output
def convert(*, image: IO[bytes], output: str, fill: int, address_range: tuple[int, int] | None, out: Output) -> int:
    """Convert IMAGE to the binary that is sent.

    IMAGE is Intel HEX, S-record, ELF or UF2, an MCUboot or ESP32 image with padding, or a dump of the flash of an ESP32. A binary
    that is known and needs no conversion is written unchanged. A file that is not known gives exit code 3.
    """
    from fuota.image import convert as convert_image
    from fuota.image.conversion import require_known_format

    if not 0 <= fill <= 255:
        raise click.BadParameter(f"--fill must be 0 to 255, got {fill} (nearest: {255 if fill > 255 else 0})")
    check_outputs({"IMAGE": image}, None if output == "-" else Path(output), None)
    source = opened(image)
    require_known_format(source)
    binary = convert_image(source, fill=fill, address_range=address_range)
    with open_output(output, "wb") as file:
        file.write(binary.data)
    if output != "-":
        out.event("converted", output=output, bytes=len(binary.data), sha256=binary.sha256, format=binary.format.value)
    origin = "unchanged" if binary.data == source.data else f"from {source.format}"
    out.say(
        f"{counted(len(binary.data), 'byte')} ({binary.format}, {origin}), SHA-256 {binary.sha256[:16]}…,"
        f" from {counted(len(source.data), 'byte')}"
    )
    return DONE


@image.command(
    examples=(
        "fuota image delta old.bin new.bin -o app.patch --region EU868",
        "fuota image delta old.bin new.bin -o app.patch --in-place",
    )
)
@click.argument("base", type=click.File("rb"))
@click.argument("target", type=click.File("rb"))
@file_option("--output", "-o", help="Write the patch to this file.")
@option_group(
    "delta",
    DeltaOptions,
    patch_option(
        "--compression",
        type=click.Choice(["heatshrink", "crle", "lzma", "bz2", "none"]),
        default="heatshrink",
        show_default=True,
        help="Compression that the device can unpack.",
    ),
    patch_option(
        "--window",
        type=click.IntRange(4, 15),
        metavar="BITS",
        default=8,
        show_default=True,
        help="heatshrink window size, as a power of two.",
    ),
    patch_option(
        "--lookahead",
        type=click.IntRange(3, 14),
        metavar="BITS",
        default=7,
        show_default=True,
        help="heatshrink lookahead size, as a power of two.",
    ),
    patch_option(
        "--in-place",
        is_flag=True,
        help="Patch the running image in place, for devices without space for a second image.",
    ),
    patch_option(
        "--memory-size",
        metavar="BYTES",
        callback=_whole_number,
        help="In place: size of the slot.  [default: as much as the patch needs]",
    ),
    patch_option(
        "--segment-size",
        metavar="BYTES",
        default="4096",
        show_default=True,
        callback=_whole_number,
        help="In place: size of a flash page.",
    ),
)
@air_options
@with_output
def delta(
    *, base: IO[bytes], target: IO[bytes], output: Path | None, delta: DeltaOptions, air: AirOptions, out: Output
) -> int:
    """Make a patch from BASE to TARGET.

    A device that runs BASE makes TARGET from the patch; its bootloader must support detools. The patch is applied to BASE and the
    result compared with TARGET before it is written.
    """
    from fuota.cli.render.image_table import show_delta
    from fuota.image.delta import make_delta

    check_outputs({"BASE": base, "TARGET": target}, output, None)
    patch = make_delta(_binary(base), _binary(target), delta.recipe())
    if output is not None:
        with open_output(str(output), "wb") as file:
            file.write(patch.data)
    show_delta(out, patch, air.on_air(), output)
    return DONE


def _binary(file: IO[bytes]) -> bytes:
    """Return the binary of an image that a patch is made from or for. Raises ImageError if the image has an error."""
    from fuota.image import check as check_image

    firmware = converted(file)
    for finding in check_image(firmware).findings.errors:
        raise ImageError(f"{firmware.name}: {finding.message} ({finding.code})")
    return firmware.data
