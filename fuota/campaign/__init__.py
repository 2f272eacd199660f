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
        "claim": ("is_proven",),
        "lateness": ("is_late",),
        "launch_plan": ("Expected",),
        "progress": ("Progress",),
        "results": ("ResultFile",),
        "sending": (
            "MAY_BE_ANOTHER",
            "cancel",
        ),
        "sent": ("sent_share",),
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
            "WatchTimeouts",
            "watch",
        ),
    },
)
