"""What a product accepts as an image. A DeviceProfile carries it; this room takes it as a value."""

from __future__ import annotations

import re
from dataclasses import dataclass

from fuota.errors import ParameterError
from fuota.image.description import ImageFormat

MAX_BLOCK_BYTES = 16383 * 255
"""The largest data block of any session: N of DataFragment has 14 bits, FragSize 8 (TS004)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ImageRequirements:
    """What a device takes. None, or an empty tuple, asks nothing. Raises ParameterError.

    `formats`: names of ImageFormat. `slot_bytes` for the whole image; `max_block_bytes` that a fragmentation session can carry.
    `hardware`: what the image must say of the hardware it is for. `flash_start`, `flash_bytes`, `ram_start`, `ram_bytes`: where
    code and stack lie, for raw images and load addresses. `running_version`: what runs now; `downgrade`: whether an older one
    may replace it. `signed`: whether an image without a verified signature is refused. `base_sha256`: hexadecimal, of the image
    that runs, for patches. `sbsfu_header_bytes`: a layout that the format itself does not tell.
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
    sbsfu_header_bytes: int = 320

    def __post_init__(self) -> None:
        known = [one.value for one in ImageFormat]
        if unknown := [one for one in self.formats if one not in known]:
            raise ParameterError(f"formats has {unknown[0]!r}: there are {', '.join(known)}")
        for name in ("slot_bytes", "max_block_bytes", "flash_bytes", "ram_bytes"):
            if (value := getattr(self, name)) is not None and value < 1:
                raise ParameterError(f"{name} {value} was given: it is 1 or more; the nearest is 1")
        for name in ("flash_start", "ram_start"):
            if (value := getattr(self, name)) is not None and not 0 <= value < 2**32:
                raise ParameterError(f"{name} {value} was given: an address is 0 to 0xFFFFFFFF")
        if self.base_sha256 is not None and not re.fullmatch("[0-9a-f]{64}", self.base_sha256):
            raise ParameterError(
                f"base_sha256 {self.base_sha256!r} was given: it is 64 hexadecimal digits, in lower case"
            )
