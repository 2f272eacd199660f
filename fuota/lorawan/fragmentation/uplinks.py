"""TS004: the commands that the device sends.

Clauses are named after the command in TS004-1.0.0 and TS004-2.0.0. Where the two versions differ, the value carries the
`version` it is meant for, because the octets depend on it.
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
assert (_STATUS_V1.size, _STATUS_V2.size) == (4, 4)  # noqa: S101 - a law of this file, not of its input

_SESSION_DOES_NOT_EXIST = 0x04
_VERSION_ANS_START = bytes((PackageVersionAns.cid, PACKAGE_IDENTIFIER))


@dataclass(frozen=True, slots=True, kw_only=True)
class FragSessionStatusAns:
    """How far session `frag_index` is on this device.

    `version` is that of the layout on the wire. `nb_frag_received` 0 to 16383 counts what arrived, by the specification with
    coded fragments and repeats. `missing_frag`: uncoded fragments still unknown, 255 where it is more. `memory_error`: not
    enough memory to decode. Version 2 adds `mic_error` (meaningful where missing_frag is 0) and `session_does_not_exist`,
    which the device sends without the numbers: all three are None then, and so is the FragIndex that nobody sent.
    Raises MessageError for a value that the command cannot carry.
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
        given = [number is not None for number in (self.frag_index, self.nb_frag_received, self.missing_frag)]
        if any(given) if self.session_does_not_exist else not all(given):
            raise MessageError(
                f"frag_index {self.frag_index}, nb_frag_received {self.nb_frag_received}, missing_frag {self.missing_frag}"
                f" were given with session_does_not_exist {self.session_does_not_exist}: an existing session has all three,"
                " one that does not exist has none of them"
            )
        numbers = self._numbers()
        if numbers is not None:
            frag_index, nb_frag_received, missing_frag = numbers
            require_frag_index(frag_index)
            require_range("nb_frag_received", nb_frag_received, 0, MAX_N, "NbFragReceived has 14 bits")
            require_range("missing_frag", missing_frag, 0, 255, "MissingFrag is one octet and stays at its end")

    def _numbers(self) -> tuple[int, int, int] | None:
        if self.frag_index is None or self.nb_frag_received is None or self.missing_frag is None:
            return None
        return self.frag_index, self.nb_frag_received, self.missing_frag

    def to_bytes(self) -> bytes:
        """CID and 4 octets; in version 2 only the Status octet where the session does not exist."""
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
    def parse(cls, rest: memoryview, *, version: int) -> tuple[FragSessionStatusAns, memoryview]:
        """Take 4 octets in the layout of `version`, or the short answer. Raises MessageError where they are not there."""
        if version == 2 and rest and rest[0] & _SESSION_DOES_NOT_EXIST:
            return cls._without_session(rest[0]), _after_missing_session(rest[1:])
        octets, rest = take(rest, 4, "FragSessionStatusAns")
        if version == 1:
            received_and_index, missing_frag, status = _STATUS_V1.unpack(octets)
        else:
            status, received_and_index, missing_frag = _STATUS_V2.unpack(octets)
        frag_index, nb_frag_received = unpack_index_and_count(received_and_index)
        command = cls(
            version=version,
            frag_index=frag_index,
            nb_frag_received=nb_frag_received,
            missing_frag=missing_frag,
            memory_error=bool(status & 0x01),
            mic_error=version == 2 and bool(status & 0x02),
        )
        return command, rest

    @classmethod
    def _without_session(cls, status: int) -> FragSessionStatusAns:
        return cls(
            version=2,
            memory_error=bool(status & 0x01),
            mic_error=bool(status & 0x02),
            session_does_not_exist=True,
        )


def _after_missing_session(rest: memoryview) -> memoryview:
    """What follows a status "session does not exist": at once, as specified, or after three octets too many.

    LoRa Basics Modem always sends Received&Index and MissingFrag as well: zeros, or what a deleted session left behind. With
    no length on the wire, only what follows can tell the two forms apart:

    - Three zero octets are no command: a PackageVersionAns that starts with 00 goes on with TS004's identifier, 03.
    - Where exactly three octets are left, PackageVersionAns is the only command, or row of commands, of that length.

    Anything else is read as specified: it is the next command.
    """
    surplus = bytes(rest[:3])
    if surplus == bytes(3):
        return rest[3:]
    if len(rest) == 3 and not surplus.startswith(_VERSION_ANS_START):
        return rest[3:]
    return rest


@dataclass(frozen=True, slots=True, kw_only=True)
class FragSessionSetupAns:
    """Whether the device opened session `frag_index`: any bit set means that it refused.

    `frag_algo_unsupported` is called "encoding unsupported" in version 1. `session_cnt_replay` is of version 2: SessionCnt did
    not grow. Raises MessageError for a value that the command cannot carry.
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
        """CID, one octet: error bits from bit 0 up, bits 7:6 FragIndex."""
        return bytes((self.cid, self.frag_index << 6 | self._errors()))

    @classmethod
    def parse(cls, rest: memoryview, *, version: int) -> tuple[FragSessionSetupAns, memoryview]:
        """Take one octet. Raises MessageError where it is not there."""
        (octet,), rest = take(rest, 1, "FragSessionSetupAns")
        command = cls(
            version=version,
            frag_index=octet >> 6,
            frag_algo_unsupported=bool(octet & 0x01),
            not_enough_memory=bool(octet & 0x02),
            frag_index_unsupported=bool(octet & 0x04),
            wrong_descriptor=bool(octet & 0x08),
            session_cnt_replay=version == 2 and bool(octet & 0x10),
        )
        return command, rest


@dataclass(frozen=True, slots=True, kw_only=True)
class FragSessionDeleteAns:
    """Session `frag_index` was deleted, or there was none."""

    cid: ClassVar[int] = 0x03
    frag_index: int
    session_does_not_exist: bool = False

    def __post_init__(self) -> None:
        require_frag_index(self.frag_index)

    def to_bytes(self) -> bytes:
        """CID, one octet: bits 1:0 FragIndex, bit 2 session does not exist."""
        return bytes((self.cid, flags(self.session_does_not_exist) << 2 | self.frag_index))

    @classmethod
    def parse(cls, rest: memoryview) -> tuple[FragSessionDeleteAns, memoryview]:
        """Take one octet. Raises MessageError where it is not there."""
        (octet,), rest = take(rest, 1, "FragSessionDeleteAns")
        return cls(frag_index=octet & 0x03, session_does_not_exist=bool(octet & 0x04)), rest


@dataclass(frozen=True, slots=True, kw_only=True)
class FragDataBlockReceivedReq:
    """Version 2: the block of session `frag_index` is complete; `mic_error`: but its MIC is wrong. Here the request goes up.

    The device repeats it until FragDataBlockReceivedAns arrives; a server answers every copy.
    """

    cid: ClassVar[int] = 0x04
    frag_index: int
    mic_error: bool = False

    def __post_init__(self) -> None:
        require_frag_index(self.frag_index)

    def to_bytes(self) -> bytes:
        """CID, one octet: bits 1:0 FragIndex, bit 2 MICError."""
        return bytes((self.cid, flags(self.mic_error) << 2 | self.frag_index))

    @classmethod
    def parse(cls, rest: memoryview) -> tuple[FragDataBlockReceivedReq, memoryview]:
        """Take one octet. Raises MessageError where it is not there."""
        (octet,), rest = take(rest, 1, "FragDataBlockReceivedReq")
        return cls(frag_index=octet & 0x03, mic_error=bool(octet & 0x04)), rest
