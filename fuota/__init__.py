"""fuota: firmware over the air for LoRaWAN, and the proof that it arrived.

The public names are loaded on first use, so that `import fuota` and `fuota --help` stay fast.
"""

from __future__ import annotations

from importlib import import_module
from typing import Any

__version__ = "0.1.0"

_PACKAGES = {
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
_HOME = {name: room for room, names in _PACKAGES.items() for name in names}

__all__ = ["__version__", *_HOME]  # noqa: PLE0604 - the names of the table above


def __getattr__(name: str) -> Any:
    if name in _HOME:
        value = getattr(import_module(f"fuota.{_HOME[name]}"), name)
    elif name in _PACKAGES:
        value = import_module(f"fuota.{name}")
    else:
        raise AttributeError(f"module 'fuota' has no attribute {name!r}")
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__, *_PACKAGES})
