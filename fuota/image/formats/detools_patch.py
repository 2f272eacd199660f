"""Patches of detools (sequential and in-place): a header without a magic number, and a compressed list of pieces.

What has no magic number is known by making sense to its last octet: the pieces add up to the image that the header promises, and
nothing follows them. One that was cut off is known where it made sense until then.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from fuota.errors import ImageError
from fuota.findings import Finding, error, note
from fuota.image.description import Description, ImageFormat, Part
from fuota.image.formats.streams import COMPRESSIONS, EndOfStreamError, Stream, heatshrink_sizes, plain, unpacked
from fuota.image.requirements import MAX_BLOCK_BYTES, ImageRequirements

FORMAT = ImageFormat.DETOOLS_PATCH

SEQUENTIAL, IN_PLACE = 0, 1
MAX_TARGET_BYTES = MAX_BLOCK_BYTES
"""Of the image that a patch makes: what TS004 carries whole. More is damage, or malice."""
MAX_PIECES = 1 << 16
"""Pieces of a patch, and segments of an in-place one: a linker's output makes some hundred."""
_LEAST_TO_BE_KNOWN_BYTES = 64
"""Of the target, before a patch that was cut off, or to which something was appended, is known as one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Header:
    """`end`: where the compressed data begins. The sizes of memory, segment and base are those of an in-place patch."""

    kind: int
    compression: int
    target_bytes: int
    end: int
    memory_bytes: int | None = None
    segment_bytes: int | None = None
    base_bytes: int | None = None


def recognises(data: bytes) -> bool:
    """A patch that is whole, or makes sense until it was cut off, or until something was appended."""
    try:
        checked(data)
    except ImageError:
        return False
    return True


def describe(data: bytes, _requirements: ImageRequirements) -> Description:
    """Type, compression, and the length of what it makes."""
    found, damage = checked(data)
    return Description(
        format=FORMAT,
        parts=(
            Part(name="header", offset=0, size=found.end),
            Part(name="patch", offset=found.end, size=len(data) - found.end),
        ),
        image_bytes=found.target_bytes,
        findings=(note("patch", _said(found, data)), *([] if damage is None else [damage])),
    )


def header(data: bytes) -> Header:
    """Raises ImageError for sizes that no patch has."""
    first = data[0] if data else 0x80
    kind, compression = first >> 4, first & 15
    if kind not in (SEQUENTIAL, IN_PLACE):
        raise ImageError(f"it is of detools' type {kind}: its C library knows sequential (0) and in-place (1) patches")
    if compression not in COMPRESSIONS:
        raise ImageError(f"its compression is detools' number {compression}: devices unpack 0 to {max(COMPRESSIONS)}")
    stream = Stream(plain(data[1:64]))
    try:
        sizes = [_size(stream) for _ in range(1 if kind == SEQUENTIAL else 5)]
    except EndOfStreamError:
        raise ImageError("its header is cut off") from None
    target, end = sizes[-1], 1 + stream.position
    if target == 0:
        raise ImageError("it makes no image of this base: it is no patch")
    if not 0 < target <= MAX_TARGET_BYTES:
        raise ImageError(f"the patch says that it makes {target} bytes: no image of a LoRaWAN device is so large")
    if kind == SEQUENTIAL:
        return Header(kind=kind, compression=compression, target_bytes=target, end=end)
    memory, segment, shift, base, _ = sizes
    if not (
        segment > 0 and target <= segment * MAX_PIECES and max(target, base, shift) <= memory <= 4 * MAX_TARGET_BYTES
    ):
        raise ImageError(f"it is in place, in {memory} bytes of memory by segments of {segment}: that cannot be")
    return Header(
        kind=kind,
        compression=compression,
        target_bytes=target,
        end=end,
        memory_bytes=memory,
        segment_bytes=segment,
        base_bytes=base,
    )


def checked(data: bytes) -> tuple[Header, Finding | None]:
    """Its header, and what is wrong where its pieces do not add up to the target, or do not end where the file does.

    Raises ImageError for what is no patch.
    """
    found = header(data)
    try:
        return found, _damage(data, found)
    except ModuleNotFoundError:  # heatshrink2 comes with the extra
        raise ImageError("to unpack heatshrink takes the package 'detools': pip install 'fuota[delta]'") from None


def needs_package(data: bytes) -> bool:
    """Whether it begins like a patch that only the extra `delta` can tell, and that is not installed."""
    try:
        _damage(data, header(data))
    except ModuleNotFoundError:
        return True
    except ImageError:
        return False
    return False


def _damage(data: bytes, found: Header) -> Finding | None:
    """None for a patch that is whole. Raises ImageError where too little of it makes sense."""
    stream = unpacked(
        found.compression, data[found.end :], 8 * found.target_bytes + 64 * 1024
    )  # numbers take octets too
    made = 0
    try:
        for size in _all_pieces(stream, found):
            made += size
        whole = _ends(stream)
    except EndOfStreamError:
        if made < _LEAST_TO_BE_KNOWN_BYTES or found.compression == 0:
            raise ImageError("it makes less than it promises") from None
        return error("structure", f"it makes less than the {found.target_bytes} bytes that it promises: it was cut off")
    if whole:
        return None
    if made < _LEAST_TO_BE_KNOWN_BYTES:
        raise ImageError("bytes follow its last piece")
    return error("trailing", "bytes follow its last piece that belong to nothing")


def _ends(stream: Stream) -> bool:
    try:
        return stream.ended()
    except ImageError:  # what follows cannot even be unpacked
        return False


def _all_pieces(stream: Stream, found: Header) -> Iterator[int]:
    """Of the one list of a sequential patch, or the list for each segment of an in-place one."""
    made = count = 0
    while made < found.target_bytes:
        for size in _pieces(stream, min(found.segment_bytes or found.target_bytes, found.target_bytes - made)):
            made, count = made + size, count + 1
            if count > MAX_PIECES:
                raise ImageError(f"it has more than {MAX_PIECES} pieces")
            yield size


def _pieces(stream: Stream, size: int) -> Iterator[int]:
    """The lengths of the pieces that make `size` octets: what is added to the base, and what is new, by turns."""
    if data_format_bytes := _size(stream):
        _size(stream)
        stream.skip(_within(data_format_bytes, MAX_TARGET_BYTES))
    made = 0
    while made < size:
        for _ in ("added to the base", "new"):
            piece = _within(_size(stream), size - made)
            stream.skip(piece)
            made += piece
            yield piece
        _size(stream)  # how far to go in the base, either way


def _within(size: int, most: int) -> int:
    if not 0 <= size <= most:
        raise ImageError(f"a piece of it has {size} bytes, where {most} are left")
    return size


def _size(stream: Stream) -> int:
    """A number as detools packs it: sign and 6 bits, then 7 bits an octet, the low ones first."""
    octet = stream.octet()
    sign, size, shift = -1 if octet & 0x40 else 1, octet & 0x3F, 6
    while octet & 0x80:
        if shift > 62:
            raise ImageError("a number in it has more than 64 bits")
        octet = stream.octet()
        size |= (octet & 0x7F) << shift
        shift += 7
    return sign * size


def _said(found: Header, data: bytes) -> str:
    """Of which kind it is, and what the device must be built for."""
    name = COMPRESSIONS[found.compression]
    if name == "heatshrink":
        window, lookahead = heatshrink_sizes(data[found.end :])
        name += f", window {window} and lookahead {lookahead}"
    how = f"a sequential patch ({name})"
    if found.kind == IN_PLACE:
        how = (
            f"a patch in place ({name}) for a base of {found.base_bytes} bytes, in {found.memory_bytes} bytes of flash by segments"
            f" of {found.segment_bytes}"
        )
    return f"{how}; it makes {found.target_bytes} bytes"
