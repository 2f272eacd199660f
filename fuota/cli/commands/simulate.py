"""fuota simulate: what a plan does to a fleet, with losses drawn by lot."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

import click

from fuota.cli import exits
from fuota.cli.commands.sweep import simulate_sweep
from fuota.cli.image_input import content_of, name_of
from fuota.cli.options.plan import plan_options, task_from
from fuota.cli.options.transfer import given_options
from fuota.cli.output import Output, with_output
from fuota.cli.render.notice import patience_at_first_use
from fuota.cli.render.simulate_table import show_verdict
from fuota.cli.render.words import (
    in_megahertz,
)
from fuota.text import counted, printable

if TYPE_CHECKING:
    from fuota.planning import PlanInputs, TransmissionPlan
    from fuota.sim import OwnUplinks, SimulatedAir, SimulatedVerdict

DEFAULT_DEVICES = 10_000
MOST_DEVICES = 10**9
LONG = 100_000_000
"""Frames at devices, a dozen seconds' work or more."""
_OF_THE_AIR = ("devices", "seed", "burst", "uplink_period_s", "uplink_ms", "late", "early")
_WITH_A_PLAN = {*_OF_THE_AIR, "image", "plan_file", "picture", "as_json", "fleet", "loss", "profile", "target"}
"""The options that go with a saved plan, which decides all others."""


def _air_options(command: Callable[..., Any]) -> Callable[..., Any]:
    for option in reversed(_OPTIONS):
        command = option(command)
    return command


_OPTIONS = (
    click.option("--devices", type=int, help="How many to simulate.  [default: the fleet, or 10000]"),
    click.option("--seed", type=int, default=0, show_default=True, help="Of the lots: the same one, the same outcome."),
    click.option(
        "--burst",
        type=float,
        metavar="FRAMES",
        help="Losses come in runs of so many frames in the mean; what is planned here counts on it.",
    ),
    click.option(
        "--uplink-period",
        "uplink_period_s",
        type=click.IntRange(1, 2**32 - 1),
        metavar="S",
        help="Devices send each so many seconds.  [default: the profile's]",
    ),
    click.option("--uplink-ms", type=int, metavar="MS", help="For so long, and hear nothing meanwhile."),
    click.option("--late", type=float, default=0.0, metavar="SHARE", help="Share of devices that join late."),
    click.option("--early", type=float, default=0.0, metavar="SHARE", help="Share of devices that leave early."),
)


@click.command()
@click.argument("image", type=click.File("rb"), required=False)
@click.option(
    "--plan",
    "plan_file",
    type=click.Path(path_type=Path, dir_okay=False),
    help="A plan that `fuota plan -o` wrote. It keeps no --fleet FILE and no --profile: say these again.",
)
@click.option(
    "--sweep",
    "axes",
    multiple=True,
    metavar="NAME=VALUES",
    help="Many points: redundancy=0.05:0.5:0.05, loss=0.1,0.2; may be repeated.",
)
@click.option(
    "--rows",
    type=click.Path(path_type=Path),
    help="With --sweep: a CSV of all batches; what is there is not run again.",
)
@click.option("--scheduler", metavar="TCP://…", help="With --sweep: a Dask scheduler that works on it.")
@click.option("--width", type=float, help="With --sweep: stop a point once its 95% interval is so narrow.")
@click.option("--failures", type=int, help="With --sweep: stop a point once so many devices failed.")
@_air_options
@plan_options
@click.option(
    "--plot",
    "picture",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Completion against time as a picture (png, svg, pdf).",
)
@with_output
def simulate(image: IO[bytes] | None, plan_file: Path | None, picture: Path | None, out: Output, **options: Any) -> int:
    """Plan how IMAGE reaches a fleet, or take a saved plan, and send it to simulated devices that lose frames by lot.

    Each device decodes what it really received. Exit code 1 where fewer than --target end complete.
    """
    if options["axes"]:
        if plan_file is not None:
            raise click.UsageError("--plan and --sweep were both given: a sweep makes its own plans")
        return simulate_sweep(image, out, {**options, "picture": picture})
    from fuota.sim.plots import completion_figure

    for name in ("axes", "rows", "scheduler", "width", "failures"):
        if options.pop(name):
            raise click.UsageError(f"--{name} goes with --sweep")
    if picture is not None:
        _check_picture(picture, {"IMAGE": image, "--plan": plan_file, **options})
    asked = {name: options.pop(name) for name in _OF_THE_AIR}
    with patience_at_first_use(out):
        task, plan = _planned(image, options, asked) if plan_file is None else _saved(plan_file, image, options, asked)
    air = _air(task, plan, asked)
    verdict = _sent(out, air, plan)
    reached = verdict.share >= task.goal.target
    show_verdict(out, task, plan, air, verdict)
    if picture is not None:
        from fuota.planning.plots import save_figure

        save_figure(completion_figure(verdict), picture)
        out.say(f"wrote {printable(picture)}")
    return exits.DONE if reached else exits.BELOW_TARGET


next(one for one in simulate.params if one.name == "region_name").required = False  # a saved plan has it


# --- what is simulated


def _planned(
    image: IO[bytes] | None, options: dict[str, Any], asked: dict[str, Any]
) -> tuple[PlanInputs, TransmissionPlan]:
    """A plan made now."""
    from fuota.errors import PlanError
    from fuota.planning import Image, plan_of

    if image is None:
        raise click.UsageError(
            "Missing argument 'IMAGE': say what is to be sent, or --plan", click.get_current_context()
        )
    if options["region_name"] is None:
        raise click.UsageError(
            "Missing option '--region': say where it is to be sent, or --plan", click.get_current_context()
        )
    sent = Image.of(content_of(image), name_of(image))
    task = task_from({**options, "loss": _channel(options["loss"], asked["burst"])}, sent)
    try:
        return task, plan_of(task)
    except PlanError as error:
        raise PlanError(in_megahertz(str(error))) from None


def _saved(
    path: Path, image: IO[bytes] | None, options: dict[str, Any], asked: dict[str, Any]
) -> tuple[PlanInputs, TransmissionPlan]:
    """A plan from a file, and the fleet and the profile that the options say."""
    from fuota.errors import PlanError
    from fuota.planning import check_image, load_plan
    from fuota.radio import region

    if given := given_options({one.name for one in click.get_current_context().command.params} - _WITH_A_PLAN):
        raise click.UsageError(f"--plan decides {', '.join(given)} too: leave that out, or plan again")
    plan = load_plan(path)
    if image is not None:
        check_image(plan, content_of(image))
    usual = plan.frequency_hz == region(plan.region).default_channel(plan.device_class)
    decided = {
        "region_name": plan.region,
        "device_class": plan.device_class,
        "frequency_hz": None if usual else plan.frequency_hz[0],
        "confidence": plan.confidence,
        "target": options["target"] if given_options({"target"}) else plan.target,
        "loss": _channel(_loss_of(plan, options), asked["burst"]),
    }
    # Not by task_from's check of options that go together: none of them was given.
    task = task_from({**options, **decided}, plan.image)
    if options["profile"] is not None and (task.profile.version, task.profile.variant) != (plan.version, plan.variant):
        raise PlanError(
            f"the plan is for TS004 version {plan.version}, {plan.variant}: {task.profile.name} speaks version"
            f" {task.profile.version}, {task.profile.variant}; plan again with --profile"
        )
    return task, plan


def _loss_of(plan: TransmissionPlan, options: dict[str, Any]) -> float | None:
    """What is said, else what the plan was made for, where that was one loss for all devices."""
    if options["loss"] is not None or _is_file(options["fleet"]):
        loss: float | None = options["loss"]
        return loss
    if plan.success.mean != plan.success.worst:
        raise click.UsageError("the plan was made for devices that do not all hear alike: say --fleet FILE, or --loss")
    return plan.success.worst_loss


def _channel(loss: float | None, burst: float | None) -> Any:
    """The loss as a recipe takes it."""
    if burst is None or burst == 1:
        return loss
    from fuota.planning.recipe import ASSUMED_LOSS
    from fuota.sim import GilbertElliott

    return GilbertElliott(ASSUMED_LOSS if loss is None else loss, burst)


def _is_file(fleet: str | None) -> bool:
    return fleet is not None and not fleet.removeprefix("-").isdecimal()


def _air(task: PlanInputs, plan: TransmissionPlan, asked: dict[str, Any]) -> SimulatedAir:
    from fuota.errors import ParameterError
    from fuota.sim import Absence, Bernoulli, GilbertElliott, SimulatedAir

    more: dict[str, Any] = {
        "seed": asked["seed"],
        "profile": task.profile,
        "uplinks": _uplinks(task, asked["uplink_period_s"], asked["uplink_ms"]),
        "absence": Absence(late_share=asked["late"], early_share=asked["early"]),
    }
    devices = asked["devices"]
    if isinstance(task.recipe.fleet, str):
        if devices is not None:
            raise click.UsageError("a fleet file says how many devices there are: leave --devices out")
        return SimulatedAir(fleet=task.fleet, **more)
    if devices is None:
        planned = plan.success.devices if plan.success.devices > 1 else DEFAULT_DEVICES
        devices = planned if task.recipe.fleet is None else task.fleet.devices
    if devices > MOST_DEVICES:
        raise ParameterError(f"{devices} devices were given: 1 to {MOST_DEVICES}; the nearest is {MOST_DEVICES}")
    (member,) = task.fleet.members
    loss, burst = member.loss or 0.0, member.burst_frames
    return SimulatedAir(devices=devices, loss=Bernoulli(loss) if burst == 1 else GilbertElliott(loss, burst), **more)


def _sent(out: Output, air: SimulatedAir, plan: TransmissionPlan) -> SimulatedVerdict:
    devices = air.devices or (air.fleet.devices if air.fleet is not None else 0)
    if devices * plan.frames >= LONG:
        out.say(f"simulating {devices} devices in {counted(plan.frames, 'frame')}, which takes a while ...")
        return air.transmit(plan)
    with patience_at_first_use(out):
        return air.transmit(plan)


def _uplinks(task: PlanInputs, period_s: int | None, sending_ms: int | None) -> OwnUplinks | None:
    from fuota.sim import OwnUplinks

    if period_s is None and sending_ms is None:
        return None
    if sending_ms is None:
        raise click.UsageError("--uplink-period says when devices send: say --uplink-ms too, for how long")
    period_s = task.profile.uplink_period_s if period_s is None else period_s
    if period_s is None:
        raise click.UsageError("--uplink-ms says for how long devices send: say --uplink-period too, when")
    return OwnUplinks(period_s=period_s, sending_ms=sending_ms)


def _check_picture(picture: Path, inputs: dict[str, Any]) -> None:
    """Raise what is wrong with the name of the picture before the work, not after it."""
    from fuota.planning.plots import picture_format
    from fuota.sim.plots import check_matplotlib

    if picture == Path():
        raise click.BadParameter("its name is empty: name a file", param_hint="'--plot'")
    picture_format(picture)
    for name in ("IMAGE", "--plan", "fleet", "profile"):
        file = inputs[name]
        try:
            state = os.fstat(file.fileno()) if hasattr(file, "fileno") else os.stat(file)
            same = os.path.samestat(state, os.stat(picture))
        except (OSError, ValueError, TypeError):
            continue
        if same:
            option = name if name.isupper() or name.startswith("-") else f"--{name}"
            raise click.UsageError(f"--plot {printable(picture)} is what {option} is read from: name another file")
    check_matplotlib()
