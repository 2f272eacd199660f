"""Patches of bsdiff: BSDIFF40 (three bzip2 streams) and ENDSLEY/BSDIFF43 (one bzip2 stream)."""

from __future__ import annotations

from fuota.errors import ImageError
from fuota.findings import error, note
from fuota.image.description import Description, ImageFormat, Part
from fuota.image.formats.detools_content import max_pieces
from fuota.image.formats.detools_header import MAX_TARGET_BYTES
from fuota.image.formats.streams import EndOfStreamError, Stream, bzip2
from fuota.image.requirements import ImageRequirements

FORMAT = ImageFormat.BSDIFF_PATCH

BSDIFF40, BSDIFF43 = b"BSDIFF40", b"ENDSLEY/BSDIFF43"
_HEADER_BYTES = {BSDIFF40: 32, BSDIFF43: 24}


def recognises(data: bytes) -> bool:
    """Return whether the data begins with BSDIFF40 or ENDSLEY/BSDIFF43."""
    return data.startswith((BSDIFF40, BSDIFF43))


def describe(data: bytes, _requirements: ImageRequirements) -> Description:
    """Describe the length of the target, and check that the pieces of the patch add up to it."""
    magic = BSDIFF40 if data.startswith(BSDIFF40) else BSDIFF43
    header_bytes = min(len(data), _HEADER_BYTES[magic])
    parts = (
        Part(name="header", offset=0, size=header_bytes),
        Part(name="patch", offset=header_bytes, size=len(data) - header_bytes),
    )
    try:
        target_bytes = checked_target_bytes(data)
    except ImageError as exc:
        return Description(format=FORMAT, parts=parts, findings=(error("structure", str(exc)),))
    message = f"a bsdiff patch ({magic.decode()}, bzip2); it makes {target_bytes} bytes"
    return Description(format=FORMAT, parts=parts, image_bytes=target_bytes, findings=(note("patch", message),))


def checked_target_bytes(data: bytes) -> int:
    """Return the length of the image that the patch makes. Raises ImageError if the pieces do not add up to it."""
    magic = BSDIFF40 if data.startswith(BSDIFF40) else BSDIFF43
    if len(data) < _HEADER_BYTES[magic]:
        raise ImageError(f"it has {len(data)} bytes, its header alone has {_HEADER_BYTES[magic]}: it was cut off")
    target_bytes = _number(data[_HEADER_BYTES[magic] - 8 : _HEADER_BYTES[magic]])
    if not 0 <= target_bytes <= MAX_TARGET_BYTES:
        raise ImageError(
            f"the patch states that it makes {target_bytes} bytes: too large for an image of a LoRaWAN device"
        )
    streams = _streams(data) if magic == BSDIFF40 else [Stream(bzip2(data[_HEADER_BYTES[BSDIFF43] :]))] * 3
    try:
        _check_pieces(streams, target_bytes, max_pieces(len(data)))
    except EndOfStreamError:
        raise ImageError(f"it makes fewer than the {target_bytes} bytes that it states: it was cut off") from None
    return target_bytes


def _streams(data: bytes) -> list[Stream]:
    """Return the streams of BSDIFF40: control, what is added to the base, and new bytes."""
    control_bytes, added_bytes = _number(data[8:16]), _number(data[16:24])
    offset = _HEADER_BYTES[BSDIFF40]
    if control_bytes < 0 or added_bytes < 0 or offset + control_bytes + added_bytes > len(data):
        raise ImageError(f"its parts end beyond byte {len(data)}, the end of the file: it was cut off")
    ends = (offset + control_bytes, offset + control_bytes + added_bytes, len(data))
    return [Stream(bzip2(data[start:end])) for start, end in zip((offset, *ends), ends, strict=False)]


def _check_pieces(streams: list[Stream], target_bytes: int, limit: int) -> None:
    control, *contents = streams
    done = pieces = 0
    while done < target_bytes:
        sizes = [_number(control.take(8)) for _ in range(3)][:2]  # the third number is the step in the base
        for size, content in zip(sizes, contents, strict=True):
            if not 0 <= size <= target_bytes - done:
                raise ImageError(f"a piece of it has {size} bytes, but only {target_bytes - done} are left")
            content.skip(size)
            done += size
        pieces += 1
        if pieces > limit:
            raise ImageError(f"it has more than {limit} pieces")
    if not all(stream.at_end() for stream in streams):
        raise ImageError("unexpected bytes follow its last piece")


def _number(encoded: bytes) -> int:
    """Return a number in sign and magnitude, little-endian (bspatch.c, offtin)."""
    value = int.from_bytes(encoded, "little")
    return value if value < 1 << 63 else -(value - (1 << 63))
