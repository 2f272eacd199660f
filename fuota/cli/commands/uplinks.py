"""fuota uplinks: what devices said, out of the notifications of the data stream."""

from __future__ import annotations

import contextlib
from datetime import UTC
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

import click

from fuota.cli.commands.message import shown, spoken
from fuota.cli.listening import TOKEN_VARIABLE, receiver_at, uplink_storage
from fuota.cli.options.server import state_option
from fuota.cli.output import Output, with_output
from fuota.cli.render.display import Display
from fuota.text import counted, printable

if TYPE_CHECKING:
    from fuota.lorawan.codec import ParsedMessage
    from fuota.network import Uplink


@click.group()
def uplinks() -> None:
    """Notifications of the data stream."""


version_option = click.option(
    "--version", type=click.IntRange(1, 2), default=1, show_default=True, help="Version of the devices' packages."
)


@uplinks.command()
@click.argument("notifications", type=click.File("rb"))
@version_option
@with_output
def decode(notifications: IO[bytes], version: int, out: Output) -> int:
    """Read NOTIFICATIONS (a JSON object or array, or one of them a line; - is a pipe) and show each uplink.

    Those on FPort 200 to 203 are read as TS005, TS004, TS003 and TS006, those on FPort 225 as TS007.
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


@uplinks.command()
@click.option(
    "--listen",
    "address",
    metavar="HOST:PORT",
    default="127.0.0.1:8381",
    show_default=True,
    help=f"Where to receive, at /uplinks; beyond this machine with {TOKEN_VARIABLE} set.",
)
@click.option(
    "--out",
    "out_path",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Keep uplinks in this file, a JSON object a line, in place of the journal.",
)
@version_option
@state_option
@with_output
def listen(*, address: str, out_path: Path | None, version: int, state_dir: Path | None, out: Output) -> int:
    """Receive the data stream until Ctrl-C, and show each uplink.

    A notification is acknowledged once it is on disk: in the journal, where `fuota watch` finds it, or in the file of
    --out. The data stream sends the token in the header x-fuota-token.
    """
    received = 0
    with uplink_storage(out_path, state_dir) as (store, path), Display(lambda one: _show(one, version, out)) as display:

        def keep(found: list[Uplink]) -> None:
            nonlocal received
            store(found)
            received += len(found)
            display.put(found)

        with receiver_at(address, keep) as listening, contextlib.suppress(KeyboardInterrupt):
            out.event("listening", url=f"{listening.url}/uplinks", path=str(path))
            out.say(f"receiving uplinks at {listening.url}/uplinks, kept in {path}; Ctrl-C ends it")
            display.wait()
    display.check()
    out.event("closed", uplinks=received, not_shown=display.skipped, path=str(path))
    unshown = f" ({display.skipped} not shown)" if display.skipped else ""
    out.say(f"{counted(received, 'uplink')} received{unshown}, kept in {path}")
    return 0


def _show(uplink: Uplink, version: int, out: Output) -> None:
    message = _message(uplink, version)
    commands = () if message is None else message.commands
    problem = None if message is None else message.problem
    said: list[dict[str, Any]] = [{"command": type(one).__name__, "fields": shown(one)} for one in commands]
    out.event("uplink", **uplink.to_json(), commands=said, problem=problem)
    head = f"{_time(uplink)}  {uplink.dev_eui}  port {'-' if uplink.port is None else uplink.port}"
    texts = [spoken(one) for one in commands]
    if message is None:
        texts = [uplink.pdu.hex() or "no payload"]
    if problem is not None:
        texts.append(f"not understood: {problem}")
    for text in texts:
        out.result(printable(f"{head}  {text}"))


def _time(uplink: Uplink) -> str:
    """To the second, in UTC: --json has it as it came."""
    return "-" if uplink.txtime is None else f"{uplink.txtime.astimezone(UTC):%Y-%m-%d %H:%M:%S}Z"


def _message(uplink: Uplink, version: int) -> ParsedMessage | None:
    """What the uplink says in the words of the package on its port, or None where there is no package on it."""
    from fuota.lorawan.packages import find_package

    package = None if uplink.port is None else find_package(uplink.port)
    return None if package is None else package.parse(uplink.pdu, uplink=True, version=version)
