"""Launch an update, watch it, and tell how it ended on every device."""

from __future__ import annotations

from fuota.lazy import lazy_names

__getattr__, __dir__, __all__ = lazy_names(
    __name__,
    {
        "base": (
            "check_base",
            "known_images",
        ),
        "gate": (
            "GateOptions",
            "PassedImage",
            "RefusedImageError",
            "inspect_with_base",
            "pass_gate",
        ),
        "journal": (
            "Campaign",
            "CampaignState",
            "Journal",
            "JournalCheck",
            "check_journal",
            "salvage_journal",
        ),
        "lateness": (
            "is_late",
            "lasts_ms",
        ),
        "launch_plan": ("Expected",),
        "results": ("ResultFile",),
        "sending": ("cancel",),
        "start": (
            "CheckedLaunch",
            "launch",
        ),
        "state_folder": ("open_journal",),
        "uplink_file": (
            "RefusedFile",
            "UplinkFile",
        ),
        "verdict": (
            "Conclusion",
            "conclusion_of",
            "has_reports",
            "population_of",
            "verdict_of",
        ),
        "watching": (
            "Progress",
            "WatchTimeouts",
            "watch",
        ),
    },
)
