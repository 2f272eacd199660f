"""A bootloader and an application in one file, as `merged.hex` of the nRF Connect SDK becomes when it is converted."""

from __future__ import annotations

from fuota.findings import Finding, warning
from fuota.image.formats.mcuboot_layout import MAGIC, has_image

_ALIGN_BYTES = 256
"""Every slot begins at a multiple of this."""
_MIN_BOOTLOADER_BYTES = 4096


def merged_finding(data: bytes) -> Finding | None:
    """Return a finding for a raw file with an MCUboot image behind its start; None if there is none."""
    offset = _image_offset(data)
    if offset is None:
        return None
    return warning(
        "merged",
        f"an MCUboot image begins at byte {offset}: this is a bootloader and an application in one file, and an update carries the"
        f" application alone; cut it out (tail -c +{offset + 1}), or send the file that imgtool made",
    )


def _image_offset(data: bytes) -> int | None:
    offset = data.find(MAGIC, _MIN_BOOTLOADER_BYTES)
    while offset >= 0:
        if offset % _ALIGN_BYTES == 0 and has_image(data, offset):
            return offset
        offset = data.find(MAGIC, offset + 1)
    return None
