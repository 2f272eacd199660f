"""Header of a patch of detools: type, compression and sizes. It has no magic number."""

from __future__ import annotations

from dataclasses import dataclass

from fuota.errors import ImageError
from fuota.image.formats.streams import COMPRESSIONS, EndOfStreamError, Stream, plain
from fuota.image.requirements import MAX_BLOCK_BYTES

SEQUENTIAL, IN_PLACE, HDIFFPATCH = 0, 1, 2
TYPES = {SEQUENTIAL: "sequential", IN_PLACE: "in-place", HDIFFPATCH: "hdiffpatch"}
"""Names of the types of detools by number (detools 0.53, common.py)."""
_SIZES = {SEQUENTIAL: 1, IN_PLACE: 5, HDIFFPATCH: 2}
"""Number of sizes in the header of each type."""
MAX_TARGET_BYTES = MAX_BLOCK_BYTES
"""Limit for the image that a patch makes: the most that TS004 carries. More is damage or malice."""


class NotDetoolsError(ImageError):
    """Raised for a header that no patch of detools has."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Header:
    """Header of a patch.

    kind: key of TYPES. compression: key of COMPRESSIONS. target_bytes: length of the image that the patch makes.
    end: offset of the compressed data. memory_bytes, segment_bytes, base_bytes: sizes of an in-place patch; None otherwise.
    content_bytes: length of the unpacked data of an hdiffpatch patch; None otherwise.
    """

    kind: int
    compression: int
    target_bytes: int
    end: int
    memory_bytes: int | None = None
    segment_bytes: int | None = None
    base_bytes: int | None = None
    content_bytes: int | None = None

    @property
    def compression_name(self) -> str:
        """Name of the compression, such as "heatshrink"."""
        return COMPRESSIONS[self.compression]


def read_header(data: bytes) -> Header:
    """Return the header of a patch.

    Raises NotDetoolsError for a type, a compression or sizes that a patch cannot have, ImageError for a target that is too large.
    """
    first = data[0] if data else 0xFF
    kind, compression = first >> 4, first & 15
    if kind not in TYPES or compression not in COMPRESSIONS:
        raise NotDetoolsError("it does not begin like a patch of detools")
    stream = Stream(plain(data[1:64]))
    try:
        sizes = [read_number(stream) for _ in range(_SIZES[kind])]
    except EndOfStreamError:
        raise NotDetoolsError("its header is cut off") from None
    if min(sizes) < 0:
        raise NotDetoolsError("a size in its header is negative")
    end = 1 + stream.position
    if kind == IN_PLACE:
        return _in_place_header(compression, sizes, end)
    _check_target_bytes(sizes[0])
    if kind == SEQUENTIAL:
        return Header(kind=kind, compression=compression, target_bytes=sizes[0], end=end)
    if not 0 < sizes[1] <= 2 * MAX_TARGET_BYTES:
        raise NotDetoolsError(f"its content would have {sizes[1]} bytes")
    return Header(kind=kind, compression=compression, target_bytes=sizes[0], end=end, content_bytes=sizes[1])


def read_number(stream: Stream) -> int:
    """Return a number as detools packs it: sign and 6 bits, then 7 bits per byte, low bits first."""
    byte = stream.next_byte()
    if byte < 0x40:
        return byte
    sign, number, shift = -1 if byte & 0x40 else 1, byte & 0x3F, 6
    while byte & 0x80:
        if shift > 62:
            raise NotDetoolsError("a number in it has more than 64 bits")
        byte = stream.next_byte()
        number |= (byte & 0x7F) << shift
        shift += 7
    return sign * number


def _in_place_header(compression: int, sizes: list[int], end: int) -> Header:
    memory_bytes, segment_bytes, shift, base_bytes, target_bytes = sizes
    if segment_bytes == 0 or not max(target_bytes, base_bytes, shift) <= memory_bytes <= 4 * MAX_TARGET_BYTES:
        raise NotDetoolsError("the sizes in its header do not fit each other")
    _check_target_bytes(target_bytes)
    return Header(
        kind=IN_PLACE,
        compression=compression,
        target_bytes=target_bytes,
        end=end,
        memory_bytes=memory_bytes,
        segment_bytes=segment_bytes,
        base_bytes=base_bytes,
    )


def _check_target_bytes(target_bytes: int) -> None:
    if target_bytes == 0:
        raise NotDetoolsError("it makes no image")
    if target_bytes > MAX_TARGET_BYTES:
        raise ImageError(
            f"the patch states that it makes {target_bytes} bytes: too large for an image of a LoRaWAN device"
        )
