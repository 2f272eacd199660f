"""Command `fuota plan`: what a campaign will cost, and whether it will succeed."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import IO, TYPE_CHECKING

import click

from fuota.cli.help import Command, image_option, output_option
from fuota.cli.image_input import content_of, name_of, opened
from fuota.cli.options.group import option_group
from fuota.cli.options.plan import PlanOptions, plan_options
from fuota.cli.output import Output, with_output
from fuota.cli.output_file import check_outputs, file_option
from fuota.cli.render.notice import notice_if_slow
from fuota.cli.render.words import in_megahertz
from fuota.errors import ImageError, PlanError
from fuota.text import counted, printable

if TYPE_CHECKING:
    from fuota.planning import Image, PlanInputs, TransmissionPlan


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanResults:
    """Results to show and write. front: also show the trade-off; picture, output: files for its plot and for the plan."""

    front: bool
    picture: Path | None
    output: Path | None


@click.command(
    cls=Command,
    examples=(
        "fuota plan app.bin --region EU868 --fleet 500 --loss 0.1 -o plan.json",
        "fuota plan app.bin --region IN865 --fleet devices.csv --optimise time",
        "fuota plan app.patch --base old.bin --region EU868 --profile loramac-node",
    ),
)
@click.argument("image", type=click.File("rb"))
@image_option(
    "--base",
    type=click.File("rb"),
    metavar="FILE",
    help="Image that the devices run, if IMAGE is a patch: the plan is valid only for these devices.",
)
@plan_options(region_required=True)
@option_group(
    "results",
    PlanResults,
    output_option(
        "--front",
        is_flag=True,
        help="Also show the best trade-offs of duration and success, for all data rates and fragment sizes.",
    ),
    file_option("--plot", "picture", help="Draw these trade-offs to a file (png, svg or pdf)."),
    file_option("--output", "-o", help="Write the plan to a file, for `fuota launch --plan`."),
)
@with_output
def plan(*, image: IO[bytes], base: IO[bytes] | None, request: PlanOptions, results: PlanResults, out: Output) -> int:
    """Plan how IMAGE reaches a fleet, and how likely it arrives.

    The plan has fragment size, redundancy, timing, airtime and energy. Nothing is sent. A value that is not given is chosen. If
    no plan can work, the exit code is 3, and the message says what would work.
    """
    from fuota.cli.render.plan_table import show_plan
    from fuota.planning import plan_of, save_plan

    inputs = {"IMAGE": image, "--base": base, "--fleet": request.fleet, "--profile": request.profile}
    check_outputs(inputs, results.output, results.picture)
    content = content_of(image)
    with _frequencies_in_megahertz():
        plan_inputs = request.inputs(_image(content, name_of(image), base, request.profile))
        with notice_if_slow(out):
            planned = plan_of(plan_inputs)
    # The file is written first, so that it exists when a reader of stdout stops early.
    sha256 = None if results.output is None else save_plan(planned, results.output)
    show_plan(out, planned)
    _warn_of_refusal(out, content, request.profile)
    if results.front or results.picture is not None:
        _show_front(out, plan_inputs, results.picture)
    if results.output is not None and sha256 is not None:
        _report_file(out, planned, results.output, sha256)
    return 0


def _warn_of_refusal(out: Output, content: bytes, profile: str | None) -> None:
    """Show the errors that will make `fuota launch` refuse the image; a plan accepts any bytes."""
    from fuota.device import validate_image

    for finding in validate_image(content, profile=profile).errors:
        out.say(f"`fuota launch` will refuse this image: {finding.message} ({finding.code})")


def _image(content: bytes, name: str, base: IO[bytes] | None, profile: str | None) -> Image:
    """Return the image to plan for; a patch is applied to its base, so that the plan contains the hashes of base and target.

    Raises ImageError if the patch cannot be applied, or if it or its target has an error: `fuota launch` knows the plan, but not
    the base.
    """
    from fuota.planning import Image

    if base is None:
        return Image.of(content, name)
    from fuota.campaign import GateOptions, inspect_with_base
    from fuota.image import FirmwareImage

    options = GateOptions(base=opened(base), profile=profile)
    checks = inspect_with_base(FirmwareImage(data=content, name=name), options)
    for check in checks[1:] or checks:
        for finding in check.findings.errors:
            raise ImageError(f"{printable(check.image.name)}: {finding.message} ({finding.code})")
    base_sha256 = checks[0].image.requirements.base_sha256
    return replace(Image.of(content, name), base_sha256=base_sha256, target_sha256=checks[1].image.sha256)


@contextmanager
def _frequencies_in_megahertz() -> Iterator[None]:
    """Let the messages of PlanError give frequencies in MHz, as --frequency does."""
    try:
        yield
    except PlanError as error:
        raise PlanError(in_megahertz(str(error))) from None


def _show_front(out: Output, inputs: PlanInputs, picture: Path | None) -> None:
    from fuota.cli.render.plan_table import show_front
    from fuota.planning import pareto_front
    from fuota.planning.plots import front_figure, save_figure

    with _frequencies_in_megahertz(), notice_if_slow(out):
        points = pareto_front(inputs)
    show_front(out, points)
    if not inputs.fleet.depends_on_data_rate:
        out.say(
            "the loss is the same for every data rate; in reality faster data rates lose more (a fleet file with signal"
            " levels takes this into account)"
        )
    if picture is not None:
        subject = f"{printable(inputs.image.name)}, {counted(inputs.image.size, 'byte')}"
        title = f"{subject}, {inputs.region.name}, class {inputs.recipe.device_class}"
        save_figure(front_figure(points, title), picture)
        out.say(f"wrote {printable(picture)}")


def _report_file(out: Output, planned: TransmissionPlan, path: Path, sha256: str) -> None:
    name = printable(path)
    out.event("saved", path=str(path), sha256=sha256)
    usage = f"send it with `fuota launch {printable(planned.image.name)} --plan {name}`"
    if not planned.sent_by_server:
        usage = "`fuota launch` does not accept it, because the application sends the fragments itself"
    out.say(f"wrote {name} (SHA-256 {sha256[:16]}…); {usage}")
