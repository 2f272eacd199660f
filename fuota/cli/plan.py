"""fuota plan: what a campaign will cost, and whether it will work."""

from __future__ import annotations

from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

import click

from fuota.cli.output import Output, with_output
from fuota.cli.plan_options import plan_options, task_from

if TYPE_CHECKING:
    from fuota.planning import Task, TransmissionPlan


@click.command()
@click.argument("image", type=click.File("rb"))
@plan_options
@click.option("--front", is_flag=True, help="Also what can be had for how much time, over all data rates and sizes.")
@click.option(
    "--plot", "picture", type=click.Path(path_type=Path, dir_okay=False), help="The same as a picture (png, svg, pdf)."
)
@click.option(
    "--output",
    "-o",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Write the plan here, for `fuota launch --plan`.",
)
@with_output
def plan(image: IO[bytes], front: bool, picture: Path | None, output: Path | None, out: Output, **options: Any) -> int:
    """Plan how IMAGE reaches a fleet: fragments, redundancy, timing, airtime, energy, and how likely it arrives.

    Nothing is sent. What is not said is decided; a plan that cannot work is refused (exit code 3), with what would do instead.
    """
    from fuota.cli.plan_table import show_plan
    from fuota.planning import Image, plan_of

    name = "image.bin" if image.name in ("-", "<stdin>") else Path(image.name).name
    task = task_from(options, Image.of(image.read(), name))
    found = plan_of(task)
    show_plan(out, found)
    if front or picture is not None:
        _show_front(out, task, picture)
    if output is not None:
        _save(out, found, output)
    return 0


def _show_front(out: Output, task: Task, picture: Path | None) -> None:
    from fuota.cli.plan_table import show_front
    from fuota.planning import pareto_front
    from fuota.planning.plots import front_figure, save_figure

    points = pareto_front(task)
    show_front(out, points)
    if not task.fleet.depends_on_data_rate:
        out.say(
            "the loss was given for every data rate alike; faster ones lose more (a fleet file with link figures tells)"
        )
    if picture is not None:
        title = f"{task.image.name}, {task.image.size} bytes, {task.region.name}, class {task.recipe.device_class}"
        save_figure(front_figure(points, title), picture)
        out.say(f"wrote {picture}")


def _save(out: Output, found: TransmissionPlan, path: Path) -> None:
    from fuota.campaign import save_plan

    sha256 = save_plan(found, path)
    out.event("saved", path=str(path), sha256=sha256)
    out.say(f"wrote {path} (SHA-256 {sha256[:16]}…); `fuota launch {found.image.name} --plan {path}` sends it")
