"""What is about to be sent: formats recognised by content, and what is wrong with an image before it goes on air."""

from __future__ import annotations

from fuota.lazy import lazy_names

__getattr__, __dir__, __all__ = lazy_names(
    __name__,
    {
        "checks": (
            "ImageCheck",
            "PATCHES",
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
            "Part",
            "SignatureState",
        ),
        "firmware": (
            "FirmwareImage",
            "read_image",
        ),
        "requirements": ("ImageRequirements",),
    },
)
