"""The Application API of SenRa and Senet."""

from __future__ import annotations

from fuota.network.senra.bulk import BulkResult, Chunk, DeviceOutcome, Fate
from fuota.network.senra.client import SenraClient
from fuota.network.senra.device_records import EXPORT_FIELDS, DeviceRecord
from fuota.network.senra.device_rows import AbpDevice, Callback, DeviceDetails, DeviceUpdate, OtaaDevice
from fuota.network.senra.devices import Devices
from fuota.network.senra.downlinks import Downlinks
from fuota.network.senra.groups import ClearedDownlinks, DownlinkReceipt, McGroup, McGroupMember
from fuota.network.senra.models import TransferJob, TransferStatus
from fuota.network.senra.multicast import Multicast
from fuota.network.senra.spelling import OTHER_SPELLINGS
from fuota.network.senra.tasks import TaskRef, TaskStatus
from fuota.network.senra.transfers import TransferRequest, Transfers

__all__ = [
    "EXPORT_FIELDS",
    "OTHER_SPELLINGS",
    "AbpDevice",
    "BulkResult",
    "Callback",
    "Chunk",
    "ClearedDownlinks",
    "DeviceDetails",
    "DeviceOutcome",
    "DeviceRecord",
    "DeviceUpdate",
    "Devices",
    "DownlinkReceipt",
    "Downlinks",
    "Fate",
    "McGroup",
    "McGroupMember",
    "Multicast",
    "OtaaDevice",
    "SenraClient",
    "TaskRef",
    "TaskStatus",
    "TransferJob",
    "TransferRequest",
    "TransferStatus",
    "Transfers",
]
