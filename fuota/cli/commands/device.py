"""Commands `fuota device`: onboarding, export and tasks of devices."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from fuota.cli import exits
from fuota.cli.commands.device_export import export
from fuota.cli.help import Group
from fuota.cli.options.device_lists import (
    DeviceDetailOptions,
    DeviceSource,
    detail_option,
    detail_options,
    source_options,
)
from fuota.cli.options.group import option_group
from fuota.cli.options.onboarding import (
    TO_KEY_VARIABLE,
    TOKEN_VARIABLE,
    MoveOptions,
    RegistrationOptions,
    ScopeOptions,
    UpdateOptions,
    WaitOptions,
    change_option,
    key_file,
    read_callback,
    read_token,
    registration_option,
    scope_option,
    scope_options,
    tags_option,
)
from fuota.cli.options.server import ServerOptions, call_options, state_option
from fuota.cli.output import Output, with_output
from fuota.cli.render.dry_run import UNREAD_KEY
from fuota.cli.render.progress import shown
from fuota.cli.task_runner import TaskRunner, results_option, runner_options, task_option, timeout_option
from fuota.errors import IncompleteError, OutcomeUnknownError
from fuota.text import printable

if TYPE_CHECKING:
    from fuota.campaign import ResultFile
    from fuota.network.device_lists import DeviceList
    from fuota.network.senra import TaskStatus

DETAILS = ("lat", "lng", "metadata", "dev_type", "tags")
"""Columns that describe a device."""
KEYS = ("app_key", "dev_addr", "nwk_s_key", "app_s_key")


@click.group(cls=Group, examples=("fuota device export --app-eui A1B2C3D4E5F60708 -o devices.csv",))
def device() -> None:
    """Onboard, export and update devices.

    Results of tasks are kept in the state folder. Exit codes: 0 all devices done, 6 some done, 3 none done, 8 unknown for some.
    """


@device.command(
    examples=(
        "fuota device register devices.csv --app-eui A1B2C3D4E5F60708 --dry-run",
        "fuota device register devices.csv --token-file token.txt --tag pilot",
    )
)
@source_options
@scope_options
@tags_option
@option_group(
    "registration",
    RegistrationOptions,
    registration_option(
        "--activation",
        type=click.Choice(["OTAA", "ABP"]),
        help="Activation of the devices.  [default: according to their columns]",
    ),
    registration_option(
        "--token-file",
        metavar="FILE",
        type=key_file,
        help="File of mode 0600 with the six digits that the server sent by e-mail. They may also be in"
        f" {TOKEN_VARIABLE}; otherwise the command asks for them.",
    ),
    registration_option(
        "--callback",
        metavar="FILE",
        type=click.File("rb"),
        help="JSON file with url and headers, to which the server posts the result.",
    ),
)
@runner_options
def register(
    *,
    source: DeviceSource,
    scope: ScopeOptions,
    tags: tuple[str, ...],
    registration: RegistrationOptions,
    runner: TaskRunner,
) -> int:
    """Register devices (device/register).

    FILE has the columns dev_eui and app_key (OTAA), or dev_eui, dev_addr, nwk_s_key and app_s_key (ABP); lat, lng, tags, metadata
    and dev_type are optional. The names of the API (devEui) and of its export ("Dev EUI") are understood too.
    """
    listed = source.read((*KEYS, *DETAILS))
    callback = read_callback(registration.callback)
    token = "0" * 6 if runner.server.dry_run else read_token(registration.token_file)
    return runner.run(
        lambda devices: devices.register(
            listed.rows,
            token=token,
            app_eui=scope.app_eui,
            join_eui=scope.join_eui,
            contract_id=scope.contract_id,
            profile_id=scope.profile_id,
            tags=tags or None,
            callback=callback,
            activation=registration.activation,
        ),
        listed,
    )


@device.command(examples=("fuota device activate devices.csv --app-eui A1B2C3D4E5F60708 --dry-run",))
@source_options
@detail_options
@scope_options
@tags_option
@runner_options
def activate(
    *,
    source: DeviceSource,
    details: DeviceDetailOptions,
    scope: ScopeOptions,
    tags: tuple[str, ...],
    runner: TaskRunner,
) -> int:
    """Activate devices, so that they can join (device/activate).

    Registered and deactivated devices can be activated; they are billed from then on. FILE has the column dev_eui; lat, lng, tags,
    metadata and dev_type are optional.
    """
    listed = source.read(DETAILS, details.fields())
    return runner.run(
        lambda devices: devices.activate(
            listed.rows,
            app_eui=scope.app_eui,
            join_eui=scope.join_eui,
            contract_id=scope.contract_id,
            profile_id=scope.profile_id,
            tags=tags or None,
        ),
        listed,
    )


@device.command(name="activate-one", examples=("fuota device activate-one A1B2C3D4E5F60001 --tag pilot",))
@click.argument("dev_eui")
@detail_options
@scope_options
@tags_option
@call_options
@with_output
def activate_one(
    *,
    dev_eui: str,
    details: DeviceDetailOptions,
    scope: ScopeOptions,
    tags: tuple[str, ...],
    server: ServerOptions,
    out: Output,
) -> int:
    """Activate one device at once, without a task (device/activateOne)."""
    row = {"dev_eui": dev_eui, "tags": tags or None, **details.fields()}
    message = server.client().devices.activate_one(
        row,
        app_eui=scope.app_eui,
        join_eui=scope.join_eui,
        contract_id=scope.contract_id,
        profile_id=scope.profile_id,
    )
    out.event("activated", dev_eui=dev_eui, message=message)
    out.result(printable(message or "the server sent no message"))
    return exits.DONE


@device.command(examples=("fuota device deactivate --dev-eui A1B2C3D4E5F60001 --dry-run",))
@source_options
@scope_options
@runner_options
def deactivate(*, source: DeviceSource, scope: ScopeOptions, runner: TaskRunner) -> int:
    """Deactivate devices, so that they cannot join (device/deactivate).

    A device that has joined stays joined, and is billed while it sends.
    """
    listed = source.read()
    return runner.run(
        lambda devices: devices.deactivate(
            _euis(listed),
            app_eui=scope.app_eui,
            join_eui=scope.join_eui,
            contract_id=scope.contract_id,
            profile_id=scope.profile_id,
        ),
        listed,
    )


@device.command(
    examples=(
        "fuota device update devices.csv --app-eui A1B2C3D4E5F60708 --dry-run",
        "fuota device update --dev-eui A1B2C3D4E5F60001 --app-eui A1B2C3D4E5F60708 \\\n"
        "    --tag pilot --tags-operation APPEND",
    )
)
@source_options
@detail_options
@option_group(
    "update",
    UpdateOptions,
    detail_option("--class", "dev_class", type=click.Choice(["A", "B", "C"]), help="Class."),
    detail_option("--fw-ver", metavar="VERSION", help="Firmware version in the records of the server."),
    scope_option("--app-eui", metavar="EUI", required=True, help="Application of the devices."),
    change_option("--profile-id", type=int, metavar="ID", help="Device profile of the server."),
    change_option("--tag", "tags", metavar="TAG", multiple=True, help="Tag of all devices; may be repeated."),
    change_option(
        "--tags-operation",
        type=click.Choice(["APPEND", "REPLACE", "DELETE"]),
        help="How the tags change the present tags of the devices.",
    ),
)
@runner_options
def update(*, source: DeviceSource, details: DeviceDetailOptions, update: UpdateOptions, runner: TaskRunner) -> int:
    """Change devices that have joined (device/update).

    FILE has the column dev_eui, and columns for what changes: app_key, nwk_key, lat, lng, tags, metadata, dev_type, dev_class and
    fw_ver.
    """
    fields = ("app_key", "nwk_key", *DETAILS, "dev_class", "fw_ver")
    listed = source.read(fields, update.shared(details))
    return runner.run(
        lambda devices: devices.update(
            listed.rows,
            app_eui=update.app_eui,
            profile_id=update.profile_id,
            tags_operation=update.tags_operation,
            tags=update.tags or None,
        ),
        listed,
    )


@device.command(
    examples=(
        "fuota device transfer devices.csv --from-app-eui A1B2C3D4E5F60708 \\\n"
        "    --to-app-eui A1B2C3D4E5F60709 --contract-id 7 --dry-run",
    )
)
@source_options
@option_group(
    "move",
    MoveOptions,
    scope_option(
        "--from-app-eui", metavar="EUI", required=True, help="Present application; the API key belongs to it."
    ),
    scope_option("--to-app-eui", metavar="EUI", required=True, help="New application."),
    scope_option("--contract-id", type=int, metavar="ID", required=True, help="Contract in the new application."),
    scope_option("--profile-id", type=int, metavar="ID", help="Device profile in the new application."),
    scope_option(
        "--to-api-key-file",
        metavar="FILE",
        type=key_file,
        help=f"File of mode 0600 with the API key of the new application. The key may also be in {TO_KEY_VARIABLE}.",
    ),
    scope_option(
        "--to-api-key-command", metavar="COMMAND", help="Command that prints the API key of the new application."
    ),
)
@runner_options
def transfer(*, source: DeviceSource, move: MoveOptions, runner: TaskRunner) -> int:
    """Move devices to another application (device/transfer).

    This needs the API keys of both applications.
    """
    listed = source.read()
    key = UNREAD_KEY if runner.server.dry_run else move.read_key()
    return runner.run(
        lambda devices: devices.transfer(
            _euis(listed),
            from_app_eui=move.from_app_eui,
            to_app_eui=move.to_app_eui,
            contract_id=move.contract_id,
            to_api_key=key,
            profile_id=move.profile_id,
        ),
        listed,
    )


device.add_command(export)


@device.command(examples=("fuota device task DevMgmtJobReq:A1B2C3D4E5F60708",))
@click.argument("task", metavar="TASK")
@option_group(
    "waiting",
    WaitOptions,
    task_option("--wait/--no-wait", default=True, show_default=True, help="Wait for the end of the task."),
    timeout_option,
    results_option,
)
@state_option
@call_options
@with_output
def task(*, task: str, waiting: WaitOptions, state_dir: Path | None, server: ServerOptions, out: Output) -> int:
    """Show the state of a task, and keep its result (device/status).

    TASK is the request id of the task or its statusUrl. The server deletes the result 15 minutes after the end of the task.
    """
    from fuota.campaign import ResultFile

    results = ResultFile.create(waiting.results, state_dir=state_dir, name="task")
    name = _request_id(task) if "://" in task else task
    if waiting.wait:
        status = _await_end(name, server, waiting.timeout_s, results, out)
    elif (status := server.client().devices.task_status(name)).finished:
        results.record_task(name, status)
    _show_status(status, out)
    if not status.finished:
        return exits.UNKNOWN if waiting.wait else exits.DONE
    out.say(f"results are in {results.path}")
    return exits.DONE if status.succeeded else exits.PARTIAL if status.state == "DONE_SUC" else exits.REFUSED


def _show_status(status: TaskStatus, out: Output) -> None:
    out.event("task", **dict(status.raw))
    progress = "" if status.pct_done is None else f" {status.pct_done} %"
    out.result(printable(f"{status.state}{progress}  {status.summary}".rstrip()))
    for line in status.messages:
        out.result(printable(line))


def _await_end(name: str, server: ServerOptions, timeout_s: int, results: ResultFile, out: Output) -> TaskStatus:
    """Return the last status of a task. Raises OutcomeUnknownError if it has not ended in time."""
    with shown(out) as report:
        try:
            return server.client().devices.task(
                name,
                timeout_s=timeout_s,
                on_status=lambda status: report(name, status),
                on_result=lambda status: results.record_task(name, status),
            )
        except IncompleteError as error:
            raise OutcomeUnknownError(str(error)) from None


def _request_id(status_url: str) -> str:
    from urllib.parse import urlsplit

    from fuota.network.senra.tasks import TaskRef

    host = (urlsplit(status_url).hostname or "").lower()
    return TaskRef.from_answer({"statusUrl": status_url}, host=host).request_id


def _euis(devices: DeviceList) -> list[str]:
    return [str(row.get("dev_eui", "")) for row in devices.rows]
