"""Command `fuota simulate`: send a plan to a fleet of simulated devices."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import IO, TYPE_CHECKING

import click

from fuota.cli import exits
from fuota.cli.commands.sweep import SweepOptions, simulate_sweep
from fuota.cli.help import Command, OptionsUnder
from fuota.cli.image_input import content_of, name_of
from fuota.cli.options.group import option_group
from fuota.cli.options.plan import PlanOptions, plan_options
from fuota.cli.options.transfer import given_options
from fuota.cli.output import Output, with_output
from fuota.cli.output_file import check_outputs, file_option
from fuota.cli.render.notice import notice_if_slow
from fuota.cli.render.simulate_table import show_verdict
from fuota.cli.render.words import in_megahertz
from fuota.text import counted, printable

if TYPE_CHECKING:
    from fuota.device import DeviceProfile
    from fuota.planning import PlanInputs, TransmissionPlan
    from fuota.sim import Absence, GilbertElliott, OwnUplinks, SimulatedAir, SimulatedVerdict

LONG_FRAMES = 100_000_000
"""Number of frames times devices that takes a dozen seconds or more."""
_WITH_PLAN = frozenset(
    {"image", "plan_file", "picture", "as_json", "fleet", "loss", "profile", "target"}
    | {"devices", "seed", "burst", "uplink_period_s", "uplink_ms", "late", "early"}
)
"""Parameters that go with a saved plan, which decides all others."""

simulation_option = OptionsUnder("Simulation")
sweep_option = OptionsUnder("Sweep")


@dataclass(frozen=True, slots=True, kw_only=True)
class SimulateOptions:
    """Devices to simulate, their number and what they do. late, early: shares that join late and leave early."""

    devices: int | None
    seed: int
    burst: float | None
    uplink_period_s: int | None
    uplink_ms: int | None
    late: float
    early: float

    def absence(self) -> Absence:
        """Return the absence of devices from the session."""
        from fuota.sim import Absence

        return Absence(late_share=self.late, early_share=self.early)

    def uplinks(self, profile: DeviceProfile) -> OwnUplinks | None:
        """Return the uplinks of the devices, None if they send nothing. Raises click.UsageError for an option without the other."""
        from fuota.sim import OwnUplinks

        if self.uplink_period_s is None and self.uplink_ms is None:
            return None
        if self.uplink_ms is None:
            raise click.UsageError("--uplink-period needs --uplink-ms, the duration of an uplink")
        period_s = profile.uplink_period_s if self.uplink_period_s is None else self.uplink_period_s
        if period_s is None:
            raise click.UsageError("--uplink-ms needs --uplink-period, the time between uplinks")
        return OwnUplinks(period_s=period_s, sending_ms=self.uplink_ms)

    def burst_law(self, loss: float | None) -> GilbertElliott | None:
        """Return the law of losses in bursts, None if the losses are independent."""
        if self.burst is None or self.burst == 1:
            return None
        from fuota.planning.recipe import ASSUMED_LOSS
        from fuota.sim import GilbertElliott

        return GilbertElliott(ASSUMED_LOSS if loss is None else loss, self.burst)


@click.command(
    cls=Command,
    examples=(
        "fuota simulate app.bin --region EU868 --fleet 10000 --loss 0.1",
        "fuota simulate --plan plan.json --devices 100000 --plot completion.png",
        "fuota simulate app.bin --region EU868 --sweep redundancy=0.05:0.5:0.05 \\\n    --loss 0.1 --rows sweep.csv",
    ),
)
@click.argument("image", type=click.File("rb"), required=False)
@simulation_option(
    "--plan",
    "plan_file",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Simulate a plan that `fuota plan -o` wrote. It does not contain a fleet file and a profile: give"
    " --fleet and --profile again.",
)
@option_group(
    "simulation",
    SimulateOptions,
    simulation_option(
        "--devices",
        type=int,
        metavar="N",
        help="Number of devices to simulate.  [default: that of the plan, or 10000]",
    ),
    simulation_option("--seed", type=int, metavar="N", default=0, show_default=True, help="Random seed."),
    simulation_option(
        "--burst",
        type=float,
        metavar="FRAMES",
        help="Mean length of a burst of losses. A plan made by this command takes it into account.",
    ),
    simulation_option(
        "--uplink-period",
        "uplink_period_s",
        type=click.IntRange(1, 2**32 - 1),
        metavar="SECONDS",
        help="Time between the uplinks of a device.  [default: that of the profile]",
    ),
    simulation_option(
        "--uplink-ms",
        type=int,
        metavar="MS",
        help="Duration of an uplink, in which the device cannot receive.",
    ),
    simulation_option("--late", type=float, default=0.0, metavar="SHARE", help="Share of devices that join late."),
    simulation_option("--early", type=float, default=0.0, metavar="SHARE", help="Share of devices that leave early."),
)
@plan_options(region_required=False)
@option_group(
    "sweep",
    SweepOptions,
    sweep_option(
        "--sweep",
        "axes",
        multiple=True,
        metavar="NAME=VALUES",
        help="Simulate many values, such as redundancy=0.05:0.5:0.05 or loss=0.1,0.2; may be repeated.",
    ),
    sweep_option(
        "--rows",
        type=click.Path(path_type=Path),
        help="CSV file of the results; what it contains is not simulated again.",
    ),
    sweep_option("--scheduler", metavar="TCP://…", help="Address of a Dask scheduler that does the work."),
    sweep_option(
        "--width",
        type=float,
        metavar="SHARE",
        help="Stop a point when its 95% confidence interval is narrower than this.",
    ),
    sweep_option("--failures", type=int, metavar="N", help="Stop a point when this many devices failed."),
)
@file_option("--plot", "picture", help="Draw completion against time to a file (png, svg or pdf).")
@with_output
def simulate(  # noqa: PLR0913 - option groups
    *,
    image: IO[bytes] | None,
    plan_file: Path | None,
    simulation: SimulateOptions,
    request: PlanOptions,
    sweep: SweepOptions,
    picture: Path | None,
    out: Output,
) -> int:
    """Simulate how a plan reaches a fleet with random losses.

    The plan is made for IMAGE, or it is a saved one (--plan). Each simulated device decodes the fragments that it receives. The
    exit code is 1 if a smaller share than --target completes.
    """
    if sweep.axes:
        if plan_file is not None:
            raise click.UsageError("--plan and --sweep do not go together: a sweep makes its own plans")
        return simulate_sweep(image, request, simulation, sweep, picture, out)
    sweep.refuse_without_axes()
    inputs_read = {"IMAGE": image, "--plan": plan_file, "--fleet": request.fleet, "--profile": request.profile}
    check_outputs(inputs_read, None, picture)
    with notice_if_slow(out):
        if plan_file is None:
            inputs, plan = _new_plan(image, request, simulation)
        else:
            inputs, plan = _saved_plan(plan_file, image, request, simulation)
    return _simulate(inputs, plan, simulation, picture, out)


def _simulate(
    inputs: PlanInputs, plan: TransmissionPlan, simulation: SimulateOptions, picture: Path | None, out: Output
) -> int:
    from fuota.sim.planned_air import air_of_inputs

    air = air_of_inputs(
        inputs,
        plan,
        devices=simulation.devices,
        seed=simulation.seed,
        uplinks=simulation.uplinks(inputs.profile),
        absence=simulation.absence(),
    )
    verdict = _transmit(out, air, plan)
    show_verdict(out, inputs, plan, air, verdict)
    if picture is not None:
        from fuota.planning.plots import save_figure
        from fuota.sim.plots import completion_figure

        save_figure(completion_figure(verdict), picture)
        out.say(f"wrote {printable(picture)}")
    return exits.DONE if verdict.share >= inputs.goal.target else exits.BELOW_TARGET


def _new_plan(
    image: IO[bytes] | None, request: PlanOptions, simulation: SimulateOptions
) -> tuple[PlanInputs, TransmissionPlan]:
    """Plan for the image, and return the plan with its inputs."""
    from fuota.errors import PlanError
    from fuota.planning import Image, plan_of

    context = click.get_current_context()
    if image is None:
        raise click.UsageError("Missing argument 'IMAGE': name the image, or a plan with --plan", context)
    if request.region_name is None:
        raise click.UsageError("Missing option '--region': name the region, or a plan with --plan", context)
    inputs = request.inputs(Image.of(content_of(image), name_of(image)), loss_law=simulation.burst_law(request.loss))
    try:
        return inputs, plan_of(inputs)
    except PlanError as error:
        raise PlanError(in_megahertz(str(error))) from None


def _saved_plan(
    path: Path, image: IO[bytes] | None, request: PlanOptions, simulation: SimulateOptions
) -> tuple[PlanInputs, TransmissionPlan]:
    """Return a plan from a file, with inputs that have the fleet and the profile of the options."""
    from fuota.planning import check_image, load_plan
    from fuota.planning.saved_inputs import inputs_of_plan, planned_loss

    names = {parameter.name for parameter in click.get_current_context().command.params}
    if decided := given_options(names - _WITH_PLAN):
        raise click.UsageError(f"--plan decides {', '.join(decided)}: leave that out, or plan again")
    plan = load_plan(path)
    if image is not None:
        check_image(plan, content_of(image))
    loss = request.loss
    if loss is None and not request.has_fleet_file:
        loss = planned_loss(plan)
    inputs = inputs_of_plan(
        plan,
        fleet=request.fleet_size_or_file,
        loss=simulation.burst_law(loss) or loss,
        profile=request.profile,
        target=request.target if given_options({"target"}) else None,
    )
    return inputs, plan


def _transmit(out: Output, air: SimulatedAir, plan: TransmissionPlan) -> SimulatedVerdict:
    devices = air.devices or (air.fleet.devices if air.fleet is not None else 0)
    if devices * plan.frames >= LONG_FRAMES:
        out.say(f"simulating {devices} devices and {counted(plan.frames, 'frame')}, which takes a while ...")
        return air.transmit(plan)
    with notice_if_slow(out):
        return air.transmit(plan)
