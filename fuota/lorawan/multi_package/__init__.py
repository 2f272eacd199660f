"""TS007, multi-package access: commands of several packages in one message on FPort 225. Version 1, unicast only.

Clauses are named after the command in TS007-1.0.0. A message is ``[PackageID] CID payload ... Token``. A PackageID byte (bit 7 is
set, which no CID on this port has) names the package of the commands after it; commands before the first PackageID belong to
package 0. The Token byte ends every message except a lone MultiPackBufferReq. Both bytes are among the commands here, because
their position has a meaning, and `fuota.lorawan.codec.encode` returns the same bytes again.

An answer that needs more than one uplink arrives as several MultiPackBufferFrag: `answer_buffer` joins them, `parse_answers`
reads the result. The commands are defined in the module `commands` of this package and can be imported from here.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import partial

from fuota.errors import MessageError
from fuota.lorawan import clock_sync, firmware_management, fragmentation, multicast_setup
from fuota.lorawan.codec import (
    DATA_FRAGMENT_CID,
    Command,
    PackageVersionAns,
    PackageVersionReq,
    ParsedMessage,
    Parser,
    parse,
    require_version,
)
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
    Reader,
    Token,
)

__all__ = [
    "FPORT",
    "MAX_BUFFER_BYTES",
    "PACKAGE_IDENTIFIER",
    "DevPackageAns",
    "DevPackageReq",
    "MultiPackBufferError",
    "MultiPackBufferFrag",
    "MultiPackBufferReq",
    "PackageEntry",
    "PackageId",
    "PackageVersionAns",
    "PackageVersionReq",
    "Token",
    "answer_buffer",
    "parse_answers",
    "parse_downlink",
    "parse_uplink",
    "wrap",
]

_DOWNLINKS: Mapping[int, Parser] = {
    PackageVersionReq.cid: PackageVersionReq.parse,
    DevPackageReq.cid: DevPackageReq.parse,
}
_UPLINKS: Mapping[int, Parser] = {
    PackageVersionAns.cid: PackageVersionAns.parse,
    DevPackageAns.cid: DevPackageAns.parse,
}


def parse_downlink(payload: bytes, *, version: int = 1) -> ParsedMessage:
    """Read a message that a server sent on the port of TS007.

    payload: FRMPayload after decryption. version: 1 or 2, of TS004 and TS005, whose bytes depend on it. Raises MessageError
    only for another version.
    """
    readers = _readers(uplink=False, version=version)
    if (request := _content_if_first(payload, MultiPackBufferReq.cid, 3)) is not None:
        return _parse_single(payload, MultiPackBufferReq.parse, request)
    return _parse_with_token(payload, readers)


def parse_uplink(payload: bytes, *, version: int = 1) -> ParsedMessage:
    """Read a message that a device sent on the port of TS007.

    payload: FRMPayload after decryption. version: 1 or 2, of TS004 and TS005, whose bytes depend on it. Raises MessageError
    only for another version.
    """
    readers = _readers(uplink=True, version=version)
    if (content := _content_if_first(payload, MultiPackBufferFrag.cid, 2)) is None:
        return _parse_with_token(payload, readers)
    command = MultiPackBufferError if content[1] == MultiPackBufferError.INVALID else MultiPackBufferFrag
    return _parse_single(payload, command.parse, content)


def parse_answers(buffer: bytes, *, version: int = 1) -> ParsedMessage:
    """Read an answer buffer, as `answer_buffer` returns it. It has no Token. Raises the same as `parse_uplink`."""
    return _parse_sections(buffer, _readers(uplink=True, version=version))


def answer_buffer(fragments: Iterable[MultiPackBufferFrag]) -> bytes:
    """Return the answer buffer that `fragments` cover from its beginning; they may come in any order and more than once.

    The length of the buffer is not transmitted; the buffer is complete when `parse_answers` understands it. Raises MessageError
    if bytes are missing, with the numbers of the bytes to request again with MultiPackBufferReq, and if two fragments contradict
    each other.
    """
    content: dict[int, int] = {}
    for fragment in fragments:
        for position, byte in enumerate(fragment.payload, fragment.base_byte):
            if content.setdefault(position, byte) != byte:
                raise MessageError(
                    f"two fragments differ in byte {position} of the answer buffer; they belong to two answers"
                )
    if missing := sorted(set(range(max(content, default=0))) - set(content)):
        raise MessageError(
            f"bytes {missing[0]} to {missing[-1]} of the answer buffer are missing; request them again"
            " with MultiPackBufferReq"
        )
    return bytes(content[position] for position in range(len(content)))


def wrap(package_identifier: int, commands: Iterable[Command], *, token: int) -> tuple[Command, ...]:
    """Return the commands of a message for FPort 225, ready to encode, from commands of one package.

    package_identifier: 0 to 127, of the package of `commands`. token: 0 to 3. Raises MessageError for a DataFragment.
    """
    wrapped = tuple(commands)
    if any(command.cid == DATA_FRAGMENT_CID and package_identifier == 3 for command in wrapped):
        raise MessageError(_NO_FRAGMENT)
    start = () if package_identifier == PACKAGE_IDENTIFIER else (PackageId(package_identifier=package_identifier),)
    return (*start, *wrapped, Token(token=token))


_NO_FRAGMENT = "a DataFragment extends to the end of its message; send it on the port of TS004, 201"


def _readers(*, uplink: bool, version: int) -> Mapping[int, Reader]:
    """Return, by PackageIdentifier, the function that reads commands of that package."""
    require_version(version)
    reader = "parse_uplink" if uplink else "parse_downlink"
    return {
        PACKAGE_IDENTIFIER: partial(parse, parsers=_UPLINKS if uplink else _DOWNLINKS, refused={}),
        clock_sync.PACKAGE_IDENTIFIER: getattr(clock_sync, reader),
        multicast_setup.PACKAGE_IDENTIFIER: partial(getattr(multicast_setup, reader), version=version),
        fragmentation.PACKAGE_IDENTIFIER: partial(getattr(fragmentation, reader), version=version),
        firmware_management.PACKAGE_IDENTIFIER: getattr(firmware_management, reader),
    }


def _content_if_first(payload: bytes, cid: int, length: int) -> bytes | None:
    """Return the message from its first CID on if that is `cid` of package 0 and at least `length` bytes; None otherwise."""
    content = bytes(payload).removeprefix(PackageId(package_identifier=PACKAGE_IDENTIFIER).to_bytes())
    return content if len(content) >= length and content[0] == cid else None


def _parse_single(payload: bytes, read: Parser, content: bytes) -> ParsedMessage:
    """Read a message of one command of package 0 that extends to the end of the message, with or without Token."""
    start = (PackageId(package_identifier=PACKAGE_IDENTIFIER),) if len(content) < len(payload) else ()
    try:
        command, data = read(memoryview(content)[1:])
        end = tuple(Token.parse(data)[:1]) if data else ()
    except MessageError as error:
        return ParsedMessage(commands=(), unparsed=bytes(payload), problem=str(error))
    return ParsedMessage(commands=(*start, command, *end), unparsed=b"", problem=None)


def _parse_with_token(payload: bytes, readers: Mapping[int, Reader]) -> ParsedMessage:
    if not payload:
        return ParsedMessage(commands=(), unparsed=b"", problem=None)
    message = _parse_sections(bytes(payload[:-1]), readers)
    if message.problem is not None:
        unparsed = message.unparsed + bytes(payload[-1:])
        return ParsedMessage(commands=message.commands, unparsed=unparsed, problem=message.problem)
    token, _ = Token.parse(memoryview(bytes(payload[-1:])))
    return ParsedMessage(commands=(*message.commands, token), unparsed=b"", problem=None)


def _parse_sections(content: bytes, readers: Mapping[int, Reader]) -> ParsedMessage:
    """Read sections of commands, each of one package, up to the first bytes that no package understands."""
    commands: list[Command] = []
    data, package = bytes(content), PACKAGE_IDENTIFIER
    while data:
        if data[0] & PackageId.BIT:
            package = data[0] & ~PackageId.BIT
            commands.append(PackageId(package_identifier=package))
            data = data[1:]
            continue
        if package not in readers:
            return ParsedMessage(commands=tuple(commands), unparsed=data, problem=_unknown(package, readers))
        section = readers[package](data)
        if any(command.cid == DATA_FRAGMENT_CID for command in section.commands):
            return ParsedMessage(commands=tuple(commands), unparsed=data, problem=_NO_FRAGMENT)
        commands += section.commands
        data = section.unparsed
        if data and not data[0] & PackageId.BIT:
            return ParsedMessage(commands=tuple(commands), unparsed=data, problem=section.problem)
    return ParsedMessage(commands=tuple(commands), unparsed=b"", problem=None)


def _unknown(package: int, readers: Mapping[int, Reader]) -> str:
    packages = ", ".join(map(str, sorted(readers)))
    return f"a command of package {package} is not understood (known packages: {packages})"
