"""The gate of `fuota launch`: no byte is sent of an image that has an error, whatever is said on the command line."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import click

from fuota.cli.image_input import checks_of
from fuota.cli.options.requirements import requirement_options
from fuota.cli.output import Output
from fuota.cli.render.image_table import mending
from fuota.errors import ImageError
from fuota.findings import Finding, Findings
from fuota.text import counted, printable

if TYPE_CHECKING:
    from fuota.image import ImageCheck


def gate_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """By what the image is checked before a launch."""
    for option in (
        click.option("--strict", is_flag=True, help="Refuse an image of which there are warnings too."),
        click.option("--base", type=click.File("rb"), help="IMAGE is a patch for devices that run this."),
        requirement_options,
    ):
        command = option(command)
    return command


def pass_gate(out: Output, content: bytes, name: str, options: dict[str, Any]) -> dict[str, Any]:
    """Check the image by the options of `gate_options`, which are taken out of what is returned; the patch is bound to its base.

    Warnings are said, and left to whoever launches. Raises ImageError for an error, with --strict for a warning too.
    """
    from fuota.image import FirmwareImage

    rest = {"base_sha256": None, "target_sha256": None} | options
    strict, base = (rest.pop(one) for one in ("strict", "base"))
    asked = asdict(rest.pop("requirements"))
    if base is None and rest["base_sha256"] is not None:  # by the plan
        _agree(rest["base_sha256"], asked["profile"])
        asked["base_sha256"] = rest["base_sha256"]
    checks = checks_of(FirmwareImage(data=content, name=name), base, asked)
    if len(checks) > 1:
        rest |= _bound(checks, rest)
    findings = sum((one.findings for one in checks), Findings())
    _refuse(out, name, (*findings.errors, *(findings.warnings if strict else ())), mending(checks[0]))
    for finding in findings.warnings:
        out.say(f"warning: {finding.message} ({finding.code})")
    return rest


def _agree(planned: str, profile: str | None) -> None:
    """Raise ImageError where the profile says that the devices run another image than the plan."""
    from fuota.device import load_profile

    wanted = None if profile is None else load_profile(profile).image_requirements().base_sha256
    if wanted not in (None, planned):
        raise ImageError(
            f"the plan is for devices that run {planned[:16]}…, by the profile they run {str(wanted)[:16]}…; plan again"
        )


def _refuse(out: Output, name: str, against: tuple[Finding, ...], mended_by: str | None) -> None:
    """Raise ImageError where anything is against the image."""
    for finding in against:
        out.event("finding", **finding.to_json())
    if against:
        raise ImageError(_refusal(name, against, mended_by))


def _refusal(name: str, against: tuple[Finding, ...], mended_by: str | None) -> str:
    first, more = against[0], len(against) - 1
    also = f"; {counted(more, 'more finding')} against it, see `fuota image check`" if more else ""
    mended = "" if mended_by is None else f"; `{printable(mended_by)}` makes what can be sent"
    return f"{printable(name)} is not sent: {first.message} ({first.code}){mended}{also}"


def _bound(checks: tuple[ImageCheck, ...], planned: dict[str, Any]) -> dict[str, str | None]:
    """The hashes of base and target of a patch. Raises ImageError where the plan has others."""
    patch, target = checks
    bound = {"base_sha256": patch.image.requirements.base_sha256, "target_sha256": target.image.sha256}
    for one, ours in bound.items():
        if planned[one] not in (None, ours):
            raise ImageError(
                f"the plan is for another {one.removesuffix('_sha256')} than --base gives: it has SHA-256 {planned[one][:16]}…,"
                f" this one {str(ours)[:16]}…; plan again"
            )
    return bound
