"""Images and patches as tables and as events."""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil
from pathlib import Path
from typing import TYPE_CHECKING

from fuota.cli.render.grid import findings_grid, grid
from fuota.cli.render.words import spoken_airtime
from fuota.image.conversion_advice import conversion_command
from fuota.text import counted, printable

if TYPE_CHECKING:
    from fuota.cli.output import Output
    from fuota.image import Description, ImageCheck
    from fuota.image.delta import Delta
    from fuota.image.description import Part

_MAX_PARTS = 12
"""Number of parts of an image that are listed."""
_LOST_SHARE = 0.2
"""Share of lost fragments that the shown memory of a decoder suffices to repair."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OnAir:
    """Airtime of uncoded fragments. frag_size: bytes per fragment. frame_us: time on air of one fragment."""

    frag_size: int
    frame_us: int

    def airtime_us(self, size: int) -> int:
        """Return the airtime of `size` bytes."""
        return -(-size // self.frag_size) * self.frame_us

    def decoder_bytes(self, size: int) -> int:
        """Return the RAM in bytes of a TS004 decoder that repairs a fifth of the fragments of `size` bytes."""
        from fuota.device import decoder_memory_bytes

        return decoder_memory_bytes(ceil(_LOST_SHARE * -(-size // self.frag_size)))


def show_check(
    out: Output, checked: ImageCheck, on_air: OnAir | None, *, path: str, whole: bool, base_sha256: str | None = None
) -> None:
    """Show an image and its findings as a table, or as one event for the image and one for each finding.

    path: name of the file on the command line. whole: show parts and hashes too, instead of the conclusion.
    base_sha256: for the target of a patch, the SHA-256 of the image that the patch was applied to, hexadecimal.
    """
    image, description = checked.image, checked.image.description
    out.event(
        "image",
        **description.to_json()
        | {
            "name": image.name,
            "bytes": len(image.data),
            "sha256": image.sha256,
            "signature": checked.signature.value,
            "entropy_bits": checked.entropy_bits,
            "filler_bytes": checked.filler_bytes,
            "on_air_bytes": _bytes_on_air(checked),
            "airtime_us": None if on_air is None else on_air.airtime_us(_bytes_on_air(checked)),
            "ok": checked.ok,
            "mended_by": conversion_command(checked, path),
        },
    )
    for finding in checked.findings:
        out.event("finding", **finding.to_json())
    if out.as_json:
        return
    base = [] if base_sha256 is None else [("applied to", base_sha256)]
    rows = [*_rows(checked, on_air), *base, *(_details(description) if whole else [])]
    out.table(grid(rows, name_style="bold"))
    if len(checked.findings):
        out.result("")
        out.table(findings_grid(checked.findings.items))
    if not whole:
        out.result("")
        out.result(_sentence(checked, path))


def show_delta(out: Output, delta: Delta, on_air: OnAir | None, path: Path | None) -> None:
    """Show a patch as a table, or as one event."""
    sizes = (len(delta.data), delta.target_bytes)
    spent, whole = (None, None) if on_air is None else map(on_air.airtime_us, sizes)
    patch_ram, target_ram = (None, None) if on_air is None else map(on_air.decoder_bytes, sizes)
    out.event(
        "delta",
        **{name: getattr(delta, name) for name in ("base_sha256", "target_sha256", "base_bytes", "target_bytes")},
        **{name: getattr(delta, name) for name in ("patch_type", "compression", "ram_bytes", "flash_bytes", "ratio")},
        bytes=len(delta.data),
        sha256=delta.sha256,
        airtime_us=spent,
        target_airtime_us=whole,
        decoder_ram_bytes=patch_ram,
        target_decoder_ram_bytes=target_ram,
        output=None if path is None else str(path),
    )
    for finding in delta.findings:
        out.event("finding", **finding.to_json())
    if out.as_json:
        return
    out.table(grid([*_delta_rows(delta), *_saved(delta, on_air), _written(path)], name_style="bold"))
    if len(delta.findings):
        out.result("")
        out.table(findings_grid(delta.findings.items))


def _bytes_on_air(checked: ImageCheck) -> int:
    from fuota.image import on_air_bytes

    return on_air_bytes(checked.image)


def _rows(checked: ImageCheck, on_air: OnAir | None) -> list[tuple[str, str]]:
    image, description = checked.image, checked.image.description
    return [
        ("image", f"{image.name}, {counted(len(image.data), 'byte')}"),
        ("format", _format(description)),
        ("SHA-256", image.sha256),
        ("version", image.version or "not stated"),
        ("hardware", description.hardware or "not stated"),
        ("signature", checked.signature.value),
        ("on air", _on_air_text(checked, on_air)),
    ]


def _format(description: Description) -> str:
    if description.converts_to_bytes is None:
        return str(description.format)
    return f"{description.format}, for a binary of {counted(description.converts_to_bytes, 'byte')}"


def _on_air_text(checked: ImageCheck, on_air: OnAir | None) -> str:
    size = _bytes_on_air(checked)
    converted = "" if checked.image.description.converts_to_bytes is None else " after conversion"
    if on_air is None:
        return f"{counted(size, 'byte')}{converted}"
    all_us = on_air.airtime_us(size)
    wasted_us = all_us - on_air.airtime_us(size - checked.filler_bytes)
    wasted = f"; {spoken_airtime(wasted_us)} of it for filler" if wasted_us else ""
    return f"{counted(size, 'byte')}{converted}: {spoken_airtime(all_us)} in uncoded fragments{wasted}"


def _details(description: Description) -> list[tuple[str, str]]:
    rows = []
    if description.address_range is not None:
        low, high = description.address_range
        rows.append(("addresses", f"0x{low:08X} to 0x{high:08X}"))
    if description.key_sha256 is not None:
        rows.append(("key", description.key_sha256))
    if description.base_sha256 is not None:
        rows.append(("base", description.base_sha256))
    size = description.image_bytes
    if size is not None and size != sum(part.size for part in description.parts):
        rows.append(("makes", counted(size, "byte")))
    rows += [("" if number else "parts", _part(part)) for number, part in enumerate(description.parts[:_MAX_PARTS])]
    if more := len(description.parts) - _MAX_PARTS:
        rows += [("", f"and {more} more")] if more > 0 else []
    words = {True: "correct", False: "WRONG", None: "not checked"}
    return rows + [
        ("" if number else "hashes", f"{digest.algorithm} over {digest.covers}: {words[digest.matches]}")
        for number, digest in enumerate(description.digests)
    ]


def _part(part: Part) -> str:
    address = "" if part.address is None else f", loaded to 0x{part.address:08X}"
    return f"{part.name}: {counted(part.size, 'byte')} at offset {part.offset}{address}"


def _sentence(checked: ImageCheck, path: str) -> str:
    name, findings = printable(checked.image.name), checked.findings
    if not findings.ok:
        command = conversion_command(checked, path)
        remedy = "" if command is None else f"\nThis makes an image that can be sent: {printable(command)}"
        return f"{name} must not be sent: {counted(len(findings.errors), 'error')}.{remedy}"
    if findings.warnings:
        return f"{name} can be sent, with {counted(len(findings.warnings), 'warning')}."
    return f"{name} can be sent."


def _delta_rows(delta: Delta) -> list[tuple[str, str]]:
    return [
        (
            "patch",
            f"{counted(len(delta.data), 'byte')} for an image of {delta.target_bytes}, {delta.ratio:.1%} of it"
            f" ({delta.patch_type}, {delta.compression})",
        ),
        ("SHA-256", delta.sha256),
        ("base", delta.base_sha256),
        ("target", delta.target_sha256),
        ("checked", "applied to the base, it gives exactly the target"),
        ("device", f"{counted(delta.ram_bytes, 'byte')} of RAM to unpack, {delta.flash_bytes} of flash in all"),
    ]


def _saved(delta: Delta, on_air: OnAir | None) -> list[tuple[str, str]]:
    if on_air is None:
        return []
    sizes = (len(delta.data), delta.target_bytes)
    (spent_us, whole_us), (ram, target_ram) = map(on_air.airtime_us, sizes), map(on_air.decoder_bytes, sizes)
    return [
        ("airtime", f"{spoken_airtime(spent_us)} instead of {spoken_airtime(whole_us)}{_share(spent_us, whole_us)}"),
        (
            "decoder",
            f"{counted(ram, 'byte')} of RAM instead of {target_ram}{_share(ram, target_ram)}, to repair a fifth of the fragments",
        ),
    ]


def _share(spent: int, whole: int) -> str:
    return f" ({1 - spent / whole:.0%} saved)" if spent < whole else ""


def _written(path: Path | None) -> tuple[str, str]:
    if path is None:
        return ("written", "not to a file: use -o")
    return ("written", f"{path}; plan it with `fuota plan {path} --base BASE`")
