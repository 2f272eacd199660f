"""fuota group setup, add, remove, status, send, delete: multicast groups of the server."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from functools import wraps
from typing import TYPE_CHECKING, Any, TypeVar

import click

from fuota.cli.commands.device_tasks import MAX_SHOWN
from fuota.cli.commands.downlink import port_option, show_receipt, warn_of_port
from fuota.cli.options.device_lists import dev_eui_option, dev_file_option
from fuota.cli.options.server import ServerOptions, call_options
from fuota.cli.output import Output, with_output
from fuota.cli.render.words import spoken_mhz
from fuota.text import printable

if TYPE_CHECKING:
    from fuota.network.senra import McGroup

Command = TypeVar("Command", bound=Callable[..., Any])

_app_eui = click.option("--app-eui", required=True, help="Application of the devices.")
_type = click.option(
    "--type",
    "mcast_type",
    type=click.Choice(["APP", "D2D"]),
    default="APP",
    show_default=True,
    help="From the application server, or from device to device.",
)


def group_options(command: Command) -> Command:
    """Gives a command MC_ADDR, --app-eui and --type, and its `group` of the three."""

    @click.argument("mc_addr")
    @_app_eui
    @_type
    @wraps(command)
    def wrapped(*args: Any, mc_addr: str, app_eui: str, mcast_type: str, **kwargs: Any) -> Any:
        return command(*args, group={"mc_addr": mc_addr, "app_eui": app_eui, "mcast_type": mcast_type}, **kwargs)

    return wrapped  # type: ignore[return-value]


def device_options(command: Command) -> Command:
    """Gives a command --dev-eui, --dev-file and --tag, and its `devices` of the two."""

    @dev_eui_option("A device; may be repeated.")
    @dev_file_option
    @click.option("--tag", "dev_tags", multiple=True, help="The devices with this tag; may be repeated.")
    @wraps(command)
    def wrapped(*args: Any, dev_euis: tuple[str, ...], dev_tags: tuple[str, ...], **kwargs: Any) -> Any:
        return command(*args, devices={"dev_euis": dev_euis or None, "dev_tags": dev_tags or None}, **kwargs)

    return wrapped  # type: ignore[return-value]


@click.group()
def group() -> None:
    """Multicast groups: the six calls mcast/*. Keep the address that setup answers: the server gives no list of groups.

    Without --server, those of the sandbox on this machine.
    """


@group.command()
@_app_eui
@device_options
@click.option("--channel", "tx_channel", type=int, help="Downlink channel.  [default: the server's]")
@click.option("--data-rate", "-d", "tx_data_rate", type=int, help="Data rate.  [default: that of RX2]")
@click.option("--contract-id", type=int, help="Contract billed.  [default: the application's]")
@click.option("--class", "dev_class", type=click.Choice(["B", "C"]), default="C", show_default=True, help="Class.")
@_type
@click.option("--periodicity", type=int, help="Class B: a ping slot every 2^P seconds, 0 to 7.  [default: 3]")
@call_options
@with_output
def setup(app_eui: str, devices: dict[str, Any], server: ServerOptions, out: Output, **options: Any) -> int:
    """mcast/setup: make a group of devices."""
    return _show(server.client().multicast.setup(app_eui, **devices, **options), out)


@group.command()
@group_options
@device_options
@call_options
@with_output
def add(group: dict[str, Any], devices: dict[str, Any], server: ServerOptions, out: Output) -> int:
    """mcast/addDevices: take devices into a group."""
    return _show(server.client().multicast.add_devices(**group, **devices), out)


@group.command()
@group_options
@device_options
@call_options
@with_output
def remove(group: dict[str, Any], devices: dict[str, Any], server: ServerOptions, out: Output) -> int:
    """mcast/removeDevices: take devices out of a group."""
    return _show(server.client().multicast.remove_devices(**group, **devices), out)


@group.command()
@group_options
@call_options
@with_output
def status(group: dict[str, Any], server: ServerOptions, out: Output) -> int:
    """mcast/status: how a group and its devices stand."""
    return _show(server.client().multicast.status(**group), out)


@group.command()
@group_options
@click.argument("pdu", metavar="HEX")
@port_option
@call_options
@with_output
def send(group: dict[str, Any], pdu: str, port: int, server: ServerOptions, out: Output) -> int:
    """mcast/sendmsg: send a payload (HEX) to a group."""
    warn_of_port(port, out)
    return show_receipt(server.client().multicast.send(**group, pdu=pdu, port=port), out)


@group.command()
@group_options
@call_options
@with_output
def delete(group: dict[str, Any], server: ServerOptions, out: Output) -> int:
    """mcast/delete: remove a group; its devices close their sessions."""
    return _show(server.client().multicast.delete(**group), out)


def _show(found: McGroup, out: Output) -> int:
    out.event("group", **dict(found.raw))
    radio = [
        None if found.dev_class is None else f"class {found.dev_class}",
        None if found.data_rate is None else f"data rate {found.data_rate}",
        None if found.frequency_hz is None else spoken_mhz(found.frequency_hz),
    ]
    out.result(printable(", ".join([found.mc_addr, *(text for text in radio if text)])))
    for member in found.members[:MAX_SHOWN]:
        out.result(printable(f"  {member.dev_eui or 'a device unnamed'}  {member.state or 'no state'}"))
    if len(found.members) > MAX_SHOWN:
        states = Counter(member.state or "no state" for member in found.members)
        told = ", ".join(f"{count} {state}" for state, count in states.most_common())
        out.result(printable(f"  and {len(found.members) - MAX_SHOWN} more; {told} in all"))
    return 0
