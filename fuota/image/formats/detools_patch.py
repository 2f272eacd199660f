"""Patches of detools (sequential and in-place): a header without a magic number, and a compressed list of pieces.

Since there is no magic number, a patch is recognised if it can be read to its last byte: the pieces add up to the image that the
header states, and nothing follows them. A patch that was cut off is recognised if it can be read up to the cut.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from fuota.errors import ImageError
from fuota.findings import Finding, error, note
from fuota.image.description import Description, ImageFormat, Part
from fuota.image.formats.streams import COMPRESSIONS, EndOfStreamError, Stream, heatshrink_sizes, plain, unpack
from fuota.image.requirements import MAX_BLOCK_BYTES, ImageRequirements

FORMAT = ImageFormat.DETOOLS_PATCH

SEQUENTIAL, IN_PLACE = 0, 1
MAX_TARGET_BYTES = MAX_BLOCK_BYTES
"""Limit for the image that a patch makes: the most that TS004 carries. More is damage or malice."""
MAX_PIECES = 1 << 16
"""Limit for pieces of a patch, and for segments of an in-place patch: the output of a linker makes some hundred."""
_MIN_RECOGNISED_BYTES = 64
"""Bytes of the target that must be read before a cut-off patch, or a patch with an appendix, is recognised as a patch."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Header:
    """Header of a patch.

    kind: SEQUENTIAL or IN_PLACE. compression: key of COMPRESSIONS. target_bytes: length of the image that the patch makes.
    end: offset of the compressed data. memory_bytes, segment_bytes, base_bytes: sizes of an in-place patch; None otherwise.
    """

    kind: int
    compression: int
    target_bytes: int
    end: int
    memory_bytes: int | None = None
    segment_bytes: int | None = None
    base_bytes: int | None = None


def recognises(data: bytes) -> bool:
    """Return whether the data is a patch that is whole, or was readable until it was cut off or something was appended."""
    try:
        check_pieces(data)
    except ImageError:
        return False
    return True


def describe(data: bytes, _requirements: ImageRequirements) -> Description:
    """Describe type and compression of the patch, and the length of the image that it makes."""
    header, damage = check_pieces(data)
    return Description(
        format=FORMAT,
        parts=(
            Part(name="header", offset=0, size=header.end),
            Part(name="patch", offset=header.end, size=len(data) - header.end),
        ),
        image_bytes=header.target_bytes,
        findings=(note("patch", _summary(header, data)), *([] if damage is None else [damage])),
    )


def read_header(data: bytes) -> Header:
    """Return the header of a patch. Raises ImageError for sizes that a patch cannot have."""
    first = data[0] if data else 0x80
    kind, compression = first >> 4, first & 15
    if kind not in (SEQUENTIAL, IN_PLACE):
        raise ImageError(
            f"its detools type is {kind}, but detools' C library knows only sequential (0) and in-place (1) patches"
        )
    if compression not in COMPRESSIONS:
        raise ImageError(
            f"its detools compression is number {compression}, but devices unpack only 0 to {max(COMPRESSIONS)}"
        )
    stream = Stream(plain(data[1:64]))
    try:
        sizes = [_number(stream) for _ in range(1 if kind == SEQUENTIAL else 5)]
    except EndOfStreamError:
        raise ImageError("its header is cut off") from None
    target_bytes, end = sizes[-1], 1 + stream.position
    if target_bytes == 0:
        raise ImageError("it makes no image from this base: it is not a patch")
    if not 0 < target_bytes <= MAX_TARGET_BYTES:
        raise ImageError(
            f"the patch states that it makes {target_bytes} bytes: too large for an image of a LoRaWAN device"
        )
    if kind == SEQUENTIAL:
        return Header(kind=kind, compression=compression, target_bytes=target_bytes, end=end)
    return _in_place_header(compression, sizes, end)


def _in_place_header(compression: int, sizes: list[int], end: int) -> Header:
    memory_bytes, segment_bytes, shift, base_bytes, target_bytes = sizes
    segments_fit = segment_bytes > 0 and target_bytes <= segment_bytes * MAX_PIECES
    if not segments_fit or not max(target_bytes, base_bytes, shift) <= memory_bytes <= 4 * MAX_TARGET_BYTES:
        raise ImageError(
            f"it is an in-place patch with a memory of {memory_bytes} bytes in segments of {segment_bytes}, which is impossible"
        )
    return Header(
        kind=IN_PLACE,
        compression=compression,
        target_bytes=target_bytes,
        end=end,
        memory_bytes=memory_bytes,
        segment_bytes=segment_bytes,
        base_bytes=base_bytes,
    )


def check_pieces(data: bytes) -> tuple[Header, Finding | None]:
    """Return the header, and a finding if the pieces do not add up to the target or do not end at the end of the file.

    Raises ImageError if the data is not a patch.
    """
    header = read_header(data)
    try:
        return header, _damage(data, header)
    except ModuleNotFoundError:  # heatshrink2 comes with the extra `delta`
        raise ImageError("unpacking heatshrink needs the package 'detools': pip install 'fuota[delta]'") from None


def needs_package(data: bytes) -> bool:
    """Return whether the data begins like a patch that only the extra `delta`, which is not installed, can recognise."""
    try:
        _damage(data, read_header(data))
    except ModuleNotFoundError:
        return True
    except ImageError:
        return False
    return False


def _damage(data: bytes, header: Header) -> Finding | None:
    """Return None for a whole patch, otherwise the damage. Raises ImageError if too little of it is readable."""
    max_bytes = 8 * header.target_bytes + 64 * 1024  # the numbers between the pieces take bytes too
    stream = unpack(header.compression, data[header.end :], max_bytes)
    done = 0
    try:
        for size in _all_pieces(stream, header):
            done += size
        is_whole = _is_at_end(stream)
    except EndOfStreamError:
        if done < _MIN_RECOGNISED_BYTES or header.compression == 0:
            raise ImageError("it makes fewer bytes than it states") from None
        return error("structure", f"it makes fewer than the {header.target_bytes} bytes that it states: it was cut off")
    if is_whole:
        return None
    if done < _MIN_RECOGNISED_BYTES:
        raise ImageError("bytes follow its last piece")
    return error("trailing", "unexpected bytes follow its last piece")


def _is_at_end(stream: Stream) -> bool:
    try:
        return stream.at_end()
    except ImageError:  # the bytes that follow cannot even be unpacked
        return False


def _all_pieces(stream: Stream, header: Header) -> Iterator[int]:
    """Yield the lengths of all pieces: of the only list in a sequential patch, or of the list for each in-place segment."""
    done = count = 0
    while done < header.target_bytes:
        for size in _pieces(stream, min(header.segment_bytes or header.target_bytes, header.target_bytes - done)):
            done, count = done + size, count + 1
            if count > MAX_PIECES:
                raise ImageError(f"it has more than {MAX_PIECES} pieces")
            yield size


def _pieces(stream: Stream, size: int) -> Iterator[int]:
    """Yield the lengths of the pieces that make `size` bytes: alternately added to the base, and new."""
    if data_format_bytes := _number(stream):
        _number(stream)
        stream.skip(_checked_size(data_format_bytes, MAX_TARGET_BYTES))
    done = 0
    while done < size:
        for _ in ("added to the base", "new"):
            piece = _checked_size(_number(stream), size - done)
            stream.skip(piece)
            done += piece
            yield piece
        _number(stream)  # step in the base, forward or back


def _checked_size(size: int, left: int) -> int:
    if not 0 <= size <= left:
        raise ImageError(f"a piece of it has {size} bytes, but only {left} are left")
    return size


def _number(stream: Stream) -> int:
    """Return a number as detools packs it: sign and 6 bits, then 7 bits per byte, low bits first."""
    byte = stream.next_byte()
    sign, number, shift = -1 if byte & 0x40 else 1, byte & 0x3F, 6
    while byte & 0x80:
        if shift > 62:
            raise ImageError("a number in it has more than 64 bits")
        byte = stream.next_byte()
        number |= (byte & 0x7F) << shift
        shift += 7
    return sign * number


def _summary(header: Header, data: bytes) -> str:
    """Return the kind of the patch in words, with the compression that the device must be built for."""
    name = COMPRESSIONS[header.compression]
    if name == "heatshrink":
        window, lookahead = heatshrink_sizes(data[header.end :])
        name += f", window {window} and lookahead {lookahead}"
    kind = f"a sequential patch ({name})"
    if header.kind == IN_PLACE:
        kind = (
            f"an in-place patch ({name}) for a base of {header.base_bytes} bytes, in {header.memory_bytes} bytes of flash with"
            f" segments of {header.segment_bytes}"
        )
    return f"{kind}; it makes {header.target_bytes} bytes"
