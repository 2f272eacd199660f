"""An air made of random numbers.

The laws of loss are at hand at once; the simulation is loaded on first use, for it brings the compiled kernels.
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
        ),
        "sweeps": (
            "grid",
            "parse_axis",
            "sweep",
        ),
        "sweep_file": ("SweepPoint",),
        "verdict": (
            "Ending",
            "SimulatedVerdict",
        ),
    },
)
