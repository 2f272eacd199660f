"""One module for each format of image; each knows its own by content and describes it, however damaged.

A reader has `FORMAT`, `recognises(data) -> bool` and `describe(data, requirements) -> Description`. The first that recognises an
image reads it, so those with a magic number stand before those without. None of them raises: what is wrong is a finding.
"""

from __future__ import annotations

from typing import Protocol

from fuota.image.description import Description, ImageFormat
from fuota.image.formats import (
    bsdiff_patch,
    detools_patch,
    elf,
    esp_app,
    intel_hex,
    mbed_signed,
    mcuboot,
    raw,
    s_record,
    sbsfu,
    suit,
    uf2,
)
from fuota.image.requirements import ImageRequirements


class Reader(Protocol):
    """What each module here offers."""

    FORMAT: ImageFormat

    def recognises(self, data: bytes, /) -> bool:
        """Whether the content is of this format, to all appearance."""
        ...

    def describe(self, data: bytes, requirements: ImageRequirements, /) -> Description:
        """What it is. `requirements` help where the format leaves a layout open. Never raises."""
        ...


READERS: tuple[Reader, ...] = (
    *(elf, uf2, mcuboot, sbsfu, bsdiff_patch, suit, esp_app, intel_hex, s_record),
    *(mbed_signed, detools_patch, raw),
)


def describe(data: bytes, requirements: ImageRequirements) -> Description:
    """What the image is, by the first reader that recognises it; the last one takes anything."""
    reader = next(reader for reader in READERS if reader.recognises(data))
    return reader.describe(data, requirements)
