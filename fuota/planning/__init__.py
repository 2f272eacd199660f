"""From an intent to a schedule: fragment size, redundancy and timing against radio, regulator, device, server and fleet."""

from __future__ import annotations

from fuota.planning.fleet.fleet import Excluded, Fleet, FleetMember
from fuota.planning.fleet.fleet_file import open_fleet
from fuota.planning.fleet.link import LinkModel
from fuota.planning.goal import Goal
from fuota.planning.optimise import FrontPoint, pareto_front
from fuota.planning.plan import TransmissionPlan
from fuota.planning.planner import plan, plan_of
from fuota.planning.recipe import Image, Objective, PlanRecipe, Task
from fuota.planning.redundancy import Success
from fuota.planning.server import APPLICATION_MANAGED, SENRA, ServerProfile

__all__ = [
    "APPLICATION_MANAGED",
    "SENRA",
    "Excluded",
    "Fleet",
    "FleetMember",
    "FrontPoint",
    "Goal",
    "Image",
    "LinkModel",
    "Objective",
    "PlanRecipe",
    "ServerProfile",
    "Success",
    "Task",
    "TransmissionPlan",
    "open_fleet",
    "pareto_front",
    "plan",
    "plan_of",
]
