"""Blocks of lorawan-fota-signing-tool (Arm Mbed): firmware or a patch of JojoDiff, and a manifest in the last 113 bytes.

Sources: lorawan-fota-signing-tool (cli.js), mbed-lorawan-update-client (update_signature.h, LoRaWANUpdateClient.h).
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from uuid import UUID

from fuota.errors import ImageError
from fuota.findings import Finding, error
from fuota.image.description import Description, ImageFormat, Part, SignatureState
from fuota.image.formats import jojodiff_patch
from fuota.image.requirements import ImageRequirements

FORMAT = ImageFormat.MBED_SIGNED

MANIFEST_BYTES = 113
_MANIFEST = struct.Struct("<B72s16s16sI4s")
assert _MANIFEST.size == MANIFEST_BYTES  # noqa: S101 - checks this file, not its input
_DIFF_BYTES = 4
"""Bytes at the end of the manifest: whether it is a patch, and the length of its base."""


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


def body(data: bytes) -> bytes:
    """Return what is before the manifest: the firmware, or the patch."""
    return data[:-MANIFEST_BYTES]


def firmware(data: bytes) -> bytes:
    """Return the firmware that a device runs after an update by `data`: the body of a whole image, otherwise `data` itself."""
    manifest = read_manifest(data)
    return data if manifest is None or manifest.is_patch else body(data)


def whole_image(patch: bytes, target: bytes) -> bytes:
    """Return the block with the whole image that is equal to a block with a patch: the target, and the same manifest.

    patch: block with a patch. target: the firmware that it makes. The signature in the manifest covers that firmware.
    """
    return target + patch[-MANIFEST_BYTES:-_DIFF_BYTES] + bytes(_DIFF_BYTES)


def describe(data: bytes, _requirements: ImageRequirements) -> Description:
    """Describe the version, the two UUIDs and, for a patch, the lengths of its base and its target."""
    manifest = read_manifest(data)
    assert manifest is not None  # noqa: S101 - `recognises` was true
    body_bytes = len(data) - MANIFEST_BYTES
    target_bytes, findings = _patch_facts(body(data), manifest) if manifest.is_patch else (None, ())
    return Description(
        format=FORMAT,
        parts=(
            Part(name="patch" if manifest.is_patch else "firmware", offset=0, size=body_bytes),
            Part(name="manifest", offset=body_bytes, size=MANIFEST_BYTES),
        ),
        version=str(manifest.version),
        hardware=f"{manifest.manufacturer}/{manifest.device_class}",
        signature=SignatureState.PRESENT,
        holds_patch=manifest.is_patch,
        image_bytes=target_bytes,
        findings=findings,
    )


def _patch_facts(patch: bytes, manifest: Manifest) -> tuple[int | None, tuple[Finding, ...]]:
    """Return the length of the target, and the findings about the patch. The client applies it with janpatch."""
    try:
        summary = jojodiff_patch.summarise(patch)
        if summary.omits_mod and summary.copied_bytes <= len(patch):
            raise ImageError("it has other bytes where an operation must be")
    except ImageError as exc:
        message = f"its manifest says that it is a patch, but it is not a patch of JojoDiff: {exc}"
        return None, (error("structure", message),)
    return summary.target_bytes, jojodiff_patch.findings(summary, manifest.old_bytes)
