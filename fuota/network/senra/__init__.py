"""Client of the Application API of SenRa and Senet."""

from __future__ import annotations

from fuota.lazy import lazy_names

__getattr__, __dir__, __all__ = lazy_names(
    __name__,
    {
        "bulk": (
            "BulkResult",
            "Chunk",
            "DeviceOutcome",
            "Fate",
        ),
        "client": ("SenraClient",),
        "device_records": (
            "DeviceRecord",
            "EXPORT_FIELDS",
        ),
        "device_rows": (
            "AbpDevice",
            "Callback",
            "DeviceDetails",
            "DeviceUpdate",
            "OtaaDevice",
            "RowError",
        ),
        "devices": ("Devices",),
        "downlinks": ("Downlinks",),
        "multicast_answers": (
            "ClearedDownlinks",
            "DownlinkReceipt",
            "McGroup",
            "McGroupMember",
        ),
        "transfer_answers": (
            "TransferJob",
            "TransferStatus",
        ),
        "multicast": ("Multicast",),
        "spelling": ("OTHER_SPELLINGS",),
        "tasks": (
            "TaskRef",
            "TaskStatus",
        ),
        "transfers": (
            "TransferRequest",
            "Transfers",
        ),
    },
)
