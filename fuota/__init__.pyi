"""Public names of fuota, for editors and type checkers; `__init__.py` loads them on first use."""

from fuota.device import DeviceProfile as DeviceProfile
from fuota.device import DeviceReport as DeviceReport
from fuota.device import EnergyModel as EnergyModel
from fuota.device import Outcome as Outcome
from fuota.device import Verdict as Verdict
from fuota.device import load_profile as load_profile
from fuota.device import validate_image as validate_image
from fuota.errors import FuotaError as FuotaError
from fuota.fragmentation import DataFragment as DataFragment
from fuota.fragmentation import FragDecoder as FragDecoder
from fuota.fragmentation import FragmentationSession as FragmentationSession
from fuota.fragmentation import parity_matrix as parity_matrix
from fuota.image import FirmwareImage as FirmwareImage
from fuota.network import SenraClient as SenraClient
from fuota.network import TransferRequest as TransferRequest
from fuota.network import Uplink as Uplink
from fuota.network import parse_uplinks as parse_uplinks
from fuota.planning import Fleet as Fleet
from fuota.planning import LinkModel as LinkModel
from fuota.planning import ServerProfile as ServerProfile
from fuota.planning import TransmissionPlan as TransmissionPlan
from fuota.planning import open_fleet as open_fleet
from fuota.planning import pareto_front as pareto_front
from fuota.planning import plan as plan
from fuota.radio import Region as Region
from fuota.radio import region as region
from fuota.radio import time_on_air_us as time_on_air_us
from fuota.sandbox import Sandbox as Sandbox
from fuota.sim import AnyGateway as AnyGateway
from fuota.sim import Bernoulli as Bernoulli
from fuota.sim import GilbertElliott as GilbertElliott
from fuota.sim import PerDevice as PerDevice
from fuota.sim import SimulatedAir as SimulatedAir
from fuota.sim import SimulatedVerdict as SimulatedVerdict
from fuota.sim import SnrMargin as SnrMargin
from fuota.sim import SweepPoint as SweepPoint
from fuota.sim import Trace as Trace
from fuota.sim import grid as grid
from fuota.sim import sweep as sweep

__version__: str
