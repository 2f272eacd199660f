"""Commands `fuota uplinks decode` and `fuota uplinks listen`: notifications of the data stream."""

from __future__ import annotations

import contextlib
import json
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, TYPE_CHECKING

import click

from fuota.cli.exits import DONE, PARTIAL
from fuota.cli.help import CommandFunction, Group, OptionsUnder
from fuota.cli.listening import TOKEN_VARIABLE, receiver_at, uplink_storage
from fuota.cli.options.receiver import tls_options
from fuota.cli.options.server import state_option
from fuota.cli.output import Output, with_output
from fuota.cli.output_file import file_option
from fuota.cli.render.display import Display
from fuota.cli.render.messages import command_fields, command_text
from fuota.files import read_whole
from fuota.text import counted, printable

if TYPE_CHECKING:
    from fuota.lorawan.codec import ParsedMessage
    from fuota.network import Uplink
    from fuota.network.stream_body import StreamBody

stream_option = OptionsUnder("Data stream")
version_option = stream_option(
    "--version",
    type=click.IntRange(1, 2),
    metavar="1|2",
    default=1,
    show_default=True,
    help="Version of the packages in the devices.",
)


def _tls(command: CommandFunction) -> CommandFunction:
    """Add the options --cert and --key to a command."""
    cert, key = tls_options(stream_option)
    return cert(key(command))


@click.group(cls=Group, examples=("fuota uplinks listen --out uplinks.jsonl",))
def uplinks() -> None:
    """Receive and decode uplinks of the data stream."""


@uplinks.command(examples=("fuota uplinks decode uplinks.jsonl", "cat uplinks.jsonl | fuota uplinks decode - --json"))
@click.argument("notifications", type=click.File("rb"))
@version_option
@with_output
def decode(*, notifications: IO[bytes], version: int, out: Output) -> int:
    """Show each uplink in a file of notifications.

    NOTIFICATIONS is a JSON object or array, or has one per line; - is stdin. Uplinks on FPort 200 to 203 are decoded as TS005,
    TS004, TS003 and TS006, uplinks on FPort 225 as TS007. A notification that cannot be used is named, the others are shown, and
    the exit code is 6.
    """
    refused = 0
    for line, body in _bodies(read_whole(notifications, what=notifications.name)):
        for _, uplink in body.uplinks:
            _show(uplink, version, out)
        for refusal in body.refusals:
            refused += 1
            place = "" if line is None else f"line {line}: "
            out.event("refused", line=line, reason=refusal.reason)
            out.say(printable(f"{place}{refusal.reason}"))
    return PARTIAL if refused else DONE


@uplinks.command(
    examples=("fuota uplinks listen", "fuota uplinks listen --listen 127.0.0.1:8381 --out uplinks.jsonl --json")
)
@stream_option(
    "--listen",
    "address",
    metavar="HOST:PORT",
    default="127.0.0.1:8381",
    show_default=True,
    help=f"Address of the receiver, with the path /uplinks; {TOKEN_VARIABLE} must be set for a HOST that other machines"
    " can reach.",
)
@_tls
@version_option
@state_option
@stream_option(
    "--summary",
    "summary_s",
    type=click.IntRange(0, 86_400),
    default=60,
    show_default=True,
    help="Time in s between two lines on stderr about what was received, if anything was; 0 for none.",
)
@file_option("--out", "out_path", help="Save uplinks to this file as JSON Lines, instead of the journal.")
@with_output
def listen(  # noqa: PLR0913 - options
    *,
    address: str,
    cert: Path | None,
    key: Path | None,
    out_path: Path | None,
    summary_s: int,
    version: int,
    state_dir: Path | None,
    out: Output,
) -> int:
    """Receive the data stream until Ctrl-C, and show each uplink.

    A notification is acknowledged when it is on disk: in the journal, where `fuota watch` finds it, or in the file of --out. The
    data stream must send the token in the header x-fuota-token. GET /metrics, with the same header, answers counts for Prometheus.
    """
    received = 0
    with uplink_storage(out_path, state_dir, out) as (refusals, path), _display(version, out) as display:

        def store_and_show(bodies: list[StreamBody]) -> None:
            nonlocal received
            refusals.store(bodies)
            uplinks = [uplink for body in bodies for _, uplink in body.uplinks]
            received += len(uplinks)
            display.put(uplinks)

        receiver = receiver_at(address, store_and_show, cert=cert, key=key)
        with receiver.server as server, contextlib.suppress(KeyboardInterrupt):
            out.event("listening", url=f"{server.url}/uplinks", path=str(path))
            out.say(f"receiving uplinks at {server.url}/uplinks, saved in {path}; Ctrl-C ends it")
            summary = ""
            while True:
                display.wait(summary_s or None)
                if receiver.summary() != summary:
                    summary = receiver.summary()
                    out.say(f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ} {summary}")
    display.check()
    out.event("closed", uplinks=received, refused=refusals.count, not_shown=display.skipped, path=str(path))
    skipped = f" ({display.skipped} not shown)" if display.skipped else ""
    refused = f"; {refusals.count} refused, kept in {printable(str(refusals.path))}" if refusals.count else ""
    out.say(f"{counted(received, 'uplink')} received{skipped}, saved in {path}{refused}")
    return DONE


def _bodies(content: bytes) -> list[tuple[int | None, StreamBody]]:
    """Return the bodies in a file: the whole file, or each line of JSON Lines with its number from 1.

    A file is JSON Lines if its first line is JSON and the whole file is not. Raises MessageError if nothing in it can be used.
    """
    from fuota.errors import MessageError
    from fuota.network.stream_body import read_body

    bodies: list[tuple[int | None, StreamBody]] = [(None, read_body(content))]
    lines = [(number, line) for number, line in enumerate(content.splitlines(), 1) if line.strip()]
    if len(lines) > 1 and not _is_json(content) and _is_json(lines[0][1]):
        bodies = [(number, read_body(line)) for number, line in lines]
    reasons = [refusal.reason for _, body in bodies for refusal in body.refusals]
    if reasons and not any(body.uplinks for _, body in bodies):
        raise MessageError(reasons[0])
    return bodies


def _is_json(content: bytes) -> bool:
    try:
        json.loads(content)
    except (ValueError, RecursionError):
        return False
    return True


def _display(version: int, out: Output) -> Display:
    return Display(lambda uplink: _show(uplink, version, out))


def _show(uplink: Uplink, version: int, out: Output) -> None:
    message = _message(uplink, version)
    commands = () if message is None else message.commands
    problem = None if message is None else message.problem
    parts = [{"command": type(command).__name__, "fields": command_fields(command)} for command in commands]
    out.event("uplink", **uplink.to_json(), commands=parts, problem=problem)
    head = f"{_time(uplink)}  {uplink.dev_eui}  port {'-' if uplink.port is None else uplink.port}"
    texts = [command_text(command) for command in commands]
    if message is None:
        texts = [uplink.pdu.hex() or "no payload"]
    if problem is not None:
        texts.append(f"not understood: {problem}")
    for text in texts:
        out.result(printable(f"{head}  {text}"))


def _time(uplink: Uplink) -> str:
    """Return the time in UTC, to the second; with --json it is shown as it arrived."""
    return "-" if uplink.txtime is None else f"{uplink.txtime.astimezone(UTC):%Y-%m-%d %H:%M:%S}Z"


def _message(uplink: Uplink, version: int) -> ParsedMessage | None:
    """Return the message of the package on the port of the uplink, None if the port belongs to no package."""
    from fuota.lorawan.packages import find_package

    package = None if uplink.port is None else find_package(uplink.port)
    return None if package is None else package.parse(uplink.pdu, uplink=True, version=version)
