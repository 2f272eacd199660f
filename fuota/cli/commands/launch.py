"""fuota launch, fuota watch, fuota cancel: a campaign from the image to the verdict."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

import click

from fuota.cli.embedded import MAX_DEVICES
from fuota.cli.following import follow
from fuota.cli.image_gate import gate_options, pass_gate
from fuota.cli.image_input import content_of, name_of
from fuota.cli.options.server import ServerOptions, open_journal, server_options, state_option
from fuota.cli.options.transfer import planned, request_from, transfer_options
from fuota.cli.options.watch import listening, watched, watching_options
from fuota.cli.output import Output, with_output
from fuota.text import counted, printable

if TYPE_CHECKING:
    from fuota.campaign import Campaign, Expected, Journal
    from fuota.cli.embedded import SandboxRecipe


@click.command()
@click.argument("image", type=click.File("rb"))
@click.option(
    "--plan",
    "plan_path",
    type=click.Path(path_type=Path, dir_okay=False),
    help="A plan for this image, written by `fuota plan -o`: it decides how.",
)
@transfer_options
@click.option(
    "--region", "region_name", help="Channel plan, to check the fragments against.  [default: EU868 in the sandbox]"
)
@gate_options
@click.option("--detach", is_flag=True, help="Return once the job is launched.")
@click.option("--yes", "-y", is_flag=True, help="Do not ask before launching on a real server.")
@watching_options
@server_options
@state_option
@click.option(
    "--devices",
    type=click.IntRange(1, MAX_DEVICES),
    default=100,
    show_default=True,
    help="Sandbox only: how many devices.",
)
@click.option(
    "--loss", default="0-0.3", show_default=True, help="Sandbox only: share of frames that a device loses, or a range."
)
@click.option("--speed", default="60", show_default=True, help="Sandbox only: times real time, or max.")
@click.option(
    "--seed", type=click.IntRange(0), default=1, show_default=True, help="Sandbox only: same seed, same fleet."
)
@with_output
def launch(image: IO[bytes], server: ServerOptions, out: Output, **options: Any) -> int:
    """Send IMAGE to devices by multicast, watch, and say what each of them runs.

    Without --server, to the virtual devices of a sandbox inside this process.
    """
    content = content_of(image)
    name = name_of(image)
    if (plan_path := options.pop("plan_path")) is not None:
        options |= planned(plan_path, content, options)
    with closing(open_journal(options["state_dir"])) as journal:
        if server.url is None:
            return _launch_in_sandbox(content, name, journal, out, options)
        return _launch_on_server(content, name, journal, server, out, options)


@click.command()
@click.argument("campaign_id", metavar="CAMPAIGN")
@watching_options
@server_options
@state_option
@with_output
def watch(campaign_id: str, server: ServerOptions, state_dir: Path | None, out: Output, **options: Any) -> int:
    """Watch a launched CAMPAIGN to its end and say what each device runs."""
    with closing(open_journal(state_dir)) as journal, listening(journal, options, out):
        campaign = journal.campaign(campaign_id)
        client = server.client(server.url or campaign.server, outage_s=options["outage_s"])
        return watched(client, journal, campaign, out, options)


@click.command()
@click.argument("campaign_id", metavar="CAMPAIGN")
@server_options
@state_option
@with_output
def cancel(campaign_id: str, server: ServerOptions, state_dir: Path | None, out: Output) -> int:
    """Cancel the job of a CAMPAIGN. Devices keep what they have received; those that are complete may still update."""
    from fuota.campaign import cancel as cancel_campaign

    with closing(open_journal(state_dir)) as journal:
        campaign = journal.campaign(campaign_id)
        cancelled = cancel_campaign(server.client(server.url or campaign.server), journal, campaign)
    out.event("cancelled", campaign=cancelled.id, job_id=cancelled.job_id)
    out.say(f"cancelled {cancelled.id} ({cancelled.job_id})")
    return 0


def launch_in_sandbox(
    content: bytes, name: str, journal: Journal, recipe: SandboxRecipe, out: Output, options: dict[str, Any]
) -> int:
    """Start a sandbox by its recipe, launch there, and follow to the end."""
    from fuota.campaign import launch as launch_campaign
    from fuota.cli.embedded import embedded_sandbox

    options = {**options, "frag_pkg_ver": recipe.version}
    with embedded_sandbox(recipe, journal) as sandbox:
        request = _request(options, name, app_eui=sandbox.app_eui, dev_euis=sandbox.dev_euis)
        expected = _checked(content, request, recipe.region)
        pace = "without waiting" if recipe.speed is None else f"at {recipe.speed:g} times real time"
        out.say(
            f"sandbox {sandbox.url}: {counted(recipe.devices, 'device')} ({recipe.region}), each losing"
            f" {recipe.loss[0]:.0%} to {recipe.loss[1]:.0%} of all frames; its clock goes {pace}"
        )
        _announce(out, name, content, expected, recipe.region)
        campaign = launch_campaign(
            sandbox.client, journal, content, request, server=sandbox.url, expected=expected.to_json()
        )
        _launched(out, journal, campaign, sandbox.url, options)
        return follow(
            sandbox.client, journal, campaign, out, patience=sandbox.patience, target=options["target"], can_leave=False
        )


def _launch_in_sandbox(content: bytes, name: str, journal: Journal, out: Output, options: dict[str, Any]) -> int:
    from fuota.cli.embedded import SandboxRecipe
    from fuota.cli.options.sandbox import parse_loss, parse_speed

    if options["app_eui"] or options["dev_euis"] or options["dev_tags"]:
        raise click.UsageError("--app-eui, --dev-eui and --tag name devices of a server: say which with --server")
    recipe = SandboxRecipe(
        devices=options["devices"],
        loss=parse_loss(options["loss"]),
        region=options["region_name"] or "EU868",
        version=options["frag_pkg_ver"],
        speed=parse_speed(options["speed"]),
        seed=options["seed"],
    )
    _checked(content, _request(options, name, app_eui="0" * 16, dev_euis=("0" * 16,)), recipe.region)
    options = pass_gate(out, content, name, options)
    return launch_in_sandbox(content, name, journal, recipe, out, options)


def _launch_on_server(
    content: bytes, name: str, journal: Journal, server: ServerOptions, out: Output, options: dict[str, Any]
) -> int:
    from fuota.campaign import launch as launch_campaign

    if not options["app_eui"]:
        raise click.UsageError("--app-eui is required: the application whose devices are to be updated")
    if not options["region_name"]:
        raise click.UsageError(
            "--region is required: fragments are checked against its data rates before anything is sent"
        )
    request = _request(options, name)
    expected = _checked(content, request, options["region_name"])
    options = pass_gate(out, content, name, options)
    _check_base(journal, out, request.dev_euis, options["base_sha256"])
    client = server.client()
    _announce(out, name, content, expected, options["region_name"])
    _confirm(server.url or "", options["yes"])
    with listening(journal, options, out):
        campaign = launch_campaign(
            client,
            journal,
            content,
            request,
            server=server.url or "",
            expected=expected.to_json(),
            target_sha256=options["target_sha256"],
        )
        _launched(out, journal, campaign, server.url or "", options)
        out.say(f"launched {campaign.id} ({campaign.job_id})")
        if options["detach"]:
            return 0
        return watched(server.client(outage_s=options["outage_s"]), journal, campaign, out, options)


def _check_base(journal: Journal, out: Output, dev_euis: Sequence[str] | None, base_sha256: str | None) -> None:
    """Whether the devices run the base of a patch, as far as they have reported. Raises PlanError where one does not."""
    from fuota.campaign import check_base

    if base_sha256 is None:
        return
    if not dev_euis:
        out.say("warning: devices named by tag are not compared with the base of the patch")
        return
    if unknown := check_base(journal, dev_euis, base_sha256):
        out.say(
            f"warning: {len(unknown)} of {len(dev_euis)} devices have not reported whether they run the base of the patch"
        )


def _request(options: dict[str, Any], name: str, **where: Any) -> Any:
    return request_from(options, file_name=name, **where)


def _checked(content: bytes, request: Any, region_name: str) -> Expected:
    from fuota.campaign import preflight
    from fuota.radio import region

    return preflight(content, request, region(region_name))


def _announce(out: Output, name: str, content: bytes, expected: Expected, region_name: str) -> None:
    minutes = expected.duration_ms / 60_000
    out.say(
        f"{printable(name)}: {len(content)} bytes, {expected.nb_frag} uncoded and {expected.nb_coded} coded fragments of"
        f" {expected.frag_size} bytes at DR{expected.data_rate} ({region_name});"
        f" {expected.airtime_us / 1e6:.1f} s of airtime in {minutes:.0f} min"
    )


def _launched(out: Output, journal: Journal, campaign: Campaign, server_url: str, options: dict[str, Any]) -> None:
    """Tell, and keep, by which plan it was launched, if by one."""
    sha256 = options.get("plan_sha256")
    if sha256 is not None:
        journal.note(campaign.id, "planned", {"plan_sha256": sha256})
    out.event(
        "launched",
        campaign=campaign.id,
        job_id=campaign.job_id,
        server=server_url,
        plan_sha256=sha256,
        **campaign.expected,
    )


def _confirm(server_url: str, yes: bool) -> None:
    """On a terminal, and only there, ask: what goes on air cannot be taken back."""
    if not yes and sys.stdin.isatty() and sys.stderr.isatty():
        click.confirm(f"Launch on {server_url}?", abort=True, err=True)
