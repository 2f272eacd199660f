"""Patches of detools (sequential, in-place and hdiffpatch), which have no magic number.

A patch is recognised if it can be read to its last byte: the pieces add up to the image that the header states, and nothing follows
them. A patch that was cut off is recognised if it can be read up to the cut.
"""

from __future__ import annotations

from collections.abc import Iterator

from fuota.errors import ImageError
from fuota.findings import Finding, note, warning
from fuota.image.description import Description, ImageFormat, Part
from fuota.image.formats.detools_content import Content, read_content
from fuota.image.formats.detools_header import HDIFFPATCH, IN_PLACE, Header, read_header
from fuota.image.formats.streams import DEVICE_COMPRESSIONS, HEATSHRINK_SIZES, heatshrink_sizes
from fuota.image.requirements import ImageRequirements

FORMAT = ImageFormat.DETOOLS_PATCH


def recognises(data: bytes) -> bool:
    """Return whether the data is a patch that is whole, or was readable until it was cut off or something was appended."""
    try:
        read_patch(data)
    except ImageError:
        return False
    return True


def describe(data: bytes, _requirements: ImageRequirements) -> Description:
    """Describe type and compression of the patch, and the length of the image that it makes. Raises ImageError if it is not one."""
    header, content = read_patch(data)
    damage = () if content.damage is None else (content.damage,)
    return Description(
        format=FORMAT,
        parts=(
            Part(name="header", offset=0, size=header.end),
            Part(name="patch", offset=header.end, size=len(data) - header.end),
        ),
        image_bytes=header.target_bytes,
        findings=(note("patch", _summary(header, data)), *damage, *_unsupported(header, content, data)),
    )


def read_patch(data: bytes) -> tuple[Header, Content]:
    """Return the header and the content, which has a finding if the patch is not whole. Raises ImageError if it is not a patch."""
    header = read_header(data)
    try:
        return header, read_content(data, header)
    except ModuleNotFoundError:  # the packages of the compressions come with the extra `delta`
        raise ImageError(
            f"unpacking {header.compression_name} needs the package 'detools': pip install 'fuota[delta]'"
        ) from None


def needs_package(data: bytes) -> bool:
    """Return whether the data begins like a patch that only the extra `delta`, which is not installed, can recognise."""
    try:
        read_content(data, read_header(data))
    except ModuleNotFoundError:
        return True
    except ImageError:
        return False
    return False


def _unsupported(header: Header, content: Content, data: bytes) -> Iterator[Finding]:
    """Yield a finding for each property of the patch that detools' C library does not implement (detools 0.53, c/detools.c)."""
    if header.kind == HDIFFPATCH:
        yield warning(
            "patch-unsupported",
            "its type is hdiffpatch, but detools' C library applies only sequential and in-place patches: make the patch with one"
            " of these, unless the device has another program",
        )
    if header.compression_name not in DEVICE_COMPRESSIONS:
        yield warning(
            "patch-unsupported",
            f"it is compressed with {header.compression_name}, but detools' C library unpacks only"
            f" {', '.join(DEVICE_COMPRESSIONS)}: make the patch with one of these, unless the device has another program",
        )
    if header.compression_name == "heatshrink" and heatshrink_sizes(data[header.end :]) != HEATSHRINK_SIZES:
        yield note(
            "patch-unsupported",
            "detools' C library is built for heatshrink with window 8 and lookahead 7, unless its heatshrink_config.h was changed:"
            " make sure that the device has a library for this window",
        )
    if content.data_format is not None:
        yield warning(
            "patch-unsupported",
            f"it has the data format {content.data_format}, which detools' C library does not implement: make the patch without"
            " --data-format, unless the device has another program",
        )


def _summary(header: Header, data: bytes) -> str:
    """Return the kind of the patch in words, with the compression that the device must be built for."""
    name = header.compression_name
    if name == "heatshrink":
        window, lookahead = heatshrink_sizes(data[header.end :])
        name += f", window {window} and lookahead {lookahead}"
    kind = f"{'an hdiffpatch' if header.kind == HDIFFPATCH else 'a sequential'} patch ({name})"
    if header.kind == IN_PLACE:
        kind = (
            f"an in-place patch ({name}) for a base of {header.base_bytes} bytes, in {header.memory_bytes} bytes of flash with"
            f" segments of {header.segment_bytes}"
        )
    return f"{kind}; it makes {header.target_bytes} bytes"
