"""Images of lorawan-fota-signing-tool (Arm Mbed): the firmware or a patch, and a manifest in the last 113 octets."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from uuid import UUID

from fuota.findings import note
from fuota.image.description import Description, ImageFormat, Part, SignatureState
from fuota.image.requirements import ImageRequirements

FORMAT = ImageFormat.MBED_SIGNED

MANIFEST_BYTES = 113
_MANIFEST = struct.Struct("<B72s16s16sI4s")
assert _MANIFEST.size == MANIFEST_BYTES  # noqa: S101 - a law of this file, not of its input


@dataclass(frozen=True, slots=True, kw_only=True)
class Manifest:
    """`signature` in DER, of the SHA-256 of the firmware; of a patch it is that of the NEW firmware. `old_bytes`: of the base."""

    signature: bytes
    manufacturer: UUID
    device_class: UUID
    version: int
    is_patch: bool
    old_bytes: int


def recognises(data: bytes) -> bool:
    """There is no magic number: a signature in DER with its length before it, zeros behind it, and a flag of 0 or 1."""
    return manifest(data) is not None


def manifest(data: bytes) -> Manifest | None:
    """The manifest at the end, None where there is none."""
    if len(data) <= MANIFEST_BYTES:
        return None
    length, signature, manufacturer, device_class, version, diff = _MANIFEST.unpack(data[-MANIFEST_BYTES:])
    der, padding = signature[:length], signature[length:]
    # SEQUENCE of two INTEGERs (X9.62), all lengths of one octet
    if (
        not 68 <= length <= 72
        or der[0] != 0x30
        or der[1] != length - 2
        or der[2] != 0x02
        or any(padding)
        or diff[0] > 1
    ):
        return None
    return Manifest(
        signature=der,
        manufacturer=UUID(bytes=manufacturer),
        device_class=UUID(bytes=device_class),
        version=version,
        is_patch=diff[0] == 1,
        old_bytes=int.from_bytes(diff[1:], "big"),
    )


def describe(data: bytes, _requirements: ImageRequirements) -> Description:
    """Version (seconds since 1970 by that tool's custom), the two UUIDs, whether it is a patch and of how large a base."""
    found = manifest(data)
    assert found is not None  # noqa: S101 - recognised before
    body = len(data) - MANIFEST_BYTES
    patch = (
        f"a patch for a base of {found.old_bytes} bytes; its signature is that of the new image"
        if found.is_patch
        else ""
    )
    return Description(
        format=FORMAT,
        parts=(
            Part(name="patch" if found.is_patch else "firmware", offset=0, size=body),
            Part(name="manifest", offset=body, size=MANIFEST_BYTES),
        ),
        version=str(found.version),
        hardware=f"{found.manufacturer}/{found.device_class}",
        signature=SignatureState.PRESENT,
        findings=(note("patch", patch),) if patch else (),
    )
