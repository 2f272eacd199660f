"""Simulated air: every device draws its losses from random numbers.

All names are loaded on first use. The laws of loss need no compiled kernel; the simulation needs them.
"""

from __future__ import annotations

from fuota.lazy import lazy_names

__getattr__, __dir__, __all__ = lazy_names(
    __name__,
    {
        "air": (
            "Absence",
            "OwnUplinks",
            "SimulatedAir",
        ),
        "loss": (
            "AnyGateway",
            "Bernoulli",
            "FleetLoss",
            "GilbertElliott",
            "Loss",
            "PerDevice",
            "SnrMargin",
            "Trace",
            "loss_law",
        ),
        "axes": ("grid", "parse_axis"),
        "sweeps": ("sweep",),
        "sweep_file": ("SweepPoint",),
        "verdict": (
            "Ending",
            "SimulatedVerdict",
        ),
    },
)
