"""Network servers that we can drive, and what they tell us. `fuota.network.webhook` is imported by its own name only."""

from __future__ import annotations

from fuota.network.http import HttpClient
from fuota.network.redaction import redact
from fuota.network.senra import SenraClient, TransferJob, TransferRequest, TransferStatus
from fuota.network.uplinks import Uplink, parse_uplinks

__all__ = [
    "HttpClient",
    "SenraClient",
    "TransferJob",
    "TransferRequest",
    "TransferStatus",
    "Uplink",
    "parse_uplinks",
    "redact",
]
