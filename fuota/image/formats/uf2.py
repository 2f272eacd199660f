"""UF2 (Microsoft, USB Flashing Format): blocks of 512 bytes, each with an address and up to 476 bytes of the image."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass

from fuota.errors import ImageError
from fuota.image.description import Description, ImageFormat
from fuota.image.formats.container import describe_container
from fuota.image.requirements import ImageRequirements
from fuota.image.segments import Segment, joined

FORMAT = ImageFormat.UF2

BLOCK_BYTES = 512
MAX_PAYLOAD_BYTES = 476
_HEADER = struct.Struct("<8I")
_MAGIC = (0x0A324655, 0x9E5D5157)
_END = struct.pack("<I", 0x0AB16F30)
_NOT_MAIN_FLASH, _HAS_FAMILY = 0x1, 0x2000
_FAMILIES = {0x21460FF0: "STM32WL", 0x1B57745F: "nRF52", 0x1C5F21B0: "ESP32"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Block:
    """A block.

    address, payload: bytes of the image and their address. number, count: its number and the number of blocks, as it states them.
    family: family of processors; None if it states none. main_flash: whether the payload belongs in the main flash.
    """

    address: int
    payload: bytes
    number: int
    count: int
    family: int | None
    main_flash: bool


def recognises(data: bytes) -> bool:
    """Return whether the first block has both magic words."""
    return data.startswith(struct.pack("<2I", *_MAGIC))


def describe(data: bytes, _requirements: ImageRequirements) -> Description:
    """Describe the address range and the family of processors that the image states."""
    return describe_container(FORMAT, data, segments, hardware=_family(data))


def segments(data: bytes) -> tuple[Segment, ...]:
    """Return the bytes at their addresses. Raises ImageError for damaged, missing or repeated blocks, and for several families."""
    blocks = list(_blocks(data))
    if [block.number for block in blocks] != list(range(len(blocks))) or {block.count for block in blocks} != {
        len(blocks)
    }:
        raise ImageError(
            f"it has {len(blocks)} blocks but states {blocks[0].count}, or they are not in order: blocks were lost or repeated"
        )
    if len({block.family for block in blocks}) > 1:
        raise ImageError("its blocks are for several families of processors: it holds more than one image")
    return joined(Segment(address=block.address, data=block.payload) for block in blocks if block.main_flash)


def _blocks(data: bytes) -> Iterator[Block]:
    if len(data) % BLOCK_BYTES:
        raise ImageError(
            f"it has {len(data)} bytes, not a multiple of {BLOCK_BYTES}: it was cut off, or something was appended"
        )
    for offset in range(0, len(data), BLOCK_BYTES):
        yield _block(data[offset : offset + BLOCK_BYTES], offset // BLOCK_BYTES)


def _block(content: bytes, index: int) -> Block:
    first, second, flags, address, size, number, count, family = _HEADER.unpack_from(content)
    if (first, second) != _MAGIC or not content.endswith(_END):
        raise ImageError(f"block {index} lacks the magic words of UF2: it is damaged")
    if not 0 < size <= MAX_PAYLOAD_BYTES:
        raise ImageError(
            f"block {index} states {size} bytes, but a block holds 1 to {MAX_PAYLOAD_BYTES}: it is damaged"
        )
    return Block(
        address=address,
        payload=content[_HEADER.size : _HEADER.size + size],
        number=number,
        count=count,
        family=family if flags & _HAS_FAMILY else None,
        main_flash=not flags & _NOT_MAIN_FLASH,
    )


def _family(data: bytes) -> str | None:
    _, _, flags, *_, family = _HEADER.unpack_from(data.ljust(_HEADER.size, b"\0"))
    return _FAMILIES.get(family, f"0x{family:08x}") if flags & _HAS_FAMILY else None
