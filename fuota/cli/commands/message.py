"""fuota message encode, decode: the commands of TS003 to TS007 and their octets."""

from __future__ import annotations

import sys
from dataclasses import fields
from enum import IntEnum
from typing import TYPE_CHECKING, Any

import click

from fuota.cli.output import Output, with_output
from fuota.errors import MessageError

if TYPE_CHECKING:
    from fuota.lorawan.codec import Command
    from fuota.lorawan.multi_package import PackageEntry
    from fuota.lorawan.multicast_setup import McGroup

_version = click.option(
    "--version", type=click.IntRange(1, 2), default=1, show_default=True, help="Version of the package."
)


@click.group()
def message() -> None:
    """Messages of the application packages TS003 to TS007: octets to commands and back."""


@message.command()
@click.argument("payload", metavar="HEX")
@click.option("--port", type=int, required=True, help="FPort: 200 TS005, 201 TS004, 202 TS003, 203 TS006, 225 TS007.")
@click.option("--uplink/--downlink", default=True, show_default=True, help="Who sent it: the device, or the server.")
@_version
@with_output
def decode(payload: str, port: int, uplink: bool, version: int, out: Output) -> int:
    """The commands in a payload (decrypted, in hexadecimal; - reads it from stdin)."""
    from fuota.lorawan.packages import package_on_port

    package = package_on_port(port)
    read = package.parse(_octets(sys.stdin.read() if payload == "-" else payload), uplink=uplink, version=version)
    for command in read.commands:
        out.event("command", package=package.name, command=type(command).__name__, fields=shown(command))
        out.result(spoken(command))
    read.require_whole()
    return 0


@message.command()
@click.argument("package_name", metavar="PACKAGE")
@click.argument("command_name", metavar="COMMAND")
@click.argument("values", nargs=-1, metavar="[FIELD=VALUE]...")
@_version
@click.option("--token", type=int, help="As a message of TS007 (FPort 225) with this Token, 0 to 3.")
@with_output
def encode(
    package_name: str, command_name: str, values: tuple[str, ...], version: int, token: int | None, out: Output
) -> int:
    """The octets of one command, such as: TS004 FragSessionDeleteReq frag_index=2.

    The fields are those that `fuota message decode` shows; numbers may be written 0x..., octets are in hexadecimal.
    """
    from fuota.lorawan.codec import encode as octets_of
    from fuota.lorawan.multi_package import FPORT, wrap
    from fuota.lorawan.packages import package_named

    given = _fields(values)
    package = package_named(package_name)
    made: tuple[Command, ...] = (package.command(command_name, given, version=version),)
    port = package.f_port
    if token is not None:
        made, port = wrap(package.codec.PACKAGE_IDENTIFIER, made, token=token), FPORT
    octets = octets_of(made)
    out.event("encoded", package=package.name, command=command_name, port=port, payload=octets.hex())
    out.result(octets.hex())
    return 0


def _fields(values: tuple[str, ...]) -> dict[str, str]:
    given: dict[str, str] = {}
    for value in values:
        name, equals, text = value.partition("=")
        if not equals:
            raise click.UsageError(f"{value!r} was given: a field is written FIELD=VALUE")
        if name in given:
            raise click.UsageError(f"{name} was given twice, as {given[name]!r} and {text!r}: give it once")
        given[name] = text
    return given


def _octets(text: str) -> bytes:
    try:
        return bytes.fromhex(text)
    except ValueError:
        raise MessageError(f"the payload {text.strip()[:40]!r} is not octets in hexadecimal, two digits each") from None


def shown(command: Command) -> dict[str, Any]:
    """The fields of a command as `fuota message encode` takes them; those that are not there are left out."""
    values = {field.name: getattr(command, field.name) for field in fields(command)}  # type: ignore[arg-type]
    return {name: _plain(value) for name, value in values.items() if value is not None}


def spoken(command: Command) -> str:
    """The command and its fields on one line."""
    return " ".join([type(command).__name__, *(f"{name}={_spelled(value)}" for name, value in shown(command).items())])


def _spelled(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _plain(value: object) -> object:
    """A field's value as JSON has it; octets in hexadecimal."""
    if isinstance(value, tuple):
        return ",".join(map(_entry, value))
    if isinstance(value, bytes):
        return value.hex()
    return int(value) if isinstance(value, IntEnum) else value


def _entry(entry: McGroup | PackageEntry) -> str:
    """A group of a McGroupStatusAns, or a package of a DevPackageAns."""
    from fuota.lorawan.multi_package import PackageEntry

    if isinstance(entry, PackageEntry):
        return f"{entry.identifier}:{entry.version}:{entry.port}"
    return f"{entry.mc_group_id}:{entry.mc_addr:08x}"
