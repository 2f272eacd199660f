"""Options that name devices, one by one, by tag or in a file, and that describe them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import IO, TYPE_CHECKING

import click

from fuota.cli.help import CommandFunction, Decorator, OptionsUnder
from fuota.cli.options.group import option_group

if TYPE_CHECKING:
    from fuota.network.device_lists import DeviceList

FORMATS = "CSV with a heading, JSON, or one EUI per line; - is stdin."
_META = "fuota.cli.options.device_lists.dev_euis"

device_option = OptionsUnder("Devices")
detail_option = OptionsUnder("Details")


@dataclass(frozen=True, slots=True, kw_only=True)
class DeviceTargets:
    """Devices by EUI and by tag; an empty tuple if the command line names none."""

    dev_euis: tuple[str, ...]
    dev_tags: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class DeviceSource:
    """Devices in a file or by EUI; the command line must have exactly one of the two."""

    file: IO[bytes] | None
    dev_euis: tuple[str, ...]

    def read(self, fields: Sequence[str] = (), shared: Mapping[str, object] | None = None) -> DeviceList:
        """Return the devices.

        fields: columns of the file beside dev_eui. shared: fields of every device that --dev-eui names; None values are left out.
        Raises click.UsageError if devices are named in both ways or in none, or if there are shared fields for a file; MessageError
        for a file that is not understood.
        """
        from fuota.network.device_lists import DeviceList, read_devices

        if (self.file is None) == (not self.dev_euis):
            raise click.UsageError("name the devices either in FILE or with --dev-eui")
        common = {name: value for name, value in (shared or {}).items() if value is not None}
        if self.file is None:
            rows = tuple({"dev_eui": dev_eui, **common} for dev_eui in self.dev_euis)
            return DeviceList(source="--dev-eui", rows=rows)
        if common:
            raise click.UsageError(f"--{min(common).replace('_', '-')} goes with --dev-eui; in FILE it is a column")
        return read_devices(self.file, ["dev_eui", *fields])


@dataclass(frozen=True, slots=True, kw_only=True)
class DeviceDetailOptions:
    """Description of a device: position in degrees, text and type."""

    lat: float | None
    lng: float | None
    metadata: str | None
    dev_type: str | None

    def fields(self) -> dict[str, object]:
        """Return the values, keyed by the name of their field."""
        return asdict(self)


def dev_file_option(command: CommandFunction) -> CommandFunction:
    """Add --dev-file to a command. Its devices join the devices of --dev-eui, see `dev_eui_option`."""
    option = device_option(
        "--dev-file",
        type=click.File("rb"),
        metavar="FILE",
        is_eager=True,
        expose_value=False,
        callback=_keep_euis,
        help=f"Devices in a file: {FORMATS}",
    )
    return option(command)


def dev_eui_option(text: str) -> Decorator:
    """Return a decorator that adds --dev-eui to a command, as `dev_euis`: a tuple. text: the help."""
    return device_option("--dev-eui", "dev_euis", metavar="EUI", multiple=True, callback=_with_euis_of_file, help=text)


def _keep_euis(context: click.Context, _parameter: click.Parameter, file: IO[bytes] | None) -> None:
    from fuota.network.device_lists import read_euis

    if file is not None and not context.resilient_parsing:
        with file:
            context.meta[_META] = read_euis(file)


def _with_euis_of_file(
    context: click.Context, _parameter: click.Parameter, dev_euis: tuple[str, ...]
) -> tuple[str, ...]:
    return (*dev_euis, *context.meta.get(_META, ()))


target_options = option_group(
    "targets",
    DeviceTargets,
    dev_eui_option("EUI of a device; may be repeated."),
    dev_file_option,
    device_option("--tag", "dev_tags", metavar="TAG", multiple=True, help="Devices with this tag; may be repeated."),
)
"""Adds --dev-eui, --dev-file and --tag to a command, and passes the parameter `targets`."""

source_options = option_group(
    "source",
    DeviceSource,
    click.argument("file", type=click.File("rb"), required=False),
    device_option(
        "--dev-eui",
        "dev_euis",
        metavar="EUI",
        multiple=True,
        help=f"EUI of a device, instead of FILE; may be repeated. FILE is {FORMATS}",
    ),
)
"""Adds FILE and --dev-eui to a command, and passes the parameter `source`."""

detail_options = option_group(
    "details",
    DeviceDetailOptions,
    detail_option("--lat", type=float, metavar="DEGREES", help="Latitude."),
    detail_option("--lng", type=float, metavar="DEGREES", help="Longitude."),
    detail_option("--metadata", metavar="TEXT", help="Text that the server keeps with the device."),
    detail_option("--dev-type", metavar="TEXT", help="Type of the device."),
)
"""Adds --lat, --lng, --metadata and --dev-type to a command, and passes the parameter `details`."""
