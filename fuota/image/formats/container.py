"""Description of containers that no device accepts as they are: HEX, S-record, ELF, UF2."""

from __future__ import annotations

from collections.abc import Callable

from fuota.errors import ImageError
from fuota.findings import Finding, error, warning
from fuota.image.description import Description, ImageFormat, Part
from fuota.image.segments import Segment, exceed_limit, gaps, span

_MAX_NAMED_PARTS = 4
"""Number of parts named in a message."""


def describe_container(
    image_format: ImageFormat,
    data: bytes,
    read_segments: Callable[[bytes], tuple[Segment, ...]],
    *,
    hardware: str | None = None,
) -> Description:
    """Describe the segments of a container, with the finding that it must be converted before it is sent.

    image_format: format of the container. data: content of the file. read_segments: returns the segments of `data`, or raises
    ImageError. hardware: hardware that the container names.
    """
    try:
        segments = read_segments(data)
    except ImageError as exc:
        return Description(format=image_format, hardware=hardware, findings=(error("structure", str(exc)),))
    extent = span(segments)
    if extent is None:
        finding = error("no-data", "it holds no data to send")
        return Description(format=image_format, hardware=hardware, findings=(finding,))
    size = extent[1] - extent[0]
    return Description(
        format=image_format,
        hardware=hardware,
        parts=tuple(
            Part(name="segment", offset=segment.address - extent[0], size=len(segment.data), address=segment.address)
            for segment in segments
        ),
        address_range=extent,
        converts_to_bytes=size,
        findings=(_not_binary(image_format, len(data), size, segments), *_gap_findings(segments)),
    )


def _not_binary(image_format: ImageFormat, file_bytes: int, size: int, segments: tuple[Segment, ...]) -> Finding:
    if exceed_limit(gaps(segments)):
        parts = ", ".join(f"0x{segment.address:08X}-0x{segment.end:08X}" for segment in segments[:_MAX_NAMED_PARTS])
        more = f" and {len(segments) - _MAX_NAMED_PARTS} more" if len(segments) > _MAX_NAMED_PARTS else ""
        return error(
            "not-binary",
            f"it is {image_format.value}, which the device would not understand: convert one of its parts (fuota image convert"
            f" --address-range): {parts}{more}",
        )
    return error(
        "not-binary",
        f"it is {image_format.value}, which the device would not understand, and {file_bytes} bytes on air for an image of {size}:"
        " convert it first (fuota image convert)",
    )


def _gap_findings(segments: tuple[Segment, ...]) -> tuple[Finding, ...]:
    if not (holes := gaps(segments)):
        return ()
    size, too_far = sum(high - low for low, high in holes), exceed_limit(holes)
    advice = "the segments are too far apart for one binary" if too_far else "conversion fills them"
    return (
        (error if too_far else warning)(
            "gaps", f"{size} bytes between its {len(segments)} segments are empty: {advice}"
        ),
    )
