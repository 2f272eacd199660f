"""MCUboot images (MCUboot, "Bootloader", image format; TLV types as in imgtool 2): header, image, signed TLVs.

Everything is bounded and measured here; the signature itself is left to imgtool (see fuota.image.signature).
"""

from __future__ import annotations

import hashlib
import struct
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
_KNOWN = {KEY_HASH, PUBLIC_KEY, *_HASHES, *SIGNATURES, _SIGNATURE_OF_IMAGE, *range(0x30, 0x35), 0x40, 0x50, 0x60}
_KNOWN |= {*range(0x70, 0x76), 0x80, 0x81}
_UUIDS = ((0x74, 0x80), (0x75, 0x81))
"""Of vendor and class: first as imgtool 2.2 and later write them, then as MCUboot's design has them."""
_VENDOR = 0xA0
"""From here to 0xFF, of the low octet of a type, each vendor has its own (MCUboot, "TLV types")."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Layout:
    """Where everything in an image lies. `tlvs`: (type, offset of the value, length), those of `protected` first."""

    load_address: int
    header_bytes: int
    image_bytes: int
    flags: int
    version: str
    protected_bytes: int
    tlvs: tuple[tuple[int, int, int], ...]
    end: int

    @property
    def hashed_bytes(self) -> int:
        """How much, from the start, the hash and the signature cover."""
        return self.header_bytes + self.image_bytes + self.protected_bytes

    @property
    def encrypted(self) -> bool:
        """Whether the image between header and TLVs is encrypted."""
        return bool(self.flags & _ENCRYPTED)

    def values(self, data: bytes, kind: int) -> list[bytes]:
        """The values of the TLVs of this type."""
        return [data[offset : offset + length] for one, offset, length in self.tlvs if one == kind]


def recognises(data: bytes) -> bool:
    """96f3b83d, little-endian."""
    return data.startswith(MAGIC)


def describe(data: bytes, _requirements: ImageRequirements) -> Description:
    """Version, load address, TLVs, the hash checked; whether it is signed, and what lies behind it."""
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
        signature=_signature(layout),
        key_sha256=next((value.hex() for value in layout.values(data, KEY_HASH)), None),
        encrypted=layout.encrypted,
        image_bytes=layout.end,
        findings=tuple(_findings(data, layout, digests)),
    )


def read_layout(data: bytes) -> Layout:
    """Raises ImageError where sizes do not add up: a header or TLV area that reaches beyond the file."""
    if len(data) < _HEADER.size:
        raise ImageError(f"it has {len(data)} bytes, the header of MCUboot alone has {_HEADER.size}: it was cut off")
    _, load, header_bytes, protected_bytes, image_bytes, flags, major, minor, revision, build, _ = _HEADER.unpack_from(
        data
    )
    if header_bytes < _HEADER.size:
        raise ImageError(f"its header says that it has {header_bytes} bytes: it has {_HEADER.size} or more")
    body_end = header_bytes + image_bytes
    tlvs: tuple[tuple[int, int, int], ...] = ()
    end = body_end
    if protected_bytes:
        tlvs, end = _area(data, end, _PROTECTED)
        if end != body_end + protected_bytes:
            raise ImageError(f"its header says {protected_bytes} bytes of protected TLVs, there are {end - body_end}")
    further, end = _area(data, end, _UNPROTECTED)
    return Layout(
        load_address=load,
        header_bytes=header_bytes,
        image_bytes=image_bytes,
        flags=flags,
        version=f"{major}.{minor}.{revision}" + (f"+{build}" if build else ""),
        protected_bytes=protected_bytes,
        tlvs=(*tlvs, *further),
        end=end,
    )


def stripped(data: bytes) -> bytes:
    """The image without the padding and the trailer of a slot, if nothing else follows it. Raises ImageError."""
    layout = read_layout(data)
    if data[layout.end :] and not _is_padding(data[layout.end :]):
        raise ImageError(f"{len(data) - layout.end} bytes follow the image that are no padding of a slot")
    return data[: layout.end]


def _area(data: bytes, start: int, magic: int) -> tuple[tuple[tuple[int, int, int], ...], int]:
    """The TLVs of the area that begins at `start`, and where it ends."""
    name = "protected TLVs" if magic == _PROTECTED else "TLVs"
    if start + _TLV.size > len(data):
        raise ImageError(
            f"the {name} would begin at byte {start}, the file has {len(data)}: it was cut off, or never signed"
        )
    found, size = _TLV.unpack_from(data, start)
    if found != magic:
        raise ImageError(f"at byte {start} there are no {name} (0x{found:04x} in place of 0x{magic:04x})")
    end = start + size
    if end > len(data):
        raise ImageError(f"the {name} end at byte {end}, the file has {len(data)}: it was cut off")
    tlvs, at = [], start + _TLV.size
    while at < end:
        if at + _TLV.size > end:
            raise ImageError(f"the last of the {name} is cut off")
        kind, length = _TLV.unpack_from(data, at)
        at += _TLV.size
        if at + length > end:
            raise ImageError(f"a TLV of type 0x{kind:x} reaches beyond the {name}")
        tlvs.append((kind, at, length))
        at += length
    return tuple(tlvs), end


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
    """Vendor and class, as UUIDs, where the image has them."""
    found = [
        next((value for kind in kinds for value in layout.values(data, kind) if len(value) == 16), None)
        for kinds in _UUIDS
    ]
    return "/".join(str(UUID(bytes=one)) for one in found if one is not None) or None


def _digests(data: bytes, layout: Layout) -> tuple[Digest, ...]:
    """The hash covers what is decrypted, so that of an encrypted image cannot be told."""
    covered = memoryview(data)[: layout.hashed_bytes]
    stated = {kind: layout.values(data, kind) for kind in _HASHES}
    right = {kind: hashlib.new(_HASHES[kind], covered).digest() for kind in stated if stated[kind]}
    return tuple(
        Digest(
            algorithm=_HASHES[kind],
            value=value.hex(),
            covers="header, image and protected TLVs",
            matches=None if layout.encrypted else value == right[kind],
        )
        for kind, values in stated.items()
        for value in dict.fromkeys(values)
    )


def _signature(layout: Layout) -> SignatureState:
    kinds = {kind for kind, _, _ in layout.tlvs}
    if kinds & SIGNATURES.keys():
        return SignatureState.PRESENT
    return SignatureState.HASH_ONLY if kinds & _HASHES.keys() else SignatureState.NONE


def _findings(data: bytes, layout: Layout, digests: tuple[Digest, ...]) -> list[Finding]:
    found = [
        error("hash", f"its {algorithm} is not that of its content: it is damaged")
        for algorithm in dict.fromkeys(one.algorithm for one in digests if one.matches is False)
    ]
    if not digests and not layout.values(data, _SIGNATURE_OF_IMAGE):
        found.append(error("hash", "it has no hash: MCUboot refuses it"))
    if unknown := sorted({kind for kind, _, _ in layout.tlvs if kind & 0xFF < _VENDOR} - _KNOWN):
        found.append(warning("unknown-tlv", f"TLV types that MCUboot does not define: {', '.join(map(hex, unknown))}"))
    if counters := layout.values(data, 0x50):
        found.append(
            note(
                "security-counter",
                f"security counter {int.from_bytes(counters[0], 'little')}: devices refuse a lower one later",
            )
        )
    if dependencies := layout.values(data, 0x40):
        found.append(
            note("dependency", f"it depends on {len(dependencies)} other images: they must be on the device before")
        )
    return found + _behind(data, layout)


def _behind(data: bytes, layout: Layout) -> list[Finding]:
    tail = data[layout.end :]
    if not tail:
        return []
    if _is_padding(tail):
        return [
            error(
                "slot-padding",
                f"{len(tail)} of {len(data)} bytes are padding of the slot: airtime for nothing; strip it (fuota image convert),"
                " or sign without --pad",
            )
        ]
    return [
        error(
            "trailing", f"{len(tail)} bytes follow the image that belong to nothing: it is not the file that was signed"
        )
    ]


def _is_padding(tail: bytes) -> bool:
    """0xFF, or zeros, and at the end perhaps the trailer by which MCUboot knows a pending update."""
    body = tail.removesuffix(_TRAILER_MAGIC)
    flags = body[-128:].translate(None, b"\x01\x03") if body is not tail else body[-128:]
    return not (body[:-128] + flags).strip(b"\xff") or not any(body)
