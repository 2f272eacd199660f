"""MCUboot images (MCUboot, "Bootloader", image format; TLV types as in imgtool 2): header, image, signed TLVs.

The layout is checked here; imgtool verifies the signature itself (see fuota.image.signatures.mcuboot).
"""

from __future__ import annotations

import hashlib
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from uuid import UUID

from fuota.errors import ImageError
from fuota.findings import Finding, error, note, warning
from fuota.image.description import Description, Digest, ImageFormat, Part, SignatureState
from fuota.image.requirements import ImageRequirements

FORMAT = ImageFormat.MCUBOOT

MAGIC = b"\x3d\xb8\xf3\x96"
_HEADER = struct.Struct("<IIHHIIBBHII")
_TLV = struct.Struct("<HH")
_UNPROTECTED, _PROTECTED = 0x6907, 0x6908
_TRAILER_MAGIC = bytes.fromhex("77c295f360d2ef7f3552500f2cb67980")
_ENCRYPTED = 0x4 | 0x8

KEY_HASH, PUBLIC_KEY = 0x01, 0x02
_HASHES = {0x10: "sha256", 0x11: "sha384", 0x12: "sha512"}
SIGNATURES = {0x20: "RSA-2048", 0x22: "ECDSA", 0x23: "RSA-3072", 0x24: "Ed25519"}
_SIGNATURE_OF_IMAGE = 0x25
_DEPENDENCY, _SECURITY_COUNTER = 0x40, 0x50
_KNOWN = {KEY_HASH, PUBLIC_KEY, *_HASHES, *SIGNATURES, _SIGNATURE_OF_IMAGE, *range(0x30, 0x35), 0x40, 0x50, 0x60}
_KNOWN |= {*range(0x70, 0x76), 0x80, 0x81}
_UUIDS = ((0x74, 0x80), (0x75, 0x81))
"""TLV types of vendor and class: as imgtool 2.2 and later write them, then as MCUboot's design has them."""
_VENDOR = 0xA0
"""First low byte of the types that each vendor defines, up to 0xFF (MCUboot, "TLV types")."""

Tlv = tuple[int, int, int]
"""Type, offset of the value, length of the value."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Layout:
    """Layout of an image.

    load_address, flags, version: as in the header. header_bytes, image_bytes, protected_bytes: lengths of header, image and
    protected TLVs. tlvs: type, offset of the value and length of each TLV, protected TLVs first. end: offset after the last TLV.
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
    def hashed_bytes(self) -> int:
        """Number of bytes from the start that the hash and the signature cover."""
        return self.header_bytes + self.image_bytes + self.protected_bytes

    @property
    def encrypted(self) -> bool:
        """Whether the image between header and TLVs is encrypted."""
        return bool(self.flags & _ENCRYPTED)

    def values(self, data: bytes, kind: int) -> list[bytes]:
        """Return the values of the TLVs of the type `kind`."""
        return [data[offset : offset + length] for tlv_kind, offset, length in self.tlvs if tlv_kind == kind]


def recognises(data: bytes) -> bool:
    """Return whether the data begins with 96f3b83d, little-endian."""
    return data.startswith(MAGIC)


def describe(data: bytes, _requirements: ImageRequirements) -> Description:
    """Describe version, load address and TLVs, check the hash, and look for a signature and for bytes behind the image."""
    try:
        layout = read_layout(data)
    except ImageError as exc:
        return Description(format=FORMAT, findings=(error("structure", str(exc)),))
    digests = _digests(data, layout)
    return Description(
        format=FORMAT,
        parts=_parts(layout),
        version=layout.version,
        hardware=_hardware(data, layout),
        address_range=(layout.load_address, layout.load_address + layout.image_bytes) if layout.load_address else None,
        digests=digests,
        signature=_signature_state(layout),
        key_sha256=next((value.hex() for value in layout.values(data, KEY_HASH)), None),
        encrypted=layout.encrypted,
        image_bytes=layout.end,
        findings=(*_findings(data, layout, digests), *_trailing_findings(data, layout)),
    )


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


def without_slot_padding(data: bytes) -> bytes:
    """Return the image without the padding and the trailer of a slot. Raises ImageError if anything else follows the image."""
    layout = read_layout(data)
    if data[layout.end :] and not _is_padding(data[layout.end :]):
        raise ImageError(f"{len(data) - layout.end} bytes follow the image that are not padding of a slot")
    return data[: layout.end]


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
    return tuple(_read_tlvs(data, start + _TLV.size, end, name)), end


def _read_tlvs(data: bytes, offset: int, end: int, name: str) -> Iterator[Tlv]:
    while offset < end:
        if offset + _TLV.size > end:
            raise ImageError(f"the last of the {name} is cut off")
        kind, length = _TLV.unpack_from(data, offset)
        offset += _TLV.size
        if offset + length > end:
            raise ImageError(f"a TLV of type 0x{kind:x} reaches beyond the {name}")
        yield kind, offset, length
        offset += length


def _parts(layout: Layout) -> tuple[Part, ...]:
    header = Part(name="header", offset=0, size=layout.header_bytes)
    image = Part(
        name="image",
        offset=layout.header_bytes,
        size=layout.image_bytes,
        address=layout.load_address + layout.header_bytes if layout.load_address else None,
    )
    start = layout.header_bytes + layout.image_bytes
    return header, image, Part(name="TLVs", offset=start, size=layout.end - start)


def _hardware(data: bytes, layout: Layout) -> str | None:
    """Return vendor and class as UUIDs; None if the image has neither."""
    uuids = [
        next((value for kind in kinds for value in layout.values(data, kind) if len(value) == 16), None)
        for kinds in _UUIDS
    ]
    return "/".join(str(UUID(bytes=uuid)) for uuid in uuids if uuid is not None) or None


def _digests(data: bytes, layout: Layout) -> tuple[Digest, ...]:
    """Return the hashes. A hash covers the decrypted image, so it cannot be checked if the image is encrypted."""
    hashed = memoryview(data)[: layout.hashed_bytes]
    stated = {kind: layout.values(data, kind) for kind in _HASHES}
    computed = {kind: hashlib.new(_HASHES[kind], hashed).digest() for kind in stated if stated[kind]}
    return tuple(
        Digest(
            algorithm=_HASHES[kind],
            value=value.hex(),
            covers="header, image and protected TLVs",
            matches=None if layout.encrypted else value == computed[kind],
        )
        for kind, values in stated.items()
        for value in dict.fromkeys(values)
    )


def _signature_state(layout: Layout) -> SignatureState:
    kinds = {kind for kind, _, _ in layout.tlvs}
    if kinds & SIGNATURES.keys():
        return SignatureState.PRESENT
    return SignatureState.HASH_ONLY if kinds & _HASHES.keys() else SignatureState.NONE


def _findings(data: bytes, layout: Layout, digests: tuple[Digest, ...]) -> Iterator[Finding]:
    for algorithm in dict.fromkeys(digest.algorithm for digest in digests if digest.matches is False):
        yield error("hash", f"its {algorithm} does not match its content: it is damaged")
    if not digests and not layout.values(data, _SIGNATURE_OF_IMAGE):
        yield error("hash", "it has no hash: MCUboot refuses it")
    if unknown := sorted({kind for kind, _, _ in layout.tlvs if kind & 0xFF < _VENDOR} - _KNOWN):
        yield warning("unknown-tlv", f"it has TLV types that MCUboot does not define: {', '.join(map(hex, unknown))}")
    if counters := layout.values(data, _SECURITY_COUNTER):
        counter = int.from_bytes(counters[0], "little")
        yield note("security-counter", f"security counter {counter}: devices will refuse a lower counter afterwards")
    if dependencies := layout.values(data, _DEPENDENCY):
        yield note(
            "dependency", f"it depends on {len(dependencies)} other images, which must be on the device before it"
        )


def _trailing_findings(data: bytes, layout: Layout) -> tuple[Finding, ...]:
    trailing = data[layout.end :]
    if not trailing:
        return ()
    if _is_padding(trailing):
        message = (
            f"{len(trailing)} of {len(data)} bytes are padding of the slot, which wastes airtime: remove it (fuota image convert),"
            " or sign without --pad"
        )
        return (error("slot-padding", message),)
    message = f"{len(trailing)} unexpected bytes follow the image: it is not the file that was signed"
    return (error("trailing", message),)


def _is_padding(trailing: bytes) -> bool:
    """Return whether the bytes are 0xFF or zeros, optionally with the trailer that marks a pending update for MCUboot."""
    body = trailing.removesuffix(_TRAILER_MAGIC)
    flags = body[-128:].translate(None, b"\x01\x03") if body is not trailing else body[-128:]
    return not (body[:-128] + flags).strip(b"\xff") or not any(body)
