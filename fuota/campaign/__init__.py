"""The orchestra: launch an update, watch it, and say how it ended on every device."""

from __future__ import annotations

from fuota.lazy import lazy_names

__getattr__, __dir__, __all__ = lazy_names(
    __name__,
    {
        "journal": (
            "Campaign",
            "CampaignState",
            "Journal",
        ),
        "start": (
            "cancel",
            "launch",
        ),
        "expectation": (
            "Expected",
            "check_base",
            "known_images",
            "preflight",
        ),
        "verdict": ("verdict_of",),
        "watching": (
            "Patience",
            "Progress",
            "watch",
        ),
    },
)
