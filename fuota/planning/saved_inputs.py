"""Inputs that fit a plan which was made before: its radio choices, with a fleet and a profile that the plan does not contain."""

from __future__ import annotations

from pathlib import Path

from fuota.device import DeviceProfile
from fuota.errors import ParameterError, PlanError
from fuota.planning.recipe import FrameLossLaw, PlanInputs, PlanRecipe
from fuota.planning.transmission_plan import TransmissionPlan
from fuota.radio import region


def inputs_of_plan(
    plan: TransmissionPlan,
    *,
    fleet: int | str | Path | None = None,
    loss: float | FrameLossLaw | None = None,
    profile: DeviceProfile | str | Path | None = None,
    target: float | None = None,
) -> PlanInputs:
    """Return the inputs for devices that receive `plan`.

    fleet: number of devices or a fleet file. loss: see `planned_loss`. target: None for the target of the plan. Raises PlanError if
    the profile implements another version or variant of TS004 than the plan, and the errors of PlanInputs.of.
    """
    default_channel = region(plan.region).default_channel(plan.device_class)
    recipe = PlanRecipe(
        region=plan.region,
        device_class=plan.device_class,
        frequency_hz=None if plan.frequency_hz == default_channel else plan.frequency_hz[0],
        confidence=plan.confidence,
        target=plan.target if target is None else target,
        fleet=fleet,
        loss=loss,
        profile=profile,
    )
    inputs = PlanInputs.of(plan.image, recipe)
    device = inputs.profile
    if profile is not None and (device.version, device.variant) != (plan.version, plan.variant):
        raise PlanError(
            f"the plan is for TS004 version {plan.version} ({plan.variant}), but {device.name} implements version"
            f" {device.version} ({device.variant}): plan again with this profile"
        )
    return inputs


def planned_loss(plan: TransmissionPlan) -> float:
    """Return the share of frames lost that the plan was made for. Raises ParameterError if it differs between devices."""
    if plan.success.mean != plan.success.worst:
        raise ParameterError(
            "the plan was made for devices with different losses: give the fleet file again, or one loss"
        )
    return plan.success.worst_loss
