"""UF2 (Microsoft, USB Flashing Format): blocks of 512 bytes, each with an address and up to 476 bytes of the image."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass, replace

from fuota.errors import ImageError
from fuota.findings import error
from fuota.image.description import Description, ImageFormat
from fuota.image.formats.container import describe_container
from fuota.image.formats.uf2_families import family_name
from fuota.image.requirements import ImageRequirements
from fuota.image.segments import Segment, joined

FORMAT = ImageFormat.UF2

BLOCK_BYTES = 512
MAX_PAYLOAD_BYTES = 476
_HEADER = struct.Struct("<8I")
_MAGIC = (0x0A324655, 0x9E5D5157)
_END = struct.pack("<I", 0x0AB16F30)
_NOT_MAIN_FLASH, _FILE_CONTAINER, _HAS_FAMILY = 0x1, 0x1000, 0x2000
_ABSOLUTE = 0xE48BFF57
"""Family of a block that works around erratum E10 of the RP2350; its content is filler (RP2350 Datasheet, RP2350-E10)."""
_BOOTLOADER_UPDATE = 0xD663823C
"""Family of updates of the bootloader itself (Adafruit nRF52 Bootloader, uf2cfg.h)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Block:
    """A block.

    address, payload: bytes of the image and their address. number, count: its number and the number of blocks, as it states them.
    family: family of processors; None if it states none. main_flash: whether the payload belongs in the main flash.
    is_file: whether the payload is part of a file, and not of the flash.
    """

    address: int
    payload: bytes
    number: int
    count: int
    family: int | None
    main_flash: bool
    is_file: bool


def recognises(data: bytes) -> bool:
    """Return whether the first block has both magic words."""
    return data.startswith(struct.pack("<2I", *_MAGIC))


def describe(data: bytes, _requirements: ImageRequirements) -> Description:
    """Describe the address range and the family of processors that the image states."""
    families = _families(data)
    hardware = family_name(families[0]) if families else None
    description = describe_container(FORMAT, data, segments, hardware=hardware)
    if families == [_BOOTLOADER_UPDATE]:
        finding = error(
            "bootloader", "it is an update of the bootloader itself, not an application: send the application"
        )
        return replace(description, findings=(finding, *description.findings))
    return description


def segments(data: bytes) -> tuple[Segment, ...]:
    """Return the bytes at their addresses.

    The absolute block of an RP2350 file is left out. Raises ImageError for damaged, missing or repeated blocks, for several
    families, and for files in a container.
    """
    blocks = list(_blocks(data))
    families = list(dict.fromkeys(block.family for block in blocks))
    if len(families) > 1:
        families = [family for family in families if family != _ABSOLUTE]
    for family in families:
        _check_numbers([block for block in blocks if block.family == family], blocks)
    if len(families) > 1:
        names = " and ".join(family_name(family) if family is not None else "no family" for family in families)
        raise ImageError(f"its blocks are for several families of processors ({names}): get the file for one of them")
    content = [block for block in blocks if block.family in families and block.main_flash]
    if any(block.is_file for block in content):
        raise ImageError("it holds files, not the content of a flash (flag 0x1000): it is not an image")
    return joined(Segment(address=block.address, data=block.payload) for block in content)


def _check_numbers(blocks: list[Block], whole_file: list[Block]) -> None:
    """Raise ImageError if blocks of a family were lost or repeated.

    Each family has its own numbers (UF2, "Family ID"). A tool that writes several images in one file begins again with 0 for each
    (esptool merge-bin), and some tools number all blocks of the file.
    """
    if _are_complete(blocks) or _are_complete(whole_file):
        return
    raise ImageError(
        f"it has {len(blocks)} blocks but states {blocks[0].count}, or they are not in order: blocks were lost or repeated"
    )


def _are_complete(blocks: list[Block]) -> bool:
    """Return whether the blocks are one or several runs, each with all its blocks in their order."""
    number = 0
    for block in blocks:
        if block.number != number:
            return False
        number = 0 if number + 1 == block.count else number + 1
    return number == 0


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
        is_file=bool(flags & _FILE_CONTAINER),
    )


def _families(data: bytes) -> list[int]:
    """Return the families of the blocks in the order of the file, without the absolute family; also for a damaged file."""
    families = []
    for offset in range(0, len(data) - _HEADER.size + 1, BLOCK_BYTES):
        _, _, flags, *_, family = _HEADER.unpack_from(data, offset)
        if flags & _HAS_FAMILY and family != _ABSOLUTE:
            families.append(family)
    return list(dict.fromkeys(families))
