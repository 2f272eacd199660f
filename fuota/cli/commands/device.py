"""fuota device: register, activate, activate-one, deactivate, update, export, transfer, task."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

import click

from fuota.cli import exits
from fuota.cli.commands.device_export import export
from fuota.cli.commands.device_tasks import Job, details_options, job_options, place_options, rows_options, tags_option
from fuota.cli.options.server import ServerOptions, call_options, state_option
from fuota.cli.output import Output, with_output
from fuota.cli.render.dry_run import UNREAD_KEY
from fuota.cli.render.progress import shown
from fuota.cli.results import ResultFile
from fuota.errors import AuthenticationError, IncompleteError, MessageError, OutcomeUnknownError
from fuota.network.keys import KeySource
from fuota.text import printable

if TYPE_CHECKING:
    from fuota.network.senra import TaskStatus

TOKEN_VARIABLE = "FUOTA_REGISTRATION_TOKEN"  # noqa: S105 - a name
TO_KEY_VARIABLE = "FUOTA_TO_API_KEY"
DETAILS = ("lat", "lng", "metadata", "dev_type")
_KEYS = ("app_key", "dev_addr", "nwk_s_key", "app_s_key")


@click.group()
def device() -> None:
    """Devices of an application: onboarding, export and tasks. Results of tasks are kept in the state folder.

    Exit codes: 0 every device done, 6 some, 3 none, 8 not known of some.
    """


@device.command()
@rows_options(*_KEYS, *DETAILS, "tags")
@place_options
@tags_option
@click.option("--activation", type=click.Choice(["OTAA", "ABP"]), help="How they join.  [default: by their columns]")
@click.option(
    "--token-file",
    type=click.Path(path_type=Path, dir_okay=False),
    help=f"File of mode 0600 with the six digits e-mailed; they may also be in {TOKEN_VARIABLE}, or are asked for.",
)
@click.option("--callback", type=click.File("rb"), help="JSON with url and headers: where the server posts the result.")
@job_options
def register(  # noqa: PLR0913 - options
    *,
    given: Any,
    place: dict[str, Any],
    tags: tuple[str, ...],
    activation: str | None,
    token_file: Path | None,
    callback: IO[bytes] | None,
    job: Job,
) -> int:
    """device/register: make devices known. FILE has dev_eui and app_key, or dev_addr, nwk_s_key, app_s_key (ABP).

    Also lat, lng, tags, metadata and dev_type. The names of the API (devEui) and of its export ("Dev EUI") will do.
    """
    more = {"tags": tags or None, "activation": activation, "callback": _callback(callback), **place}
    token = "0" * 6 if job.server.dry_run else _token(token_file)
    return job.carry_out(lambda devices: devices.register(given.rows, token=token, **more), given)


@device.command()
@rows_options(*DETAILS, "tags", shared=DETAILS)
@details_options
@place_options
@tags_option
@job_options
def activate(*, given: Any, place: dict[str, Any], tags: tuple[str, ...], job: Job) -> int:
    """device/activate: let registered or deactivated devices join; they are billed from then on.

    FILE has dev_eui, and lat, lng, tags, metadata and dev_type where they are to be set.
    """
    return job.carry_out(lambda devices: devices.activate(given.rows, tags=tags or None, **place), given)


@device.command(name="activate-one")
@click.argument("dev_eui")
@details_options
@place_options
@tags_option
@call_options
@with_output
def activate_one(
    *,
    dev_eui: str,
    place: dict[str, Any],
    tags: tuple[str, ...],
    server: ServerOptions,
    out: Output,
    **details: Any,
) -> int:
    """device/activateOne: activate one device at once, without a task."""
    row = {"dev_eui": dev_eui, "tags": tags or None, **details}
    said = server.client().devices.activate_one(row, **place)
    out.event("activated", dev_eui=dev_eui, message=said)
    out.result(printable(said or "the server said nothing"))
    return exits.DONE


@device.command()
@rows_options()
@place_options
@job_options
def deactivate(*, given: Any, place: dict[str, Any], job: Job) -> int:
    """device/deactivate: keep devices from joining. Those that have joined go on, and are billed while they are heard."""
    return job.carry_out(lambda devices: devices.deactivate(given.rows, **place), given)


@device.command()
@rows_options("app_key", "nwk_key", *DETAILS, "tags", "dev_class", "fw_ver", shared=(*DETAILS, "dev_class", "fw_ver"))
@details_options
@click.option("--class", "dev_class", type=click.Choice(["A", "B", "C"]), help="Class of the device.")
@click.option("--fw-ver", help="Firmware version, for the server's records.")
@click.option("--app-eui", required=True, help="Application of the devices.")
@click.option("--profile-id", type=int, help="Device profile.")
@tags_option
@click.option(
    "--tags-operation", type=click.Choice(["APPEND", "REPLACE", "DELETE"]), help="What is done with the tags."
)
@job_options
def update(*, given: Any, tags: tuple[str, ...], job: Job, **options: Any) -> int:
    """device/update: change devices that have joined.

    FILE has dev_eui, and of app_key, nwk_key, lat, lng, tags, metadata, dev_type, dev_class and fw_ver what is to change.
    """
    return job.carry_out(lambda devices: devices.update(given.rows, tags=tags or None, **options), given)


@device.command()
@rows_options()
@click.option("--from-app-eui", required=True, help="Application that they are in; the key is that of it.")
@click.option("--to-app-eui", required=True, help="Application that they go to.")
@click.option("--contract-id", type=int, required=True, help="Contract there.")
@click.option("--profile-id", type=int, help="Device profile there.")
@click.option(
    "--to-api-key-file",
    type=click.Path(path_type=Path, dir_okay=False),
    help=f"File of mode 0600 with the key of the other application; it may also be in {TO_KEY_VARIABLE}.",
)
@click.option("--to-api-key-command", metavar="COMMAND", help="Command that prints that key.")
@job_options
def transfer(
    *, given: Any, to_api_key_file: Path | None, to_api_key_command: str | None, job: Job, **options: Any
) -> int:
    """device/transfer: move devices to another application, with the keys of both."""
    key = UNREAD_KEY if job.server.dry_run else _other_key(to_api_key_file, to_api_key_command)
    return job.carry_out(lambda devices: devices.transfer(given.rows, to_api_key=key, **options), given)


device.add_command(export)


@device.command()
@click.argument("task", metavar="TASK")
@click.option("--wait/--no-wait", default=True, show_default=True, help="Wait for its end.")
@click.option("--timeout", "timeout_s", type=int, default=600, show_default=True, help="Seconds to wait.")
@click.option(
    "--results",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Keep the result in this file.  [default: a file of its own in the state folder]",
)
@state_option
@call_options
@with_output
def task(  # noqa: PLR0913 - options
    *,
    task: str,
    wait: bool,
    timeout_s: int,
    results: Path | None,
    state_dir: Path | None,
    server: ServerOptions,
    out: Output,
) -> int:
    """device/status: how a task stands. TASK is its request id or statusUrl; the server forgets it 15 minutes after its end."""
    from fuota.network.senra.tasks import TaskRef

    kept = ResultFile(results, state_dir, "task")
    name = TaskRef.from_answer({"statusUrl": task}, host=_host(task)).request_id if "://" in task else task
    if wait:
        status = _end_of(name, server, timeout_s, kept, out)
    elif (status := server.client().devices.task_status(name)).finished:
        kept.task(name, status)
    out.event("task", **dict(status.raw))
    progress = "" if status.pct_done is None else f" {status.pct_done} %"
    out.result(printable(f"{status.state}{progress}  {status.summary}".rstrip()))
    for line in status.messages:
        out.result(printable(line))
    if not status.finished:
        return exits.UNKNOWN if wait else exits.DONE
    out.say(f"kept in {kept.path}")
    return exits.DONE if status.succeeded else exits.PARTIAL if status.state == "DONE_SUC" else exits.REFUSED


def _end_of(name: str, server: ServerOptions, timeout_s: int, kept: ResultFile, out: Output) -> TaskStatus:
    with shown(out) as report:
        try:
            return server.client().devices.task(
                name,
                timeout_s=timeout_s,
                on_status=lambda status: report(name, status),
                on_result=lambda status: kept.task(name, status),
            )
        except IncompleteError as error:
            raise OutcomeUnknownError(str(error)) from None


def _host(url: str) -> str:
    from urllib.parse import urlsplit

    return (urlsplit(url).hostname or "").lower()


def _token(file: Path | None) -> str:
    if file is not None:
        return KeySource(kind="file", where=str(file)).read()
    if TOKEN_VARIABLE in os.environ:
        return os.environ[TOKEN_VARIABLE].strip()
    if not (sys.stdin.isatty() and sys.stderr.isatty()):
        raise click.UsageError(f"no registration token: set {TOKEN_VARIABLE}, or use --token-file")
    return str(click.prompt("Registration token, six digits", hide_input=True, err=True)).strip()


def _other_key(file: Path | None, command: str | None) -> str:
    if file is not None:
        return KeySource(kind="file", where=str(file)).read()
    if command is not None:
        return KeySource(kind="command", where=command).read()
    if TO_KEY_VARIABLE not in os.environ:
        raise AuthenticationError(
            f"no API key of the other application: set {TO_KEY_VARIABLE}, or use --to-api-key-file or --to-api-key-command"
        )
    return os.environ[TO_KEY_VARIABLE].strip()


def _callback(file: IO[bytes] | None) -> Any:
    from fuota.network.senra import Callback

    if file is None:
        return None
    try:
        found = json.load(file)
    except (ValueError, RecursionError):
        raise MessageError(f"the callback file {file.name} is no JSON") from None
    if not isinstance(found, dict) or not found or not set(found) <= {"url", "headers"}:
        raise MessageError(f"the callback file {file.name} must hold an object with url and, if need be, headers")
    return Callback(**{"url": "", **found})
