"""An air made of random numbers.

The laws of loss are at hand at once; the simulation is loaded on first use, for it brings the compiled kernels.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from fuota.sim.loss import AnyGateway, Bernoulli, FleetLoss, GilbertElliott, Loss, PerDevice, SnrMargin, Trace
from fuota.sim.sweep import grid, parse_axis, sweep
from fuota.sim.sweep_file import SweepPoint

if TYPE_CHECKING:
    from fuota.sim.air import Absence as Absence
    from fuota.sim.air import OwnUplinks as OwnUplinks
    from fuota.sim.air import SimulatedAir as SimulatedAir
    from fuota.sim.verdict import Ending as Ending
    from fuota.sim.verdict import SimulatedVerdict as SimulatedVerdict

_HOME = {
    "Absence": "air",
    "OwnUplinks": "air",
    "SimulatedAir": "air",
    "Ending": "verdict",
    "SimulatedVerdict": "verdict",
}

__all__ = [  # noqa: PLE0604 - the names of the table
    "AnyGateway",
    "Bernoulli",
    "FleetLoss",
    "GilbertElliott",
    "Loss",
    "PerDevice",
    "SnrMargin",
    "SweepPoint",
    "Trace",
    "grid",
    "parse_axis",
    "sweep",
    *_HOME,
]


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module 'fuota.sim' has no attribute {name!r}")
    value = getattr(import_module(f"fuota.sim.{_HOME[name]}"), name)
    globals()[name] = value
    return value
