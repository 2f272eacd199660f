"""Commands of the application packages as text and as JSON fields."""

from __future__ import annotations

from dataclasses import fields, is_dataclass
from enum import IntEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from fuota.lorawan.codec import Command
    from fuota.lorawan.multi_package import PackageEntry
    from fuota.lorawan.multicast_setup import McGroup


def command_fields(command: Command) -> dict[str, object]:
    """Return the fields of a command as `fuota message encode` accepts them, without fields that are None."""
    if not is_dataclass(command):
        return {}
    values = {field.name: getattr(command, field.name) for field in fields(command)}
    return {name: _json_value(name, value) for name, value in values.items() if value is not None}


def command_text(command: Command) -> str:
    """Return the name of a command and its fields in one line, with the dates of GPS times."""
    texts = [f"{name}={_field_text(name, value)}" for name, value in command_fields(command).items()]
    return " ".join([type(command).__name__, *texts])


def _field_text(name: str, value: object) -> str:
    from fuota.lorawan.field_text import TIME_FIELDS, time_text

    if name in TIME_FIELDS and isinstance(value, int):
        return time_text(name, value)
    return str(value).lower() if isinstance(value, bool) else str(value)


def _json_value(name: str, value: object) -> object:
    """Return the value of a field as it is in JSON: bytes and addresses in hexadecimal, GPS times as numbers."""
    from fuota.lorawan.field_text import ADDRESS_FIELDS, address_text

    if name in ADDRESS_FIELDS and isinstance(value, int):
        return address_text(value)
    if isinstance(value, tuple):
        return ",".join(map(_entry_text, value))
    if isinstance(value, bytes):
        return value.hex()
    return int(value) if isinstance(value, IntEnum) else value


def _entry_text(entry: McGroup | PackageEntry) -> str:
    """Return the text of a group of McGroupStatusAns, or of a package of DevPackageAns."""
    from fuota.lorawan.field_text import address_text
    from fuota.lorawan.multi_package import PackageEntry

    if isinstance(entry, PackageEntry):
        return f"{entry.identifier}:{entry.version}:{entry.port}"
    return f"{entry.mc_group_id}:{address_text(entry.mc_addr)}"
