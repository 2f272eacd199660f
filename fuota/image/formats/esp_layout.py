"""Layout of an ESP-IDF image ("App Image Format"): header, segments, checksum, optionally a SHA-256. A bootloader has it too."""

from __future__ import annotations

import hashlib
import struct
from dataclasses import dataclass
from functools import reduce
from operator import xor

from fuota.errors import ImageError
from fuota.image.description import Digest, Part
from fuota.image.formats.esp_chips import CHIPS

MAGIC = 0xE9
_HEADER = struct.Struct("<BBBBI4sHBHH4sB")
_SEGMENT = struct.Struct("<II")
_CHECKSUM_SEED, _MAX_SEGMENTS = 0xEF, 16
_DESCRIPTOR_MAGIC = 0xABCD5432
_DESCRIPTOR = struct.Struct("<II8s32s32s")
_BOOTLOADER_DESCRIPTOR_MAGIC, _BOOTLOADER_DESCRIPTOR_BYTES = 0x50, 80
"""First byte and length of esp_bootloader_desc_t, which bootloaders have from ESP-IDF 5.1 on ("Bootloader Image Format")."""
_HASH_BYTES = 32


@dataclass(frozen=True, slots=True, kw_only=True)
class Layout:
    """Layout of an image.

    chip: number of the chip. segments: segments of the image. checksum_offset: offset of the checksum. has_hash: whether a SHA-256
    follows it. version: version in the application descriptor; None if there is no application descriptor.
    names_bootloader: whether the first segment begins like the descriptor of a bootloader.
    """

    chip: int
    segments: tuple[Part, ...]
    checksum_offset: int
    has_hash: bool
    version: str | None
    names_bootloader: bool

    @property
    def end(self) -> int:
        """Offset of the byte after the hash, or after the checksum if there is no hash; a signature follows."""
        return self.checksum_offset + 1 + (_HASH_BYTES if self.has_hash else 0)

    @property
    def is_in_flash(self) -> bool:
        """Whether a segment is mapped to flash, as in every application that is larger than RAM."""
        chip = CHIPS.get(self.chip)
        return any(chip is None or chip.is_flash(part.address or 0) for part in self.segments if part.size)

    @property
    def is_bootloader(self) -> bool:
        """Whether the image is a bootloader: all is loaded to RAM, to several places. A small program has one segment."""
        return self.is_ram_only and (self.names_bootloader or len(self.segments) > 1)

    @property
    def is_ram_only(self) -> bool:
        """Whether all content is loaded to RAM, and the image says nothing that makes it an application.

        esptool fills only applications with a segment at address 0 (`--secure-pad`, `--secure-pad-v2`).
        """
        if self.version is not None or self.is_in_flash:
            return False
        return self.names_bootloader or all(part.address for part in self.segments)


def has_header(data: bytes, offset: int = 0) -> bool:
    """Return whether the header has E9, 1 to 16 segments, and 0 or 1 in the fields that are always 0 or 1."""
    if len(data) < offset + _HEADER.size or data[offset] != MAGIC or not 1 <= data[offset + 1] <= _MAX_SEGMENTS:
        return False
    *_, chip, _, _, _, reserved, hash_flag = _HEADER.unpack_from(data, offset)
    return hash_flag in (0, 1) and not any(reserved) and chip < 0x100


def chip_number(data: bytes) -> int:
    """Return the number of the chip in the header."""
    return int(_HEADER.unpack_from(data)[6])


def read_layout(data: bytes) -> Layout:
    """Return the layout of the image. Raises ImageError if a segment, the checksum or the hash reaches beyond the file."""
    offset, segments = _HEADER.size, []
    for number in range(1, data[1] + 1):
        if offset + _SEGMENT.size > len(data):
            raise ImageError(f"segment {number} of {data[1]} is missing: it was cut off")
        address, size = _SEGMENT.unpack_from(data, offset)
        offset += _SEGMENT.size
        if offset + size > len(data):
            raise ImageError(
                f"segment {number} ends at byte {offset + size}, but the file has {len(data)}: it was cut off"
            )
        segments.append(Part(name=f"segment {number}", offset=offset, size=size, address=address))
        offset += size
    layout = Layout(
        chip=chip_number(data),
        segments=tuple(segments),
        checksum_offset=offset | 15,  # the last byte of a line of 16
        has_hash=data[_HEADER.size - 1] == 1,
        version=_version(data),
        names_bootloader=_names_bootloader(data, segments[0]),
    )
    if layout.end > len(data):
        raise ImageError(f"checksum and hash end at byte {layout.end}, but the file has {len(data)}: it was cut off")
    return layout


def read_digests(data: bytes, layout: Layout) -> tuple[Digest, ...]:
    """Return the checksum, and the hash if there is one."""
    checksum = _CHECKSUM_SEED
    for part in layout.segments:
        checksum ^= _xor_of_bytes(data[part.offset : part.offset + part.size])
    stated = data[layout.checksum_offset]
    digests = [Digest(algorithm="xor", value=f"{stated:02x}", covers="segments", matches=stated == checksum)]
    if layout.has_hash:
        body, value = data[: layout.checksum_offset + 1], data[layout.checksum_offset + 1 : layout.end]
        matches = hashlib.sha256(body).digest() == value
        digests.append(
            Digest(algorithm="sha256", value=value.hex(), covers="header, segments and checksum", matches=matches)
        )
    return tuple(digests)


def hides_segments(data: bytes, layout: Layout) -> bool:
    """Return whether segments in flash follow the checksum, which the header does not count.

    `esptool elf2image --ram-only-header` writes this for the simple boot of Zephyr: the header counts only the segments in RAM.
    """
    chip, offset = CHIPS.get(layout.chip), layout.end
    if chip is None or layout.has_hash or not layout.is_ram_only:
        return False
    for _ in range(_MAX_SEGMENTS):
        if offset + _SEGMENT.size > len(data):
            return False
        address, size = _SEGMENT.unpack_from(data, offset)
        offset += _SEGMENT.size + size
        if offset > len(data):
            return False
        if chip.is_flash(address):
            return True
    return False


def _version(data: bytes) -> str | None:
    """Return the version in the application descriptor, which is at the start of the first segment."""
    offset = _HEADER.size + _SEGMENT.size
    if offset + _DESCRIPTOR.size > len(data):
        return None
    magic, _, _, version, _ = _DESCRIPTOR.unpack_from(data, offset)
    return version.split(b"\0")[0].decode("ascii", "replace") if magic == _DESCRIPTOR_MAGIC else None


def _names_bootloader(data: bytes, segment: Part) -> bool:
    start, reserved = segment.offset, data[segment.offset + 1 : segment.offset + 3]
    return (
        segment.size >= _BOOTLOADER_DESCRIPTOR_BYTES
        and data[start] == _BOOTLOADER_DESCRIPTOR_MAGIC
        and reserved == b"\0\0"
    )


def _xor_of_bytes(data: bytes) -> int:
    """Return the XOR of all bytes. Words of 8 KiB are combined first, which is fast."""
    width = 8192
    words = (
        int.from_bytes(data[start : start + width].ljust(width, b"\0"), "little")
        for start in range(0, len(data), width)
    )
    return reduce(xor, reduce(xor, words, 0).to_bytes(width, "little"), 0)
