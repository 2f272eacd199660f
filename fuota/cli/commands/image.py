"""fuota image: what an image is, whether it may be sent, and how to make one that may."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

import click

from fuota.cli.commands.coding import opened_output
from fuota.cli.commands.plan import check_outputs
from fuota.cli.exits import DONE, REFUSED
from fuota.cli.image_input import checks_of, converted, opened
from fuota.cli.output import Output, with_output
from fuota.errors import ImageError
from fuota.text import counted

if TYPE_CHECKING:
    from fuota.cli.render.image_table import OnAir


def _whole_number(_context: click.Context, _parameter: click.Parameter, text: str | None) -> int | None:
    """An octet or an address, as C writes it."""
    try:
        return None if text is None else int(text, 0)
    except ValueError:
        raise click.BadParameter(f"{text!r} is no number, such as 0x08000000") from None


def _range(_context: click.Context, _parameter: click.Parameter, text: str | None) -> tuple[int, int] | None:
    if text is None:
        return None
    try:
        low, high = (int(one, 0) for one in text.split("-"))
    except ValueError:
        raise click.BadParameter(f"{text!r} is not LOW-HIGH, such as 0x08000000-0x08040000") from None
    if low >= high:
        raise click.BadParameter(f"{text} is empty: HIGH is the first address that is not taken")
    return low, high


def requirement_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """By what an image is checked."""
    for option in reversed(_REQUIREMENTS):
        command = option(command)
    return command


_REQUIREMENTS = (
    click.option("--profile", metavar="NAME|FILE", help="What the devices take: a TOML file, or a built-in name."),
    click.option(
        "--public-key", type=click.Path(exists=True, dir_okay=False), help="Verify the signature by this (PEM or DER)."
    ),
    click.option(
        "--signature",
        type=click.Path(exists=True, dir_okay=False),
        help="A signature that lies beside IMAGE (ECDSA, Ed25519), in place of that inside.",
    ),
)
_ON_AIR = (
    click.option("--region", "region_name", help="Channel plan, to say the airtime."),
    click.option("--data-rate", "-d", type=int, help="Data rate of it.  [default: that of RX2]"),
)


def _on_air_options(command: Callable[..., Any]) -> Callable[..., Any]:
    for option in reversed(_ON_AIR):
        command = option(command)
    return command


def _on_air(region_name: str | None, data_rate: int | None) -> OnAir | None:
    """What octets cost on air, in uncoded fragments; None where no region was named."""
    if region_name is None:
        if data_rate is not None:
            raise click.UsageError("--data-rate is one of a region: say --region too")
        return None
    from fuota.cli.render.image_table import OnAir
    from fuota.radio import fragment_phy_bytes, largest_frag_size, region

    plan = region(region_name)
    index = plan.rx2_data_rate if data_rate is None else data_rate
    frag_size = largest_frag_size(plan, index)
    return OnAir(frag_size=frag_size, frame_us=plan.data_rate(index).time_on_air_us(fragment_phy_bytes(frag_size)))


@click.group()
def image() -> None:
    """Images: what one is, whether it may be sent, and how to make one that may."""


@image.command()
@click.argument("image", type=click.File("rb"))
@requirement_options
@_on_air_options
@with_output
def inspect(image: IO[bytes], region_name: str | None, data_rate: int | None, out: Output, **wanted: Any) -> int:
    """Show what IMAGE is: format, version, parts, hashes, signature; and what is wrong with it."""
    from fuota.cli.render.image_table import show_check

    show_check(
        out, checks_of(opened(image), None, wanted)[0], _on_air(region_name, data_rate), path=image.name, whole=True
    )
    return DONE


@image.command()
@click.argument("image", type=click.File("rb"))
@requirement_options
@click.option("--running-version", help="What the devices run: an older image is refused.")
@click.option("--downgrade", is_flag=True, default=None, help="An older image is meant.")
@click.option("--base", type=click.File("rb"), help="The image that the devices run, for a patch.")
@click.option("--strict", is_flag=True, help="Refuse what is warned of too.")
@_on_air_options
@with_output
def check(
    image: IO[bytes],
    base: IO[bytes] | None,
    strict: bool,
    region_name: str | None,
    data_rate: int | None,
    out: Output,
    **wanted: Any,
) -> int:
    """Check whether IMAGE may be sent: exit code 0 if so, 3 if not.

    Structure, checksums, size, hardware, version, signature, filler: what is said with --profile and --public-key is compared.
    The codes of the findings are stable (docs/images.md).
    """
    from fuota.cli.render.image_table import show_check

    asked = {name: value for name, value in wanted.items() if value is not None}
    on_air = _on_air(region_name, data_rate)
    checked = checks_of(opened(image), base, asked)
    for one in checked:
        show_check(out, one, on_air, path=image.name, whole=False)
    good = all(one.ok and not (strict and one.findings.warnings) for one in checked)
    return DONE if good else REFUSED


@image.command()
@click.argument("image", type=click.File("rb"))
@click.option(
    "--output",
    "-o",
    required=True,
    type=click.Path(allow_dash=True, dir_okay=False),
    help="File for the binary; - is stdout.",
)
@click.option("--fill", default="0xFF", show_default=True, callback=_whole_number, help="Octet for gaps.")
@click.option("--address-range", metavar="LOW-HIGH", callback=_range, help="Only what lies from LOW to below HIGH.")
@with_output
def convert(image: IO[bytes], output: str, fill: int, address_range: tuple[int, int] | None, out: Output) -> int:
    """Make the binary of IMAGE: of Intel HEX, S-record, ELF or UF2, or of an MCUboot image padded to its slot."""
    from fuota.image import convert as converted

    if not 0 <= fill <= 255:
        raise click.BadParameter(f"--fill {fill} was given: it is an octet, 0 to 255")
    check_outputs({"IMAGE": image}, None if output == "-" else Path(output), None)
    source = opened(image)
    made = converted(source, fill=fill, address_range=address_range)
    with opened_output(output, "wb") as file:
        file.write(made.data)
    if output != "-":
        out.event("converted", output=output, bytes=len(made.data), sha256=made.sha256, format=made.format.value)
    kept = "as it is" if made.data == source.data else f"from {source.format}"
    out.say(
        f"{counted(len(made.data), 'byte')} ({made.format}, {kept}), SHA-256 {made.sha256[:16]}…,"
        f" from {counted(len(source.data), 'byte')}"
    )
    return DONE


@image.command()
@click.argument("base", type=click.File("rb"))
@click.argument("target", type=click.File("rb"))
@click.option("--output", "-o", type=click.Path(path_type=Path, dir_okay=False), help="Write the patch here.")
@click.option(
    "--compression",
    type=click.Choice(["heatshrink", "crle", "lzma", "bz2", "none"]),
    default="heatshrink",
    show_default=True,
    help="What the device can unpack.",
)
@click.option("--window", type=click.IntRange(4, 15), default=8, show_default=True, help="Of heatshrink: 2 to this.")
@click.option("--lookahead", type=click.IntRange(3, 14), default=7, show_default=True, help="Of heatshrink: 2 to this.")
@click.option("--in-place", is_flag=True, help="The device has no room for a second image: patch the one it runs.")
@click.option("--memory-size", callback=_whole_number, help="In place: octets of the slot.  [default: what it takes]")
@click.option("--segment-size", default="4096", show_default=True, callback=_whole_number, help="In place: flash page.")
@_on_air_options
@with_output
def delta(
    *,
    base: IO[bytes],
    target: IO[bytes],
    output: Path | None,
    region_name: str | None,
    data_rate: int | None,
    out: Output,
    **how: Any,
) -> int:
    """Make a patch (detools) by which a device that runs BASE makes TARGET.

    Before it is given out it is applied, and compared with TARGET. The bootloader must know detools.
    """
    from fuota.cli.render.image_table import show_delta
    from fuota.image.delta import DeltaRecipe, make_delta

    check_outputs({"BASE": base, "TARGET": target}, output, None)
    made = make_delta(_binary(base), _binary(target), DeltaRecipe(**how))
    if output is not None:
        with opened_output(str(output), "wb") as file:
            file.write(made.data)
    show_delta(out, made, _on_air(region_name, data_rate), output)
    return DONE


def _binary(file: IO[bytes]) -> bytes:
    """What a patch is made of, or for. Raises ImageError for a damaged image."""
    from fuota.image import check

    image = converted(file)
    for finding in check(image).findings.errors:
        raise ImageError(f"{image.name}: {finding.message} ({finding.code})")
    return image.data
