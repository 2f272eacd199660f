"""The application packages by the port they are spoken on: which codec a message is for."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields, is_dataclass
from functools import partial
from typing import Any

from fuota.errors import MessageError
from fuota.lorawan import clock_sync, firmware_management, fragmentation_messages, multicast_setup
from fuota.lorawan.codec import Command, ParsedMessage, require_version

Reader = Callable[[bytes], ParsedMessage]


@dataclass(frozen=True, slots=True, kw_only=True)
class Package:
    """One application package: its name, PackageIdentifier, default port, and how its messages are read."""

    name: str
    identifier: int
    f_port: int
    module: Any
    read_downlink: Callable[[int], Reader]
    read_uplink: Callable[[int], Reader]

    def parse(self, payload: bytes, *, uplink: bool, version: int = 1) -> ParsedMessage:
        """Read a message of either direction. Raises MessageError only for a version other than 1 and 2."""
        require_version(version)
        return (self.read_uplink if uplink else self.read_downlink)(version)(payload)

    def command(self, name: str, values: Mapping[str, str], *, version: int = 1) -> Command:
        """The command of this name, such as "FragSessionDeleteReq", from its fields as text.

        Whole numbers in decimal or as 0x..., octets in hexadecimal, yes and no as true and false. `version` is filled in where the
        command has that field. Raises MessageError for a name, field or value that there is not.
        """
        kinds = _commands(self.module)
        if name not in kinds:
            raise MessageError(f"{self.name} has no command {name!r}: it has {', '.join(sorted(kinds))}")
        takes = {field.name: str(field.type) for field in fields(kinds[name])}
        given = ({"version": str(version)} if "version" in takes else {}) | dict(values)
        if unknown := [field for field in given if field not in takes]:
            raise MessageError(f"{name} has no field {unknown[0]!r}: it has {', '.join(takes) or 'none'}")
        try:
            made: Command = kinds[name](**{field: _value(field, takes[field], text) for field, text in given.items()})
        except TypeError as error:  # a field that is required and was not given
            raise MessageError(f"{name}: {str(error).partition('() ')[2]}") from None
        return made


PACKAGES: Mapping[str, Package] = {
    package.name: package
    for package in (
        Package(
            name="TS003",
            identifier=clock_sync.PACKAGE_IDENTIFIER,
            f_port=clock_sync.FPORT,
            module=clock_sync,
            read_downlink=lambda _version: clock_sync.parse_downlink,
            read_uplink=lambda _version: clock_sync.parse_uplink,
        ),
        Package(
            name="TS004",
            identifier=fragmentation_messages.PACKAGE_IDENTIFIER,
            f_port=fragmentation_messages.FPORT,
            module=fragmentation_messages,
            read_downlink=lambda version: partial(fragmentation_messages.parse_downlink, version=version),
            read_uplink=lambda version: partial(fragmentation_messages.parse_uplink, version=version),
        ),
        Package(
            name="TS005",
            identifier=multicast_setup.PACKAGE_IDENTIFIER,
            f_port=multicast_setup.FPORT,
            module=multicast_setup,
            read_downlink=lambda version: partial(multicast_setup.parse_downlink, version=version),
            read_uplink=lambda version: partial(multicast_setup.parse_uplink, version=version),
        ),
        Package(
            name="TS006",
            identifier=firmware_management.PACKAGE_IDENTIFIER,
            f_port=firmware_management.FPORT,
            module=firmware_management,
            read_downlink=lambda _version: firmware_management.parse_downlink,
            read_uplink=lambda _version: firmware_management.parse_uplink,
        ),
    )
}
_BY_PORT = {package.f_port: package for package in PACKAGES.values()}


def package_on(f_port: int) -> Package:
    """The package whose default port this is. Raises MessageError for another port."""
    if (found := on_port(f_port)) is None:
        known = ", ".join(f"{port} ({package.name})" for port, package in sorted(_BY_PORT.items()))
        raise MessageError(f"no package is spoken on FPort {f_port}: by default they are on {known}")
    return found


def on_port(f_port: int) -> Package | None:
    """The package whose default port this is, or None where there is none, as for an application's own port."""
    return _BY_PORT.get(f_port)


_RULES = {"bool": "true or false", "byte": "octets in hexadecimal", "tupl": "groups such as 0:01aabbcc,1:01aabbcd"}


def package_named(name: str) -> Package:
    """The package of this name, such as "TS005". Raises MessageError for another one."""
    if name.upper() not in PACKAGES:
        raise MessageError(f"package {name!r} was given: there are {', '.join(PACKAGES)}")
    return PACKAGES[name.upper()]


def _commands(module: Any) -> dict[str, Any]:
    """The commands of a package by name: what its module has that carries a CID, and can be said in text."""
    return {name: kind for name, kind in vars(module).items() if is_dataclass(kind) and hasattr(kind, "cid")}


def _value(field: str, kind: str, text: str) -> object:
    try:
        if kind.startswith("bool"):
            return {"true": True, "false": False}[text.lower()]
        if kind.startswith("tuple"):
            return tuple(_group(one) for one in text.split(",") if one)
        return bytes.fromhex(text) if kind.startswith("bytes") else int(text, 0)
    except (KeyError, ValueError):
        rule = {"bool": "true or false", "byte": "octets in hexadecimal"}.get(
            kind[:4], "a whole number, such as 12 or 0x0C"
        )
        raise MessageError(f"{field} is {text!r}: it must be {rule}") from None


def _group(text: str) -> multicast_setup.McGroup:
    mc_group_id, _, mc_addr = text.partition(":")
    return multicast_setup.McGroup(mc_group_id=int(mc_group_id), mc_addr=int(mc_addr, 16))
