"""Parts that the application packages TS003 to TS007 share: a message is a sequence of commands.

Rule of this module: bytes become frozen values, and there is no third outcome. A message (the FRMPayload on the port of the
package) is ``CID payload CID payload ...``. The commands are executed from left to right, and every number is little endian.
No command carries its length: the length follows from the CID, the direction and the version of the package. Therefore

- an unknown CID ends the message, because the start of the next command is unknown;
- a truncated command ends the message too, and none of its bytes is ever read as another command;
- DataFragment extends to the end of its message, so it must be alone in it.

Bits reserved for future use are sent as 0 and ignored on receipt. Nothing here raises anything but MessageError.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar, Protocol

from fuota.errors import MessageError
from fuota.rules import exact_length, integer

DATA_FRAGMENT_CID = 0x08
"""CID of TS004 DataFragment, the only command of any package whose payload ends where the message ends."""


class Command(Protocol):
    """Command of a package: a frozen value that encodes itself."""

    cid: ClassVar[int]

    def to_bytes(self) -> bytes:
        """Return the CID and the payload, as they stand in FRMPayload before encryption."""
        ...


Parser = Callable[[memoryview], tuple[Command, memoryview]]
"""Function from the bytes after a CID to the command and the bytes after the command. Raises MessageError."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ParsedMessage:
    """Content of a message, as far as it was understood.

    commands: the commands in the order of the message. unparsed: bytes from the first command that was not understood, with
    its CID. problem: reason why parsing stopped there. A message that was understood completely has an empty `unparsed` and
    None as `problem`.
    """

    commands: tuple[Command, ...]
    unparsed: bytes
    problem: str | None

    def require_whole(self) -> tuple[Command, ...]:
        """Return all commands. Raises MessageError, with the problem, if the message was not understood to its end."""
        if self.problem is None:
            return self.commands
        raise MessageError(
            f"{self.problem} (commands understood before it: {len(self.commands)};"
            f" bytes not understood: {len(self.unparsed)})"
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class PackageVersionReq:
    """Request from the server, unicast only, for the package and its version. The same in all packages."""

    cid: ClassVar[int] = 0x00

    def to_bytes(self) -> bytes:
        """Return the CID alone."""
        return bytes((self.cid,))

    @classmethod
    def parse(cls, data: memoryview) -> tuple[PackageVersionReq, memoryview]:
        """Read nothing: the command is its CID."""
        return cls(), data


@dataclass(frozen=True, slots=True, kw_only=True)
class PackageVersionAns:
    """Answer of the device: PackageIdentifier and PackageVersion, one byte each.

    package_identifier: TS007 0, TS003 1, TS005 2, TS004 3, TS006 4.
    """

    cid: ClassVar[int] = 0x00
    package_identifier: int
    package_version: int

    def __post_init__(self) -> None:
        require_range("package_identifier", self.package_identifier, 0, 255, "PackageIdentifier is one byte")
        require_range("package_version", self.package_version, 0, 255, "PackageVersion is one byte")

    def to_bytes(self) -> bytes:
        """Return the CID, PackageIdentifier and PackageVersion."""
        return bytes((self.cid, self.package_identifier, self.package_version))

    @classmethod
    def parse(cls, data: memoryview) -> tuple[PackageVersionAns, memoryview]:
        """Read 2 bytes. Raises MessageError if there are fewer."""
        (identifier, version), data = take(data, 2, "PackageVersionAns")
        return cls(package_identifier=identifier, package_version=version), data


def encode(commands: Sequence[Command]) -> bytes:
    """Return the message that carries `commands` in their order.

    Raises MessageError if a DataFragment is not alone: a command after it would be read as part of its payload.
    """
    if len(commands) > 1 and any(command.cid == DATA_FRAGMENT_CID for command in commands):
        raise MessageError(
            f"a DataFragment must be alone in its message, got {len(commands)} commands; send the others separately"
        )
    return b"".join(command.to_bytes() for command in commands)


def parse(payload: bytes, parsers: Mapping[int, Parser], *, refused: Mapping[int, str]) -> ParsedMessage:
    """Read a message with the commands of one package, version and direction. Never raises.

    payload: FRMPayload after decryption. parsers: parser of each CID. refused: CIDs that occur in the field but do not belong
    to the package, with the reason that the problem then contains. Bytes that cannot be read, and all bytes after them, are
    the `unparsed` of the result.
    """
    commands: list[Command] = []
    data = memoryview(bytes(payload))
    problem = None
    while data and problem is None:
        try:
            command, data = _parse_first(data, parsers, refused, alone=not commands)
            commands.append(command)
        except MessageError as error:
            problem = str(error)
    return ParsedMessage(commands=tuple(commands), unparsed=bytes(data), problem=problem)


def _parse_first(
    message: memoryview, parsers: Mapping[int, Parser], refused: Mapping[int, str], *, alone: bool
) -> tuple[Command, memoryview]:
    cid = message[0]
    if cid in refused:
        raise MessageError(f"CID 0x{cid:02x} is refused: {refused[cid]}")
    if cid not in parsers:
        cids = ", ".join(f"0x{known:02x}" for known in sorted(parsers))
        raise MessageError(f"unknown CID 0x{cid:02x} (known in this package, version and direction: {cids})")
    if cid == DATA_FRAGMENT_CID and not alone:
        raise MessageError(f"DataFragment (CID 0x{cid:02x}) after another command; it must be alone in its message")
    return parsers[cid](message[1:])


def take(data: memoryview, count: int, name: str) -> tuple[bytes, memoryview]:
    """Return the first `count` bytes of `data`, and the bytes after them.

    name: the command whose payload they are, for the message. Raises MessageError if fewer bytes are left: a truncated command
    is not a command.
    """
    if len(data) < count:
        raise MessageError(f"truncated {name}: its payload needs {count} bytes but {len(data)} are left")
    return bytes(data[:count]), data[count:]


def flags(*bits: bool) -> int:
    """Return the byte in which bit 0 is the first of `bits`, bit 1 the second, and so on."""
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
    """Raise MessageError unless `mc_addr` fits the 32 bits of McAddr."""
    require_range("mc_addr", mc_addr, 0, 0xFFFFFFFF, "McAddr has 32 bits")
