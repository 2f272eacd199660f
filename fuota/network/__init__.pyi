"""Clients of network servers, and the data stream that they send. `fuota.network.webhook` is only imported by its own name."""

from fuota.network.device_lists import DeviceList as DeviceList
from fuota.network.device_lists import read_devices as read_devices
from fuota.network.device_lists import read_euis as read_euis
from fuota.network.http import HttpClient as HttpClient
from fuota.network.redaction import redact as redact
from fuota.network.senra import SenraClient as SenraClient
from fuota.network.senra import TransferJob as TransferJob
from fuota.network.senra import TransferRequest as TransferRequest
from fuota.network.senra import TransferStatus as TransferStatus
from fuota.network.uplinks import Uplink as Uplink
from fuota.network.uplinks import parse_uplinks as parse_uplinks
