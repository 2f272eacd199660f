"""Launching an update: check the image, plan, check the base, write the intent down, send once."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import closing, nullcontext
from dataclasses import dataclass, replace
from pathlib import Path

from fuota import rules
from fuota.calls import checked_call
from fuota.campaign.base import base_warnings
from fuota.campaign.claim import refuse_second_launch
from fuota.campaign.gate import GateOptions, PassedImage, pass_gate
from fuota.campaign.journal import Campaign, Journal
from fuota.campaign.launch_plan import (
    Expected,
    FragAlgorithm,
    TransferChoices,
    expected_of,
    plan_for,
    request_of,
)
from fuota.campaign.sending import Shipment, send_once
from fuota.campaign.state_folder import open_journal
from fuota.errors import ParameterError
from fuota.findings import Finding
from fuota.image import FirmwareImage
from fuota.network import SenraClient, TransferRequest
from fuota.planning import PlanRecipe, TransmissionPlan, check_image, plan_sha256
from fuota.radio import Region


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckedLaunch:
    """A launch that has passed all checks, before anything is sent.

    image: the image. plan: how it is sent. request: parameters of mcastTransfer. expected: what the transfer needs on air.
    warnings: of the image gate, and about devices that may not run the base of a patch.
    target_sha256: for a patch, SHA-256 of the image that it makes.
    """

    image: FirmwareImage
    plan: TransmissionPlan
    request: TransferRequest
    expected: Expected
    warnings: tuple[Finding, ...]
    target_sha256: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class _Goal:
    """Goal of a launch, see `launch`."""

    expect: int | None
    target: float | None

    def __post_init__(self) -> None:
        rules.optional_integer("expect", self.expect, 1)
        if self.target is not None:
            rules.real("target", self.target, 0, 1)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Inputs:
    """Image, plan or recipe, parameters that no plan decides, options of the gate, and `again`: all that `launch` checks."""

    image: FirmwareImage
    recipe: TransmissionPlan | PlanRecipe
    choices: TransferChoices
    options: GateOptions
    again: bool


@checked_call
def launch(  # noqa: PLR0913 - keywords of one launch
    image: FirmwareImage | bytes | str | Path,
    *,
    client: SenraClient,
    app_eui: str,
    dev_euis: Sequence[str] | None = None,
    dev_tags: Sequence[str] | None = None,
    plan: TransmissionPlan | PlanRecipe | None = None,
    region: str | Region | None = None,
    gate: GateOptions | None = None,
    journal: Journal | None = None,
    state_folder: Path | None = None,
    frag_alg: FragAlgorithm = "FWD_ERR_CORR",
    contract_id: int | None = None,
    use_multi_pkg: bool = False,
    file_name: str | None = None,
    expect: int | None = None,
    target: float | None = None,
    again: bool = False,
    before_sending: Callable[[CheckedLaunch], None] | None = None,
) -> Campaign:
    """Send an image to devices by multicast and return the launched campaign, with all checks of `fuota launch`.

    image: an open image, bytes, or a path.
    client: the server.
    app_eui: application of the devices. dev_euis, dev_tags: the devices, by exactly one of the two.
    plan: a finished plan for this image, or a recipe that a plan is made from.
    region: name of the region, or the region; used if `plan` is None, and then the planner decides everything else.
    gate: what the image is checked against. A profile of the gate or of the recipe is used for both.
    journal: where the campaign is recorded; by default the journal in `state_folder`, or in the state folder of the user.
    frag_alg: FWD_ERR_CORR for coded fragments, or NB_TRANS, which sends every fragment twice unless
        `redundancy` of the recipe is 0.
    contract_id: contract that is billed; None is the default contract of the application.
    use_multi_pkg: whether the devices support TS007.
    file_name: name of the image on the server, by default the name of the image.
    expect: number of devices that the tags stand for. target: share of devices that must be updated, above 0 to 1, by default the
        target of a finished plan. Both are recorded for `watch`.
    again: whether to launch although an earlier campaign of the same image and application may still run.
    before_sending: called with the checked launch after all checks; an exception that it raises stops the launch.

    Nothing is sent if a check fails. Raises ImageError for an image with an error (or a warning with `gate.strict`),
    PlanError if no plan fits the region, the devices and the server, if a device does not run the base of a patch, or if an
    earlier campaign of the image and the application may still run,
    ParameterError for parameters that do not fit together, StorageError if the journal cannot be written, NetworkError if the
    server cannot be asked or refuses, and OutcomeUnknownError if the answer to the launch was lost (`watch` finds out).
    """
    if not isinstance(image, FirmwareImage):
        image = FirmwareImage.open(image)
    choices = TransferChoices(
        app_eui=app_eui,
        file_name=image.name if file_name is None else file_name,
        dev_euis=dev_euis,
        dev_tags=dev_tags,
        frag_alg=frag_alg,
        contract_id=contract_id,
        use_multi_pkg=use_multi_pkg,
    )
    options = gate or GateOptions()
    recipe = _plan_or_recipe(plan, region, options)
    if isinstance(recipe, PlanRecipe) and options.profile is None:
        options = replace(options, profile=recipe.profile)
    with nullcontext(journal) if journal else closing(open_journal(state_folder)) as record:
        inputs = _Inputs(image=image, recipe=recipe, choices=choices, options=options, again=again)
        checked = _check(inputs, client.url, record)
        if before_sending is not None:
            before_sending(checked)
        goal = _Goal(
            expect=expect, target=plan.target if target is None and isinstance(plan, TransmissionPlan) else target
        )
        plan_hash = plan_sha256(plan) if isinstance(plan, TransmissionPlan) else None
        return _send(checked, goal, plan_hash, client, record)


def _plan_or_recipe(
    plan: TransmissionPlan | PlanRecipe | None, region: str | Region | None, options: GateOptions
) -> TransmissionPlan | PlanRecipe:
    """Return the plan, or the recipe with the profile of the gate if it has none. Raises ParameterError."""
    if plan is not None and region is not None:
        raise ParameterError("plan and region must not be given together: the plan has a region")
    if isinstance(plan, TransmissionPlan):
        return plan
    if plan is not None:
        return plan if plan.profile is not None else replace(plan, profile=options.profile)
    if region is None:
        raise ParameterError("plan or region must be given: the region decides which frames may be sent, and how often")
    return PlanRecipe(region=region, profile=options.profile)


def _check(inputs: _Inputs, server: str, journal: Journal) -> CheckedLaunch:
    """Return the launch if image, plan, devices and server fit together. Raises RefusedError or ParameterError."""
    image, choices = inputs.image, inputs.choices
    passed = _pass_gate(image, inputs.recipe, inputs.options)
    plan = plan_for(image, inputs.recipe, repeats=choices.repeats)
    request = request_of(plan, choices, inputs.recipe)
    if not inputs.again:
        refuse_second_launch(journal, server=server, app_eui=request.app_eui, image_sha256=image.sha256)
    about_base = base_warnings(journal, request.dev_euis or (), passed.base_sha256, server)
    return CheckedLaunch(
        image=image,
        plan=plan,
        request=request,
        expected=expected_of(plan, repeats=choices.repeats),
        warnings=(*passed.warnings, *about_base),
        target_sha256=passed.target_sha256,
    )


def _pass_gate(image: FirmwareImage, recipe: TransmissionPlan | PlanRecipe, options: GateOptions) -> PassedImage:
    """Return the result of the image gate; a finished plan must be for this image, and binds a patch to its base."""
    if not isinstance(recipe, TransmissionPlan):
        return pass_gate(image, options)
    check_image(recipe, image.data)
    planned = recipe.image
    return pass_gate(image, options, base_sha256=planned.base_sha256, target_sha256=planned.target_sha256)


def _send(
    checked: CheckedLaunch, goal: _Goal, plan_hash: str | None, client: SenraClient, journal: Journal
) -> Campaign:
    shipment = Shipment(
        image=checked.image.data,
        request=checked.request,
        server=client.url,
        expected=checked.expected.to_json(),
        target_sha256=checked.target_sha256,
        expect=goal.expect,
        target=goal.target,
        plan_sha256=plan_hash,
    )
    return send_once(client, journal, shipment)
