"""fuota downlink send, multicast, clear: messages to devices, queued by the server."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from typing import IO, TYPE_CHECKING, Any

import click

from fuota.cli.commands.device_tasks import exit_code
from fuota.cli.options.device_lists import FORMATS
from fuota.cli.options.server import ServerOptions, call_options
from fuota.cli.output import Output, with_output
from fuota.cli.render.dry_run import NotSent
from fuota.network.device_lists import DeviceList, read_devices, read_euis, source_in_errors
from fuota.text import printable

if TYPE_CHECKING:
    from fuota.network.senra import ClearedDownlinks, DownlinkReceipt
    from fuota.network.senra.one_by_one import DeviceAnswer

MESSAGE_FIELDS = ("dev_eui", "pdu", "port", "confirmed", "timeout_minutes", "clear", "dev_class", "immediate")

HIGHEST_APPLICATION_PORT = 223
"""TS001-1.0.4 keeps the ports above it; the server takes them up to 254 all the same."""

port_option = click.option("--port", type=int, default=1, show_default=True, help="FPort, 1 to 254.")


@click.group()
def downlink() -> None:
    """Messages to devices: sendmsg, sendmcastmsg, clearmsgs. Without --server, to those of the sandbox on this machine."""


@downlink.command()
@click.argument("dev_eui", required=False)
@click.argument("pdu", metavar="HEX", required=False)
@click.option("--messages", type=click.File("rb"), help=f"Or messages in a file: {FORMATS}")
@port_option
@click.option("--confirmed", is_flag=True, help="The device must acknowledge it.")
@click.option(
    "--timeout-minutes", type=int, default=65, show_default=True, help="How long the server tries, and waits for that."
)
@click.option("--clear", is_flag=True, help="Forget what is queued for the device.")
@click.option("--class", "dev_class", type=click.Choice(["A", "B", "C"]), help="Class.  [default: the device's]")
@click.option("--immediate", is_flag=True, help="Against the current uplink, not the next one.")
@call_options
@with_output
def send(
    *,
    dev_eui: str | None,
    pdu: str | None,
    messages: IO[bytes] | None,
    server: ServerOptions,
    out: Output,
    **options: Any,
) -> int:
    """sendmsg: queue a payload (HEX) for one device, or those of a file with dev_eui and pdu.

    A file may also have port, confirmed, timeout_minutes, clear, dev_class and immediate; the options stand in for what it
    leaves out. All are checked before the first is sent.
    """
    warn_of_port(options["port"], out)
    if messages is not None and dev_eui is None:
        return _send_each(read_devices(messages, MESSAGE_FIELDS), options, server, out)
    if messages is not None or dev_eui is None or pdu is None:
        raise click.UsageError("give a device and its payload, or --messages")
    return show_receipt(server.client().downlinks.send(dev_eui, pdu, **options), out)


def _send_each(given: DeviceList, options: dict[str, Any], server: ServerOptions, out: Output) -> int:
    if given.ignored:
        out.say(f"{given.source}: not used: {', '.join(map(printable, given.ignored))}")
    with source_in_errors(given.source):
        sent = server.client().downlinks.send_each([{**options, **row} for row in given.rows])
    return show_each(sent, out, _receipt)


@downlink.command()
@click.argument("mc_addr")
@click.argument("pdu", metavar="HEX")
@click.option("--gateway", "bstn_euis", multiple=True, help="A base station that sends; may be repeated.")
@click.option("--gateway-file", type=click.File("rb"), help="Base stations in a file: an EUI a line; - is a pipe.")
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
    """sendmcastmsg: send a payload (HEX) once, from named base stations, to the devices with this address."""
    warn_of_port(port, out)
    from_file = () if gateway_file is None else read_euis(gateway_file)
    receipt = server.client().downlinks.send_multicast(mc_addr, pdu, (*bstn_euis, *from_file), port=port)
    return show_receipt(receipt, out)


@downlink.command()
@click.argument("dev_eui", required=False)
@click.option("--msg-id", type=int, help="The message.")
@click.option("--all", "everything", is_flag=True, help="Or all that is queued for the device.")
@click.option("--dev-file", type=click.File("rb"), help=f"With --all: devices in a file: {FORMATS}")
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
    """clearmsgs: take one message, or all, out of a device's queue."""
    if everything == (msg_id is not None):
        raise click.UsageError("give exactly one of --msg-id and --all")
    if (dev_eui is None) == (dev_file is None) or (dev_file is not None and not everything):
        raise click.UsageError("give either a device, or --dev-file with --all")
    downlinks = server.client().downlinks
    if dev_file is not None:
        return show_each(downlinks.clear_each(read_euis(dev_file)), out, _cleared)
    cleared = downlinks.clear(dev_eui or "", msg_id=msg_id)
    out.event("cleared", **dict(cleared.raw))
    out.result(_cleared(cleared))
    return 0


def _cleared(cleared: ClearedDownlinks) -> str:
    if cleared.msg_ids is None:
        return "cleared: the server did not say what"
    return f"cleared: {', '.join(map(str, cleared.msg_ids)) or 'nothing'}"


def show_each(answered: Iterator[DeviceAnswer[Any]], out: Output, spoken: Callable[[Any], str]) -> int:
    """What became of each device of a list, as it becomes known; the exit code."""
    counts: Counter[str] = Counter()
    while True:
        try:
            one = next(answered)
        except StopIteration:
            break
        except NotSent:
            out.say("and so on, one request for each device")
            raise
        counts[one.outcome.fate] += 1
        raw = {} if one.answer is None else dict(one.answer.raw)
        out.event("device", dev_eui=one.outcome.dev_eui, fate=one.outcome.fate, message=one.outcome.message, answer=raw)
        said = one.outcome.message if one.answer is None else spoken(one.answer)
        out.result(printable(f"{one.outcome.dev_eui}  {one.outcome.fate.replace('_', ' ')}  {said}"))
    out.say(", ".join(f"{count} {fate.replace('_', ' ')}" for fate, count in sorted(counts.items())))
    return exit_code(counts)


def warn_of_port(port: int, out: Output) -> None:
    """Ports that the server takes and an application has no business on."""
    if port > HIGHEST_APPLICATION_PORT:
        out.say(f"FPort {port} is not an application's: LoRaWAN keeps those above {HIGHEST_APPLICATION_PORT}")


def show_receipt(receipt: DownlinkReceipt, out: Output) -> int:
    """What the server said to a message."""
    out.event("queued", **dict(receipt.raw))
    out.result(_receipt(receipt))
    return 0


def _receipt(receipt: DownlinkReceipt) -> str:
    number = "no msgId" if receipt.msg_id is None else f"msgId {receipt.msg_id}"
    return f"{number}: {printable(receipt.message or 'the server said no more')}"
