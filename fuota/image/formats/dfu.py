"""Files for USB updates: DfuSe by ST (UM0391), and any file with the suffix of USB DFU 1.1 (appendix B).

A device that is updated over the air takes neither the suffix nor the prefix: they are for the program on the computer.
"""

from __future__ import annotations

import struct
import zlib

from fuota.errors import ImageError
from fuota.image.description import Description, ImageFormat
from fuota.image.formats.container import describe_container
from fuota.image.requirements import ImageRequirements
from fuota.image.segments import MAX_RUNS, Segment, joined

FORMAT = ImageFormat.DFU

_SUFFIX = struct.Struct("<HHHH3sBI")
_SIGNATURE = b"UFD"
_PREFIX = struct.Struct("<5sBIB")
_TARGET = struct.Struct("<6sBI255sII")
_ELEMENT = struct.Struct("<II")


def recognises(data: bytes) -> bool:
    """Return whether the data begins with DfuSe, or ends with the suffix of DFU."""
    return data.startswith(b"DfuSe\x01") or _has_suffix(data)


def describe(data: bytes, requirements: ImageRequirements) -> Description:
    """Describe the content at its addresses; a file with only the suffix states none."""
    start = requirements.flash_start or 0
    return describe_container(FORMAT, data, lambda content: _read(content, start))


def segments(data: bytes) -> tuple[Segment, ...]:
    """Return the content. Content without an address begins at 0. Raises ImageError if the file is damaged."""
    return _read(data, 0)


def _has_suffix(data: bytes) -> bool:
    return len(data) > _SUFFIX.size and data[-8:-5] == _SIGNATURE and data[-5] == _SUFFIX.size


def _read(data: bytes, start: int) -> tuple[Segment, ...]:
    if not _has_suffix(data):
        raise ImageError("it has no DFU suffix at its end: it was cut off")
    *_, crc = _SUFFIX.unpack_from(data, len(data) - _SUFFIX.size)
    if zlib.crc32(data[:-4]) ^ 0xFFFF_FFFF != crc:
        raise ImageError("the CRC in its DFU suffix does not match its content: it is damaged")
    content = data[: -_SUFFIX.size]
    return joined(_elements(content) if data.startswith(b"DfuSe") else [Segment(address=start, data=content)])


def _elements(content: bytes) -> list[Segment]:
    """Return the elements of all targets."""
    try:
        _, _, size, targets = _PREFIX.unpack_from(content)
        if size != len(content):
            raise ImageError(f"its header states {size} bytes, but there are {len(content)}: it is damaged")
        offset, output = _PREFIX.size, []
        for _ in range(targets):
            signature, _, _, _, target_bytes, count = _TARGET.unpack_from(content, offset)
            if signature != b"Target" or count > MAX_RUNS:
                raise ImageError(f"there is no target at byte {offset}: it is damaged")
            output += _target_elements(content, offset + _TARGET.size, count)
            offset += _TARGET.size + target_bytes
    except struct.error:
        raise ImageError("one of its targets reaches beyond the file: it is damaged") from None
    return output


def _target_elements(content: bytes, offset: int, count: int) -> list[Segment]:
    output = []
    for _ in range(count):
        address, size = _ELEMENT.unpack_from(content, offset)
        offset += _ELEMENT.size
        if offset + size > len(content):
            raise ImageError(f"an element at byte {offset} reaches beyond the file: it is damaged")
        output.append(Segment(address=address, data=content[offset : offset + size]))
        offset += size
    return output
