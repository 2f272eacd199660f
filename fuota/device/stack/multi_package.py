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
    """An application package of the device."""

    def receive(self, payload: bytes, *, mc_group: int | None = None) -> list[Answer]:
        """Take a message of the package's port and return the answers."""
        ...


@dataclass(slots=True)
class MultiPackage:
    """TS007 on one device, without I/O: `receive` takes FRMPayloads of port 225.

    entries: the other packages, as they are reported. version: version of TS007.
    uplink_bytes: capacity of one uplink. A longer answer is sent in fragments, and stored until the next message, so that the
    server can request it again. Answers that a package would delay are sent without delay, because one buffer holds all answers.
    """

    entries: Sequence[PackageEntry]
    version: int = 1
    uplink_bytes: int = 51
    _buffer: bytes = b""
    _token: int = field(default=0)

    def receive(self, payload: bytes, packages: dict[int, Package], *, mc_group: int | None = None) -> list[Answer]:
        """Take a message and return the answers.

        payload: FRMPayload. packages: packages of the device by identifier, which execute the commands. mc_group: multicast
        group of the frame; all messages of TS007 are unicast, so such a message is dropped. A message that cannot be parsed to
        its end is dropped as a whole.
        """
        message = parse_downlink(payload, version=self.version)
        if mc_group is not None or message.problem is not None or not message.commands:
            return []
        if isinstance(message.commands[-1], MultiPackBufferReq):
            return self._on_buffer_request(message.commands[-1])
        *commands, end = message.commands
        self._token = end.token if isinstance(end, Token) else 0
        answers = b"".join(self._answers_of(index, run, packages) for index, run in commands_by_package(commands))
        self._buffer = answers[:MAX_BUFFER_BYTES]
        return self._send_buffer() if self._buffer else []

    def _answers_of(self, index: int, run: list[Command], packages: dict[int, Package]) -> bytes:
        """Return the answers of a package to its commands, after the identifier of the package."""
        if index == PACKAGE_IDENTIFIER:
            return b"".join(self._on_command(command) for command in run)
        package = packages.get(index)
        answers = package.receive(encode(run)) if package is not None and run else []
        payloads = b"".join(answer.payload for answer in answers)
        return PackageId(package_identifier=index).to_bytes() + payloads if payloads else b""

    def _on_command(self, command: Command) -> bytes:
        match command:
            case PackageVersionReq():
                return PackageVersionAns(package_identifier=PACKAGE_IDENTIFIER, package_version=VERSION).to_bytes()
            case DevPackageReq():
                own = PackageEntry(identifier=PACKAGE_IDENTIFIER, version=VERSION, port=FPORT)
                return DevPackageAns(packages=(own, *self.entries)).to_bytes()
            case _:
                return b""

    def _send_buffer(self) -> list[Answer]:
        """Return the buffer, in one uplink if it fits."""
        if len(self._buffer) < self.uplink_bytes:
            return [Answer(payload=self._buffer + Token(token=self._token).to_bytes())]
        return self._fragments(0, self._buffer)

    def _on_buffer_request(self, request: MultiPackBufferReq) -> list[Answer]:
        part = self._buffer[request.start_byte : request.stop_byte + 1]
        if not part:
            return [Answer(payload=MultiPackBufferError().to_bytes())]
        return self._fragments(request.start_byte, part)

    def _fragments(self, first: int, content: bytes) -> list[Answer]:
        """Return bytes of the buffer, which begin at byte `first`, in as many uplinks as they need."""
        capacity = self.uplink_bytes - 3  # CID, BaseByte, Token
        fragments = [
            MultiPackBufferFrag(base_byte=first + start, payload=content[start : start + capacity])
            for start in range(0, len(content), capacity)
        ]
        return [Answer(payload=encode([fragment, Token(token=self._token)])) for fragment in fragments]


def commands_by_package(commands: Iterable[Command]) -> list[tuple[int, list[Command]]]:
    """Return the runs of commands in a message, each with the identifier of its package.

    Commands before the first PackageId belong to package 0.
    """
    runs: list[tuple[int, list[Command]]] = [(PACKAGE_IDENTIFIER, [])]
    for command in commands:
        if isinstance(command, PackageId):
            runs.append((command.package_identifier, []))
        elif not isinstance(command, Token):
            runs[-1][1].append(command)
    return [(index, run) for index, run in runs if run]
