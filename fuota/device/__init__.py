"""Devices: their limits, how they reassemble a data block, and what they report."""

from __future__ import annotations

from fuota.lazy import lazy_names

__getattr__, __dir__, __all__ = lazy_names(
    __name__,
    {
        "energy": ("EnergyModel",),
        "profile": (
            "DeviceProfile",
            "decoder_memory_bytes",
        ),
        "profile_file": (
            "load_profile",
            "profile_names",
        ),
        "report": (
            "DeviceReport",
            "IMAGE_REPORT_FPORT",
            "ImageReport",
            "Outcome",
            "Verdict",
            "judge",
        ),
        "stack.fragmentation": (
            "Answer",
            "FragmentationPackage",
        ),
        "image_validation": (
            "inspect_image",
            "inspect_patch",
            "validate_image",
        ),
    },
)
