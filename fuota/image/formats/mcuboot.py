"""MCUboot images: their description and what MCUboot would refuse. The signature is verified in fuota.image.signatures.mcuboot."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from uuid import UUID

from fuota.errors import ImageError
from fuota.findings import Finding, error, note, warning
from fuota.image.content import is_surely_clear
from fuota.image.description import Description, Digest, ImageFormat, Part, SignatureState
from fuota.image.formats import mcuboot_layout as mcu
from fuota.image.formats.mcuboot_layout import Layout, read_layout
from fuota.image.formats.mcuboot_padding import is_padding
from fuota.image.requirements import ImageRequirements

FORMAT = ImageFormat.MCUBOOT

_BIG_ENDIAN_MAGIC = mcu.MAGIC[::-1]
_COUNTER_BYTES = 4
_DEPENDENCY_BYTES = 12
"""Length of the values of these TLVs: MCUboot refuses an image with another length (bootutil, image_validate.c, loader.c)."""


def recognises(data: bytes) -> bool:
    """Return whether the data begins with 96f3b83d, in either byte order."""
    return data.startswith((mcu.MAGIC, _BIG_ENDIAN_MAGIC))


def describe(data: bytes, _requirements: ImageRequirements) -> Description:
    """Describe version, load address and TLVs, check the hash, and look for a signature and for bytes behind the image."""
    if data.startswith(_BIG_ENDIAN_MAGIC):
        message = "its header is big-endian (imgtool --endian big), which fuota does not read: sign it for a little-endian device"
        return Description(format=FORMAT, findings=(error("unsupported", message),))
    try:
        layout = read_layout(data)
    except ImageError as exc:
        return Description(format=FORMAT, findings=(error("structure", str(exc)),))
    encrypted = is_encrypted(data, layout)
    digests = _digests(data, layout, encrypted=encrypted)
    return Description(
        format=FORMAT,
        parts=_parts(layout),
        version=layout.version,
        hardware=_hardware(data, layout),
        address_range=(layout.load_address, layout.load_address + layout.end) if layout.has_address else None,
        in_ram=bool(layout.flags & mcu.RAM_LOAD),
        digests=digests,
        signature=_signature_state(layout),
        key_sha256=next((value.hex() for value in layout.values(data, mcu.KEY_HASH)), None),
        encrypted=encrypted,
        image_bytes=max(layout.end, layout.header_bytes + _unpacked_bytes(data, layout)),
        findings=(
            *_digest_findings(digests),
            *_flag_findings(data, layout),
            *_tlv_findings(data, layout),
            *_trailing_findings(data, layout),
        ),
    )


def is_encrypted(data: bytes, layout: Layout) -> bool:
    """Return whether the content is encrypted: the flag is set and there is a key, without which no device can decrypt it.

    `imgtool sign --encrypt --clear` writes both and leaves the content readable.
    """
    if not layout.flags & mcu.ENCRYPTED or not any(tlv.type in mcu.KEY_BYTES for tlv in layout.tlvs):
        return False
    if any(matches for _, _, matches in stated_hashes(data, layout)):
        return False
    return not is_surely_clear(data[layout.header_bytes : layout.header_bytes + layout.image_bytes])


def stated_hashes(data: bytes, layout: Layout) -> list[tuple[str, bytes, bool]]:
    """Return name and value of each hash that the image states, and whether the readable content has it."""
    hashed = memoryview(data)[: layout.hashed_bytes]
    stated = {name: dict.fromkeys(layout.values(data, kind)) for kind, name in mcu.HASHES.items()}
    computed = {name: hashlib.new(name, hashed).digest() for name, values in stated.items() if values}
    return [(name, value, value == computed[name]) for name, values in stated.items() for value in values]


def without_slot_padding(data: bytes) -> bytes:
    """Return the image without the padding and the trailer of a slot. Raises ImageError if anything else follows the image."""
    layout = read_layout(data)
    if data[layout.end :] and not is_padding(data[layout.end :]):
        raise ImageError(f"{len(data) - layout.end} bytes follow the image that are not padding of a slot")
    return data[: layout.end]


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
        for kinds in mcu.UUIDS
    ]
    return "/".join(str(UUID(bytes=uuid)) for uuid in uuids if uuid is not None) or None


def _digests(data: bytes, layout: Layout, *, encrypted: bool) -> tuple[Digest, ...]:
    """Return the hashes. A hash covers the decrypted image, so it cannot be checked if the image is encrypted."""
    return tuple(
        Digest(
            algorithm=name,
            value=value.hex(),
            covers="header, image and protected TLVs",
            matches=None if encrypted else matches,
        )
        for name, value, matches in stated_hashes(data, layout)
    )


def _signature_state(layout: Layout) -> SignatureState:
    kinds = {tlv.type for tlv in layout.tlvs}
    if kinds & mcu.SIGNATURES.keys():
        return SignatureState.PRESENT
    return SignatureState.HASH_ONLY if kinds & mcu.HASHES.keys() else SignatureState.NONE


def _unpacked_bytes(data: bytes, layout: Layout) -> int:
    """Return the length of a compressed image after the device has unpacked it; 0 if it is not compressed or does not state it."""
    sizes = layout.values(data, mcu.UNPACKED_SIZE)
    return int.from_bytes(sizes[0], "little") if sizes and layout.flags & mcu.COMPRESSED else 0


def _digest_findings(digests: tuple[Digest, ...]) -> Iterator[Finding]:
    for algorithm in dict.fromkeys(digest.algorithm for digest in digests if digest.matches is False):
        yield error("hash", f"its {algorithm} does not match its content: it is damaged")
    if not digests:
        yield error("hash", "it has no hash: MCUboot refuses it")


def _flag_findings(data: bytes, layout: Layout) -> Iterator[Finding]:
    if layout.flags & mcu.NON_BOOTABLE:
        yield warning("non-bootable", "its header says that it is not bootable: MCUboot does not start it as a program")
    if layout.flags & mcu.COMPRESSED:
        yield _compression_finding(data, layout)


def _compression_finding(data: bytes, layout: Layout) -> Finding:
    if not (layout.values(data, mcu.UNPACKED_SIZE) and layout.values(data, mcu.UNPACKED_HASH)):
        return error(
            "compressed", "it is compressed, but does not state size and hash of the unpacked image: MCUboot refuses it"
        )
    return warning(
        "compressed",
        "it is compressed: only an MCUboot that is built with decompression takes it; unpacked it has"
        f" {_unpacked_bytes(data, layout)} bytes",
    )


def _tlv_findings(data: bytes, layout: Layout) -> Iterator[Finding]:
    unknown = sorted({tlv.type for tlv in layout.tlvs if not tlv.is_defined})
    if unknown:
        names = ", ".join(map(hex, unknown))
        yield warning("unknown-tlv", f"it has TLV types that MCUboot does not define: {names}")
    outside = sorted({tlv.type for tlv in layout.tlvs if not tlv.protected and tlv.type not in mcu.IN_UNPROTECTED})
    if outside:
        names = ", ".join(map(hex, outside))
        yield error(
            "unprotected-tlv", f"MCUboot refuses TLV types {names} outside the protected TLVs, which are signed"
        )
    for tlv in layout.tlvs:
        if tlv.size not in mcu.LENGTHS.get(tlv.type, (tlv.size,)):
            yield error("tlv-length", f"a TLV of type 0x{tlv.type:x} has {tlv.size} bytes: MCUboot refuses the image")
    for counter in layout.values(data, mcu.SECURITY_COUNTER):
        yield _counter_finding(counter)
    if dependencies := layout.values(data, mcu.DEPENDENCY):
        yield _dependency_finding(dependencies)


def _counter_finding(value: bytes) -> Finding:
    if len(value) != _COUNTER_BYTES:
        return error(
            "security-counter",
            f"its security counter has {len(value)} bytes, but MCUboot accepts {_COUNTER_BYTES} only and refuses the image",
        )
    counter = int.from_bytes(value, "little")
    return note("security-counter", f"security counter {counter}: devices will refuse a lower counter afterwards")


def _dependency_finding(values: list[bytes]) -> Finding:
    if any(len(value) != _DEPENDENCY_BYTES for value in values):
        return error("dependency", f"a dependency must have {_DEPENDENCY_BYTES} bytes: MCUboot refuses the image")
    return note("dependency", f"it depends on {len(values)} other images, which must be on the device before it")


def _trailing_findings(data: bytes, layout: Layout) -> tuple[Finding, ...]:
    trailing = data[layout.end :]
    if not trailing:
        return ()
    if is_padding(trailing):
        message = (
            f"{len(trailing)} of {len(data)} bytes are padding of the slot, which wastes airtime: remove it (fuota image convert),"
            " or sign without --pad"
        )
        return (error("slot-padding", message),)
    message = f"{len(trailing)} unexpected bytes follow the image: it is not the file that was signed"
    return (error("trailing", message),)
