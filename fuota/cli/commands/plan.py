"""Command `fuota plan`: what a campaign will cost, and whether it will succeed."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import IO, TYPE_CHECKING

import click

from fuota.cli.help import Command, output_option
from fuota.cli.image_gate import GATE_OPTIONS, GateArguments, refusal_shown
from fuota.cli.image_input import opened
from fuota.cli.options.group import option_group
from fuota.cli.options.plan import PlanOptions, plan_options
from fuota.cli.options.requirements import KEY_OPTIONS, RequirementOptions
from fuota.cli.output import Output, with_output
from fuota.cli.output_file import check_outputs, file_option
from fuota.cli.render.notice import notice_if_slow
from fuota.cli.render.words import in_megahertz
from fuota.errors import PlanError
from fuota.text import counted, printable

if TYPE_CHECKING:
    from fuota.campaign import GateOptions
    from fuota.image import FirmwareImage
    from fuota.planning import Image, PlanInputs, TransmissionPlan


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanResults:
    """Results to show and write. front: also show the trade-off; picture, output: files for its plot and for the plan."""

    front: bool
    picture: Path | None
    output: Path | None


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanGate:
    """Checks of the image, as `fuota launch` makes them. Files of the base, the key and a detached signature."""

    strict: bool
    base: IO[bytes] | None
    public_key: str | None
    signature: str | None

    def options(self, profile: str | None) -> GateOptions:
        """Return the options of the image gate; the base is read. Raises ImageError."""
        requirements = RequirementOptions(profile=profile, public_key=self.public_key, signature=self.signature)
        return GateArguments(strict=self.strict, base=self.base).options(requirements)


@click.command(
    cls=Command,
    examples=(
        "fuota plan app.bin --region EU868 --fleet 500 --loss 0.1 -o plan.json",
        "fuota plan app.bin --region IN865 --fleet devices.csv --optimise time",
        "fuota plan app.patch --base old.bin --region EU868 --profile loramac-node",
    ),
)
@click.argument("image", type=click.File("rb"))
@option_group("gate", PlanGate, *GATE_OPTIONS, *KEY_OPTIONS)
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
def plan(*, image: IO[bytes], gate: PlanGate, request: PlanOptions, results: PlanResults, out: Output) -> int:
    """Plan how IMAGE reaches a fleet, and how likely it arrives.

    The plan has fragment size, redundancy, timing, airtime and energy. Nothing is sent. A value that is not given is chosen. If
    no plan can work, or if `fuota launch` would refuse the image, the exit code is 3, and the message says what would work.
    With --base, the plan is only valid for devices that run this image.
    """
    from fuota.cli.render.plan_table import show_plan
    from fuota.planning import plan_of, save_plan

    inputs = {"IMAGE": image, "--base": gate.base, "--fleet": request.fleet, "--profile": request.profile}
    check_outputs(inputs, results.output, results.picture)
    with refusal_shown(out):
        planned_image = _image(opened(image), gate.options(request.profile))
    with _frequencies_in_megahertz():
        plan_inputs = request.inputs(planned_image)
        with notice_if_slow(out):
            planned = plan_of(plan_inputs)
    # The file is written first, so that it exists when a reader of stdout stops early.
    sha256 = None if results.output is None else save_plan(planned, results.output)
    show_plan(out, planned)
    if results.front or results.picture is not None:
        _show_front(out, plan_inputs, results.picture)
    if results.output is not None and sha256 is not None:
        _report_file(out, planned, results.output, sha256)
    return 0


def _image(image: FirmwareImage, options: GateOptions) -> Image:
    """Return the image to plan for, with the hashes of base and target if it is a patch whose base is given.

    Raises ImageError if `fuota launch` would refuse the image.
    """
    from fuota.campaign import pass_gate
    from fuota.planning import Image

    passed = pass_gate(image, options)
    planned = Image.of(image.data, image.name)
    return replace(planned, base_sha256=passed.base_sha256, target_sha256=passed.target_sha256)


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
