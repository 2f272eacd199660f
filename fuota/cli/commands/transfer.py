"""fuota transfer start, status, cancel: the three FUOTA calls as they are, for scripts."""

from __future__ import annotations

from pathlib import Path
from typing import IO, Any

import click

from fuota.cli.options.device_lists import dev_eui_option, dev_file_option
from fuota.cli.options.server import ServerOptions, call_options
from fuota.cli.options.transfer import request_from, transfer_options
from fuota.cli.output import Output, with_output
from fuota.errors import MalformedAnswerError, OutcomeUnknownError, ServerFault, UnreachableError


@click.group()
def transfer() -> None:
    """The three raw FUOTA calls: mcastTransfer, mcastStatus, mcastCancel.

    Nothing is journalled; `fuota launch` does all of it with care. Without --server, the sandbox on this machine.
    """


@transfer.command()
@click.argument("image", type=click.File("rb"))
@transfer_options
@call_options
@with_output
def start(image: IO[bytes], server: ServerOptions, out: Output, **options: Any) -> int:
    """mcastTransfer: start a task that sends IMAGE as it is."""
    if not options["app_eui"]:
        raise click.UsageError("--app-eui is required")
    request = request_from(options, file_name="image.bin" if image.name in ("-", "<stdin>") else Path(image.name).name)
    client = server.client()
    try:
        job = client.transfers.send(request, image.read())
    except (UnreachableError, ServerFault, MalformedAnswerError) as error:
        if isinstance(error, UnreachableError) and not error.maybe_received:
            raise
        raise OutcomeUnknownError(f"{error} Ask `fuota transfer status --app-eui {request.app_eui}`") from error
    out.event("started", **dict(job.raw))
    out.result(f"{job.job_id}: {job.message}")
    return 0


@transfer.command()
@click.option("--job-id", help="The job.")
@click.option("--app-eui", help="Or the application whose job it is.")
@call_options
@with_output
def status(job_id: str | None, app_eui: str | None, server: ServerOptions, out: Output) -> int:
    """mcastStatus: how a task stands."""
    answer = server.client().transfers.status(job_id=job_id, app_eui=app_eui)
    out.event("status", **dict(answer.raw))
    result = f", {answer.result}" if answer.result else ""
    out.result(f"{answer.job_id}: {answer.state} {answer.pct_done} %{result}")
    return 0


@transfer.command()
@click.option("--job-id", help="The job, as a whole.")
@click.option("--app-eui", help="Or some devices of the job of this application.")
@dev_eui_option("A device; may be repeated.")
@dev_file_option
@click.option("--tag", "dev_tags", multiple=True, help="The devices with this tag; may be repeated.")
@call_options
@with_output
def cancel(
    job_id: str | None,
    app_eui: str | None,
    dev_euis: tuple[str, ...],
    dev_tags: tuple[str, ...],
    server: ServerOptions,
    out: Output,
) -> int:
    """mcastCancel: end a task, or leave some devices out of the rest of it."""
    job = server.client().transfers.cancel(
        job_id=job_id, app_eui=app_eui, dev_euis=dev_euis or None, dev_tags=dev_tags or None
    )
    out.event("cancelled", **dict(job.raw))
    out.result(f"{job.job_id}: {job.message}")
    return 0
