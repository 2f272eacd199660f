"""Readers of image formats, one module for each format.

A reader recognises its format by content and describes the image, even a damaged image. It has `FORMAT`,
`recognises(data) -> bool` and `describe(data, requirements) -> Description`. The first reader that recognises an image reads it,
so formats with a magic number stand before formats without. Readers do not raise: what is wrong is a finding.
"""

from __future__ import annotations

from typing import Protocol

from fuota.image.description import Description, ImageFormat
from fuota.image.formats import (
    bsdiff_patch,
    detools_patch,
    dfu,
    elf,
    esp8266,
    esp_app,
    esp_delta_patch,
    esp_flash,
    intel_hex,
    jojodiff_patch,
    mbed_signed,
    mcuboot,
    not_firmware,
    raw,
    s_record,
    sbsfu,
    suit,
    ti_txt,
    uf2,
)
from fuota.image.requirements import ImageRequirements


class Reader(Protocol):
    """Interface of each module in this package."""

    FORMAT: ImageFormat

    def recognises(self, data: bytes, /) -> bool:
        """Return whether the content looks like this format."""
        ...

    def describe(self, data: bytes, requirements: ImageRequirements, /) -> Description:
        """Describe the image. `requirements` give the layout that a format does not state. Never raises."""
        ...


READERS: tuple[Reader, ...] = (
    *(dfu, elf, uf2, mcuboot, sbsfu, bsdiff_patch, esp_delta_patch, suit, intel_hex, s_record, ti_txt),
    *(esp8266, esp_flash, esp_app),
    *(not_firmware, mbed_signed, jojodiff_patch, detools_patch, raw),
)


def describe(data: bytes, requirements: ImageRequirements) -> Description:
    """Describe the image by the first reader that recognises it."""
    return reader_of(data).describe(data, requirements)


def reader_of(data: bytes) -> Reader:
    """Return the first reader that recognises the image; the last reader recognises anything."""
    return next(reader for reader in READERS if reader.recognises(data))
