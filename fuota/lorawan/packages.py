"""The application packages by the port they are spoken on: which codec a message is for."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import MISSING, dataclass, fields, is_dataclass
from types import ModuleType
from typing import Any

from fuota.errors import MessageError
from fuota.lorawan import clock_sync, firmware_management, fragmentation, multi_package, multicast_setup
from fuota.lorawan.codec import Command, ParsedMessage, require_version


@dataclass(frozen=True, slots=True, kw_only=True)
class Package:
    """One application package: its name, the module of its codec, and whether the octets differ from version 1 to 2."""

    name: str
    codec: ModuleType
    versions_differ: bool

    @property
    def f_port(self) -> int:
        """The default port."""
        return int(self.codec.FPORT)

    def parse(self, payload: bytes, *, uplink: bool, version: int = 1) -> ParsedMessage:
        """Read a message of either direction. Raises MessageError only for a version other than 1 and 2."""
        require_version(version)
        read = self.codec.parse_uplink if uplink else self.codec.parse_downlink
        message: ParsedMessage = read(payload, version=version) if self.versions_differ else read(payload)
        return message

    def command(self, name: str, values: Mapping[str, str], *, version: int = 1) -> Command:
        """The command of this name, such as "FragSessionDeleteReq", from its fields as text.

        Whole numbers in decimal or as 0x..., octets in hexadecimal, yes and no as true and false. `version` is filled in where the
        command has that field. Raises MessageError for a name, field or value that there is not.
        """
        kind = self._kind(name)
        takes = {field.name: field for field in fields(kind)}
        given = ({"version": str(version)} if "version" in takes else {}) | dict(values)
        if unknown := [field for field in given if field not in takes]:
            raise MessageError(f"{name} has no field {unknown[0]!r}: it has {', '.join(takes) or 'none'}")
        required = [field for field, about in takes.items() if about.default is MISSING]
        if missing := [field for field in required if field not in given]:
            raise MessageError(f"{name} needs {', '.join(missing)} too")
        made: Command = kind(**{field: _value(field, str(takes[field].type), text) for field, text in given.items()})
        return made

    def _kind(self, name: str) -> Any:
        kinds = {one: kind for one, kind in vars(self.codec).items() if is_dataclass(kind) and hasattr(kind, "cid")}
        if name not in kinds:
            raise MessageError(f"{self.name} has no command {name!r}: it has {', '.join(sorted(kinds))}")
        return kinds[name]


PACKAGES: Mapping[str, Package] = {
    package.name: package
    for package in (
        Package(name="TS003", codec=clock_sync, versions_differ=False),
        Package(name="TS004", codec=fragmentation, versions_differ=True),
        Package(name="TS005", codec=multicast_setup, versions_differ=True),
        Package(name="TS006", codec=firmware_management, versions_differ=False),  # there is version 1 only
        Package(
            name="TS007", codec=multi_package, versions_differ=True
        ),  # not its own octets, those of TS004 and TS005 in it
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


def package_named(name: str) -> Package:
    """The package of this name, such as "TS005". Raises MessageError for another one."""
    if name.upper() not in PACKAGES:
        raise MessageError(f"package {name!r} was given: there are {', '.join(PACKAGES)}")
    return PACKAGES[name.upper()]


_RULES = {
    "bool": "true or false",
    "bytes": "octets in hexadecimal",
    "tuple[McGroup, ...]": "groups such as 0:01aabbcc,1:01aabbcd",
    "tuple[PackageEntry, ...]": "packages as identifier:version:port, such as 0:1:225,3:2:201",
}


def _value(field: str, kind: str, text: str) -> object:
    try:
        if kind.startswith("bool"):
            return {"true": True, "false": False}[text.lower()]
        if kind in _ENTRIES:
            return tuple(_ENTRIES[kind](one) for one in text.split(",") if one)
        return bytes.fromhex(text) if kind.startswith("bytes") else int(text, 0)
    except (KeyError, ValueError):
        rule = _RULES.get(kind, "a whole number, such as 12 or 0x0C")
        raise MessageError(f"{field} is {text!r}: it must be {rule}") from None


def _group(text: str) -> multicast_setup.McGroup:
    mc_group_id, _, mc_addr = text.partition(":")
    return multicast_setup.McGroup(mc_group_id=int(mc_group_id), mc_addr=int(mc_addr, 16))


def _package(text: str) -> multi_package.PackageEntry:
    identifier, version, port = (int(part, 0) for part in text.split(":"))
    return multi_package.PackageEntry(identifier=identifier, version=version, port=port)


_ENTRIES = {"tuple[McGroup, ...]": _group, "tuple[PackageEntry, ...]": _package}
