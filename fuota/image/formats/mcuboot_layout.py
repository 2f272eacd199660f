"""Layout of MCUboot images: header, image, protected TLVs, TLVs (MCUboot, "Bootloader", image format; TLV types of imgtool 2.2)."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass

from fuota.errors import ImageError

MAGIC = b"\x3d\xb8\xf3\x96"
_HEADER = struct.Struct("<IIHHIIBBHII")
_TLV = struct.Struct("<HH")
_UNPROTECTED, _PROTECTED = 0x6907, 0x6908

KEY_HASH, PUBLIC_KEY = 0x01, 0x02
HASHES = {0x10: "sha256", 0x11: "sha384", 0x12: "sha512"}
SIGNATURES = {0x20: "RSA-2048", 0x22: "ECDSA", 0x23: "RSA-3072", 0x24: "Ed25519"}
PURE_SIGNATURE = 0x25
"""The signature covers the image itself, not its hash, if the value is 1."""
KEY_BYTES = {0x30: (256,), 0x31: (24, 40), 0x32: (113, 129), 0x33: (80, 96), 0x34: (112, 128)}
"""Lengths of the TLV with the encrypted key (AES-128, AES-256): RSA, AES-KW, ECIES on P-256, on X25519, X25519 with SHA-512."""
LENGTHS = {
    **KEY_BYTES,
    KEY_HASH: (32, 48, 64),
    **{0x10: (32,), 0x11: (48,), 0x12: (64,)},
    **{0x20: (256,), 0x23: (384,), 0x24: (64,)},
}
"""Lengths of the TLVs with a fixed length, in bytes."""
DEPENDENCY, SECURITY_COUNTER, BOOT_RECORD = 0x40, 0x50, 0x60
UNPACKED_SIZE, UNPACKED_HASH = 0x70, 0x71
UUIDS = ((0x74, 0x80), (0x75, 0x81))
"""TLV types of vendor and class: as imgtool 2.2 and later write them, then as MCUboot's design has them."""
_VENDOR = 0xA0
"""First low byte of the types that each vendor defines, up to 0xFF (MCUboot, "TLV types")."""
_IN_PROTECTED = {DEPENDENCY, SECURITY_COUNTER, BOOT_RECORD, *range(0x70, 0x76), 0x80, 0x81}
IN_UNPROTECTED = {KEY_HASH, PUBLIC_KEY, *HASHES, *SIGNATURES, PURE_SIGNATURE, *KEY_BYTES}
"""The only types that MCUboot takes outside the protected TLVs (bootutil, image_validate.c, allowed_unprot_tlvs)."""

ENCRYPTED = 0x4 | 0x8
NON_BOOTABLE, RAM_LOAD = 0x10, 0x20
COMPRESSED = 0x200 | 0x400
"""Flags of the header: LZMA1 and LZMA2."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Tlv:
    """A TLV. type: its type. offset, size: position and length of its value. protected: whether the signature covers it."""

    type: int
    offset: int
    size: int
    protected: bool

    @property
    def is_defined(self) -> bool:
        """Whether MCUboot or a vendor defines the type."""
        return self.type & 0xFF >= _VENDOR or self.type in IN_UNPROTECTED | _IN_PROTECTED


@dataclass(frozen=True, slots=True, kw_only=True)
class Layout:
    """Layout of an image.

    load_address, flags, version: as in the header. header_bytes, image_bytes, protected_bytes: lengths of header, image and
    protected TLVs. tlvs: all TLVs in their order, protected TLVs first. end: offset after the last TLV.
    """

    load_address: int
    header_bytes: int
    image_bytes: int
    flags: int
    version: str
    protected_bytes: int
    tlvs: tuple[Tlv, ...]
    end: int

    @property
    def has_address(self) -> bool:
        """Whether the header states where the image must be. Address 0 means nothing, unless the image is copied to RAM."""
        return self.load_address != 0 or bool(self.flags & RAM_LOAD)

    @property
    def hashed_bytes(self) -> int:
        """Number of bytes from the start that the hash and the signature cover."""
        return self.header_bytes + self.image_bytes + self.protected_bytes

    def values(self, data: bytes, kind: int) -> list[bytes]:
        """Return the values of the TLVs of the type `kind`."""
        return [data[tlv.offset : tlv.offset + tlv.size] for tlv in self.tlvs if tlv.type == kind]


def has_image(data: bytes, offset: int) -> bool:
    """Return whether an image begins at the offset, by its header and the magic number of its TLVs, in constant time."""
    if offset + _HEADER.size > len(data) or not data.startswith(MAGIC, offset):
        return False
    _, _, header_bytes, _, image_bytes, *_ = _HEADER.unpack_from(data, offset)
    tlvs = offset + header_bytes + image_bytes
    if header_bytes < _HEADER.size or tlvs + _TLV.size > len(data):
        return False
    return _TLV.unpack_from(data, tlvs)[0] in (_PROTECTED, _UNPROTECTED)


def read_layout(data: bytes) -> Layout:
    """Return the layout of an image. Raises ImageError if its sizes are inconsistent or reach beyond the file."""
    if len(data) < _HEADER.size:
        raise ImageError(
            f"it has {len(data)} bytes, but the header of MCUboot alone has {_HEADER.size}: it was cut off"
        )
    _, load, header_bytes, protected_bytes, image_bytes, flags, major, minor, revision, build, _ = _HEADER.unpack_from(
        data
    )
    if header_bytes < _HEADER.size:
        raise ImageError(f"its header states a length of {header_bytes} bytes, but it has {_HEADER.size} or more")
    image_end = end = header_bytes + image_bytes
    protected_tlvs: tuple[Tlv, ...] = ()
    if protected_bytes:
        protected_tlvs, end = _read_area(data, end, _PROTECTED)
        if end != image_end + protected_bytes:
            raise ImageError(
                f"its header states {protected_bytes} bytes of protected TLVs, but there are {end - image_end}"
            )
    tlvs, end = _read_area(data, end, _UNPROTECTED)
    return Layout(
        load_address=load,
        header_bytes=header_bytes,
        image_bytes=image_bytes,
        flags=flags,
        version=f"{major}.{minor}.{revision}" + (f"+{build}" if build else ""),
        protected_bytes=protected_bytes,
        tlvs=(*protected_tlvs, *tlvs),
        end=end,
    )


def _read_area(data: bytes, start: int, magic: int) -> tuple[tuple[Tlv, ...], int]:
    """Return the TLVs of the area that begins at `start`, and the end of the area."""
    name = "protected TLVs" if magic == _PROTECTED else "TLVs"
    if start + _TLV.size > len(data):
        raise ImageError(
            f"the {name} would begin at byte {start}, but the file has {len(data)}: it was cut off, or never signed"
        )
    area_magic, size = _TLV.unpack_from(data, start)
    if area_magic != magic:
        raise ImageError(f"there are no {name} at byte {start} (0x{area_magic:04x} instead of 0x{magic:04x})")
    end = start + size
    if end > len(data):
        raise ImageError(f"the {name} end at byte {end}, but the file has {len(data)}: it was cut off")
    return tuple(_read_tlvs(data, start + _TLV.size, end, protected=magic == _PROTECTED)), end


def _read_tlvs(data: bytes, offset: int, end: int, *, protected: bool) -> Iterator[Tlv]:
    name = "protected TLVs" if protected else "TLVs"
    while offset < end:
        if offset + _TLV.size > end:
            raise ImageError(f"the last of the {name} is cut off")
        kind, length = _TLV.unpack_from(data, offset)
        offset += _TLV.size
        if offset + length > end:
            raise ImageError(f"a TLV of type 0x{kind:x} reaches beyond the {name}")
        yield Tlv(type=kind, offset=offset, size=length, protected=protected)
        offset += length
