"""An image that is open: its octets, what it is, and what is wrong with it."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import IO, Self

from fuota.errors import ImageError
from fuota.findings import Findings
from fuota.image.description import Description, ImageFormat
from fuota.image.requirements import ImageRequirements

MAX_IMAGE_BYTES = 256 * 1024 * 1024
"""Far above what TS004 can carry (16383 fragments of 255 octets); an .elf with debug information may be large all the same."""


@dataclass(frozen=True, kw_only=True)
class FirmwareImage:
    """An image as it is in the file: nothing is converted, stripped or unpacked by opening it.

    `data`: the octets, which are what goes on air. `name` of the file. `requirements`: by which it was read.
    """

    data: bytes = field(repr=False)
    name: str = "image"
    requirements: ImageRequirements = field(default_factory=ImageRequirements, repr=False)

    @classmethod
    def open(cls, source: str | Path | bytes, *, requirements: ImageRequirements | None = None) -> Self:
        """The image in a file, or in memory. Raises ImageError where there is nothing to read; a damaged image is opened.

        What is wrong with a damaged one is in `findings`.
        """
        data, name = (source, "image") if isinstance(source, bytes) else (_read(Path(source)), Path(source).name)
        return cls(data=data, name=name, requirements=requirements or ImageRequirements())

    @cached_property
    def description(self) -> Description:
        """All that the reader of its format found."""
        from fuota.image.formats import describe  # the libraries of the readers are slow to import

        return describe(self.data, self.requirements)

    @property
    def format(self) -> ImageFormat:
        """How it is packed, by its content."""
        return self.description.format

    @property
    def version(self) -> str | None:
        """The version that it states, None where it states none."""
        return self.description.version

    @cached_property
    def sha256(self) -> str:
        """SHA-256 of `data`, hexadecimal."""
        return hashlib.sha256(self.data).hexdigest()

    @property
    def findings(self) -> Findings:
        """What the reader noticed. `validate_image` checks more: against the device, the key, the time on air."""
        return Findings(self.description.findings)


def _read(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            return read_image(file, str(path))
    except (OSError, ValueError) as exc:
        raise ImageError(f"{path} cannot be read: {getattr(exc, 'strerror', None) or exc}") from None


def read_image(file: IO[bytes], name: str) -> bytes:
    """All of an open file. Raises ImageError for more than MAX_IMAGE_BYTES: a pipe may go on for ever."""
    data = file.read(MAX_IMAGE_BYTES + 1)
    if len(data) > MAX_IMAGE_BYTES:
        raise ImageError(f"{name} has more than {MAX_IMAGE_BYTES} bytes: no image of a LoRaWAN device is so large")
    return data
