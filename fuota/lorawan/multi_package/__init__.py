"""TS007, multi-package access: commands of several packages in one message on FPort 225. Version 1, unicast only.

Clauses are named after the command in TS007-1.0.0. A message is ``[PackageID] CID payload ... Token``: a PackageID octet (bit 7
set, which no CID on this port has) names the package of the commands after it, package 0 before the first; the Token octet ends
every message, but for a lone MultiPackBufferReq. Both stand among the commands here, since their place carries meaning, and
`fuota.lorawan.encode` gives the same octets back.

An answer of more than one uplink comes as MultiPackBufferFrag: `buffer_of` joins them, `parse_answers` reads the whole.
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
    "buffer_of",
    "parse_answers",
    "parse_downlink",
    "parse_uplink",
    "wrapped",
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
    """Read what a server sent on the port of TS007. `version`: of TS004 and TS005, whose octets differ.

    Raises MessageError only for a version other than 1 and 2.
    """
    readers = _readers(uplink=False, version=version)
    if (request := _alone(payload, MultiPackBufferReq.cid, 3)) is not None:
        return _whole(payload, MultiPackBufferReq.parse, request)
    return _with_token(payload, readers)


def parse_uplink(payload: bytes, *, version: int = 1) -> ParsedMessage:
    """Read what a device sent on the port of TS007. `version`: of TS004 and TS005, whose octets differ.

    Raises MessageError only for a version other than 1 and 2.
    """
    readers = _readers(uplink=True, version=version)
    if (content := _alone(payload, MultiPackBufferFrag.cid, 2)) is None:
        return _with_token(payload, readers)
    kind = MultiPackBufferError if content[1] == MultiPackBufferError.INVALID else MultiPackBufferFrag
    return _whole(payload, kind.parse, content)


def parse_answers(buffer: bytes, *, version: int = 1) -> ParsedMessage:
    """Read an answer buffer, which has no Token of its own: what `buffer_of` gives. Raises as `parse_uplink` does."""
    return _sections(buffer, _readers(uplink=True, version=version))


def buffer_of(fragments: Iterable[MultiPackBufferFrag]) -> bytes:
    """The answer buffer that fragments in any order, repeats welcome, cover from its beginning.

    How long it is no field says: it is whole once `parse_answers` understands it. Raises MessageError, naming the octets to ask
    for again with MultiPackBufferReq, where some are missing, and where two fragments contradict each other.
    """
    octets: dict[int, int] = {}
    for fragment in fragments:
        for place, octet in enumerate(fragment.payload, fragment.base_byte):
            if octets.setdefault(place, octet) != octet:
                raise MessageError(
                    f"two fragments differ in octet {place} of the answer buffer: they are of two answers"
                )
    if missing := sorted(set(range(max(octets, default=0))) - set(octets)):
        raise MessageError(f"octets {missing[0]} to {missing[-1]} of the answer buffer are missing: ask for them again")
    return bytes(octets[place] for place in range(len(octets)))


def wrapped(package_identifier: int, commands: Iterable[Command], *, token: int) -> tuple[Command, ...]:
    """Commands of one package as a message for FPort 225, to be encoded. Raises MessageError for a DataFragment."""
    inside = tuple(commands)
    if any(one.cid == DATA_FRAGMENT_CID and package_identifier == 3 for one in inside):
        raise MessageError(_NO_FRAGMENT)
    named = () if package_identifier == PACKAGE_IDENTIFIER else (PackageId(package_identifier=package_identifier),)
    return (*named, *inside, Token(token=token))


_NO_FRAGMENT = "a DataFragment does not end before its message does: send it on the port of TS004, 201"


def _readers(*, uplink: bool, version: int) -> Mapping[int, Reader]:
    """By PackageIdentifier, what reads a run of commands of that package."""
    require_version(version)
    way = "parse_uplink" if uplink else "parse_downlink"
    return {
        PACKAGE_IDENTIFIER: partial(parse, parsers=_UPLINKS if uplink else _DOWNLINKS, refused={}),
        clock_sync.PACKAGE_IDENTIFIER: getattr(clock_sync, way),
        multicast_setup.PACKAGE_IDENTIFIER: partial(getattr(multicast_setup, way), version=version),
        fragmentation.PACKAGE_IDENTIFIER: partial(getattr(fragmentation, way), version=version),
        firmware_management.PACKAGE_IDENTIFIER: getattr(firmware_management, way),
    }


def _alone(payload: bytes, cid: int, length: int) -> bytes | None:
    """The octets from this CID of package 0 on, where the message begins with it and has as many octets at least."""
    content = bytes(payload).removeprefix(PackageId(package_identifier=PACKAGE_IDENTIFIER).to_bytes())
    return content if len(content) >= length and content[0] == cid else None


def _whole(payload: bytes, read: Parser, content: bytes) -> ParsedMessage:
    """A message of one command of package 0 that ends where the message ends, with or without its Token."""
    named = (PackageId(package_identifier=PACKAGE_IDENTIFIER),) if len(content) < len(payload) else ()
    try:
        command, rest = read(memoryview(content)[1:])
        end = tuple(Token.parse(rest)[:1]) if rest else ()
    except MessageError as error:
        return ParsedMessage(commands=(), rest=bytes(payload), problem=str(error))
    return ParsedMessage(commands=(*named, command, *end), rest=b"", problem=None)


def _with_token(payload: bytes, readers: Mapping[int, Reader]) -> ParsedMessage:
    if not payload:
        return ParsedMessage(commands=(), rest=b"", problem=None)
    found = _sections(bytes(payload[:-1]), readers)
    if found.problem is not None:
        return ParsedMessage(commands=found.commands, rest=found.rest + bytes(payload[-1:]), problem=found.problem)
    token, _ = Token.parse(memoryview(bytes(payload[-1:])))
    return ParsedMessage(commands=(*found.commands, token), rest=b"", problem=None)


def _sections(octets: bytes, readers: Mapping[int, Reader]) -> ParsedMessage:
    """Runs of commands, each of one package; what no package understands ends them."""
    commands: list[Command] = []
    rest, package = bytes(octets), PACKAGE_IDENTIFIER
    while rest:
        if rest[0] & PackageId.BIT:
            package = rest[0] & ~PackageId.BIT
            commands.append(PackageId(package_identifier=package))
            rest = rest[1:]
            continue
        if package not in readers:
            return ParsedMessage(commands=tuple(commands), rest=rest, problem=_unknown(package, readers))
        found = readers[package](rest)
        if any(one.cid == DATA_FRAGMENT_CID for one in found.commands):
            return ParsedMessage(commands=tuple(commands), rest=rest, problem=_NO_FRAGMENT)
        commands += found.commands
        rest = found.rest
        if rest and not rest[0] & PackageId.BIT:
            return ParsedMessage(commands=tuple(commands), rest=rest, problem=found.problem)
    return ParsedMessage(commands=tuple(commands), rest=b"", problem=None)


def _unknown(package: int, readers: Mapping[int, Reader]) -> str:
    known = ", ".join(map(str, sorted(readers)))
    return f"a command of package {package} is not understood: packages are {known}"
