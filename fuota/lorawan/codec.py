"""What the application packages TS003 to TS007 share: a message is a row of commands.

Law of this file: octets in, frozen values out, and no third outcome. A message (the FRMPayload on the package's port) is
``CID payload CID payload ...``, executed from left to right, every number little endian. No command says how long it is: its
length follows from its CID, the direction and the version of the package. Hence

- an unknown CID ends the message, because nobody can tell where the next command begins;
- a truncated command ends it too, and none of its octets is ever taken for another command;
- DataFragment, which has no end of its own, is alone in its message.

Bits reserved for future use are sent as 0 and ignored on receipt. Nothing here raises anything but MessageError.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar, Protocol

from fuota.errors import MessageError
from fuota.rules import exact_length, integer

DATA_FRAGMENT_CID = 0x08
"""TS004 DataFragment, the only command of any package whose payload ends where the message ends."""


class Command(Protocol):
    """One command of a package: a frozen value that knows its octets."""

    cid: ClassVar[int]

    def to_bytes(self) -> bytes:
        """The CID and the payload, as they sit in FRMPayload before encryption."""
        ...


Parser = Callable[[memoryview], tuple[Command, memoryview]]
"""Takes the octets after the CID, gives the command and the octets after the command. Raises MessageError."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ParsedMessage:
    """A message as far as it was understood.

    `commands` in their order, `rest` the octets from the first one that was not understood (the CID of a refused command
    included), `problem` why parsing stopped there. A message understood whole has an empty `rest` and no `problem`.
    """

    commands: tuple[Command, ...]
    rest: bytes
    problem: str | None

    def require_whole(self) -> tuple[Command, ...]:
        """All commands. Raises MessageError with the problem where the message was not understood to its end."""
        if self.problem is None:
            return self.commands
        raise MessageError(
            f"{self.problem} ({len(self.commands)} commands understood before it, {len(self.rest)} octets not)"
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class PackageVersionReq:
    """Server to device, unicast only: which package, which version? The same in all packages."""

    cid: ClassVar[int] = 0x00

    def to_bytes(self) -> bytes:
        """The CID alone."""
        return bytes((self.cid,))

    @classmethod
    def parse(cls, rest: memoryview) -> tuple[PackageVersionReq, memoryview]:
        """Take no octets: the command is its CID."""
        return cls(), rest


@dataclass(frozen=True, slots=True, kw_only=True)
class PackageVersionAns:
    """Device to server: PackageIdentifier (TS007 0, TS003 1, TS005 2, TS004 3, TS006 4) and PackageVersion, one octet each."""

    cid: ClassVar[int] = 0x00
    package_identifier: int
    package_version: int

    def __post_init__(self) -> None:
        require_range("package_identifier", self.package_identifier, 0, 255, "PackageIdentifier is one octet")
        require_range("package_version", self.package_version, 0, 255, "PackageVersion is one octet")

    def to_bytes(self) -> bytes:
        """CID, identifier, version."""
        return bytes((self.cid, self.package_identifier, self.package_version))

    @classmethod
    def parse(cls, rest: memoryview) -> tuple[PackageVersionAns, memoryview]:
        """Take two octets. Raises MessageError where they are not there."""
        octets, rest = take(rest, 2, "PackageVersionAns")
        return cls(package_identifier=octets[0], package_version=octets[1]), rest


def encode(commands: Sequence[Command]) -> bytes:
    """The message that carries `commands` in their order.

    Raises MessageError where a DataFragment is not alone: what follows it would be read as its payload.
    """
    if len(commands) > 1 and any(command.cid == DATA_FRAGMENT_CID for command in commands):
        raise MessageError(
            f"a DataFragment was given among {len(commands)} commands: it is alone in its message; send the others apart"
        )
    return b"".join(command.to_bytes() for command in commands)


def parse(payload: bytes, parsers: Mapping[int, Parser], *, refused: Mapping[int, str]) -> ParsedMessage:
    """Read a message with the commands of one package, version and direction: a table from CID to parser.

    `refused`: CIDs seen in the field that are none of the package's, and what to tell about each.
    Never raises: what cannot be read, and everything after it, is the `rest` of the answer.
    """
    commands: list[Command] = []
    rest = memoryview(bytes(payload))
    problem = None
    while rest and problem is None:
        try:
            command, rest = _parse_first(rest, parsers, refused, alone=not commands)
            commands.append(command)
        except MessageError as error:
            problem = str(error)
    return ParsedMessage(commands=tuple(commands), rest=bytes(rest), problem=problem)


def _parse_first(
    message: memoryview, parsers: Mapping[int, Parser], refused: Mapping[int, str], *, alone: bool
) -> tuple[Command, memoryview]:
    cid = message[0]
    if cid in refused:
        raise MessageError(f"CID 0x{cid:02x} is refused: {refused[cid]}")
    if cid not in parsers:
        known = ", ".join(f"0x{known:02x}" for known in sorted(parsers))
        raise MessageError(f"unknown CID 0x{cid:02x}: in this package, version and direction there are {known}")
    if cid == DATA_FRAGMENT_CID and not alone:
        raise MessageError(f"DataFragment (CID 0x{cid:02x}) after another command: it is alone in its message")
    return parsers[cid](message[1:])


def take(rest: memoryview, count: int, name: str) -> tuple[bytes, memoryview]:
    """The first `count` octets of the payload of command `name`, and the octets after them.

    Raises MessageError where fewer are left: a truncated command is no command.
    """
    if len(rest) < count:
        raise MessageError(f"truncated {name}: its payload needs {count} octets but {len(rest)} are left")
    return bytes(rest[:count]), rest[count:]


def flags(*bits: bool) -> int:
    """An octet of yes/no bits, bit 0 first."""
    return sum(1 << position for position, bit in enumerate(bits) if bit)


def require_range(name: str, value: int, low: int, high: int, why: str) -> None:
    """Raise MessageError unless `value` is a whole number from `low` to `high`, both included. why: reason of the range."""
    integer(name, value, low, high, error=MessageError, why=why)


def require_length(name: str, value: bytes, count: int) -> None:
    """Raise MessageError unless `value` has exactly `count` bytes."""
    exact_length(name, value, count, error=MessageError)


def require_version(version: int) -> None:
    """Raise MessageError unless `version` is 1 or 2, the versions of TS003, TS004 and TS005."""
    require_range("version", version, 1, 2, "the package is published as version 1 and version 2")


def require_mc_addr(mc_addr: int) -> None:
    """Raise MessageError unless `mc_addr` fits the four octets of McAddr."""
    require_range("mc_addr", mc_addr, 0, 0xFFFFFFFF, "McAddr has 32 bits")
