"""Client of the Application API of SenRa and Senet."""

from fuota.network.senra.bulk import BulkResult as BulkResult
from fuota.network.senra.bulk import Chunk as Chunk
from fuota.network.senra.bulk import DeviceOutcome as DeviceOutcome
from fuota.network.senra.bulk import Fate as Fate
from fuota.network.senra.client import SenraClient as SenraClient
from fuota.network.senra.device_records import EXPORT_FIELDS as EXPORT_FIELDS
from fuota.network.senra.device_records import DeviceRecord as DeviceRecord
from fuota.network.senra.device_rows import AbpDevice as AbpDevice
from fuota.network.senra.device_rows import Callback as Callback
from fuota.network.senra.device_rows import DeviceDetails as DeviceDetails
from fuota.network.senra.device_rows import DeviceUpdate as DeviceUpdate
from fuota.network.senra.device_rows import OtaaDevice as OtaaDevice
from fuota.network.senra.devices import Devices as Devices
from fuota.network.senra.downlinks import Downlinks as Downlinks
from fuota.network.senra.multicast import Multicast as Multicast
from fuota.network.senra.multicast_answers import ClearedDownlinks as ClearedDownlinks
from fuota.network.senra.multicast_answers import DownlinkReceipt as DownlinkReceipt
from fuota.network.senra.multicast_answers import McGroup as McGroup
from fuota.network.senra.multicast_answers import McGroupMember as McGroupMember
from fuota.network.senra.spelling import OTHER_SPELLINGS as OTHER_SPELLINGS
from fuota.network.senra.tasks import TaskRef as TaskRef
from fuota.network.senra.tasks import TaskStatus as TaskStatus
from fuota.network.senra.transfer_answers import TransferJob as TransferJob
from fuota.network.senra.transfer_answers import TransferStatus as TransferStatus
from fuota.network.senra.transfers import TransferRequest as TransferRequest
from fuota.network.senra.transfers import Transfers as Transfers
