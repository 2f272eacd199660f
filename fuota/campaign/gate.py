"""The image gate: an image with an error is never sent."""

from __future__ import annotations

from dataclasses import dataclass, replace
from hashlib import sha256
from pathlib import Path
from typing import TypedDict, Unpack

from fuota.calls import checked_init
from fuota.device import DeviceProfile, inspect_image, inspect_patch, load_profile
from fuota.errors import ImageError
from fuota.findings import Finding, Findings, error
from fuota.image import FirmwareImage, ImageCheck, convert
from fuota.image.conversion_advice import conversion_command
from fuota.text import counted, printable


class RefusedImageError(ImageError):
    """An image that the gate refuses. `findings`: every finding that forbids sending it."""

    def __init__(self, message: str, findings: tuple[Finding, ...]) -> None:
        super().__init__(message)
        self.findings = findings


@checked_init
@dataclass(frozen=True, slots=True, kw_only=True)
class GateOptions:
    """Options of the image gate.

    strict: refuse an image that has a warning.
    base: for a patch, the image that the devices run (an open image, bytes, or a path); a HEX or ELF file is converted.
    profile: limits and requirements of the devices (a profile, a built-in name, or a file).
    public_key: key that verifies the signature (PEM or DER bytes, or a file).
    signature: detached signature (bytes or a file), in place of the signature inside the image.
    """

    strict: bool = False
    base: FirmwareImage | bytes | str | Path | None = None
    profile: DeviceProfile | str | Path | None = None
    public_key: bytes | str | Path | None = None
    signature: bytes | str | Path | None = None


class Requirements(TypedDict, total=False):
    """Fields of ImageRequirements that replace the requirements of the profile."""

    running_version: str
    downgrade: bool
    base_sha256: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PassedImage:
    """Result of the gate for an image that may be sent.

    warnings: findings that do not forbid sending the image.
    base_sha256, target_sha256: for a patch, the SHA-256 (hexadecimal) of the image that devices must run and of the image
    that they run afterwards; None if the image is not known to be a patch.
    """

    warnings: tuple[Finding, ...] = ()
    base_sha256: str | None = None
    target_sha256: str | None = None


def pass_gate(
    image: FirmwareImage,
    options: GateOptions,
    *,
    base_sha256: str | None = None,
    target_sha256: str | None = None,
) -> PassedImage:
    """Return the warnings about `image` and, for a patch, the hashes of its base and target.

    base_sha256, target_sha256: the hashes that a plan is bound to, if any. Without `options.base` the patch is checked
    against the base of the plan. Raises RefusedImageError if the image has an error, or a warning with `options.strict`;
    ImageError if the plan, the base and the profile do not agree.
    """
    passed = PassedImage(base_sha256=base_sha256, target_sha256=target_sha256)
    requirements: Requirements = {}
    if options.base is None and base_sha256 is not None:
        _require_same_base(base_sha256, options.profile)
        requirements["base_sha256"] = base_sha256
    checks = inspect_with_base(image, options, **requirements)
    if len(checks) > 1:
        passed = _bound_to_base(checks, passed)
    findings = sum((check.findings for check in checks), Findings())
    refusing = (*findings.errors, *(findings.warnings if options.strict else ()))
    if refusing:
        (name, *_) = (check.image.name for check in checks if refusing[0] in check.findings)
        raise RefusedImageError(_refusal(name, refusing, conversion_command(checks[0])), refusing)
    return replace(passed, warnings=findings.warnings)


def inspect_with_base(
    image: FirmwareImage, options: GateOptions, **requirements: Unpack[Requirements]
) -> tuple[ImageCheck, ...]:
    """Return the check of `image`, followed by the check of the image that it makes if `options.base` is given.

    requirements: replace the requirements of the profile. A patch that cannot be applied to its base has an error with the
    code "base". `options.strict` is not used.
    """
    if options.base is None:
        return (_inspect(image, options, requirements),)
    base = _flash_content(options.base)
    try:
        return inspect_patch(
            image,
            base,
            profile=options.profile,
            public_key=options.public_key,
            signature=options.signature,
            **requirements,
        )
    except ImageError as reason:
        known: Requirements = {**requirements, "base_sha256": sha256(base).hexdigest()}
        return (_not_applicable(_inspect(image, options, known), reason),)


def _inspect(image: FirmwareImage, options: GateOptions, requirements: Requirements) -> ImageCheck:
    return inspect_image(
        image,
        profile=options.profile,
        public_key=options.public_key,
        signature=options.signature,
        **requirements,
    )


def _flash_content(base: FirmwareImage | bytes | str | Path) -> bytes:
    """Return the bytes that a device running `base` has in flash. Raises ImageError."""
    return convert(base if isinstance(base, FirmwareImage) else FirmwareImage.open(base)).data


def _not_applicable(check: ImageCheck, reason: ImageError) -> ImageCheck:
    """Return `check` with `reason` as an error, unless it already has an error about the structure of the patch."""
    from fuota.image.checks import sorted_by_severity

    if any(finding.code == "structure" for finding in check.findings.errors):
        return check
    return replace(check, findings=sorted_by_severity((*check.findings, error("base", str(reason)))))


def _require_same_base(planned: str, profile: DeviceProfile | str | Path | None) -> None:
    """Raise ImageError if the profile says that the devices run another image than the base of the plan."""
    if profile is None:
        return
    loaded = profile if isinstance(profile, DeviceProfile) else load_profile(profile)
    required = loaded.image_requirements().base_sha256
    if required not in (None, planned):
        raise ImageError(
            f"the plan is for devices that run {planned[:16]}…, by the profile they run {str(required)[:16]}…; plan again"
        )


def _bound_to_base(checks: tuple[ImageCheck, ...], planned: PassedImage) -> PassedImage:
    """Return the hashes of base and target of a patch. Raises ImageError if the plan has other hashes."""
    patch, target = checks
    base_sha256 = patch.image.requirements.base_sha256
    for name, sha, planned_sha in (
        ("base", base_sha256, planned.base_sha256),
        ("target", target.image.sha256, planned.target_sha256),
    ):
        if planned_sha not in (None, sha):
            raise ImageError(
                f"the plan is for another {name} than the given base: it has SHA-256 {planned_sha[:16]}…, this {name} has"
                f" {str(sha)[:16]}…; plan again"
            )
    return PassedImage(base_sha256=base_sha256, target_sha256=target.image.sha256)


def _refusal(name: str, findings: tuple[Finding, ...], command: str | None) -> str:
    first, more = findings[0], len(findings) - 1
    others = f"; {counted(more, 'more finding')}, see `fuota image check`" if more else ""
    remedy = "" if command is None else f"; `{printable(command)}` makes an image that can be sent"
    return f"{printable(name)} cannot be sent: {first.message} ({first.code}){remedy}{others}"
