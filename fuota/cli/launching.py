"""Launching a campaign from the command line: announce it, ask, launch, follow."""

from __future__ import annotations

import sys
from contextlib import ExitStack
from dataclasses import dataclass
from typing import TYPE_CHECKING

import click

from fuota.cli import exits
from fuota.cli.following import FollowOptions, follow
from fuota.cli.options.server import ServerOptions
from fuota.cli.options.watch import WatchOptions, listening
from fuota.cli.output import Output
from fuota.cli.render.notice import notice_if_slow
from fuota.cli.render.words import spoken_airtime, spoken_duration
from fuota.errors import OutcomeUnknownError
from fuota.text import counted, printable

if TYPE_CHECKING:
    from fuota.campaign import Campaign, CheckedLaunch, GateOptions, Journal
    from fuota.campaign.launch_plan import FragAlgorithm
    from fuota.demo import DemoSandbox, DemoSandboxRecipe
    from fuota.image import FirmwareImage
    from fuota.planning import PlanRecipe, TransmissionPlan


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """An image to send, its plan or the recipe of its plan, what it is checked against, and parameters that no plan decides."""

    image: FirmwareImage
    plan: TransmissionPlan | PlanRecipe
    gate: GateOptions
    frag_alg: FragAlgorithm = "FWD_ERR_CORR"
    contract_id: int | None = None
    use_multi_pkg: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerTargets:
    """The devices of a launch on a server."""

    app_eui: str
    dev_euis: tuple[str, ...]
    dev_tags: tuple[str, ...]


def launch_in_sandbox(
    order: Order, recipe: DemoSandboxRecipe, target: float | None, journal: Journal, out: Output
) -> int:
    """Start a sandbox, launch there, follow the campaign to its end, and return the exit code."""
    from fuota.campaign import launch
    from fuota.demo import embedded_sandbox

    with embedded_sandbox(recipe, journal) as sandbox, _before_sending(out) as before_sending:

        def announce(checked: CheckedLaunch) -> None:
            before_sending.close()
            out.say(_sandbox_text(recipe, sandbox))
            _announce(checked, out)

        campaign = launch(
            order.image,
            client=sandbox.client,
            app_eui=sandbox.app_eui,
            dev_euis=sandbox.dev_euis,
            plan=order.plan,
            gate=order.gate,
            journal=journal,
            frag_alg=order.frag_alg,
            contract_id=order.contract_id,
            use_multi_pkg=order.use_multi_pkg,
            target=target,
            before_sending=announce,
        )
        _report_launch(campaign, order, sandbox.url, out)
        options = FollowOptions(timeouts=sandbox.timeouts, target=target, can_leave=False)
        return follow(sandbox.client, journal, campaign, out, options)


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerLaunch:
    """A launch on a server.

    ask: whether to ask before it. again: whether to launch although an earlier campaign of the image may still run.
    detach: return once the job is launched.
    """

    order: Order
    targets: ServerTargets
    server: ServerOptions
    watching: WatchOptions
    ask: bool
    again: bool
    detach: bool

    def run(self, journal: Journal, target: float | None, out: Output) -> int:
        """Launch, and follow the campaign to its end unless it is detached; return the exit code.

        target: share of devices that must be updated if the options of the watch have none.
        """
        with listening(journal, self.watching, out):
            try:
                campaign = self._launched(journal, out)
            except OutcomeUnknownError as error:
                if self.detach or self.watching.listen is None or error.campaign_id is None:
                    raise
                out.say(f"{error}. Reports are received and the server is asked until then")
                campaign = journal.campaign(error.campaign_id)
            else:
                _report_launch(campaign, self.order, campaign.server, out)
                proven = _say_launched(campaign, journal, out)
                if self.detach:
                    return exits.DONE if proven else exits.UNKNOWN
            client = self.server.client(outage_s=self.watching.outage_s)
            return follow(client, journal, campaign, out, self.watching.follow_options(target))

    def _launched(self, journal: Journal, out: Output) -> Campaign:
        from fuota.campaign import launch

        order = self.order
        with _before_sending(out) as before_sending:

            def announce(checked: CheckedLaunch) -> None:
                before_sending.close()
                _announce(checked, out)
                _show_plan_warnings(checked, order, out)
                if self.ask:
                    _confirm(self.server.target)

            return launch(
                order.image,
                client=self.server.client(),
                app_eui=self.targets.app_eui,
                dev_euis=self.targets.dev_euis,
                dev_tags=self.targets.dev_tags,
                plan=order.plan,
                gate=order.gate,
                journal=journal,
                frag_alg=order.frag_alg,
                contract_id=order.contract_id,
                use_multi_pkg=order.use_multi_pkg,
                expect=self.watching.expect,
                target=self.watching.target,
                again=self.again,
                before_sending=announce,
            )


def _say_launched(campaign: Campaign, journal: Journal, out: Output) -> bool:
    """Show that the campaign is launched, and return whether it is certain that the job is its job."""
    from fuota.campaign import MAY_BE_ANOTHER, is_proven

    proven = is_proven(journal, campaign)
    if proven:
        out.say(f"launched {campaign.id} ({campaign.job_id})")
    else:
        out.say(f"{campaign.id} ({campaign.job_id}): {MAY_BE_ANOTHER}")
    return proven


def _before_sending(out: Output) -> ExitStack:
    """Return a context that shows a notice if planning takes long; close it before anything is sent."""
    stack = ExitStack()
    stack.enter_context(notice_if_slow(out))
    return stack


def _sandbox_text(recipe: DemoSandboxRecipe, sandbox: DemoSandbox) -> str:
    pace = "without waiting" if recipe.speed is None else f"at {recipe.speed:g} times real time"
    return (
        f"sandbox {sandbox.url}: {counted(recipe.devices, 'device')} ({recipe.region}), each losing"
        f" {recipe.loss[0]:.0%} to {recipe.loss[1]:.0%} of all frames; its clock runs {pace}"
    )


def _announce(checked: CheckedLaunch, out: Output) -> None:
    """Show the plan in one sentence, and the warnings of the checks."""
    image, plan, expected = checked.image, checked.plan, checked.expected
    out.say(
        f"{printable(image.name)}: {len(image.data)} bytes, {expected.nb_frag} uncoded and {expected.nb_coded} coded fragments of"
        f" {expected.frag_size} bytes at DR{expected.data_rate} ({plan.region});"
        f" {spoken_airtime(expected.airtime_us)} of airtime in {spoken_duration(expected.duration_ms)},"
        f" a frame every {spoken_duration(expected.interval_ms)} ({plan.pace.reason})"
    )
    for finding in checked.warnings:
        out.say(f"warning: {finding.message} ({finding.code})")


def _show_plan_warnings(checked: CheckedLaunch, order: Order, out: Output) -> None:
    """Show the warnings of a plan that was made here; a plan from a file was shown when it was made."""
    if checked.plan is order.plan:
        return
    for finding in checked.plan.findings:
        if finding.severity == "warning":
            out.say(f"plan: {finding.message} ({finding.code})")


def _report_launch(campaign: Campaign, order: Order, server_url: str, out: Output) -> None:
    from fuota.planning import TransmissionPlan, plan_sha256

    sha256 = plan_sha256(order.plan) if isinstance(order.plan, TransmissionPlan) else None
    out.event(
        "launched",
        campaign=campaign.id,
        job_id=campaign.job_id,
        server=server_url,
        plan_sha256=sha256,
        **campaign.expected,
    )


def _confirm(server_url: str) -> None:
    """Ask before a launch, on a terminal only: what has been sent cannot be taken back. Raises Abort."""
    if sys.stdin.isatty() and sys.stderr.isatty():
        click.confirm(f"Launch on {server_url}?", abort=True, err=True)
