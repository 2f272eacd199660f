"""Requirements that a device or a product has for an image. A DeviceProfile carries them; the checks take them as a value."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import TypedDict, Unpack

from fuota import rules
from fuota.calls import checked_init
from fuota.image.description import ImageFormat
from fuota.tables import check_keys

MAX_BLOCK_BYTES = 16383 * 255
"""Bytes in the largest data block of any session: N of DataFragment has 14 bits, FragSize 8 (TS004)."""


class RequirementChanges(TypedDict, total=False):
    """Fields of ImageRequirements as keywords, each optional."""

    formats: tuple[str, ...]
    slot_bytes: int | None
    max_block_bytes: int | None
    hardware: str | None
    flash_start: int | None
    flash_bytes: int | None
    ram_start: int | None
    ram_bytes: int | None
    running_version: str | None
    downgrade: bool
    signed: bool
    base_sha256: str | None
    sbsfu_header_bytes: int | None


@checked_init
@dataclass(frozen=True, slots=True, kw_only=True)
class ImageRequirements:
    """Requirements for an image. None, or an empty tuple, requires nothing. Raises ParameterError for an illegal value.

    formats: names of ImageFormat.
    slot_bytes: bytes for the whole image.
    max_block_bytes: bytes that one fragmentation session can carry.
    hardware: the hardware that the image must name.
    flash_start, flash_bytes, ram_start, ram_bytes: memory of code and stack, for raw images and load addresses.
    running_version: version that runs now.
    downgrade: whether an older version may replace the running version.
    signed: whether an image without a verified signature is refused.
    base_sha256: SHA-256 of the running image, hexadecimal, for patches.
    sbsfu_header_bytes: offset of the firmware in an SBSFU image; None finds it.
    """

    formats: tuple[str, ...] = ()
    slot_bytes: int | None = None
    max_block_bytes: int | None = None
    hardware: str | None = None
    flash_start: int | None = None
    flash_bytes: int | None = None
    ram_start: int | None = None
    ram_bytes: int | None = None
    running_version: str | None = None
    downgrade: bool = False
    signed: bool = False
    base_sha256: str | None = None
    sbsfu_header_bytes: int | None = None

    def __post_init__(self) -> None:
        if not isinstance(self.formats, tuple | list):
            rules.refuse("formats", "a tuple of names", self.formats)
        for name in self.formats:
            rules.one_of(
                "formats", name, [known.value for known in ImageFormat if known is not ImageFormat.NOT_FIRMWARE]
            )
        for name in ("slot_bytes", "max_block_bytes", "flash_bytes", "ram_bytes"):
            rules.optional_integer(name, getattr(self, name), 1)
        rules.optional_integer("sbsfu_header_bytes", self.sbsfu_header_bytes, 192)
        for name in ("flash_start", "ram_start"):
            rules.optional_integer(name, getattr(self, name), 0, 0xFFFF_FFFF)
        if self.base_sha256 is not None and not re.fullmatch("[0-9a-f]{64}", self.base_sha256):
            rules.refuse("base_sha256", "64 hexadecimal digits in lower case", self.base_sha256)

    def changed(self, **changes: Unpack[RequirementChanges]) -> ImageRequirements:
        """Return these requirements with other values for the named fields. Raises ParameterError for an unknown field."""
        check_keys(dict(changes), list(RequirementChanges.__annotations__), "ImageRequirements")
        return replace(self, **changes)
