"""Patches of bsdiff: BSDIFF40 (three streams of bzip2) and ENDSLEY/BSDIFF43 (one)."""

from __future__ import annotations

from fuota.errors import ImageError
from fuota.findings import error, note
from fuota.image.description import Description, ImageFormat, Part
from fuota.image.formats.detools_patch import MAX_PIECES, MAX_TARGET_BYTES
from fuota.image.formats.streams import EndOfStreamError, Stream, bzip2
from fuota.image.requirements import ImageRequirements

FORMAT = ImageFormat.BSDIFF_PATCH

THREE, ONE = b"BSDIFF40", b"ENDSLEY/BSDIFF43"
_HEADER_BYTES = {THREE: 32, ONE: 24}


def recognises(data: bytes) -> bool:
    """BSDIFF40, or ENDSLEY/BSDIFF43."""
    return data.startswith((THREE, ONE))


def describe(data: bytes, _requirements: ImageRequirements) -> Description:
    """The length of what it makes, and whether its pieces add up to that."""
    magic = THREE if data.startswith(THREE) else ONE
    head = min(len(data), _HEADER_BYTES[magic])
    parts = (Part(name="header", offset=0, size=head), Part(name="patch", offset=head, size=len(data) - head))
    try:
        target = checked(data)
    except ImageError as exc:
        return Description(format=FORMAT, parts=parts, findings=(error("structure", str(exc)),))
    said = f"a bsdiff patch ({magic.decode()}, bzip2); it makes {target} bytes"
    return Description(format=FORMAT, parts=parts, image_bytes=target, findings=(note("patch", said),))


def checked(data: bytes) -> int:
    """Octets of what the patch makes, once its pieces were seen to add up to that. Raises ImageError."""
    magic = THREE if data.startswith(THREE) else ONE
    if len(data) < _HEADER_BYTES[magic]:
        raise ImageError(f"it has {len(data)} bytes, its header alone has {_HEADER_BYTES[magic]}: it was cut off")
    target = _number(data[_HEADER_BYTES[magic] - 8 : _HEADER_BYTES[magic]])
    if not 0 <= target <= MAX_TARGET_BYTES:
        raise ImageError(f"the patch says that it makes {target} bytes: no image of a LoRaWAN device is so large")
    streams = _three(data) if magic == THREE else [Stream(bzip2(data[_HEADER_BYTES[ONE] :]))] * 3
    try:
        _check_pieces(streams, target)
    except EndOfStreamError:
        raise ImageError(f"it makes less than the {target} bytes that it promises: it was cut off") from None
    return target


def _three(data: bytes) -> list[Stream]:
    """What to do, what is added to the base, and what is new."""
    control, added = _number(data[8:16]), _number(data[16:24])
    at = _HEADER_BYTES[THREE]
    if control < 0 or added < 0 or at + control + added > len(data):
        raise ImageError(f"its parts end beyond byte {len(data)}, where the file does: it was cut off")
    ends = (at + control, at + control + added, len(data))
    return [Stream(bzip2(data[start:end])) for start, end in zip((at, *ends), ends, strict=False)]


def _check_pieces(streams: list[Stream], target: int) -> None:
    control, *contents = streams
    made = pieces = 0
    while made < target:
        sizes = [_number(control.take(8)) for _ in range(3)][:2]  # the third: how far to go in the base
        for size, content in zip(sizes, contents, strict=True):
            if not 0 <= size <= target - made:
                raise ImageError(f"a piece of it has {size} bytes, where {target - made} are left")
            content.skip(size)
            made += size
        pieces += 1
        if pieces > MAX_PIECES:
            raise ImageError(f"it has more than {MAX_PIECES} pieces")
    if not all(stream.ended() for stream in streams):
        raise ImageError("bytes follow its last piece that belong to nothing")


def _number(octets: bytes) -> int:
    """Sign and magnitude, little-endian (bspatch.c, offtin)."""
    value = int.from_bytes(octets, "little")
    return value if value < 1 << 63 else -(value - (1 << 63))
