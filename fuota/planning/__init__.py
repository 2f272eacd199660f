"""From an intent to a schedule: fragment size, redundancy and timing against radio, regulator, device, server and fleet."""

from __future__ import annotations

from fuota.lazy import lazy_names

__getattr__, __dir__, __all__ = lazy_names(
    __name__,
    {
        "fleet.fleet": (
            "Excluded",
            "Fleet",
            "FleetMember",
        ),
        "fleet.fleet_file": ("open_fleet",),
        "fleet.link_model": ("LinkModel",),
        "goal": ("Goal",),
        "optimise": (
            "FrontPoint",
            "pareto_front",
        ),
        "transmission_plan": ("TransmissionPlan",),
        "plan_file": ("check_image", "load_plan", "plan_sha256", "request_fields", "save_plan"),
        "planner": (
            "plan",
            "plan_of",
        ),
        "recipe": (
            "Image",
            "Objective",
            "PlanRecipe",
            "PlanInputs",
        ),
        "redundancy": ("Success",),
        "server": (
            "APPLICATION_MANAGED",
            "SENRA",
            "ServerProfile",
        ),
    },
)
