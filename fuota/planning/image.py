"""The image of a plan: its name, its size and its hashes."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, runtime_checkable

from fuota import files, rules
from fuota.errors import ImageError
from fuota.planning.plan_json import exact_object, text
from fuota.text import printable


@runtime_checkable
class HoldsData(Protocol):
    """An open image, such as fuota.FirmwareImage."""

    @property
    def data(self) -> bytes:
        """Bytes to send."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Image:
    """The image to send, as far as a plan needs to know it.

    name: name of the image. size: bytes. sha256: SHA-256 in hexadecimal.
    base_sha256, target_sha256: only for a patch, the SHA-256 of the image that devices must run before, and of the image that
    they run afterwards.

    Raises ImageError for an empty image, ParameterError for a value of another kind.
    """

    name: str
    size: int
    sha256: str
    base_sha256: str | None = None
    target_sha256: str | None = None

    def __post_init__(self) -> None:
        text("name", self.name)
        text("sha256", self.sha256)
        for name in ("base_sha256", "target_sha256"):
            if getattr(self, name) is not None:
                text(name, getattr(self, name))
        if rules.integer("size", self.size, 0) < 1:
            raise ImageError(f"{printable(self.name)} is empty: there is nothing to send; an image has 1 byte or more")

    @classmethod
    def of(cls, source: bytes | str | Path | HoldsData, name: str | None = None) -> Image:
        """Return the description of an image.

        source: the bytes, the path of a file, or an open image. name: None for the name of the file or of the open image.
        Raises ImageError if the file cannot be read or the image is empty, ParameterError for a source of another kind.
        """
        if isinstance(source, str | Path):
            return cls.of(_read(Path(source)), name or Path(source).name)
        data = source.data if isinstance(source, HoldsData) else source
        if not isinstance(data, bytes | bytearray | memoryview):
            rules.refuse("image", "bytes, the path of a file, or an open image", source)
        content = bytes(data)
        return cls(
            name=name or str(getattr(source, "name", "image")),
            size=len(content),
            sha256=hashlib.sha256(content).hexdigest(),
            base_sha256=getattr(source, "base_sha256", None),
            target_sha256=getattr(source, "target_sha256", None),
        )

    @classmethod
    def from_json(cls, values: object) -> Image:
        """Return the image of a plan file. Raises ParameterError or ImageError for an object that is not one."""
        return cls(**exact_object(cls, values, "image"))


def _read(path: Path) -> bytes:
    try:
        return files.read_whole(path, what=str(path))
    except OSError as error:
        raise ImageError(f"{path} cannot be read: {error.strerror}") from None
