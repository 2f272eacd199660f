"""Table of the application packages by name and port: the codec that a message belongs to."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import MISSING, dataclass, fields, is_dataclass
from types import ModuleType
from typing import Any

from fuota.errors import MessageError
from fuota.lorawan import clock_sync, firmware_management, fragmentation, multi_package, multicast_setup
from fuota.lorawan.codec import Command, ParsedMessage, require_version
from fuota.lorawan.field_text import ADDRESS_FIELDS, TIME_FIELDS, parse_address, parse_time
from fuota.rules import one_of


@dataclass(frozen=True, slots=True, kw_only=True)
class Package:
    """Application package: its name, the module of its codec, and whether the bytes of versions 1 and 2 differ."""

    name: str
    codec: ModuleType
    versions_differ: bool

    @property
    def f_port(self) -> int:
        """Default port."""
        return int(self.codec.FPORT)

    def parse(self, payload: bytes, *, uplink: bool, version: int = 1) -> ParsedMessage:
        """Read a message of either direction.

        payload: FRMPayload after decryption. uplink: True if the device sent it. version: 1 or 2, of the package. Raises
        MessageError only for another version.
        """
        require_version(version)
        read = self.codec.parse_uplink if uplink else self.codec.parse_downlink
        message: ParsedMessage = read(payload, version=version) if self.versions_differ else read(payload)
        return message

    def command(self, name: str, values: Mapping[str, str], *, version: int = 1) -> Command:
        """Return the command with this name from its fields as text.

        name: such as "FragSessionDeleteReq". values: text of each field: whole numbers in decimal or as 0x..., bytes in
        hexadecimal, truth values as true or false, addresses as 8 hexadecimal digits, GPS times as number, date or both.
        version: 1 or 2, used if the command has that field and `values` lacks it.
        Raises MessageError for an unknown name or field, a missing field or a wrong value, and for a command that
        `contradiction` finds impossible.
        """
        command_class = self._command_class(name)
        fields_by_name = {field.name: field for field in fields(command_class)}
        texts = ({"version": str(version)} if "version" in fields_by_name else {}) | dict(values)
        if unknown := [field for field in texts if field not in fields_by_name]:
            raise MessageError(f"{name} has no field {unknown[0]!r} (fields: {', '.join(fields_by_name) or 'none'})")
        required = [field.name for field in fields_by_name.values() if field.default is MISSING]
        if missing := [field for field in required if field not in texts]:
            raise MessageError(f"{name} also needs {', '.join(missing)}")
        command: Command = command_class(
            **{field: _value(field, str(fields_by_name[field].type), text) for field, text in texts.items()}
        )
        if (problem := contradiction(command)) is not None:
            raise MessageError(problem)
        return command

    def _command_class(self, name: str) -> Any:
        members = vars(self.codec).items()
        classes: dict[str, Any] = {
            name: member for name, member in members if is_dataclass(member) and hasattr(member, "cid")
        }
        if name not in classes:
            raise MessageError(f"{self.name} has no command {name!r} (commands: {', '.join(sorted(classes))})")
        return classes[name]


PACKAGES: Mapping[str, Package] = {
    package.name: package
    for package in (
        Package(name="TS003", codec=clock_sync, versions_differ=False),
        Package(name="TS004", codec=fragmentation, versions_differ=True),
        Package(name="TS005", codec=multicast_setup, versions_differ=True),
        Package(name="TS006", codec=firmware_management, versions_differ=False),  # version 1 only
        Package(name="TS007", codec=multi_package, versions_differ=True),  # through TS004 and TS005 inside it
    )
}
_BY_PORT = {package.f_port: package for package in PACKAGES.values()}


def package_on_port(f_port: int) -> Package:
    """Return the package with this default port. Raises MessageError if there is none."""
    package = find_package(f_port)
    if package is None:
        ports = ", ".join(f"{port} ({package.name})" for port, package in sorted(_BY_PORT.items()))
        raise MessageError(f"no package uses FPort {f_port} (default ports: {ports})")
    return package


def find_package(f_port: int) -> Package | None:
    """Return the package with this default port, or None if there is none, as for the port of an application."""
    return _BY_PORT.get(f_port)


def package_named(name: str) -> Package:
    """Return the package with this name, such as "TS005". Raises MessageError for another name."""
    return PACKAGES[one_of("package", name.upper(), PACKAGES, error=MessageError)]


_BEACON_PERIOD_S = 128
_MAX_SESSION_TIME = 0xFFFFFFFF
_RULES = {
    "bool": "true or false",
    "bytes": "bytes in hexadecimal",
    "tuple[McGroup, ...]": "groups such as 0:01aabbcc,1:01aabbcd",
    "tuple[PackageEntry, ...]": "packages as identifier:version:port, such as 0:1:225,3:2:201",
}


def contradiction(command: Command) -> str | None:
    """Return why a device cannot carry out a command whose fields contradict each other or TS005; None if it can."""
    match command:
        case multicast_setup.McGroupSetupReq(min_mc_f_cnt=low, max_mc_f_cnt=high) if low > high:
            return (
                f"min_mc_f_cnt must not be above max_mc_f_cnt (TS005 McGroupSetupReq), got {low} and {high}:"
                " the device would drop every frame"
            )
        case multicast_setup.McClassBSessionReq(session_time_s=time) if time % _BEACON_PERIOD_S:
            before = time - time % _BEACON_PERIOD_S
            nearest = " or ".join(
                str(value) for value in (before, before + _BEACON_PERIOD_S) if value <= _MAX_SESSION_TIME
            )
            return (
                f"session_time_s must be a multiple of {_BEACON_PERIOD_S} in class B (TS005 McClassBSessionReq), got {time}"
                f" (nearest: {nearest})"
            )
    return None


def _value(field: str, kind: str, text: str) -> object:
    if field in ADDRESS_FIELDS:
        return parse_address(field, text)
    if field in TIME_FIELDS:
        return parse_time(field, text)
    try:
        if kind.startswith("bool"):
            return {"true": True, "false": False}[text.lower()]
        if kind in _ENTRIES:
            return tuple(_ENTRIES[kind](entry) for entry in text.split(",") if entry)
        return bytes.fromhex(text) if kind.startswith("bytes") else int(text, 0)
    except (KeyError, ValueError):
        rule = _RULES.get(kind, "a whole number, such as 12 or 0x0C")
        raise MessageError(f"{field} must be {rule}, got {text!r}") from None


def _group(text: str) -> multicast_setup.McGroup:
    mc_group_id, _, mc_addr = text.partition(":")
    return multicast_setup.McGroup(mc_group_id=int(mc_group_id), mc_addr=parse_address("address of a group", mc_addr))


def _package(text: str) -> multi_package.PackageEntry:
    identifier, version, port = (int(part, 0) for part in text.split(":"))
    return multi_package.PackageEntry(identifier=identifier, version=version, port=port)


_ENTRIES = {"tuple[McGroup, ...]": _group, "tuple[PackageEntry, ...]": _package}
