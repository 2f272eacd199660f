"""Checks of an image for a device: everything that can be known before a byte is sent."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from pathlib import Path
from typing import Unpack

from fuota.calls import checked_call
from fuota.device.profile import DeviceProfile
from fuota.device.profile_file import load_profile
from fuota.errors import ImageError, ParameterError
from fuota.findings import Finding, Findings, error, warning
from fuota.image import (
    PATCHES,
    FirmwareImage,
    ImageCheck,
    ImageFormat,
    ImageRequirements,
    RequirementChanges,
    SignatureState,
    check,
)
from fuota.image.checks import sorted_by_severity
from fuota.image.patch_application import apply_patch

_MAX_FILE_BYTES = 64 * 1024
"""Limit for the file of a key or a signature. Both are far smaller, but the file may be the wrong file."""


@checked_call
def validate_image(
    image: str | Path | bytes | FirmwareImage,
    *,
    profile: DeviceProfile | str | Path | None = None,
    public_key: bytes | str | Path | None = None,
    signature: bytes | str | Path | None = None,
) -> Findings:
    """Return the findings about an image; their `ok` is True if there is no error. The codes are in docs/images.md.

    image: path of the image, its bytes, or an open image.
    profile: profile of the device, or its name or file; by default the requirements that the image was opened with.
    public_key: PEM or DER of the key that verifies the signature, or its file; with a key a signature is required.
    signature: signature beside the image (ECDSA or Ed25519), or its file, verified instead of the signature in the image.

    An image never raises: an image that cannot be read is a finding. Raises ParameterError for an invalid key or signature, and
    what `load_profile` raises.
    """
    try:
        return inspect_image(image, profile=profile, public_key=public_key, signature=signature).findings
    except ImageError as exc:
        return Findings((error("unreadable", str(exc)),))


@checked_call
def inspect_image(
    image: str | Path | bytes | FirmwareImage,
    *,
    profile: DeviceProfile | str | Path | None = None,
    public_key: bytes | str | Path | None = None,
    signature: bytes | str | Path | None = None,
    **requirements: Unpack[RequirementChanges],
) -> ImageCheck:
    """Return the findings about an image together with the open image and the state of its signature.

    image, profile, public_key, signature: as for `validate_image`.
    requirements: fields of ImageRequirements, replacing values of the profile, such as `slot_bytes` or `running_version`.

    Raises ImageError if the image cannot be read, otherwise the same as `validate_image`.
    """
    key, detached = _read_bytes(public_key, "public key"), _read_bytes(signature, "signature")
    opened = image if isinstance(image, FirmwareImage) else FirmwareImage.open(image)
    device_requirements = _requirements(opened, profile).changed(**requirements)
    return check(replace(opened, requirements=device_requirements), public_key=key, signature=detached)


@checked_call
def inspect_patch(
    patch: FirmwareImage,
    base: bytes,
    *,
    profile: DeviceProfile | str | Path | None = None,
    public_key: bytes | str | Path | None = None,
    signature: bytes | str | Path | None = None,
    **requirements: Unpack[RequirementChanges],
) -> tuple[ImageCheck, ImageCheck]:
    """Return the check of a patch, and the check of its target, which is the image that it makes from `base`.

    patch: the open patch. base: the image that the patch is applied to.
    profile, public_key, signature, requirements: as for `inspect_image`.

    The patch must fit a session, and its base must be the image that the devices run. The target must have the hardware, the
    version, the size and the signature that are required; `signature` is a signature beside the target. Raises ImageError if the
    patch cannot be applied to the base, otherwise the same as `inspect_image`.
    """
    device_requirements = _requirements(patch, profile).changed(**requirements)
    target = _check_target(
        patch,
        apply_patch(base, patch.data),
        _target_requirements(device_requirements),
        public_key=public_key,
        signature=signature,
    )
    base_sha256 = hashlib.sha256(base).hexdigest()
    patch_check = inspect_image(
        replace(patch, requirements=_patch_requirements(patch, device_requirements, base_sha256))
    )
    findings = (
        *_patch_findings(patch_check, target),
        *_base_findings(device_requirements.base_sha256, base_sha256),
        *_proof_findings(patch, base, target),
    )
    state = target.signature if patch_check.signature is SignatureState.PRESENT else patch_check.signature
    return replace(patch_check, signature=state, findings=sorted_by_severity(findings)), target


def _check_target(
    patch: FirmwareImage,
    target: bytes,
    requirements: ImageRequirements,
    *,
    public_key: bytes | str | Path | None,
    signature: bytes | str | Path | None,
) -> ImageCheck:
    """Return the check of the image that a patch makes.

    The manifest of an mbed-signed patch has the version, the hardware and the signature of its target. So the target is checked as
    the block with that manifest, unless there is a signature beside the target.
    """
    image = FirmwareImage(data=target, name=f"target of {patch.name}", requirements=requirements)
    if patch.format is not ImageFormat.MBED_SIGNED or signature is not None:
        return inspect_image(image, public_key=public_key, signature=signature)
    from fuota.image.formats.mbed_signed import whole_image  # the libraries of the readers are slow to import

    # The manifest is not in the slot, so the check of the patch compares the target with the slot.
    without_slot = replace(requirements, slot_bytes=None, flash_bytes=None)
    block = replace(image, data=whole_image(patch.data, target), requirements=without_slot)
    block_check = inspect_image(block, public_key=public_key)
    # The filler would be counted with the manifest, and the target is not on air.
    findings = Findings(tuple(finding for finding in block_check.findings if finding.code != "filler"))
    return replace(block_check, image=image, findings=findings)


def _patch_findings(patch_check: ImageCheck, target: ImageCheck) -> tuple[Finding, ...]:
    """Return the findings about a patch. The check of the target has the finding about a signature over the target."""
    is_signed = target.signature is not SignatureState.NONE
    return tuple(
        finding for finding in patch_check.findings if not (is_signed and finding.code == "signature-not-verified")
    )


def _patch_requirements(patch: FirmwareImage, requirements: ImageRequirements, base_sha256: str) -> ImageRequirements:
    """Return the requirements that the patch itself must fulfil; its target must fulfil the others."""
    is_block = patch.format is ImageFormat.MBED_SIGNED
    return replace(
        requirements,
        hardware=None,
        running_version=None,
        signed=False,
        slot_bytes=requirements.slot_bytes if is_block else None,
        flash_bytes=requirements.flash_bytes if is_block else None,
        base_sha256=base_sha256,
    )


def _target_requirements(requirements: ImageRequirements) -> ImageRequirements:
    """Return the requirements for a target. It is not sent, so only the formats that are not patches apply, and no session."""
    formats = tuple(name for name in requirements.formats if name not in PATCHES)
    return replace(requirements, max_block_bytes=None, formats=formats)


def _base_findings(running_sha256: str | None, base_sha256: str) -> tuple[Finding, ...]:
    if running_sha256 in (None, base_sha256):
        return ()
    return (error("base", f"its base is {base_sha256[:16]}…, but the devices run {str(running_sha256)[:16]}…"),)


def _proof_findings(patch: FirmwareImage, base: bytes, target: ImageCheck) -> tuple[Finding, ...]:
    """Return a finding if nothing proves the base: neither a hash in the patch nor a hash in the target."""
    if patch.format is ImageFormat.ESP_DELTA_PATCH:
        return _esp_findings(patch, base, target)
    has_hash = any(digest.matches for digest in target.image.description.digests)
    if has_hash or target.signature is SignatureState.VERIFIED:
        return ()
    if target.signature is SignatureState.WRONG:
        message = "the signature over the image that it makes is wrong: the base may be another image than the base of the patch"
        return (warning("base-unproven", message),)
    if target.signature is SignatureState.PRESENT:
        message = "nothing proves its base without a public key: its signature covers the new image; name the key (--public-key)"
        return (warning("base-unproven", message),)
    return (
        warning(
            "base-unproven",
            "it does not state its base, and the image that it makes has no hash that would show a wrong base: make sure that"
            f" {target.image.sha256[:16]}… is the SHA-256 of the new image",
        ),
    )


def _esp_findings(patch: FirmwareImage, base: bytes, target: ImageCheck) -> tuple[Finding, ...]:
    """Return the findings about the base that the header proves, and about a target that ESP-IDF refuses (esp_ota_end)."""
    from fuota.image.formats.esp_delta_patch import check_base  # the libraries of the readers are slow to import

    findings = check_base(patch.data, base)
    if target.image.format is ImageFormat.ESP_APP:
        return findings
    message = (
        f"the image that it makes is {target.image.format}, but ESP-IDF takes only an ESP32 application (esp_ota_end)"
    )
    return (*findings, warning("patch-unsupported", message))


def _requirements(image: FirmwareImage, profile: DeviceProfile | str | Path | None) -> ImageRequirements:
    if profile is None:
        return image.requirements
    return (profile if isinstance(profile, DeviceProfile) else load_profile(profile)).image_requirements()


def _read_bytes(source: bytes | str | Path | None, name: str) -> bytes | None:
    """Return the bytes of a key or a signature, or of the file that holds it. Raises ParameterError if it cannot be read."""
    if source is None or isinstance(source, bytes):
        return source
    try:
        with Path(source).open("rb") as file:
            return file.read(_MAX_FILE_BYTES)
    except (OSError, ValueError) as exc:
        raise ParameterError(f"the {name} {source} cannot be read: {getattr(exc, 'strerror', None) or exc}") from None
