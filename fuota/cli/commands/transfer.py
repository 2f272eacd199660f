"""fuota transfer start, status, cancel: the three FUOTA calls without a journal, for scripts."""

from __future__ import annotations

from typing import IO

import click

from fuota.cli.help import Command, Group
from fuota.cli.image_input import name_of
from fuota.cli.options.device_lists import dev_eui_option, dev_file_option, device_option
from fuota.cli.options.server import ServerOptions, call_options
from fuota.cli.options.transfer import TransferOptions, transfer_options
from fuota.cli.output import Output, with_output
from fuota.errors import MalformedAnswerError, OutcomeUnknownError, ServerFault, UnreachableError


@click.group(
    cls=Group,
    examples=("fuota transfer status --app-eui AAAAAAAAAAAAAA01",),
)
def transfer() -> None:
    """Call mcastTransfer, mcastStatus and mcastCancel without checks.

    The image is not checked and nothing is recorded; `fuota launch` does both. Without --server, the server is a sandbox on
    this machine.
    """


@transfer.command(
    cls=Command,
    examples=("fuota transfer start app.bin --app-eui AAAAAAAAAAAAAA01 --tag meters --dry-run",),
)
@click.argument("image", type=click.File("rb"))
@transfer_options
@call_options
@with_output
def start(*, image: IO[bytes], transfer: TransferOptions, server: ServerOptions, out: Output) -> int:
    """Start a job that sends IMAGE as it is (mcastTransfer)."""
    request = transfer.request(name_of(image))
    from fuota.image.firmware import read_image

    client = server.client()
    content = read_image(image, name_of(image))
    try:
        job = client.transfers.send(request, content)
    except (UnreachableError, ServerFault, MalformedAnswerError) as error:
        if isinstance(error, UnreachableError) and not error.maybe_received:
            raise
        raise OutcomeUnknownError(f"{error} Ask `fuota transfer status --app-eui {request.app_eui}`") from error
    out.event("started", **dict(job.raw))
    out.result(f"{job.job_id}: {job.message}")
    return 0


@transfer.command(cls=Command, examples=("fuota transfer status --app-eui AAAAAAAAAAAAAA01",))
@device_option("--job-id", help="Id of the job.")
@device_option("--app-eui", help="Application of the job, instead of its id.")
@call_options
@with_output
def status(*, job_id: str | None, app_eui: str | None, server: ServerOptions, out: Output) -> int:
    """Show the status of a job (mcastStatus)."""
    answer = server.client().transfers.status(job_id=job_id, app_eui=app_eui)
    out.event("status", **dict(answer.raw))
    result = f", {answer.result}" if answer.result else ""
    out.result(f"{answer.job_id}: {answer.state} {answer.pct_done} %{result}")
    return 0


@transfer.command(
    cls=Command,
    examples=(
        "fuota transfer cancel --job-id MCastXferJobReq:AAAAAAAAAAAAAA01",
        "fuota transfer cancel --app-eui AAAAAAAAAAAAAA01 --dev-eui 123000000000ABC0",
    ),
)
@device_option("--job-id", help="Id of the job to cancel.")
@device_option("--app-eui", help="Application of the job, to cancel it for some devices only.")
@dev_eui_option("Device to leave out; may be repeated.")
@dev_file_option
@device_option("--tag", "dev_tags", multiple=True, help="Leave out the devices with this tag; may be repeated.")
@call_options
@with_output
def cancel(
    *,
    job_id: str | None,
    app_eui: str | None,
    dev_euis: tuple[str, ...],
    dev_tags: tuple[str, ...],
    server: ServerOptions,
    out: Output,
) -> int:
    """Cancel a job, or cancel it for some devices only (mcastCancel)."""
    job = server.client().transfers.cancel(
        job_id=job_id, app_eui=app_eui, dev_euis=dev_euis or None, dev_tags=dev_tags or None
    )
    out.event("cancelled", **dict(job.raw))
    out.result(f"{job.job_id}: {job.message}")
    return 0
