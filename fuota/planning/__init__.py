"""Planning: fragment size, redundancy and timing within the limits of radio, regulator, device, server and fleet."""

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
        "transmission_plan": ("TransferFields", "TransmissionPlan"),
        "plan_file": ("check_image", "load_plan", "plan_sha256", "save_plan"),
        "planner": (
            "plan",
            "plan_of",
        ),
        "image": ("Image",),
        "recipe": (
            "FrameLossLaw",
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
