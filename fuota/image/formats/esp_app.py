"""ESP32 application images (ESP-IDF, "App Image Format"): header, segments, checksum, perhaps a SHA-256 and a signature."""

from __future__ import annotations

import hashlib
import struct
from dataclasses import dataclass
from functools import reduce
from operator import xor

from fuota.errors import ImageError
from fuota.findings import Finding, error
from fuota.image.description import Description, Digest, ImageFormat, Part, SignatureState
from fuota.image.requirements import ImageRequirements

FORMAT = ImageFormat.ESP_APP

_HEADER = struct.Struct("<BBBBI4sHBHH4sB")
_SEGMENT = struct.Struct("<II")
_MAGIC, _SEED, _MOST_SEGMENTS = 0xE9, 0xEF, 16
_DESCRIPTOR_MAGIC = 0xABCD5432
_DESCRIPTOR = struct.Struct("<II8s32s32s")
_SIGNATURE_BLOCK = b"\xe7\x02"
_SECTOR_BYTES = 4096
_CHIPS = {
    0: "ESP32",
    2: "ESP32-S2",
    5: "ESP32-C3",
    9: "ESP32-S3",
    12: "ESP32-C2",
    13: "ESP32-C6",
    16: "ESP32-H2",
    18: "ESP32-P4",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Layout:
    """Where the segments lie, where the checksum is, and where the image ends (with its hash, without a signature)."""

    segments: tuple[Part, ...]
    checksum_at: int
    hashed: bool

    @property
    def end(self) -> int:
        """The octet after the hash, or after the checksum without one."""
        return self.checksum_at + 1 + (32 if self.hashed else 0)


def recognises(data: bytes) -> bool:
    """E9, 1 to 16 segments, and the fields that are 0 or 1 in every such header."""
    if len(data) < _HEADER.size or data[0] != _MAGIC or not 1 <= data[1] <= _MOST_SEGMENTS:
        return False
    *_, chip, _, _, _, reserved, hashed = _HEADER.unpack_from(data)
    return hashed in (0, 1) and not any(reserved) and chip < 0x100


def describe(data: bytes, _requirements: ImageRequirements) -> Description:
    """Chip, segments, version of the application descriptor; checksum and hash checked."""
    chip = _HEADER.unpack_from(data)[6]
    hardware = _CHIPS.get(chip, f"chip {chip}")
    try:
        layout = _layout(data)
    except ImageError as exc:
        return Description(format=FORMAT, hardware=hardware, findings=(error("structure", str(exc)),))
    digests = _digests(data, layout)
    signed = _is_signed(data, layout)
    return Description(
        format=FORMAT,
        parts=layout.segments,
        version=_version(data),
        hardware=hardware,
        digests=digests,
        signature=SignatureState.PRESENT
        if signed
        else SignatureState.HASH_ONLY
        if layout.hashed
        else SignatureState.NONE,
        image_bytes=len(data),
        findings=tuple(_findings(data, layout, digests, signed)),
    )


def _layout(data: bytes) -> Layout:
    at, segments = _HEADER.size, []
    for number in range(data[1]):
        if at + _SEGMENT.size > len(data):
            raise ImageError(f"segment {number + 1} of {data[1]} is missing: it was cut off")
        address, size = _SEGMENT.unpack_from(data, at)
        at += _SEGMENT.size
        if at + size > len(data):
            raise ImageError(f"segment {number + 1} ends at byte {at + size}, the file has {len(data)}: it was cut off")
        segments.append(Part(name=f"segment {number + 1}", offset=at, size=size, address=address))
        at += size
    checksum_at = at | 15  # the last octet of a line of 16
    layout = Layout(segments=tuple(segments), checksum_at=checksum_at, hashed=data[_HEADER.size - 1] == 1)
    if layout.end > len(data):
        raise ImageError(f"checksum and hash end at byte {layout.end}, the file has {len(data)}: it was cut off")
    return layout


def _digests(data: bytes, layout: Layout) -> tuple[Digest, ...]:
    checksum = _SEED
    for part in layout.segments:
        checksum ^= _folded(data[part.offset : part.offset + part.size])
    stated = data[layout.checksum_at]
    found = [Digest(algorithm="xor", value=f"{stated:02x}", covers="segments", matches=stated == checksum)]
    if layout.hashed:
        body, value = data[: layout.checksum_at + 1], data[layout.checksum_at + 1 : layout.end]
        matches = hashlib.sha256(body).digest() == value
        found.append(
            Digest(algorithm="sha256", value=value.hex(), covers="header, segments and checksum", matches=matches)
        )
    return tuple(found)


def _folded(data: bytes) -> int:
    """All octets, XORed: whole words of 8 KiB first, which is what makes it fast."""
    width = 8192
    words = (int.from_bytes(data[at : at + width].ljust(width, b"\0"), "little") for at in range(0, len(data), width))
    return reduce(xor, reduce(xor, words, 0).to_bytes(width, "little"), 0)


def _version(data: bytes) -> str | None:
    """Of the application descriptor, which opens the first segment."""
    at = _HEADER.size + _SEGMENT.size
    if at + _DESCRIPTOR.size > len(data):
        return None
    magic, _, _, version, _ = _DESCRIPTOR.unpack_from(data, at)
    return version.split(b"\0")[0].decode("ascii", "replace") if magic == _DESCRIPTOR_MAGIC else None


def _is_signed(data: bytes, layout: Layout) -> bool:
    """Whether a signature block of secure boot v2 follows, in a sector of its own."""
    sector = -(-layout.end // _SECTOR_BYTES) * _SECTOR_BYTES
    return data[sector : sector + 2] == _SIGNATURE_BLOCK and len(data) == sector + _SECTOR_BYTES


def _findings(data: bytes, layout: Layout, digests: tuple[Digest, ...], signed: bool) -> list[Finding]:
    found = [
        error("hash", f"its {one.algorithm} over {one.covers} is wrong: it is damaged")
        for one in digests
        if not one.matches
    ]
    if not signed and (tail := len(data) - layout.end):
        found.append(error("trailing", f"{tail} bytes follow the image that belong to nothing"))
    return found
