"""Firmware over the air for LoRaWAN, and the proof that it arrived.

The public names are loaded on first use, so that `import fuota` and `fuota --help` stay fast.
"""

from __future__ import annotations

from fuota.lazy import lazy_names

__version__ = "0.1.0"

__getattr__, __dir__, __all__ = lazy_names(
    __name__,
    {
        "campaign": ("Campaign", "GateOptions", "Journal", "WatchTimeouts", "launch", "watch"),
        "gf2": (),
        "lorawan": (),
        "device": (
            "DeviceProfile",
            "DeviceReport",
            "EnergyModel",
            "Outcome",
            "Verdict",
            "load_profile",
            "validate_image",
        ),
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
    },
)
