"""fuota downlink send, multicast, clear: messages to devices, queued by the server."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from fuota.cli.output import Output, with_output
from fuota.cli.server_options import ServerOptions, server_options
from fuota.cli.words import printable

if TYPE_CHECKING:
    from fuota.network.senra import DownlinkReceipt

HIGHEST_APPLICATION_PORT = 223
"""TS001-1.0.4 keeps the ports above it; the server takes them up to 254 all the same."""

port_option = click.option("--port", type=int, default=1, show_default=True, help="FPort, 1 to 254.")


@click.group()
def downlink() -> None:
    """Messages to devices: sendmsg, sendmcastmsg, clearmsgs. The sandbox does not answer these yet: name a --server."""


@downlink.command()
@click.argument("dev_eui")
@click.argument("pdu", metavar="HEX")
@port_option
@click.option("--confirmed", is_flag=True, help="The device must acknowledge it.")
@click.option(
    "--timeout-minutes", type=int, default=65, show_default=True, help="How long the server tries, and waits for that."
)
@click.option("--clear", is_flag=True, help="Forget what is queued for the device.")
@click.option("--class", "dev_class", type=click.Choice(["A", "B", "C"]), help="Class.  [default: the device's]")
@click.option("--immediate", is_flag=True, help="Against the current uplink, not the next one.")
@server_options
@with_output
def send(  # noqa: PLR0913 - options
    *,
    dev_eui: str,
    pdu: str,
    port: int,
    confirmed: bool,
    timeout_minutes: int,
    clear: bool,
    dev_class: str | None,
    immediate: bool,
    server: ServerOptions,
    out: Output,
) -> int:
    """sendmsg: queue a payload (HEX) for one device."""
    warn_of_port(port, out)
    receipt = server.client().downlinks.send(
        dev_eui,
        pdu,
        port=port,
        confirmed=confirmed,
        timeout_minutes=timeout_minutes,
        clear=clear,
        dev_class=dev_class,
        immediate=immediate,
    )
    return show_receipt(receipt, out)


@downlink.command()
@click.argument("mc_addr")
@click.argument("pdu", metavar="HEX")
@click.option(
    "--gateway", "bstn_euis", multiple=True, required=True, help="A base station that sends; may be repeated."
)
@port_option
@server_options
@with_output
def multicast(mc_addr: str, pdu: str, bstn_euis: tuple[str, ...], port: int, server: ServerOptions, out: Output) -> int:
    """sendmcastmsg: send a payload (HEX) once, from named base stations, to the devices with this address."""
    warn_of_port(port, out)
    return show_receipt(server.client().downlinks.send_multicast(mc_addr, pdu, bstn_euis, port=port), out)


@downlink.command()
@click.argument("dev_eui")
@click.option("--msg-id", type=int, help="The message.")
@click.option("--all", "everything", is_flag=True, help="Or all that is queued for the device.")
@server_options
@with_output
def clear(dev_eui: str, msg_id: int | None, everything: bool, server: ServerOptions, out: Output) -> int:
    """clearmsgs: take one message, or all, out of a device's queue."""
    if everything == (msg_id is not None):
        raise click.UsageError("give exactly one of --msg-id and --all")
    cleared = server.client().downlinks.clear(dev_eui, msg_id=msg_id)
    out.event("cleared", **dict(cleared.raw))
    ids = (
        "the server did not say what" if cleared.msg_ids is None else ", ".join(map(str, cleared.msg_ids)) or "nothing"
    )
    out.result(f"cleared: {ids}")
    return 0


def warn_of_port(port: int, out: Output) -> None:
    """Ports that the server takes and an application has no business on."""
    if port > HIGHEST_APPLICATION_PORT:
        out.say(f"FPort {port} is not an application's: LoRaWAN keeps those above {HIGHEST_APPLICATION_PORT}")


def show_receipt(receipt: DownlinkReceipt, out: Output) -> int:
    """What the server said to a message."""
    out.event("queued", **dict(receipt.raw))
    number = "no msgId" if receipt.msg_id is None else f"msgId {receipt.msg_id}"
    out.result(f"{number}: {printable(receipt.message or 'the server said no more')}")
    return 0
