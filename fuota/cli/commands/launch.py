"""fuota launch, fuota watch, fuota cancel: a campaign from the image to the verdict."""

from __future__ import annotations

from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import IO, TYPE_CHECKING

import click

from fuota.cli.following import follow, wants_to_cancel_unproven
from fuota.cli.help import Command, server_option
from fuota.cli.image_gate import GateArguments, gate_options, refusal_shown
from fuota.cli.image_input import opened
from fuota.cli.launching import Order, ServerLaunch, ServerTargets, launch_in_sandbox
from fuota.cli.options.launch import LaunchOptions, launch_options, plan_recipe
from fuota.cli.options.requirements import RequirementOptions
from fuota.cli.options.sandbox import SandboxOptions, parse_loss, parse_speed, sandbox_options
from fuota.cli.options.server import ServerOptions, server_options, state_option
from fuota.cli.options.transfer import TransferOptions, planned_transfer_options
from fuota.cli.options.watch import WatchOptions, listening, watch_options
from fuota.cli.output import Output, with_output

if TYPE_CHECKING:
    from fuota.campaign import Journal
    from fuota.image import FirmwareImage
    from fuota.planning import PlanRecipe, TransmissionPlan

SANDBOX_REGION = "EU868"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Launch:
    """Image and options of `fuota launch`, without the options of the server and the sandbox."""

    image: FirmwareImage
    options: LaunchOptions
    transfer: TransferOptions
    gate: GateArguments
    requirements: RequirementOptions
    watching: WatchOptions

    def order(self, plan: TransmissionPlan | PlanRecipe) -> Order:
        """Return the order that sends the image with `plan`."""
        return Order(
            image=self.image,
            plan=plan,
            gate=self.gate.options(self.requirements),
            frag_alg=self.transfer.frag_alg,
            contract_id=self.transfer.contract_id,
            use_multi_pkg=self.transfer.use_multi_pkg,
        )


@click.command(
    cls=Command,
    examples=(
        "fuota launch app.bin",
        "fuota launch app.bin --server https://api.senraco.io --region IN865 \\\n"
        "    --app-eui AAAAAAAAAAAAAA01 --tag meters --listen 0.0.0.0:8381",
        "fuota launch app.bin --plan plan.json --server senra --dev-file devices.csv",
    ),
)
@click.argument("image", type=click.File("rb"))
@gate_options
@launch_options
@planned_transfer_options
@watch_options
@server_options
@state_option
@sandbox_options
@with_output
def launch(  # noqa: PLR0913 - option groups
    *,
    image: IO[bytes],
    launching: LaunchOptions,
    transfer: TransferOptions,
    gate: GateArguments,
    requirements: RequirementOptions,
    watching: WatchOptions,
    server: ServerOptions,
    sandbox: SandboxOptions,
    state_dir: Path | None,
    out: Output,
) -> int:
    """Send IMAGE to devices by multicast, watch, and show which image each device runs.

    The image is checked; an image with an error is not sent. Without --plan, the transfer is planned as by `fuota plan`: the
    plan decides what is not given, within the limits of the region, the devices and the server. Without --server, the image
    is sent to the virtual devices of a sandbox inside this process.
    """
    from fuota.campaign import open_journal

    command = _Launch(
        image=opened(image),
        options=launching,
        transfer=transfer,
        gate=gate,
        requirements=requirements,
        watching=watching,
    )
    plan = launching.saved_plan()
    with closing(open_journal(state_dir)) as journal, refusal_shown(out):
        if server.url is None:
            return _launch_in_sandbox(command, plan, sandbox, journal, out)
        return _launch_on_server(command, plan, server, journal, out)


@click.command(
    cls=Command,
    examples=("fuota watch 20261201-120000", "fuota watch 20261201-120000 --target 0.95 --json"),
)
@click.argument("campaign_id", metavar="CAMPAIGN")
@watch_options
@server_options
@state_option
@with_output
def watch(
    *, campaign_id: str, watching: WatchOptions, server: ServerOptions, state_dir: Path | None, out: Output
) -> int:
    """Watch a launched CAMPAIGN to its end and show which image each device runs."""
    from fuota.campaign import open_journal

    with closing(open_journal(state_dir)) as journal, listening(journal, watching, out):
        campaign = journal.campaign(campaign_id)
        client = server.client(server.url or campaign.server, outage_s=watching.outage_s)
        return follow(client, journal, campaign, out, watching.follow_options())


@click.command(cls=Command, examples=("fuota cancel 20261201-120000",))
@click.argument("campaign_id", metavar="CAMPAIGN")
@server_option("--yes", "-y", is_flag=True, help="Do not ask, even if the job may be somebody else's.")
@server_options
@state_option
@with_output
def cancel(*, campaign_id: str, yes: bool, server: ServerOptions, state_dir: Path | None, out: Output) -> int:
    """Cancel the job of a CAMPAIGN.

    Devices keep what they have received; devices that have received the whole image may still update. If the answer to the
    launch was lost and no device has reported the image, the job may be somebody else's: then you are asked.
    """
    from fuota.campaign import cancel as cancel_campaign
    from fuota.campaign import open_journal

    with closing(open_journal(state_dir)) as journal:
        campaign = journal.campaign(campaign_id)
        client = server.client(server.url or campaign.server)
        if not yes and not journal.is_over(campaign) and not wants_to_cancel_unproven(journal, campaign, out):
            raise click.Abort
        cancelled = cancel_campaign(campaign, client=client, journal=journal, unproven=True)
    out.event("cancelled", campaign=cancelled.id, job_id=cancelled.job_id)
    out.say(f"cancelled {cancelled.id} ({cancelled.job_id})")
    return 0


def _launch_in_sandbox(
    command: _Launch, plan: TransmissionPlan | None, sandbox: SandboxOptions, journal: Journal, out: Output
) -> int:
    from fuota.demo import DemoSandboxRecipe

    if command.transfer.names_devices:
        raise click.UsageError("--app-eui, --dev-eui and --tag name devices of a server: name the server with --server")
    profile = command.transfer.device_profile(command.requirements.profile)
    recipe = DemoSandboxRecipe(
        devices=sandbox.devices,
        loss=parse_loss(sandbox.loss),
        region=plan.region if plan else command.options.region_name or SANDBOX_REGION,
        version=plan.version if plan else profile.version if profile else 1,
        speed=parse_speed(sandbox.speed),
        seed=sandbox.seed,
    )
    target = command.watching.target
    if plan is not None:
        return launch_in_sandbox(command.order(plan), recipe, plan.target if target is None else target, journal, out)
    planned = plan_recipe(
        command.transfer,
        recipe.region,
        profile=command.requirements.profile,
        target=target,
        losses=recipe.expected_losses(),
    )
    return launch_in_sandbox(command.order(planned), recipe, target, journal, out)


def _launch_on_server(
    command: _Launch, plan: TransmissionPlan | None, server: ServerOptions, journal: Journal, out: Output
) -> int:
    transfer, region_name = command.transfer, command.options.region_name
    if not transfer.app_eui:
        raise click.UsageError("--app-eui is required: the application of the devices")
    if plan is None and not region_name:
        raise click.UsageError("--region is required: it decides which frames may be sent, and how often")
    recipe = plan or plan_recipe(
        transfer,
        region_name or "",
        profile=command.requirements.profile,
        target=command.watching.target,
        devices=len(transfer.dev_euis) or command.watching.expect,
    )
    run = ServerLaunch(
        order=command.order(recipe),
        targets=ServerTargets(app_eui=transfer.app_eui, dev_euis=transfer.dev_euis, dev_tags=transfer.dev_tags),
        server=server,
        watching=command.watching,
        ask=not command.options.yes,
        again=command.options.again,
        detach=command.options.detach,
    )
    return run.run(journal, None if plan is None else plan.target, out)
