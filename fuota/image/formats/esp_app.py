"""ESP32 application images (ESP-IDF, "App Image Format"): header, segments, checksum, optionally a SHA-256 and a signature."""

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
_MAGIC, _CHECKSUM_SEED, _MAX_SEGMENTS = 0xE9, 0xEF, 16
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
    """Layout of an image.

    segments: segments of the image. checksum_offset: offset of the checksum. has_hash: whether a SHA-256 follows it.
    """

    segments: tuple[Part, ...]
    checksum_offset: int
    has_hash: bool

    @property
    def end(self) -> int:
        """Offset of the byte after the hash, or after the checksum if there is no hash; a signature follows."""
        return self.checksum_offset + 1 + (32 if self.has_hash else 0)


def recognises(data: bytes) -> bool:
    """Return whether the header has E9, 1 to 16 segments, and 0 or 1 in the fields that are always 0 or 1."""
    if len(data) < _HEADER.size or data[0] != _MAGIC or not 1 <= data[1] <= _MAX_SEGMENTS:
        return False
    *_, chip, _, _, _, reserved, hash_flag = _HEADER.unpack_from(data)
    return hash_flag in (0, 1) and not any(reserved) and chip < 0x100


def describe(data: bytes, _requirements: ImageRequirements) -> Description:
    """Describe chip, segments and the version in the application descriptor, and check checksum and hash."""
    chip = _HEADER.unpack_from(data)[6]
    hardware = _CHIPS.get(chip, f"chip {chip}")
    try:
        layout = _layout(data)
    except ImageError as exc:
        return Description(format=FORMAT, hardware=hardware, findings=(error("structure", str(exc)),))
    digests = _digests(data, layout)
    is_signed = _is_signed(data, layout)
    hash_only = SignatureState.HASH_ONLY if layout.has_hash else SignatureState.NONE
    return Description(
        format=FORMAT,
        parts=layout.segments,
        version=_version(data),
        hardware=hardware,
        digests=digests,
        signature=SignatureState.PRESENT if is_signed else hash_only,
        image_bytes=len(data),
        findings=tuple(_findings(data, layout, digests, is_signed)),
    )


def _layout(data: bytes) -> Layout:
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
    checksum_offset = offset | 15  # the last byte of a line of 16
    layout = Layout(segments=tuple(segments), checksum_offset=checksum_offset, has_hash=data[_HEADER.size - 1] == 1)
    if layout.end > len(data):
        raise ImageError(f"checksum and hash end at byte {layout.end}, but the file has {len(data)}: it was cut off")
    return layout


def _digests(data: bytes, layout: Layout) -> tuple[Digest, ...]:
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


def _xor_of_bytes(data: bytes) -> int:
    """Return the XOR of all bytes. Words of 8 KiB are combined first, which is fast."""
    width = 8192
    words = (
        int.from_bytes(data[start : start + width].ljust(width, b"\0"), "little")
        for start in range(0, len(data), width)
    )
    return reduce(xor, reduce(xor, words, 0).to_bytes(width, "little"), 0)


def _version(data: bytes) -> str | None:
    """Return the version in the application descriptor, which is at the start of the first segment."""
    offset = _HEADER.size + _SEGMENT.size
    if offset + _DESCRIPTOR.size > len(data):
        return None
    magic, _, _, version, _ = _DESCRIPTOR.unpack_from(data, offset)
    return version.split(b"\0")[0].decode("ascii", "replace") if magic == _DESCRIPTOR_MAGIC else None


def _is_signed(data: bytes, layout: Layout) -> bool:
    """Return whether a signature block of secure boot v2 follows, in a separate sector."""
    sector = -(-layout.end // _SECTOR_BYTES) * _SECTOR_BYTES
    return data[sector : sector + 2] == _SIGNATURE_BLOCK and len(data) == sector + _SECTOR_BYTES


def _findings(data: bytes, layout: Layout, digests: tuple[Digest, ...], is_signed: bool) -> list[Finding]:
    findings = [
        error("hash", f"its {digest.algorithm} over {digest.covers} is wrong: it is damaged")
        for digest in digests
        if not digest.matches
    ]
    if not is_signed and (trailing := len(data) - layout.end):
        findings.append(error("trailing", f"{trailing} unexpected bytes follow the image"))
    return findings
