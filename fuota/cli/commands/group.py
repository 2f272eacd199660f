"""Commands `fuota group`: multicast groups of the server."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

import click

from fuota.cli.exits import DONE
from fuota.cli.help import Group, OptionsUnder, radio_option
from fuota.cli.options.device_lists import DeviceTargets, target_options
from fuota.cli.options.downlink import port_option, warn_of_reserved_port
from fuota.cli.options.group import option_group
from fuota.cli.options.server import ServerOptions, call_options
from fuota.cli.output import Output, with_output
from fuota.cli.render.outcomes import MAX_SHOWN, show_receipt
from fuota.cli.render.words import spoken_mhz
from fuota.text import printable

if TYPE_CHECKING:
    from fuota.network.senra import McGroup

group_option = OptionsUnder("Group")
app_eui_option = group_option("--app-eui", metavar="EUI", required=True, help="Application of the devices.")
type_option = group_option(
    "--type",
    "mcast_type",
    type=click.Choice(["APP", "D2D"]),
    default="APP",
    show_default=True,
    help="Messages come from the application server, or from a device (D2D).",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class GroupOptions:
    """A multicast group: its address, application and type."""

    mc_addr: str
    app_eui: str
    mcast_type: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SetupOptions:
    """Parameters of a new multicast group, see Multicast.setup."""

    app_eui: str
    mcast_type: str
    contract_id: int | None
    tx_channel: int | None
    tx_data_rate: int | None
    dev_class: str
    periodicity: int | None


group_options = option_group("group", GroupOptions, click.argument("mc_addr"), app_eui_option, type_option)


@click.group(cls=Group, examples=("fuota group status 01020304 --app-eui A1B2C3D4E5F60708",))
def group() -> None:
    """Set up and use multicast groups.

    Keep the address that `fuota group setup` shows: the server cannot list its groups. Without --server, the commands use the
    sandbox on this machine.
    """


@group.command(examples=("fuota group setup --app-eui A1B2C3D4E5F60708 --dev-file devices.csv --dry-run",))
@target_options
@option_group(
    "setup",
    SetupOptions,
    app_eui_option,
    type_option,
    group_option(
        "--contract-id", type=int, metavar="ID", help="Contract that is billed.  [default: that of the application]"
    ),
    radio_option(
        "--channel", "tx_channel", type=int, metavar="N", help="Downlink channel.  [default: that of the server]"
    ),
    radio_option(
        "--data-rate", "-d", "tx_data_rate", type=int, metavar="DR", help="Data rate.  [default: that of RX2]"
    ),
    radio_option(
        "--class",
        "dev_class",
        type=click.Choice(["B", "C"]),
        default="C",
        show_default=True,
        help="Class of the session.",
    ),
    radio_option(
        "--periodicity",
        type=int,
        metavar="P",
        help="Class B: a ping slot every 2^P seconds, P from 0 to 7.  [default: 3]",
    ),
)
@call_options
@with_output
def setup(*, targets: DeviceTargets, setup: SetupOptions, server: ServerOptions, out: Output) -> int:
    """Make a group of devices (mcast/setup)."""
    created = server.client().multicast.setup(
        setup.app_eui,
        dev_euis=targets.dev_euis or None,
        dev_tags=targets.dev_tags or None,
        tx_channel=setup.tx_channel,
        tx_data_rate=setup.tx_data_rate,
        contract_id=setup.contract_id,
        dev_class=setup.dev_class,
        mcast_type=setup.mcast_type,
        periodicity=setup.periodicity,
    )
    return _show(created, out)


@group.command(examples=("fuota group add 01020304 --app-eui A1B2C3D4E5F60708 --tag pilot --dry-run",))
@group_options
@target_options
@call_options
@with_output
def add(*, group: GroupOptions, targets: DeviceTargets, server: ServerOptions, out: Output) -> int:
    """Add devices to a group (mcast/addDevices)."""
    changed = server.client().multicast.add_devices(
        group.app_eui,
        group.mc_addr,
        dev_euis=targets.dev_euis or None,
        dev_tags=targets.dev_tags or None,
        mcast_type=group.mcast_type,
    )
    return _show(changed, out)


@group.command(examples=("fuota group remove 01020304 --app-eui A1B2C3D4E5F60708 --tag pilot --dry-run",))
@group_options
@target_options
@call_options
@with_output
def remove(*, group: GroupOptions, targets: DeviceTargets, server: ServerOptions, out: Output) -> int:
    """Remove devices from a group (mcast/removeDevices)."""
    changed = server.client().multicast.remove_devices(
        group.app_eui,
        group.mc_addr,
        dev_euis=targets.dev_euis or None,
        dev_tags=targets.dev_tags or None,
        mcast_type=group.mcast_type,
    )
    return _show(changed, out)


@group.command(examples=("fuota group status 01020304 --app-eui A1B2C3D4E5F60708",))
@group_options
@call_options
@with_output
def status(*, group: GroupOptions, server: ServerOptions, out: Output) -> int:
    """Show the state of a group and its devices (mcast/status)."""
    multicast = server.client().multicast
    return _show(multicast.status(group.app_eui, group.mc_addr, mcast_type=group.mcast_type), out)


@group.command(examples=("fuota group send 01020304 0102 --app-eui A1B2C3D4E5F60708 --port 2 --dry-run",))
@group_options
@click.argument("pdu", metavar="HEX")
@port_option
@call_options
@with_output
def send(*, group: GroupOptions, pdu: str, port: int, server: ServerOptions, out: Output) -> int:
    """Send a payload (HEX) to a group (mcast/sendmsg)."""
    warn_of_reserved_port(port, out)
    multicast = server.client().multicast
    receipt = multicast.send(group.app_eui, group.mc_addr, pdu, port=port, mcast_type=group.mcast_type)
    return show_receipt(receipt, out)


@group.command(examples=("fuota group delete 01020304 --app-eui A1B2C3D4E5F60708 --dry-run",))
@group_options
@call_options
@with_output
def delete(*, group: GroupOptions, server: ServerOptions, out: Output) -> int:
    """Delete a group; its devices close their sessions (mcast/delete)."""
    multicast = server.client().multicast
    return _show(multicast.delete(group.app_eui, group.mc_addr, mcast_type=group.mcast_type), out)


def _show(group: McGroup, out: Output) -> int:
    out.event("group", **dict(group.raw))
    radio = [
        None if group.dev_class is None else f"class {group.dev_class}",
        None if group.data_rate is None else f"data rate {group.data_rate}",
        None if group.frequency_hz is None else spoken_mhz(group.frequency_hz),
    ]
    out.result(printable(", ".join([group.mc_addr, *(text for text in radio if text)])))
    for member in group.members[:MAX_SHOWN]:
        out.result(printable(f"  {member.dev_eui or 'a device without EUI'}  {member.state or 'no state'}"))
    if len(group.members) > MAX_SHOWN:
        states = Counter(member.state or "no state" for member in group.members)
        totals = ", ".join(f"{count} {state}" for state, count in states.most_common())
        out.result(printable(f"  and {len(group.members) - MAX_SHOWN} more; in total {totals}"))
    return DONE
