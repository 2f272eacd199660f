"""fuota device export: the devices of an application as CSV or JSON Lines, however many."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from fuota.cli import exits
from fuota.cli.options.device_lists import dev_eui_option, dev_file_option
from fuota.cli.options.server import ServerOptions, call_options
from fuota.cli.output import Output, with_output
from fuota.errors import StorageError
from fuota.text import counted

if TYPE_CHECKING:
    from fuota.network.senra.export import Export


@click.command()
@click.option("--app-eui", help="Application.  [default: that of the key]")
@click.option(
    "--field",
    "fields",
    multiple=True,
    help="A column, such as yestPsr; may be repeated, or several with commas; all is all of them."
    "  [default: devEui, contract, tags, state, lastHeardFrom]",
)
@click.option(
    "--state",
    type=click.Choice(["ALL", "REGISTERED", "ACTIVATED", "DEACTIVATED", "JOINED"]),
    help="Devices in this state.  [default: ALL]",
)
@click.option("--psr-days", type=int, help="Packet success rates of so many days, 1 to 31.")
@click.option("--contract-id", type=int, help="Devices of this contract.")
@dev_eui_option("This device; may be repeated.")
@dev_file_option
@click.option(
    "--out", "-o", "path", type=click.Path(path_type=Path, dir_okay=False), help="Write the CSV to this file."
)
@call_options
@with_output
def export(
    *,
    fields: tuple[str, ...],
    dev_euis: tuple[str, ...],
    path: Path | None,
    server: ServerOptions,
    out: Output,
    **filters: Any,
) -> int:
    """device/csvExport: the devices of an application, as the server's CSV, or with --json as an object a line.

    `fuota plan --fleet` reads the CSV; for that ask for state, yestPsr, yestAvgSnr and curDr too.
    """
    found = server.client().devices.export(fields=_fields(fields), dev_euis=dev_euis or None, **filters)
    if path is not None:
        written_bytes = _to_file(found, path)
        out.event("exported", path=str(path), bytes=written_bytes)
        out.say(f"{written_bytes} bytes in {path}")
    elif out.as_json:
        devices = 0
        for record in found.records():
            devices += 1
            out.event("device", **record.to_json())
        out.say(counted(devices, "device"))
    else:
        sys.stdout.flush()
        found.save(sys.stdout.buffer)
        sys.stdout.buffer.flush()
    return exits.DONE


def _fields(given: tuple[str, ...]) -> list[str] | None:
    from fuota.network.senra import EXPORT_FIELDS

    names = [name.strip() for one in given for name in one.split(",") if name.strip()]
    return list(EXPORT_FIELDS) if names == ["all"] else names or None


def _to_file(export: Export, path: Path) -> int:
    """Whole or not at all: an answer that is cut off leaves the file as it was."""
    beside = path.with_name(f"{path.name}.{os.getpid()}.part")
    try:
        with beside.open("wb") as file:
            written_bytes = export.save(file)
        beside.replace(path)
    except OSError as error:
        raise StorageError(f"{path} cannot be written: {error.strerror or error}") from error
    finally:
        beside.unlink(missing_ok=True)
    return written_bytes
