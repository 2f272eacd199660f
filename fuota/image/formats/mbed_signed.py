"""Images of lorawan-fota-signing-tool (Arm Mbed): firmware or patch, and a manifest in the last 113 bytes."""

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
assert _MANIFEST.size == MANIFEST_BYTES  # noqa: S101 - checks this file, not its input


@dataclass(frozen=True, slots=True, kw_only=True)
class Manifest:
    """Manifest at the end of an image.

    signature: ECDSA in DER over the firmware; of a patch, over the NEW firmware.
    manufacturer, device_class: UUIDs of the device. version: number, in that tool seconds since 1970.
    is_patch: whether the image is a patch. old_bytes: length of the base of a patch.
    """

    signature: bytes
    manufacturer: UUID
    device_class: UUID
    version: int
    is_patch: bool
    old_bytes: int


def recognises(data: bytes) -> bool:
    """Return whether there is a manifest at the end. It has no magic number, so its signature and its flag are checked."""
    return read_manifest(data) is not None


def read_manifest(data: bytes) -> Manifest | None:
    """Return the manifest at the end; None if there is none.

    A manifest has a signature in DER with its length before it and zeros behind it, and a flag of 0 or 1.
    """
    if len(data) <= MANIFEST_BYTES:
        return None
    length, signature, manufacturer, device_class, version, diff = _MANIFEST.unpack(data[-MANIFEST_BYTES:])
    der, padding = signature[:length], signature[length:]
    # SEQUENCE of two INTEGERs (X9.62), all lengths in one byte
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
    """Describe the version, the two UUIDs, whether the image is a patch, and the length of its base."""
    manifest = read_manifest(data)
    assert manifest is not None  # noqa: S101 - `recognises` was true
    body_bytes = len(data) - MANIFEST_BYTES
    patch = f"a patch for a base of {manifest.old_bytes} bytes; its signature covers the new image"
    return Description(
        format=FORMAT,
        parts=(
            Part(name="patch" if manifest.is_patch else "firmware", offset=0, size=body_bytes),
            Part(name="manifest", offset=body_bytes, size=MANIFEST_BYTES),
        ),
        version=str(manifest.version),
        hardware=f"{manifest.manufacturer}/{manifest.device_class}",
        signature=SignatureState.PRESENT,
        findings=(note("patch", patch),) if manifest.is_patch else (),
    )
