"""TS004: the commands that the device sends.

Clauses are named after the command in TS004-1.0.0 and TS004-2.0.0. If the two versions differ, the value carries the
`version` that it is meant for, because the bytes depend on it.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import ClassVar

from fuota.errors import MessageError
from fuota.lorawan.codec import PackageVersionAns, flags, require_range, require_version, take
from fuota.lorawan.fragmentation.fields import (
    MAX_N,
    PACKAGE_IDENTIFIER,
    pack_index_and_count,
    refuse_in_version_1,
    require_frag_index,
    unpack_index_and_count,
)

_STATUS_V1 = struct.Struct("<HBB")  # Received&Index, MissingFrag, Status
_STATUS_V2 = struct.Struct("<BHB")  # Status, Received&Index, MissingFrag
assert (_STATUS_V1.size, _STATUS_V2.size) == (4, 4)  # noqa: S101 - a fact about this file, not about its input

_SESSION_DOES_NOT_EXIST = 0x04
_VERSION_ANS_START = bytes((PackageVersionAns.cid, PACKAGE_IDENTIFIER))


@dataclass(frozen=True, slots=True, kw_only=True)
class FragSessionStatusAns:
    """State of session `frag_index` on this device.

    version: version of the layout on the wire. nb_frag_received: 0 to 16383, fragments that arrived; the specification counts
    coded fragments and repeats too. missing_frag: uncoded fragments that are still unknown, 255 if there are more.
    memory_error: the memory is too small to decode. Version 2 adds `mic_error` (meaningful if missing_frag is 0) and
    `session_does_not_exist`. With the latter the device sends no numbers: frag_index, nb_frag_received and missing_frag are
    None then. Raises MessageError if the command cannot carry a value.
    """

    cid: ClassVar[int] = 0x01
    version: int
    frag_index: int | None = None
    nb_frag_received: int | None = None
    missing_frag: int | None = None
    memory_error: bool = False
    mic_error: bool = False
    session_does_not_exist: bool = False

    def __post_init__(self) -> None:
        require_version(self.version)
        if self.version == 1:
            refuse_in_version_1(
                mic_error=bool(self.mic_error), session_does_not_exist=bool(self.session_does_not_exist)
            )
        self._check_numbers()

    def _check_numbers(self) -> None:
        present = [number is not None for number in (self.frag_index, self.nb_frag_received, self.missing_frag)]
        if any(present) if self.session_does_not_exist else not all(present):
            raise MessageError(
                "frag_index, nb_frag_received and missing_frag must all be given for a session that exists, and all be left"
                f" out otherwise, got {self.frag_index}, {self.nb_frag_received} and {self.missing_frag} with"
                f" session_does_not_exist {self.session_does_not_exist}"
            )
        numbers = self._numbers()
        if numbers is not None:
            frag_index, nb_frag_received, missing_frag = numbers
            require_frag_index(frag_index)
            require_range("nb_frag_received", nb_frag_received, 0, MAX_N, "NbFragReceived has 14 bits")
            require_range("missing_frag", missing_frag, 0, 255, "MissingFrag is one byte, and 255 means 255 or more")

    def _numbers(self) -> tuple[int, int, int] | None:
        if self.frag_index is None or self.nb_frag_received is None or self.missing_frag is None:
            return None
        return self.frag_index, self.nb_frag_received, self.missing_frag

    def to_bytes(self) -> bytes:
        """Return the CID and 4 bytes; in version 2, if the session does not exist, the CID and the Status byte only."""
        status = flags(self.memory_error, self.mic_error, self.session_does_not_exist)
        numbers = self._numbers()
        if numbers is None:
            return bytes((self.cid, status))
        frag_index, nb_frag_received, missing_frag = numbers
        received_and_index = pack_index_and_count(frag_index, nb_frag_received)
        if self.version == 1:
            return bytes((self.cid,)) + _STATUS_V1.pack(received_and_index, missing_frag, status)
        return bytes((self.cid,)) + _STATUS_V2.pack(status, received_and_index, missing_frag)

    @classmethod
    def parse(cls, data: memoryview, *, version: int) -> tuple[FragSessionStatusAns, memoryview]:
        """Read 4 bytes in the layout of `version`, or the short answer. Raises MessageError if there are fewer."""
        if version == 2 and data and data[0] & _SESSION_DOES_NOT_EXIST:
            return cls._without_session(data[0]), _after_missing_session(data[1:])
        content, data = take(data, 4, "FragSessionStatusAns")
        if version == 1:
            received_and_index, missing_frag, status = _STATUS_V1.unpack(content)
        else:
            status, received_and_index, missing_frag = _STATUS_V2.unpack(content)
        frag_index, nb_frag_received = unpack_index_and_count(received_and_index)
        command = cls(
            version=version,
            frag_index=frag_index,
            nb_frag_received=nb_frag_received,
            missing_frag=missing_frag,
            memory_error=bool(status & 0x01),
            mic_error=version == 2 and bool(status & 0x02),
        )
        return command, data

    @classmethod
    def _without_session(cls, status: int) -> FragSessionStatusAns:
        return cls(
            version=2,
            memory_error=bool(status & 0x01),
            mic_error=bool(status & 0x02),
            session_does_not_exist=True,
        )


def _after_missing_session(data: memoryview) -> memoryview:
    """Return the bytes after a status "session does not exist", without the 3 bytes that some devices add to it.

    LoRa Basics Modem always sends Received&Index and MissingFrag as well: zeros, or remains of a deleted session. The message
    carries no length, so only the bytes that follow can distinguish the two forms:

    - Three zero bytes are not a command: a PackageVersionAns starts with 00 and continues with the identifier of TS004, 03.
    - If exactly three bytes are left, PackageVersionAns is the only command, or sequence of commands, of that length.

    Anything else is read as specified: it is the next command.
    """
    surplus = bytes(data[:3])
    if surplus == bytes(3):
        return data[3:]
    if len(data) == 3 and not surplus.startswith(_VERSION_ANS_START):
        return data[3:]
    return data


@dataclass(frozen=True, slots=True, kw_only=True)
class FragSessionSetupAns:
    """Answer of the device to a setup of session `frag_index`: any error bit means that it refused.

    frag_algo_unsupported: called "encoding unsupported" in version 1. session_cnt_replay: version 2 only; SessionCnt did not
    grow. Raises MessageError if the command cannot carry a value.
    """

    cid: ClassVar[int] = 0x02
    version: int
    frag_index: int
    frag_algo_unsupported: bool = False
    not_enough_memory: bool = False
    frag_index_unsupported: bool = False
    wrong_descriptor: bool = False
    session_cnt_replay: bool = False

    def __post_init__(self) -> None:
        require_version(self.version)
        require_frag_index(self.frag_index)
        if self.version == 1:
            refuse_in_version_1(session_cnt_replay=bool(self.session_cnt_replay))

    @property
    def accepted(self) -> bool:
        """Whether no error bit is set."""
        return self._errors() == 0

    def _errors(self) -> int:
        return flags(
            self.frag_algo_unsupported,
            self.not_enough_memory,
            self.frag_index_unsupported,
            self.wrong_descriptor,
            self.session_cnt_replay,
        )

    def to_bytes(self) -> bytes:
        """Return the CID and one byte: error bits from bit 0 up, bits 7:6 FragIndex."""
        return bytes((self.cid, self.frag_index << 6 | self._errors()))

    @classmethod
    def parse(cls, data: memoryview, *, version: int) -> tuple[FragSessionSetupAns, memoryview]:
        """Read 1 byte. Raises MessageError if there is none."""
        (byte,), data = take(data, 1, "FragSessionSetupAns")
        command = cls(
            version=version,
            frag_index=byte >> 6,
            frag_algo_unsupported=bool(byte & 0x01),
            not_enough_memory=bool(byte & 0x02),
            frag_index_unsupported=bool(byte & 0x04),
            wrong_descriptor=bool(byte & 0x08),
            session_cnt_replay=version == 2 and bool(byte & 0x10),
        )
        return command, data


@dataclass(frozen=True, slots=True, kw_only=True)
class FragSessionDeleteAns:
    """Answer of the device to a deletion of session `frag_index`. session_does_not_exist: there was no such session."""

    cid: ClassVar[int] = 0x03
    frag_index: int
    session_does_not_exist: bool = False

    def __post_init__(self) -> None:
        require_frag_index(self.frag_index)

    def to_bytes(self) -> bytes:
        """Return the CID and one byte: bits 1:0 FragIndex, bit 2 session does not exist."""
        return bytes((self.cid, flags(self.session_does_not_exist) << 2 | self.frag_index))

    @classmethod
    def parse(cls, data: memoryview) -> tuple[FragSessionDeleteAns, memoryview]:
        """Read 1 byte. Raises MessageError if there is none."""
        (byte,), data = take(data, 1, "FragSessionDeleteAns")
        return cls(frag_index=byte & 0x03, session_does_not_exist=bool(byte & 0x04)), data


@dataclass(frozen=True, slots=True, kw_only=True)
class FragDataBlockReceivedReq:
    """Report, in version 2, that the data block of session `frag_index` is complete. mic_error: its MIC is wrong.

    This request goes from the device to the server. The device repeats it until FragDataBlockReceivedAns arrives; a server
    answers every copy.
    """

    cid: ClassVar[int] = 0x04
    frag_index: int
    mic_error: bool = False

    def __post_init__(self) -> None:
        require_frag_index(self.frag_index)

    def to_bytes(self) -> bytes:
        """Return the CID and one byte: bits 1:0 FragIndex, bit 2 MICError."""
        return bytes((self.cid, flags(self.mic_error) << 2 | self.frag_index))

    @classmethod
    def parse(cls, data: memoryview) -> tuple[FragDataBlockReceivedReq, memoryview]:
        """Read 1 byte. Raises MessageError if there is none."""
        (byte,), data = take(data, 1, "FragDataBlockReceivedReq")
        return cls(frag_index=byte & 0x03, mic_error=bool(byte & 0x04)), data
