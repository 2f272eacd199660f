"""Simulated air: every device draws its losses from random numbers."""

from fuota.sim.air import Absence as Absence
from fuota.sim.air import OwnUplinks as OwnUplinks
from fuota.sim.air import SimulatedAir as SimulatedAir
from fuota.sim.axes import grid as grid
from fuota.sim.axes import parse_axis as parse_axis
from fuota.sim.loss import AnyGateway as AnyGateway
from fuota.sim.loss import Bernoulli as Bernoulli
from fuota.sim.loss import FleetLoss as FleetLoss
from fuota.sim.loss import GilbertElliott as GilbertElliott
from fuota.sim.loss import Loss as Loss
from fuota.sim.loss import PerDevice as PerDevice
from fuota.sim.loss import SnrMargin as SnrMargin
from fuota.sim.loss import Trace as Trace
from fuota.sim.loss import loss_law as loss_law
from fuota.sim.sweep_file import SweepPoint as SweepPoint
from fuota.sim.sweeps import sweep as sweep
from fuota.sim.verdict import Ending as Ending
from fuota.sim.verdict import SimulatedVerdict as SimulatedVerdict
