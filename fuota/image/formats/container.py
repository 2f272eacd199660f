"""What is said of every container that no device takes as it is: HEX, S-record, ELF, UF2."""

from __future__ import annotations

from collections.abc import Callable

from fuota.errors import ImageError
from fuota.findings import Finding, error, warning
from fuota.image.description import Description, ImageFormat, Part
from fuota.image.segments import Segment, gaps, span, too_much

_MOST_SHOWN = 4
"""Parts named in a message."""


def describe_container(
    image_format: ImageFormat,
    data: bytes,
    segments: Callable[[bytes], tuple[Segment, ...]],
    *,
    hardware: str | None = None,
    more: tuple[Finding, ...] = (),
) -> Description:
    """The parts that `segments` finds in it, or why it finds none; and that it must be converted before it is sent."""
    try:
        found = segments(data)
    except ImageError as exc:
        return Description(format=image_format, hardware=hardware, findings=(error("structure", str(exc)), *more))
    extent = span(found)
    if extent is None:
        return Description(
            format=image_format, hardware=hardware, findings=(error("no-data", "it holds no data to send"), *more)
        )
    size = extent[1] - extent[0]
    return Description(
        format=image_format,
        hardware=hardware,
        parts=tuple(
            Part(name="segment", offset=one.address - extent[0], size=len(one.data), address=one.address)
            for one in found
        ),
        address_range=extent,
        converts_to_bytes=size,
        findings=(_not_binary(image_format, len(data), size, found), *_gaps(found), *more),
    )


def _not_binary(image_format: ImageFormat, file_bytes: int, size: int, found: tuple[Segment, ...]) -> Finding:
    if too_much(gaps(found)):
        parts = ", ".join(f"0x{one.address:08X}-0x{one.end:08X}" for one in found[:_MOST_SHOWN])
        more = f" and {len(found) - _MOST_SHOWN} more" if len(found) > _MOST_SHOWN else ""
        return error(
            "not-binary",
            f"it is {image_format.value}, which the device would not understand: convert one of its parts (fuota image convert"
            f" --address-range): {parts}{more}",
        )
    return error(
        "not-binary",
        f"it is {image_format.value}: {file_bytes} bytes on air for an image of {size} that the device would not understand;"
        " convert it first (fuota image convert)",
    )


def _gaps(found: tuple[Segment, ...]) -> tuple[Finding, ...]:
    if not (holes := gaps(found)):
        return ()
    size, far = sum(high - low for low, high in holes), too_much(holes)
    advice = "too far apart for one binary" if far else "they would be filled"
    return (
        (error if far else warning)("gaps", f"{size} bytes between its {len(found)} segments hold nothing: {advice}"),
    )
