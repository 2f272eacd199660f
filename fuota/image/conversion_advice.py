"""Advice for an image that can be sent once it is converted."""

from __future__ import annotations

import shlex
from pathlib import Path

from fuota.errors import ImageError
from fuota.image.checks import ImageCheck, check
from fuota.image.conversion import convert

_REMOVED, _REDUCED = {"not-binary", "slot-padding", "flash-dump"}, {"slot", "session", "too-large"}
"""Codes of errors that `convert` removes, and codes of errors that it may remove with them."""


def conversion_command(checked: ImageCheck, path: str | None = None) -> str | None:
    """Return the command that makes an image that can be sent, or None if conversion does not help.

    checked: the check of the image. path: the file of the image, by default its name; "-" is a pipe.
    """
    if not _is_repaired_by_conversion(checked):
        return None
    if path in ("-", "<stdin>"):
        return "fuota image convert - -o image.bin"
    source = Path(path or checked.image.name)
    output = source.with_name(source.stem + (".stripped.bin" if source.suffix == ".bin" else ".bin"))
    return shlex.join(["fuota", "image", "convert", str(source), "-o", str(output)])


def _is_repaired_by_conversion(checked: ImageCheck) -> bool:
    """Return whether the converted image has no error. An image for other hardware, for example, keeps its error."""
    codes = {finding.code for finding in checked.findings.errors}
    if codes.isdisjoint(_REMOVED) or codes - _REMOVED - _REDUCED:
        return False
    try:
        remaining = check(convert(checked.image)).findings.errors
    except ImageError:
        return False
    # The public key is not known here.
    return all(finding.code == "signature-not-verified" for finding in remaining)
