"""What is about to be sent: formats recognised by content, and what is wrong with an image before it goes on air."""

from __future__ import annotations

from fuota.image.checks import PATCHES, ImageCheck, check, on_air_bytes
from fuota.image.convert import convert
from fuota.image.delta import Delta, DeltaRecipe, make_delta
from fuota.image.description import Description, Digest, ImageFormat, Part, SignatureState
from fuota.image.firmware import FirmwareImage, read_image
from fuota.image.requirements import ImageRequirements

__all__ = [
    "PATCHES",
    "Delta",
    "DeltaRecipe",
    "Description",
    "Digest",
    "FirmwareImage",
    "ImageCheck",
    "ImageFormat",
    "ImageRequirements",
    "Part",
    "SignatureState",
    "check",
    "convert",
    "make_delta",
    "on_air_bytes",
    "read_image",
]
