"""fuota: firmware over the air for LoRaWAN, and the proof that it arrived.

The public names are loaded on first use, so that `import fuota` and `fuota --help` stay fast.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

if TYPE_CHECKING:
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

_ROOMS = {
    "device": ("DeviceProfile", "DeviceReport", "EnergyModel", "Outcome", "Verdict", "load_profile", "validate_image"),
    "errors": ("FuotaError",),
    "fragmentation": ("DataFragment", "FragDecoder", "FragmentationSession", "parity_matrix"),
    "image": ("FirmwareImage",),
    "network": ("SenraClient", "TransferRequest", "Uplink", "parse_uplinks"),
    "planning": ("Fleet", "LinkModel", "ServerProfile", "TransmissionPlan", "open_fleet", "pareto_front", "plan"),
    "radio": ("Region", "region", "time_on_air_us"),
    "sandbox": ("Sandbox",),
    "sim": (
        "AnyGateway",
        "Bernoulli",
        "GilbertElliott",
        "PerDevice",
        "SimulatedAir",
        "SimulatedVerdict",
        "SnrMargin",
        "SweepPoint",
        "Trace",
        "grid",
        "sweep",
    ),
}
_HOME = {name: room for room, names in _ROOMS.items() for name in names}

__all__ = ["__version__", *_HOME]  # noqa: PLE0604 - the names of the table above


def __getattr__(name: str) -> Any:
    if name in _HOME:
        value = getattr(import_module(f"fuota.{_HOME[name]}"), name)
    elif name in _ROOMS:
        value = import_module(f"fuota.{name}")
    else:
        raise AttributeError(f"module 'fuota' has no attribute {name!r}")
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__, *_ROOMS})
