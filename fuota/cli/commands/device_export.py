"""Command `fuota device export`: the devices of an application as CSV or JSON Lines."""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import click

from fuota.cli import exits
from fuota.cli.help import Command, OptionsUnder
from fuota.cli.options.device_lists import dev_eui_option, dev_file_option
from fuota.cli.options.group import option_group
from fuota.cli.options.server import ServerOptions, call_options
from fuota.cli.output import Output, with_output
from fuota.cli.output_file import file_option
from fuota.text import counted

if TYPE_CHECKING:
    from fuota.network.senra.export import Export

selection_option = OptionsUnder("Selection")


@dataclass(frozen=True, slots=True, kw_only=True)
class ExportOptions:
    """Devices and columns that are exported; None or empty: the default of the server."""

    app_eui: str | None
    fields: tuple[str, ...]
    state: str | None
    psr_days: int | None
    contract_id: int | None
    dev_euis: tuple[str, ...]

    def columns(self) -> list[str] | None:
        """Return the names of the columns, None for the default of the server."""
        from fuota.network.senra import EXPORT_FIELDS

        names = [name.strip() for field in self.fields for name in field.split(",") if name.strip()]
        return list(EXPORT_FIELDS) if names == ["all"] else names or None


@click.command(
    cls=Command,
    examples=(
        "fuota device export --app-eui A1B2C3D4E5F60708 -o devices.csv",
        "fuota device export --field devEui,state,yestPsr,yestAvgSnr,curDr -o fleet.csv",
    ),
)
@option_group(
    "selection",
    ExportOptions,
    selection_option("--app-eui", metavar="EUI", help="Application of the devices.  [default: that of the key]"),
    selection_option(
        "--field",
        "fields",
        metavar="NAME",
        multiple=True,
        help="Column, such as yestPsr; may be repeated, or several separated by commas; all is every column."
        "  [default: devEui, contract, tags, state, lastHeardFrom]",
    ),
    selection_option(
        "--state",
        type=click.Choice(["ALL", "REGISTERED", "ACTIVATED", "DEACTIVATED", "JOINED"]),
        help="Devices in this state.  [default: ALL]",
    ),
    selection_option("--psr-days", type=int, metavar="N", help="Packet success rates of the last N days, 1 to 31."),
    selection_option("--contract-id", type=int, metavar="ID", help="Devices of this contract."),
    dev_eui_option("Only this device; may be repeated."),
    dev_file_option,
)
@file_option("--out", "-o", "path", help="Write the CSV to this file.")
@call_options
@with_output
def export(*, selection: ExportOptions, path: Path | None, server: ServerOptions, out: Output) -> int:
    """Export devices as CSV (device/csvExport).

    With --json each device is an event. `fuota plan --fleet` reads the CSV if it has the columns state, yestPsr, yestAvgSnr and
    curDr.
    """
    devices = server.client().devices.export(
        app_eui=selection.app_eui,
        fields=selection.columns(),
        state=selection.state,
        psr_days=selection.psr_days,
        contract_id=selection.contract_id,
        dev_euis=selection.dev_euis or None,
    )
    if path is not None:
        size = _save(devices, path)
        out.event("exported", path=str(path), bytes=size)
        out.say(f"{size} bytes in {path}")
    elif out.as_json:
        count = 0
        for record in devices.records():
            count += 1
            out.event("device", **record.to_json())
        out.say(counted(count, "device"))
    else:
        sys.stdout.flush()
        devices.save(sys.stdout.buffer)
        sys.stdout.buffer.flush()
    return exits.DONE


def _save(devices: Export, path: Path) -> int:
    """Write the CSV to a file and return its size in bytes; an answer that is cut off leaves the old file."""
    from fuota.files import not_writable

    temporary = path.with_name(f"{path.name}.{os.getpid()}.part")
    try:
        with temporary.open("wb") as file:
            size = devices.save(file)
        temporary.replace(path)
    except OSError as error:
        raise not_writable("the CSV", path, error) from error
    finally:
        temporary.unlink(missing_ok=True)
    return size
