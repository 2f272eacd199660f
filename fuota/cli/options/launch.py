"""Options of `fuota launch`, and the plan that they ask for."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import click

from fuota import rules
from fuota.cli.help import CommandFunction, fragment_option, output_option, radio_option, server_option
from fuota.cli.options.group import option_group
from fuota.cli.options.transfer import DECIDED_BY_PLAN, TransferOptions, given_options

if TYPE_CHECKING:
    from fuota.planning import PlanRecipe, TransmissionPlan

DEFAULT_TARGET = 0.99
"""Share of the fleet that a plan aims at if --target is not given, as in `fuota plan`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LaunchOptions:
    """File of the plan, or name of the region to plan for; whether to return at once, and whether to launch without asking."""

    plan_path: Path | None
    region_name: str | None
    detach: bool
    yes: bool
    again: bool

    def saved_plan(self) -> TransmissionPlan | None:
        """Return the plan of --plan, if it is given.

        Raises UsageError if an option is given that the plan decides, StorageError and PlanError.
        """
        if self.plan_path is None:
            return None
        from fuota.planning import load_plan

        plan = load_plan(self.plan_path)
        if repeated := given_options(DECIDED_BY_PLAN):
            names = "these options" if len(repeated) > 1 else "this option"
            raise click.UsageError(f"--plan decides {', '.join(repeated)} too: leave {names} out, or plan again")
        return plan


def launch_options(command: CommandFunction) -> CommandFunction:
    """Add these options to a command, and pass it the parameter `launching`."""
    group = option_group(
        "launching",
        LaunchOptions,
        fragment_option(
            "--plan",
            "plan_path",
            type=click.Path(path_type=Path, dir_okay=False),
            help="Plan for this image, written by `fuota plan -o`.",
        ),
        radio_option("--region", "region_name", help="Name of the region.  [default: EU868 in the sandbox]"),
        server_option("--yes", "-y", is_flag=True, help="Do not ask before launching on a server."),
        server_option("--again", is_flag=True, help="Launch although an earlier campaign of this image may still run."),
        output_option("--detach", is_flag=True, help="Return once the job is launched."),
    )
    return group(command)


def plan_recipe(
    transfer: TransferOptions,
    region_name: str,
    *,
    profile: str | None,
    target: float | None,
    devices: int | None = None,
    losses: Sequence[float] | None = None,
) -> PlanRecipe:
    """Return what the options ask of a plan; what is not given is decided by the planner.

    profile: name or file of the device profile. target: share of devices that must be updated.
    devices: number of devices, None if it is unknown. losses: share of frames that each device loses, None if it is unknown.
    Raises ParameterError, and what `load_profile` raises.
    """
    from fuota.planning import PlanRecipe
    from fuota.radio import region

    if transfer.redundancy is not None:
        rules.probability("redundancy", transfer.redundancy)
    rules_of_region = region(region_name)
    return PlanRecipe(
        region=rules_of_region,
        device_class=transfer.device_class,
        data_rate=transfer.data_rate,
        frequency_hz=None if transfer.channel is None else rules_of_region.channel_hz(transfer.channel),
        frag_size=transfer.frag_size or None,
        redundancy=transfer.redundancy,
        target=target or DEFAULT_TARGET,
        fleet=devices if losses is None else None,
        loss=losses,
        profile=transfer.device_profile(profile),
        interval_ms=transfer.interval_ms,
        start_delay_s=transfer.start_delay_s,
    )
