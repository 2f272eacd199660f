"""Commands `fuota downlink`: messages to devices, which the server queues."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import IO

import click

from fuota.cli.exits import DONE
from fuota.cli.help import Group
from fuota.cli.options.device_lists import FORMATS, device_option
from fuota.cli.options.downlink import message_option, port_option, warn_of_reserved_port
from fuota.cli.options.group import option_group
from fuota.cli.options.server import ServerOptions, call_options
from fuota.cli.output import Output, with_output
from fuota.cli.render.outcomes import cleared_text, receipt_text, show_answers, show_receipt
from fuota.text import printable

MESSAGE_FIELDS = ("dev_eui", "pdu", "port", "confirmed", "timeout_minutes", "clear", "dev_class", "immediate")
"""Columns of a file of messages."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MessageOptions:
    """Parameters of a message, see Downlinks.send."""

    port: int
    confirmed: bool
    timeout_minutes: int
    clear: bool
    dev_class: str | None
    immediate: bool


@click.group(cls=Group, examples=("fuota downlink send A1B2C3D4E5F60001 0102 --port 2 --dry-run",))
def downlink() -> None:
    """Send messages to devices.

    Without --server, the messages go to the sandbox on this machine.
    """


@downlink.command(
    examples=(
        "fuota downlink send A1B2C3D4E5F60001 0102 --port 2 --confirmed",
        "fuota downlink send --messages messages.csv --dry-run",
    )
)
@click.argument("dev_eui", required=False)
@click.argument("pdu", metavar="HEX", required=False)
@message_option(
    "--messages",
    type=click.File("rb"),
    metavar="FILE",
    help=f"Messages in a file, instead of DEV_EUI and HEX: {FORMATS}",
)
@option_group(
    "message",
    MessageOptions,
    port_option,
    message_option("--confirmed", is_flag=True, help="The device must acknowledge the message."),
    message_option(
        "--timeout-minutes",
        type=int,
        metavar="MINUTES",
        default=65,
        show_default=True,
        help="How long the server tries to send, and waits for the acknowledgement.",
    ),
    message_option("--clear", is_flag=True, help="Remove the messages that are queued for the device."),
    message_option(
        "--class", "dev_class", type=click.Choice(["A", "B", "C"]), help="Class.  [default: that of the device]"
    ),
    message_option("--immediate", is_flag=True, help="Send in answer to the current uplink, not to the next uplink."),
)
@call_options
@with_output
def send(
    *,
    dev_eui: str | None,
    pdu: str | None,
    messages: IO[bytes] | None,
    message: MessageOptions,
    server: ServerOptions,
    out: Output,
) -> int:
    """Queue a payload (HEX) for one device, or many (sendmsg).

    A file of --messages has the columns dev_eui and pdu; port, confirmed, timeout_minutes, clear, dev_class and immediate are
    optional, and the options replace missing values. All messages are checked before the first is sent.
    """
    warn_of_reserved_port(message.port, out)
    if messages is not None and dev_eui is None:
        return _send_file(messages, message, server, out)
    if messages is not None or dev_eui is None or pdu is None:
        raise click.UsageError("give a device and its payload, or --messages")
    receipt = server.client().downlinks.send(
        dev_eui,
        pdu,
        port=message.port,
        confirmed=message.confirmed,
        timeout_minutes=message.timeout_minutes,
        clear=message.clear,
        dev_class=message.dev_class,
        immediate=message.immediate,
    )
    return show_receipt(receipt, out)


def _send_file(file: IO[bytes], message: MessageOptions, server: ServerOptions, out: Output) -> int:
    from fuota.network.device_lists import read_devices, source_in_errors

    listed = read_devices(file, MESSAGE_FIELDS)
    if listed.ignored:
        out.say(f"{listed.source}: not used: {', '.join(map(printable, listed.ignored))}")
    defaults = asdict(message)
    with source_in_errors(listed.source):
        answers = server.client().downlinks.send_each([{**defaults, **row} for row in listed.rows])
    return show_answers(answers, out, receipt_text)


@downlink.command(examples=("fuota downlink multicast 01020304 0102 --gateway A1B2C3D4E5F60A01 --dry-run",))
@click.argument("mc_addr")
@click.argument("pdu", metavar="HEX")
@message_option(
    "--gateway", "bstn_euis", metavar="EUI", multiple=True, help="Base station that sends; may be repeated."
)
@message_option(
    "--gateway-file",
    type=click.File("rb"),
    metavar="FILE",
    help="Base stations in a file: one EUI per line; - is stdin.",
)
@port_option
@call_options
@with_output
def multicast(  # noqa: PLR0913 - options
    *,
    mc_addr: str,
    pdu: str,
    bstn_euis: tuple[str, ...],
    gateway_file: IO[bytes] | None,
    port: int,
    server: ServerOptions,
    out: Output,
) -> int:
    """Send a payload (HEX) once from chosen base stations (sendmcastmsg).

    All devices with the address MC_ADDR receive it.
    """
    from fuota.network.device_lists import read_euis

    warn_of_reserved_port(port, out)
    euis_in_file = () if gateway_file is None else read_euis(gateway_file)
    receipt = server.client().downlinks.send_multicast(mc_addr, pdu, (*bstn_euis, *euis_in_file), port=port)
    return show_receipt(receipt, out)


@downlink.command(
    examples=(
        "fuota downlink clear A1B2C3D4E5F60001 --all --dry-run",
        "fuota downlink clear --all --dev-file devices.csv",
    )
)
@click.argument("dev_eui", required=False)
@message_option("--msg-id", type=int, metavar="ID", help="Number of the message.")
@message_option("--all", "everything", is_flag=True, help="All messages that are queued for the device.")
@device_option("--dev-file", type=click.File("rb"), metavar="FILE", help=f"Devices in a file, with --all: {FORMATS}")
@call_options
@with_output
def clear(
    *,
    dev_eui: str | None,
    msg_id: int | None,
    everything: bool,
    dev_file: IO[bytes] | None,
    server: ServerOptions,
    out: Output,
) -> int:
    """Remove one message, or all, from the queue of a device (clearmsgs)."""
    from fuota.network.device_lists import read_euis

    if everything == (msg_id is not None):
        raise click.UsageError("give exactly one of --msg-id and --all")
    if (dev_eui is None) == (dev_file is None) or (dev_file is not None and not everything):
        raise click.UsageError("give either a device, or --dev-file with --all")
    downlinks = server.client().downlinks
    if dev_file is not None:
        return show_answers(downlinks.clear_each(read_euis(dev_file)), out, cleared_text)
    cleared = downlinks.clear(dev_eui or "", msg_id=msg_id)
    out.event("cleared", **dict(cleared.raw))
    out.result(cleared_text(cleared))
    return DONE
