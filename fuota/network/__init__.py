"""Network servers that we can drive, and what they tell us. `fuota.network.webhook` is imported by its own name only."""

from __future__ import annotations

from fuota.lazy import lazy_names

__getattr__, __dir__, __all__ = lazy_names(
    __name__,
    {
        "http": ("HttpClient",),
        "redaction": ("redact",),
        "senra": (
            "SenraClient",
            "TransferJob",
            "TransferRequest",
            "TransferStatus",
        ),
        "uplinks": (
            "Uplink",
            "parse_uplinks",
        ),
    },
)
