"""fuota plan: what a campaign will cost, and whether it will work."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

import click

from fuota.cli.image_input import checks_of, content_of, name_of
from fuota.cli.options.plan import plan_options, task_from
from fuota.cli.output import Output, with_output
from fuota.cli.render.notice import patience_at_first_use
from fuota.cli.render.words import in_megahertz
from fuota.errors import ImageError, PlanError
from fuota.text import counted, printable

if TYPE_CHECKING:
    from fuota.planning import Image, PlanInputs, TransmissionPlan


def _named(_context: click.Context, _parameter: click.Parameter, path: Path | None) -> Path | None:
    if path == Path():
        raise click.BadParameter("its name is empty: name a file")
    return path


@click.command()
@click.argument("image", type=click.File("rb"))
@plan_options
@click.option(
    "--base", type=click.File("rb"), help="IMAGE is a patch for devices that run this: the plan is bound to it."
)
@click.option("--front", is_flag=True, help="Also what can be had for how much time, over all data rates and sizes.")
@click.option(
    "--plot",
    "picture",
    type=click.Path(path_type=Path, dir_okay=False),
    callback=_named,
    help="The same as a picture (png, svg, pdf).",
)
@click.option(
    "--output",
    "-o",
    type=click.Path(path_type=Path, dir_okay=False),
    callback=_named,
    help="Write the plan here, for `fuota launch --plan`.",
)
@with_output
def plan(
    image: IO[bytes],
    base: IO[bytes] | None,
    front: bool,
    picture: Path | None,
    output: Path | None,
    out: Output,
    **options: Any,
) -> int:
    """Plan how IMAGE reaches a fleet: fragments, redundancy, timing, airtime, energy, and how likely it arrives.

    Nothing is sent. What is not said is decided; a plan that cannot work is refused (exit code 3), with what would do instead.
    """
    from fuota.cli.render.plan_table import show_plan
    from fuota.planning import plan_of, save_plan

    check_outputs(
        {"IMAGE": image, "--base": base, "--fleet": options["fleet"], "--profile": options["profile"]}, output, picture
    )
    content = content_of(image)
    with _in_megahertz():
        task = task_from(options, _image(content, name_of(image), base, options["profile"]))
        with patience_at_first_use(out):
            found = plan_of(task)
    # Written before anything is shown: whoever reads the first lines only shall have it too.
    sha256 = None if output is None else save_plan(found, output)
    show_plan(out, found)
    _tell_refusal(out, content, options["profile"])
    if front or picture is not None:
        _show_front(out, task, picture)
    if output is not None and sha256 is not None:
        _tell_saved(out, found, output, sha256)
    return 0


def _tell_refusal(out: Output, content: bytes, profile: str | None) -> None:
    """A plan is one of any octets; what `fuota launch` will not send is said here already."""
    from fuota.device import validate_image

    for finding in validate_image(content, profile=profile).errors:
        out.say(f"`fuota launch` will refuse this image: {finding.message} ({finding.code})")


def _image(content: bytes, name: str, base: IO[bytes] | None, profile: str | None) -> Image:
    """What is to be sent; a patch is applied to its base, so that the plan knows both.

    Raises ImageError where it cannot be, or makes what must not be sent: `fuota launch` has the plan, and no longer the base.
    """
    from fuota.planning import Image

    if base is None:
        return Image.of(content, name)
    from fuota.image import FirmwareImage

    patch, *made = checks_of(FirmwareImage(data=content, name=name), base, {"profile": profile})
    for one in made or [patch]:
        for finding in one.findings.errors:
            raise ImageError(f"{printable(one.image.name)}: {finding.message} ({finding.code})")
    known = patch.image.requirements.base_sha256
    return replace(Image.of(content, name), base_sha256=known, target_sha256=made[0].image.sha256)


def check_outputs(inputs: dict[str, IO[bytes] | str | None], output: Path | None, picture: Path | None) -> None:
    """Raise UsageError where an output is an input or the other output, ParameterError for a picture of unknown format."""
    known = [(name, state) for name, one in inputs.items() if (state := _state(one)) is not None]
    for option, path in (("-o", output), ("--plot", picture)):
        state = _state(path)
        for name, other in known:
            if state is not None and os.path.samestat(state, other):
                raise click.UsageError(f"{option} {printable(path)} is what {name} is read from: name another file")
    if picture is not None:
        from fuota.planning.plots import picture_format
        from fuota.sim.plots import check_matplotlib

        picture_format(picture)
        check_matplotlib()
        if output is not None and os.path.realpath(output) == os.path.realpath(picture):
            raise click.UsageError(f"-o and --plot both name {printable(output)}: name two files")


def _state(file: IO[bytes] | str | Path | None) -> os.stat_result | None:
    """Which file it is, None where it is none."""
    try:
        return None if file is None else os.stat(file) if isinstance(file, str | Path) else os.fstat(file.fileno())
    except (OSError, ValueError):
        return None


@contextmanager
def _in_megahertz() -> Iterator[None]:
    """Refusals name frequencies as --frequency takes them."""
    try:
        yield
    except PlanError as error:
        raise PlanError(in_megahertz(str(error))) from None


def _show_front(out: Output, task: PlanInputs, picture: Path | None) -> None:
    from fuota.cli.render.plan_table import show_front
    from fuota.planning import pareto_front
    from fuota.planning.plots import front_figure, save_figure

    with _in_megahertz(), patience_at_first_use(out):
        points = pareto_front(task)
    show_front(out, points)
    if not task.fleet.depends_on_data_rate:
        out.say(
            "the loss was given for every data rate alike; faster ones lose more (a fleet file with link figures tells)"
        )
    if picture is not None:
        what = f"{printable(task.image.name)}, {counted(task.image.size, 'byte')}"
        save_figure(
            front_figure(points, f"{what}, {task.region.name}, class {task.recipe.device_class}"),
            picture,
        )
        out.say(f"wrote {printable(picture)}")


def _tell_saved(out: Output, found: TransmissionPlan, path: Path, sha256: str) -> None:
    shown = printable(path)
    out.event("saved", path=str(path), sha256=sha256)
    how = f"`fuota launch {printable(found.image.name)} --plan {shown}` sends it"
    if not found.sent_by_server:
        how = "its fragments are sent by the application: `fuota launch` takes no such plan"
    out.say(f"wrote {shown} (SHA-256 {sha256[:16]}…); {how}")
