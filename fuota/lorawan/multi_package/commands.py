"""TS007, multi-package access: the commands of package 0, and the two octets that frame those of all packages."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar

from fuota.errors import MessageError
from fuota.lorawan.codec import ParsedMessage, require_range, take

PACKAGE_IDENTIFIER = 0
"""PackageIdentifier of multi-package access (TS007 PackageVersionAns)."""
FPORT = 225
"""The port, which is fixed (TS007)."""
MAX_BUFFER_BYTES = 128
"""The longest answer buffer (TS007)."""
NO_CID = -1
"""In place of a CID where an octet is no command."""

Reader = Callable[[bytes], ParsedMessage]


@dataclass(frozen=True, slots=True, kw_only=True)
class PackageId:
    """Names the package of the commands after it: one octet, 0x80 and PackageIdentifier. No command."""

    BIT: ClassVar[int] = 0x80
    cid: ClassVar[int] = NO_CID
    package_identifier: int

    def __post_init__(self) -> None:
        require_range("package_identifier", self.package_identifier, 0, 127, "PackageIdentifier has seven bits here")

    def to_bytes(self) -> bytes:
        """The octet."""
        return bytes((self.BIT | self.package_identifier,))


@dataclass(frozen=True, slots=True, kw_only=True)
class Token:
    """Ends a message; the answers repeat it. One octet: bits 1:0 Token, the others are for future use. No command."""

    cid: ClassVar[int] = NO_CID
    token: int

    def __post_init__(self) -> None:
        require_range("token", self.token, 0, 3, "Token has two bits")

    def to_bytes(self) -> bytes:
        """The octet."""
        return bytes((self.token,))

    @classmethod
    def parse(cls, rest: memoryview) -> tuple[Token, memoryview]:
        """Take the last octet. Raises MessageError where it is not the last."""
        octets, rest = take(rest, 1, "Token")
        if rest:
            raise MessageError(f"{len(rest)} octets follow the Token: it is the last of its message")
        return cls(token=octets[0] & 0x03), rest


@dataclass(frozen=True, slots=True, kw_only=True)
class DevPackageReq:
    """Server to device: which packages, in which versions, on which ports?"""

    cid: ClassVar[int] = 0x01

    def to_bytes(self) -> bytes:
        """The CID alone."""
        return bytes((self.cid,))

    @classmethod
    def parse(cls, rest: memoryview) -> tuple[DevPackageReq, memoryview]:
        """Take no octets: the command is its CID."""
        return cls(), rest


@dataclass(frozen=True, slots=True, kw_only=True)
class PackageEntry:
    """A package that a device has: PackageIdentifier, PackageVersion and FPort, one octet each."""

    identifier: int
    version: int
    port: int

    def __post_init__(self) -> None:
        for name in ("identifier", "version", "port"):
            require_range(name, getattr(self, name), 0, 255, "the field is one octet")

    def to_bytes(self) -> bytes:
        """Three octets."""
        return bytes((self.identifier, self.version, self.port))


@dataclass(frozen=True, slots=True, kw_only=True)
class DevPackageAns:
    """Device to server: its packages, this one included; 0 to 15 of them."""

    cid: ClassVar[int] = 0x01
    packages: tuple[PackageEntry, ...]

    def __post_init__(self) -> None:
        require_range("the number of packages", len(self.packages), 0, 15, "NbPackages has four bits")

    def to_bytes(self) -> bytes:
        """CID, one octet: bits 3:0 the number of packages, then three octets for each."""
        return bytes((self.cid, len(self.packages))) + b"".join(one.to_bytes() for one in self.packages)

    @classmethod
    def parse(cls, rest: memoryview) -> tuple[DevPackageAns, memoryview]:
        """Take one octet, and three for each package. Raises MessageError where they are not there."""
        (count,), rest = take(rest, 1, "DevPackageAns")
        octets, rest = take(rest, 3 * (count & 0x0F), "DevPackageAns")
        each = zip(octets[::3], octets[1::3], octets[2::3], strict=True)
        return cls(packages=tuple(PackageEntry(identifier=i, version=v, port=p) for i, v, p in each)), rest


@dataclass(frozen=True, slots=True, kw_only=True)
class MultiPackBufferReq:
    """Server to device, alone and without Token: send octets start_byte to stop_byte of the answer buffer again.

    Both are included; a stop_byte beyond the end means "to the end".
    """

    cid: ClassVar[int] = 0x02
    start_byte: int
    stop_byte: int

    def __post_init__(self) -> None:
        require_range("stop_byte", self.stop_byte, 0, 255, "StopByte is one octet")
        require_range("start_byte", self.start_byte, 0, self.stop_byte, "StartByte is not beyond StopByte")

    def to_bytes(self) -> bytes:
        """CID, StartByte, StopByte."""
        return bytes((self.cid, self.start_byte, self.stop_byte))

    @classmethod
    def parse(cls, rest: memoryview) -> tuple[MultiPackBufferReq, memoryview]:
        """Take two octets. Raises MessageError where they are not the last, and for a range that is none."""
        octets, rest = take(rest, 2, "MultiPackBufferReq")
        if rest:
            raise MessageError("MultiPackBufferReq is not alone: it has two octets, and no Token follows")
        return cls(start_byte=octets[0], stop_byte=octets[1]), rest


@dataclass(frozen=True, slots=True, kw_only=True)
class MultiPackBufferFrag:
    """Device to server: octets of an answer buffer that is too long for one uplink, from `base_byte` on."""

    cid: ClassVar[int] = 0x02
    base_byte: int
    payload: bytes

    def __post_init__(self) -> None:
        require_range("base_byte", self.base_byte, 0, MAX_BUFFER_BYTES - 1, "the answer buffer has 128 octets at most")
        room = MAX_BUFFER_BYTES - self.base_byte
        require_range("the length of payload", len(self.payload), 0, room, "the buffer has 128 octets at most")

    def to_bytes(self) -> bytes:
        """CID, BaseByte, the octets. A Token has to follow."""
        return bytes((self.cid, self.base_byte)) + self.payload

    @classmethod
    def parse(cls, rest: memoryview) -> tuple[MultiPackBufferFrag, memoryview]:
        """Take all octets but the last, which is the Token. Raises MessageError where they are too few or too many."""
        (base_byte,), rest = take(rest, 1, "MultiPackBufferFrag")
        if not rest:
            raise MessageError("truncated MultiPackBufferFrag: its Token is missing")
        return cls(base_byte=base_byte, payload=bytes(rest[:-1])), rest[-1:]


@dataclass(frozen=True, slots=True, kw_only=True)
class MultiPackBufferError:
    """Device to server, in answer to a MultiPackBufferReq: there are no such octets. LoRa Basics Modem adds a Token."""

    INVALID: ClassVar[int] = 0xFF
    cid: ClassVar[int] = 0x02

    def to_bytes(self) -> bytes:
        """CID, 0xFF."""
        return bytes((self.cid, self.INVALID))

    @classmethod
    def parse(cls, rest: memoryview) -> tuple[MultiPackBufferError, memoryview]:
        """Take one octet. Raises MessageError where it is not there."""
        _, rest = take(rest, 1, "MultiPackBufferError")
        return cls(), rest
