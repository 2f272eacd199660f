"""The Application API of SenRa and Senet."""

from __future__ import annotations

from fuota.network.senra.client import SenraClient
from fuota.network.senra.models import TransferJob, TransferStatus
from fuota.network.senra.transfers import TransferRequest, Transfers

__all__ = ["SenraClient", "TransferJob", "TransferRequest", "TransferStatus", "Transfers"]
