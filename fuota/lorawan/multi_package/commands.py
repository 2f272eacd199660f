"""TS007, multi-package access: the commands of package 0, and the two bytes that frame the commands of all packages."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar

from fuota.errors import MessageError
from fuota.lorawan.codec import ParsedMessage, require_range, take

PACKAGE_IDENTIFIER = 0
"""PackageIdentifier of multi-package access (TS007 PackageVersionAns)."""
FPORT = 225
"""Port, which is fixed (TS007)."""
MAX_BUFFER_BYTES = 128
"""Length of the longest answer buffer (TS007)."""
NO_CID = -1
"""Value of `cid` for a byte that is not a command."""

Reader = Callable[[bytes], ParsedMessage]
"""Function that reads commands of one package."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PackageId:
    """Byte that names the package of the commands after it: 0x80 and PackageIdentifier. It is not a command."""

    BIT: ClassVar[int] = 0x80
    cid: ClassVar[int] = NO_CID
    package_identifier: int

    def __post_init__(self) -> None:
        require_range("package_identifier", self.package_identifier, 0, 127, "PackageIdentifier has seven bits here")

    def to_bytes(self) -> bytes:
        """Return the byte."""
        return bytes((self.BIT | self.package_identifier,))


@dataclass(frozen=True, slots=True, kw_only=True)
class Token:
    """Byte that ends a message; the answers repeat it. It is not a command.

    Bits 1:0 Token; the other bits are reserved for future use.
    """

    cid: ClassVar[int] = NO_CID
    token: int

    def __post_init__(self) -> None:
        require_range("token", self.token, 0, 3, "Token has two bits")

    def to_bytes(self) -> bytes:
        """Return the byte."""
        return bytes((self.token,))

    @classmethod
    def parse(cls, data: memoryview) -> tuple[Token, memoryview]:
        """Read the last byte. Raises MessageError if there is none, or if more bytes follow."""
        (byte,), data = take(data, 1, "Token")
        if data:
            raise MessageError(f"Token must be the last byte of its message, got {len(data)} bytes after it")
        return cls(token=byte & 0x03), data


@dataclass(frozen=True, slots=True, kw_only=True)
class DevPackageReq:
    """Request from the server for the packages of the device, with their versions and ports."""

    cid: ClassVar[int] = 0x01

    def to_bytes(self) -> bytes:
        """Return the CID alone."""
        return bytes((self.cid,))

    @classmethod
    def parse(cls, data: memoryview) -> tuple[DevPackageReq, memoryview]:
        """Read nothing: the command is its CID."""
        return cls(), data


@dataclass(frozen=True, slots=True, kw_only=True)
class PackageEntry:
    """Package of a device: PackageIdentifier, PackageVersion and FPort, one byte each."""

    identifier: int
    version: int
    port: int

    def __post_init__(self) -> None:
        for name in ("identifier", "version", "port"):
            require_range(name, getattr(self, name), 0, 255, "the field is one byte")

    def to_bytes(self) -> bytes:
        """Return the 3 bytes."""
        return bytes((self.identifier, self.version, self.port))


@dataclass(frozen=True, slots=True, kw_only=True)
class DevPackageAns:
    """Answer of the device: its packages, including this one; 0 to 15 packages."""

    cid: ClassVar[int] = 0x01
    packages: tuple[PackageEntry, ...]

    def __post_init__(self) -> None:
        require_range("number of packages", len(self.packages), 0, 15, "NbPackages has four bits")

    def to_bytes(self) -> bytes:
        """Return the CID and one byte: bits 3:0 the number of packages, then 3 bytes for each package."""
        return bytes((self.cid, len(self.packages))) + b"".join(package.to_bytes() for package in self.packages)

    @classmethod
    def parse(cls, data: memoryview) -> tuple[DevPackageAns, memoryview]:
        """Read 1 byte, and 3 for each package. Raises MessageError if there are fewer."""
        (count,), data = take(data, 1, "DevPackageAns")
        content, data = take(data, 3 * (count & 0x0F), "DevPackageAns")
        each = zip(content[::3], content[1::3], content[2::3], strict=True)
        return cls(packages=tuple(PackageEntry(identifier=i, version=v, port=p) for i, v, p in each)), data


@dataclass(frozen=True, slots=True, kw_only=True)
class MultiPackBufferReq:
    """Request from the server to send bytes `start_byte` to `stop_byte` of the answer buffer again.

    Both bytes are included; a stop_byte beyond the end means "to the end". The command is alone in its message, without Token.
    """

    cid: ClassVar[int] = 0x02
    start_byte: int
    stop_byte: int

    def __post_init__(self) -> None:
        require_range("stop_byte", self.stop_byte, 0, 255, "StopByte is one byte")
        require_range("start_byte", self.start_byte, 0, self.stop_byte, "StartByte is at most StopByte")

    def to_bytes(self) -> bytes:
        """Return the CID, StartByte and StopByte."""
        return bytes((self.cid, self.start_byte, self.stop_byte))

    @classmethod
    def parse(cls, data: memoryview) -> tuple[MultiPackBufferReq, memoryview]:
        """Read 2 bytes. Raises MessageError if there are fewer, if more bytes follow, or if the range is empty."""
        content, data = take(data, 2, "MultiPackBufferReq")
        if data:
            raise MessageError(f"MultiPackBufferReq must end its message, without Token, got {len(data)} more bytes")
        return cls(start_byte=content[0], stop_byte=content[1]), data


@dataclass(frozen=True, slots=True, kw_only=True)
class MultiPackBufferFrag:
    """Part of an answer buffer that is too long for one uplink.

    base_byte: position in the buffer of the first byte of `payload`, from 0.
    """

    cid: ClassVar[int] = 0x02
    base_byte: int
    payload: bytes

    def __post_init__(self) -> None:
        require_range("base_byte", self.base_byte, 0, MAX_BUFFER_BYTES - 1, "the answer buffer has at most 128 bytes")
        room = MAX_BUFFER_BYTES - self.base_byte
        require_range("length of payload", len(self.payload), 0, room, "the answer buffer has at most 128 bytes")

    def to_bytes(self) -> bytes:
        """Return the CID, BaseByte and the payload. A Token must follow."""
        return bytes((self.cid, self.base_byte)) + self.payload

    @classmethod
    def parse(cls, data: memoryview) -> tuple[MultiPackBufferFrag, memoryview]:
        """Read all bytes but the last, which is the Token. Raises MessageError if there are too few or too many bytes."""
        (base_byte,), data = take(data, 1, "MultiPackBufferFrag")
        if not data:
            raise MessageError("truncated MultiPackBufferFrag: its Token is missing")
        return cls(base_byte=base_byte, payload=bytes(data[:-1])), data[-1:]


@dataclass(frozen=True, slots=True, kw_only=True)
class MultiPackBufferError:
    """Answer of the device to a MultiPackBufferReq for bytes that do not exist. LoRa Basics Modem adds a Token."""

    INVALID: ClassVar[int] = 0xFF
    cid: ClassVar[int] = 0x02

    def to_bytes(self) -> bytes:
        """Return the CID and 0xFF."""
        return bytes((self.cid, self.INVALID))

    @classmethod
    def parse(cls, data: memoryview) -> tuple[MultiPackBufferError, memoryview]:
        """Read 1 byte. Raises MessageError if there is none."""
        _, data = take(data, 1, "MultiPackBufferError")
        return cls(), data
