"""An open firmware image: its bytes, its description and the findings of its reader."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import IO, Self

from fuota.calls import checked_call
from fuota.errors import ImageError
from fuota.findings import Findings
from fuota.image.description import Description, ImageFormat
from fuota.image.requirements import ImageRequirements

MAX_IMAGE_BYTES = 256 * 1024 * 1024
"""Limit for a file: far above what TS004 carries (16383 fragments of 255 bytes), because an .elf with debug data is large."""


@dataclass(frozen=True, kw_only=True)
class FirmwareImage:
    """An image as it is in its file. Opening converts, strips and unpacks nothing.

    data: the bytes, which are what goes on air.
    name: name of the file.
    requirements: requirements of the device; the readers of some formats need them.
    """

    data: bytes = field(repr=False)
    name: str = "image"
    requirements: ImageRequirements = field(default_factory=ImageRequirements, repr=False)

    @classmethod
    @checked_call
    def open(cls, source: str | Path | bytes, *, requirements: ImageRequirements | None = None) -> Self:
        """Open an image in a file or in memory.

        source: path of the file, or the bytes of the image.
        requirements: what the device accepts; by default nothing is required.

        A damaged image is opened too; its `findings` say what is wrong with it. Raises ImageError if there is nothing to read,
        ParameterError if `source` is neither a path nor bytes.
        """
        if isinstance(source, bytes):
            data, name = source, "image"
        else:
            data, name = _read(Path(source)), Path(source).name
        return cls(data=data, name=name, requirements=requirements or ImageRequirements())

    @cached_property
    def description(self) -> Description:
        """All that the reader of this format found."""
        from fuota.image.formats import describe  # the libraries of the readers are slow to import

        return describe(self.data, self.requirements)

    @property
    def format(self) -> ImageFormat:
        """Format of the image, identified by its content."""
        return self.description.format

    @property
    def version(self) -> str | None:
        """Version that the image states; None if it states none."""
        return self.description.version

    @cached_property
    def sha256(self) -> str:
        """SHA-256 of `data`, hexadecimal."""
        return hashlib.sha256(self.data).hexdigest()

    @property
    def findings(self) -> Findings:
        """Findings of the reader. `validate_image` checks more: the device, the key and the time on air."""
        return Findings(self.description.findings)


def _read(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            return read_image(file, str(path))
    except (OSError, ValueError) as exc:
        raise ImageError(f"{path} cannot be read: {getattr(exc, 'strerror', None) or exc}") from None


def read_image(file: IO[bytes], name: str) -> bytes:
    """Return the whole content of an open file.

    name: name of the file in the message. Raises ImageError for more than MAX_IMAGE_BYTES, because a pipe may never end.
    """
    data = file.read(MAX_IMAGE_BYTES + 1)
    if len(data) > MAX_IMAGE_BYTES:
        raise ImageError(f"{name} has more than {MAX_IMAGE_BYTES} bytes: too large for an image of a LoRaWAN device")
    return data
