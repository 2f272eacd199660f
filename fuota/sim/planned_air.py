"""Simulated air for the devices that a plan is made for."""

from __future__ import annotations

from fuota import rules
from fuota.errors import ParameterError
from fuota.planning import PlanInputs, TransmissionPlan
from fuota.sim.air import Absence, OwnUplinks, SimulatedAir
from fuota.sim.loss import loss_law

DEFAULT_DEVICES = 10_000
"""Number of simulated devices if neither the caller nor the plan has a number."""
MAX_DEVICES = 10**9


def air_of_inputs(
    inputs: PlanInputs,
    plan: TransmissionPlan,
    *,
    devices: int | None = None,
    seed: int = 0,
    uplinks: OwnUplinks | None = None,
    absence: Absence | None = None,
) -> SimulatedAir:
    """Return the air in which the devices of `inputs` receive `plan`.

    devices: number to simulate, None for the number that the plan was made for, or DEFAULT_DEVICES if it was made for one. Raises
    ParameterError if `devices` is out of range, or is given although `inputs` has a fleet file.
    """
    absence = absence or Absence()
    if isinstance(inputs.recipe.fleet, str):
        if devices is not None:
            raise ParameterError("a fleet file and a number of devices do not go together: leave devices out")
        return SimulatedAir(fleet=inputs.fleet, seed=seed, profile=inputs.profile, uplinks=uplinks, absence=absence)
    if devices is None:
        devices = _planned_devices(inputs, plan)
    rules.integer("devices", devices, 1, MAX_DEVICES)
    (member,) = inputs.fleet.members
    return SimulatedAir(
        devices=devices,
        loss=loss_law(member.loss or 0.0, member.burst_frames),
        seed=seed,
        profile=inputs.profile,
        uplinks=uplinks,
        absence=absence,
    )


def _planned_devices(inputs: PlanInputs, plan: TransmissionPlan) -> int:
    if inputs.recipe.fleet is not None:
        return inputs.fleet.devices
    return plan.success.devices if plan.success.devices > 1 else DEFAULT_DEVICES
