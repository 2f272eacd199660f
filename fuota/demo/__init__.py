"""A network server with virtual devices, a receiver of their uplinks and a journal, inside this process."""

from __future__ import annotations

from fuota.lazy import lazy_names

__getattr__, __dir__, __all__ = lazy_names(
    __name__,
    {
        "embedded": (
            "DemoSandbox",
            "DemoSandboxRecipe",
            "MAX_DEVICES",
            "NEW_IMAGE",
            "OLD_IMAGE",
            "embedded_sandbox",
            "sample_image",
        ),
        "firmware": (
            "DEMO_MISHAPS",
            "FIRMWARE_VERSION",
            "emulated_firmware",
        ),
    },
)
