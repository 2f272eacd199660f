"""An image against the device that it is for: everything that can be known before a byte is sent."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from pathlib import Path
from typing import Any

from fuota.device.profile import DeviceProfile
from fuota.device.profile_file import load_profile
from fuota.errors import ImageError, ParameterError
from fuota.findings import Finding, Findings, error, warning
from fuota.image import FirmwareImage, ImageCheck, ImageRequirements, SignatureState, check
from fuota.image.checks import PATCHES, by_gravity
from fuota.image.delta import apply

_MOST_BYTES = 64 * 1024
"""Far above any key or signature, whose file may be the wrong one."""


def validate_image(
    image: str | Path | bytes | FirmwareImage,
    *,
    profile: DeviceProfile | str | Path | None = None,
    public_key: bytes | str | Path | None = None,
    signature: bytes | str | Path | None = None,
) -> Findings:
    """What is wrong, or worth knowing, of an image: a path, its octets, or an open one. `ok`: nothing forbids sending it.

    `profile`: what the device takes, or its name or file. `public_key`: PEM or DER by which a signature is verified, or its file.
    `signature`: one that lies beside the image (ECDSA or Ed25519), or its file, in place of that inside. No image raises: one that
    cannot be read is a finding too. Raises ParameterError for what is no public key or signature, and for a profile what
    load_profile raises. The codes are in docs/images.md.
    """
    try:
        return inspect_image(image, profile=profile, public_key=public_key, signature=signature).findings
    except ImageError as exc:
        return Findings((error("unreadable", str(exc)),))


def inspect_image(
    image: str | Path | bytes | FirmwareImage,
    *,
    profile: DeviceProfile | str | Path | None = None,
    public_key: bytes | str | Path | None = None,
    signature: bytes | str | Path | None = None,
    **requirements: Any,
) -> ImageCheck:
    """All that `validate_image` finds, with the image and its signature; `requirements` replace some of the profile's.

    Raises ImageError where there is nothing to read.
    """
    key, beside = _octets(public_key, "public key"), _octets(signature, "signature")
    opened = image if isinstance(image, FirmwareImage) else FirmwareImage.open(image)
    asked = opened.requirements if profile is None else _of(profile)
    return check(replace(opened, requirements=replace(asked, **requirements)), public_key=key, signature=beside)


def inspect_patch(
    patch: FirmwareImage,
    base: bytes,
    *,
    profile: DeviceProfile | str | Path | None = None,
    public_key: bytes | str | Path | None = None,
    signature: bytes | str | Path | None = None,
    **requirements: Any,
) -> tuple[ImageCheck, ImageCheck]:
    """The checks of a patch, and of what it makes of its base: of that are asked hardware, version, slot, and signature, one that
    lies beside it too; of the patch, that it fits into a session, and that the base is what the devices run.

    Arguments as of `inspect_image`. Raises ImageError where the patch cannot be applied to the base.
    """
    asked = replace(patch.requirements if profile is None else _of(profile), **requirements)
    made = FirmwareImage(data=apply(base, patch.data), name=f"what {patch.name} makes", requirements=_of_target(asked))
    target = inspect_image(made, public_key=public_key, signature=signature)
    known = hashlib.sha256(base).hexdigest()
    of_patch = inspect_image(replace(patch, requirements=_of_patch(asked, known)))
    found = (*of_patch.findings, *_other_base(asked.base_sha256, known), *_unproven(target))
    return replace(of_patch, findings=by_gravity(found)), target


def _of_patch(asked: ImageRequirements, base_sha256: str) -> ImageRequirements:
    rest = replace(asked, hardware=None, running_version=None, signed=False, slot_bytes=None, flash_bytes=None)
    return replace(rest, base_sha256=base_sha256)


def _of_target(asked: ImageRequirements) -> ImageRequirements:
    """It goes into no session; its format is asked where the device takes more than patches."""
    return replace(asked, max_block_bytes=None, formats=tuple(one for one in asked.formats if one not in PATCHES))


def _other_base(wanted: str | None, given: str) -> tuple[Finding, ...]:
    if wanted in (None, given):
        return ()
    return (error("base", f"the base that was given is {given[:16]}…, and the devices run {str(wanted)[:16]}…"),)


def _unproven(target: ImageCheck) -> tuple[Finding, ...]:
    """A patch does not say what its base is. Where another was given, a hash in what comes out shows it."""
    if (
        any(digest.matches for digest in target.image.description.digests)
        or target.signature is SignatureState.VERIFIED
    ):
        return ()
    return (
        warning(
            "base-unproven",
            "it does not say what its base is, and what it makes of this one has no hash that would show another: make sure that"
            f" {target.image.sha256[:16]}… is the SHA-256 of the new image",
        ),
    )


def _of(profile: DeviceProfile | str | Path) -> ImageRequirements:
    return (profile if isinstance(profile, DeviceProfile) else load_profile(profile)).image_requirements()


def _octets(source: bytes | str | Path | None, name: str) -> bytes | None:
    """The octets of a key or a signature, or of the file that holds it. Raises ParameterError where that cannot be read."""
    if source is None or isinstance(source, bytes):
        return source
    try:
        with Path(source).open("rb") as file:
            return file.read(_MOST_BYTES)
    except (OSError, ValueError) as exc:
        raise ParameterError(f"the {name} {source} cannot be read: {getattr(exc, 'strerror', None) or exc}") from None
