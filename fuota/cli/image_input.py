"""The image that a command reads: its bytes, its name, and its checks."""

from __future__ import annotations

from pathlib import Path
from typing import IO, TYPE_CHECKING

if TYPE_CHECKING:
    from fuota.image import FirmwareImage


def name_of(image: IO[bytes]) -> str:
    """Return the name of the file; the name for a pipe is image.bin."""
    return "image.bin" if image.name in ("-", "<stdin>") else Path(image.name).name


def content_of(image: IO[bytes]) -> bytes:
    """Return the content of the file. Raises ImageError if it is larger than any image: a pipe may have no end."""
    from fuota.image import read_image

    return read_image(image, name_of(image))


def opened(image: IO[bytes]) -> FirmwareImage:
    """Return the image in the file, damaged or not. Raises ImageError as `content_of`."""
    from fuota.image import FirmwareImage

    return FirmwareImage(data=content_of(image), name=name_of(image))


def converted(file: IO[bytes]) -> FirmwareImage:
    """Return what devices have in flash if they run the image in the file; HEX and ELF are converted. Raises ImageError."""
    from fuota.image import convert

    return convert(opened(file))
