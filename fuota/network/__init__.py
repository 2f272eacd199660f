"""Clients of network servers, and the data stream that they send. `fuota.network.webhook` is only imported by its own name."""

from __future__ import annotations

from fuota.lazy import lazy_names

__getattr__, __dir__, __all__ = lazy_names(
    __name__,
    {
        "device_lists": (
            "DeviceList",
            "read_devices",
            "read_euis",
        ),
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
