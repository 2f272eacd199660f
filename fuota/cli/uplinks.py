"""fuota uplinks decode: what devices said, out of the notifications of the data stream."""

from __future__ import annotations

from typing import IO, TYPE_CHECKING, Any

import click

from fuota.cli.message import shown, spoken
from fuota.cli.output import Output, with_output
from fuota.cli.words import printable

if TYPE_CHECKING:
    from fuota.lorawan import ParsedMessage
    from fuota.network import Uplink


@click.group()
def uplinks() -> None:
    """Notifications of the data stream."""


@uplinks.command()
@click.argument("notifications", type=click.File("rb"))
@click.option(
    "--version", type=click.IntRange(1, 2), default=1, show_default=True, help="Version of the devices' packages."
)
@with_output
def decode(notifications: IO[bytes], version: int, out: Output) -> int:
    """Read NOTIFICATIONS (a JSON object or array, or one of them a line; - is a pipe) and show each uplink.

    Those on FPort 200 to 203 are read as TS005, TS004, TS003 and TS006.
    """
    from fuota.network import parse_uplinks

    body = notifications.read()
    try:
        found = parse_uplinks(body)
    except ValueError:
        if len(lines := [line for line in body.splitlines() if line.strip()]) < 2:
            raise
        found = [uplink for line in lines for uplink in parse_uplinks(line)]
    for uplink in found:
        _show(uplink, version, out)
    return 0


def _show(uplink: Uplink, version: int, out: Output) -> None:
    message = _message(uplink, version)
    commands = () if message is None else message.commands
    problem = None if message is None else message.problem
    said: list[dict[str, Any]] = [{"command": type(one).__name__, "fields": shown(one)} for one in commands]
    out.event("uplink", **uplink.to_json(), commands=said, problem=problem)
    head = f"{uplink.txtime or '-'}  {uplink.dev_eui}  port {'-' if uplink.port is None else uplink.port}"
    texts = [spoken(one) for one in commands]
    if message is None:
        texts = [uplink.pdu.hex() or "no payload"]
    if problem is not None:
        texts.append(f"not understood: {problem}")
    for text in texts:
        out.result(printable(f"{head}  {text}"))


def _message(uplink: Uplink, version: int) -> ParsedMessage | None:
    """What the uplink says in the words of the package on its port, or None where there is no package on it."""
    from fuota.lorawan.packages import on_port

    package = None if uplink.port is None else on_port(uplink.port)
    return None if package is None else package.parse(uplink.pdu, uplink=True, version=version)
