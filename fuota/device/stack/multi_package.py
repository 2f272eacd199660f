"""The TS007 package of a device: commands of several packages in one message, and their answers in one buffer."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from fuota.device.stack.fragmentation import Answer
from fuota.lorawan.codec import Command, PackageVersionAns, PackageVersionReq, encode
from fuota.lorawan.multi_package import parse_downlink
from fuota.lorawan.multi_package.commands import (
    FPORT,
    MAX_BUFFER_BYTES,
    PACKAGE_IDENTIFIER,
    DevPackageAns,
    DevPackageReq,
    MultiPackBufferError,
    MultiPackBufferFrag,
    MultiPackBufferReq,
    PackageEntry,
    PackageId,
    Token,
)

VERSION = 1


class Package(Protocol):
    """A package of the device."""

    def receive(self, payload: bytes, *, mc_group: int | None = None) -> list[Answer]:
        """Take a message of its own port, and answer it."""
        ...


@dataclass(slots=True)
class MultiPackage:
    """TS007 on one device, no I/O: `receive` takes FRMPayloads of port 225.

    `entries`: the other packages as they are told of. `uplink_bytes`: how much one uplink carries; a longer answer goes up in
    fragments, and is kept until the next message, to be asked for again. Answers that a package would delay go up at once: they
    are in one buffer with the others.
    """

    entries: Sequence[PackageEntry]
    version: int = 1
    uplink_bytes: int = 51
    _buffer: bytes = b""
    _token: int = field(default=0)

    def receive(self, payload: bytes, packages: dict[int, Package], *, mc_group: int | None = None) -> list[Answer]:
        """Take a message, its commands executed by the packages of these identifiers. All of TS007 is unicast.

        What is not understood to its end is dropped whole.
        """
        message = parse_downlink(payload, version=self.version)
        if mc_group is not None or message.problem is not None or not message.commands:
            return []
        if isinstance(message.commands[-1], MultiPackBufferReq):
            return self._again(message.commands[-1])
        *commands, end = message.commands
        self._token = end.token if isinstance(end, Token) else 0
        octets = b"".join(self._answered(index, run, packages) for index, run in runs_of(commands))
        self._buffer = octets[:MAX_BUFFER_BYTES]
        return self._whole() if self._buffer else []

    def _answered(self, index: int, run: list[Command], packages: dict[int, Package]) -> bytes:
        """What a package answers to its commands, under its name."""
        if index == PACKAGE_IDENTIFIER:
            return b"".join(self._own(command) for command in run)
        package = packages.get(index)
        answers = package.receive(encode(run)) if package is not None and run else []
        said = b"".join(answer.payload for answer in answers)
        return PackageId(package_identifier=index).to_bytes() + said if said else b""

    def _own(self, command: Command) -> bytes:
        match command:
            case PackageVersionReq():
                return PackageVersionAns(package_identifier=PACKAGE_IDENTIFIER, package_version=VERSION).to_bytes()
            case DevPackageReq():
                own = PackageEntry(identifier=PACKAGE_IDENTIFIER, version=VERSION, port=FPORT)
                return DevPackageAns(packages=(own, *self.entries)).to_bytes()
            case _:
                return b""

    def _whole(self) -> list[Answer]:
        """The buffer, in one uplink if it fits."""
        if len(self._buffer) < self.uplink_bytes:
            return [Answer(payload=self._buffer + Token(token=self._token).to_bytes())]
        return self._fragments(0, self._buffer)

    def _again(self, request: MultiPackBufferReq) -> list[Answer]:
        octets = self._buffer[request.start_byte : request.stop_byte + 1]
        if not octets:
            return [Answer(payload=MultiPackBufferError().to_bytes())]
        return self._fragments(request.start_byte, octets)

    def _fragments(self, first: int, octets: bytes) -> list[Answer]:
        """Octets of the buffer, from number `first` on, in as many uplinks as they need."""
        room = self.uplink_bytes - 3  # CID, BaseByte, Token
        parts = [
            MultiPackBufferFrag(base_byte=first + at, payload=octets[at : at + room])
            for at in range(0, len(octets), room)
        ]
        return [Answer(payload=encode([part, Token(token=self._token)])) for part in parts]


def runs_of(commands: Iterable[Command]) -> list[tuple[int, list[Command]]]:
    """The commands of a message by the package that each run of them belongs to: package 0 before the first is named."""
    runs: list[tuple[int, list[Command]]] = [(PACKAGE_IDENTIFIER, [])]
    for command in commands:
        if isinstance(command, PackageId):
            runs.append((command.package_identifier, []))
        elif not isinstance(command, Token):
            runs[-1][1].append(command)
    return [(index, run) for index, run in runs if run]
