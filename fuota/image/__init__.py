"""Firmware images: formats recognised by content, and the checks of an image before it is sent."""

from __future__ import annotations

from fuota.lazy import lazy_names

__getattr__, __dir__, __all__ = lazy_names(
    __name__,
    {
        "checks": (
            "ImageCheck",
            "check",
            "on_air_bytes",
        ),
        "conversion": ("convert",),
        "delta": (
            "Delta",
            "DeltaRecipe",
            "make_delta",
        ),
        "description": (
            "Description",
            "Digest",
            "ImageFormat",
            "PATCHES",
            "Part",
            "SignatureState",
        ),
        "firmware": (
            "FirmwareImage",
            "read_image",
        ),
        "requirements": (
            "ImageRequirements",
            "RequirementChanges",
        ),
    },
)
