"""Commands `fuota message encode` and `fuota message decode`: messages of the packages TS003 to TS007."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import click

from fuota.cli.exits import DONE
from fuota.cli.help import Group, OptionsUnder
from fuota.cli.output import Output, with_output
from fuota.cli.render.messages import command_fields, command_text
from fuota.errors import MessageError

if TYPE_CHECKING:
    from fuota.lorawan.codec import Command

MAX_QUOTED = 40
"""Number of characters of a wrong payload in a message."""

package_option = OptionsUnder("Package")
version_option = package_option(
    "--version",
    type=click.IntRange(1, 2),
    metavar="1|2",
    default=1,
    show_default=True,
    help="Version of the package.",
)

_LONGEST_TEXT = 100_000
"""Limit for a payload on stdin in characters; no payload of LoRaWAN has more than 242 bytes."""


@click.group(cls=Group, examples=("fuota message decode 0302 --port 201 --downlink",))
def message() -> None:
    """Encode and decode messages of TS003 to TS007."""


@message.command(
    examples=(
        "fuota message decode 0302 --port 201 --downlink",
        "echo 01000400001f | fuota message decode - --port 202",
    )
)
@click.argument("payload", metavar="HEX")
@package_option(
    "--port",
    type=int,
    metavar="PORT",
    required=True,
    help="FPort: 200 TS005, 201 TS004, 202 TS003, 203 TS006, 225 TS007.",
)
@package_option(
    "--uplink/--downlink", default=True, show_default=True, help="Direction: sent by the device, or by the server."
)
@version_option
@with_output
def decode(*, payload: str, port: int, uplink: bool, version: int, out: Output) -> int:
    """Show the commands in a payload.

    HEX is the decrypted payload in hexadecimal, or - for stdin.
    """
    from fuota.lorawan.packages import contradiction, package_on_port

    package = package_on_port(port)
    content = _parse_hex(sys.stdin.read(_LONGEST_TEXT) if payload == "-" else payload)
    parsed = package.parse(content, uplink=uplink, version=version)
    for command in parsed.commands:
        fields = command_fields(command)
        out.event("command", package=package.name, command=type(command).__name__, fields=fields)
        out.result(command_text(command))
        if (problem := contradiction(command)) is not None:
            out.say(f"warning: {problem}")
    parsed.require_whole()
    return DONE


@message.command(
    examples=(
        "fuota message encode TS004 FragSessionDeleteReq frag_index=2",
        "fuota message encode TS004 FragSessionDeleteReq frag_index=2 --token 1",
    )
)
@click.argument("package_name", metavar="PACKAGE")
@click.argument("command_name", metavar="COMMAND")
@click.argument("values", nargs=-1, metavar="[FIELD=VALUE]...")
@version_option
@package_option(
    "--token", type=int, metavar="0-3", help="Wrap the command in a message of TS007 (FPort 225) with this token."
)
@with_output
def encode(
    *, package_name: str, command_name: str, values: tuple[str, ...], version: int, token: int | None, out: Output
) -> int:
    """Show the bytes of a command.

    `fuota message decode` shows the fields of a command. Numbers may be written as 0x...; bytes are in hexadecimal. mc_addr is 8
    hexadecimal digits. A GPS time is a number of seconds, a date such as 2026-12-01T12:00:00Z, or both with / between them.
    """
    from fuota.lorawan import codec
    from fuota.lorawan.multi_package import FPORT, wrap
    from fuota.lorawan.packages import package_named

    fields = _parse_fields(values)
    package = package_named(package_name)
    commands: tuple[Command, ...] = (package.command(command_name, fields, version=version),)
    port = package.f_port
    if token is not None:
        commands, port = wrap(package.codec.PACKAGE_IDENTIFIER, commands, token=token), FPORT
    payload = codec.encode(commands).hex()
    out.event("encoded", package=package.name, command=command_name, port=port, payload=payload)
    out.result(payload)
    return DONE


def _parse_fields(values: tuple[str, ...]) -> dict[str, str]:
    """Return the fields of "FIELD=VALUE" texts. Raises click.UsageError."""
    fields: dict[str, str] = {}
    for value in values:
        name, equals, text = value.partition("=")
        if not equals:
            raise click.UsageError(f"a field must be FIELD=VALUE, got {value!r}")
        if name in fields:
            raise click.UsageError(f"{name} must be given once, got {fields[name]!r} and {text!r}")
        fields[name] = text
    return fields


def _parse_hex(text: str) -> bytes:
    try:
        return bytes.fromhex(text)
    except ValueError:
        quoted = text.strip()[:MAX_QUOTED]
        raise MessageError(f"the payload must be bytes in hexadecimal, two digits each, got {quoted!r}") from None
