"""The image that a command was given: its octets, its name, what is wrong with it."""

from __future__ import annotations

from dataclasses import replace
from hashlib import sha256
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from fuota.errors import ImageError

if TYPE_CHECKING:
    from fuota.image import FirmwareImage, ImageCheck


def name_of(image: IO[bytes]) -> str:
    """The name of the file; a pipe has none."""
    return "image.bin" if image.name in ("-", "<stdin>") else Path(image.name).name


def content_of(image: IO[bytes]) -> bytes:
    """All of the file. Raises ImageError for more than any image has: a pipe may go on for ever."""
    from fuota.image import read_image

    return read_image(image, name_of(image))


def opened(image: IO[bytes]) -> FirmwareImage:
    """The image in it, damaged or not. Raises ImageError as `content_of`."""
    from fuota.image import FirmwareImage

    return FirmwareImage(data=content_of(image), name=name_of(image))


def converted(file: IO[bytes]) -> FirmwareImage:
    """What devices that run the image in this file have in flash: a HEX or ELF file is converted. Raises ImageError."""
    from fuota.image import convert

    return convert(opened(file))


def checks_of(image: FirmwareImage, base: IO[bytes] | None, asked: dict[str, Any]) -> tuple[ImageCheck, ...]:
    """Of the image; of a patch whose base is at hand, of what it makes too. One that cannot be applied has an error for it."""
    from fuota.device import inspect_image, inspect_patch

    if base is None:
        return (inspect_image(image, **asked),)
    octets = converted(base).data
    try:
        return inspect_patch(image, octets, **asked)
    except ImageError as exc:
        alone = inspect_image(image, **asked, base_sha256=sha256(octets).hexdigest())
        return (_not_applied(alone, exc),)


def _not_applied(alone: ImageCheck, why: ImageError) -> ImageCheck:
    """With the error, unless what is wrong with the patch itself was found already."""
    from fuota.findings import error
    from fuota.image.checks import sorted_by_severity

    if any(one.code == "structure" for one in alone.findings.errors):
        return alone
    return replace(alone, findings=sorted_by_severity((*alone.findings, error("base", str(why)))))
