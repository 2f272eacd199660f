"""TS004: the commands that the server sends.

Clauses are named after the command in TS004-1.0.0 and TS004-2.0.0. If the two versions differ, the value carries the
`version` that it is meant for, because the bytes depend on it.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import ClassVar

from fuota.errors import MessageError
from fuota.lorawan.codec import DATA_FRAGMENT_CID, require_length, require_range, require_version, take
from fuota.lorawan.fragmentation.fields import (
    MAX_N,
    pack_index_and_count,
    refuse_in_version_1,
    require_frag_index,
    unpack_index_and_count,
)

_SETUP = struct.Struct("<BHBBB4s")  # FragSession, NbFrag, FragSize, Control, Padding, Descriptor
_SETUP_TAIL = struct.Struct("<H4s")  # version 2: SessionCnt, MIC
_INDEX_AND_N = struct.Struct("<H")
assert (_SETUP.size, _SETUP_TAIL.size, _INDEX_AND_N.size) == (10, 6, 2)  # noqa: S101 - a fact about this file, not about its input


@dataclass(frozen=True, slots=True, kw_only=True)
class FragSessionStatusReq:
    """Request for the state of session `frag_index` (0 to 3).

    participants: True if all devices must answer, False if only devices that lack fragments must.
    """

    cid: ClassVar[int] = 0x01
    frag_index: int
    participants: bool

    def __post_init__(self) -> None:
        require_frag_index(self.frag_index)

    def to_bytes(self) -> bytes:
        """Return the CID and one byte: bit 0 Participants, bits 2:1 FragIndex."""
        return bytes((self.cid, self.frag_index << 1 | bool(self.participants)))

    @classmethod
    def parse(cls, data: memoryview) -> tuple[FragSessionStatusReq, memoryview]:
        """Read 1 byte. Raises MessageError if there is none."""
        (byte,), data = take(data, 1, "FragSessionStatusReq")
        return cls(frag_index=byte >> 1 & 0x03, participants=bool(byte & 0x01)), data


@dataclass(frozen=True, slots=True, kw_only=True)
class FragSessionSetupReq:
    """Request to open session `frag_index` for a data block of nb_frag x frag_size - padding bytes.

    mc_group_bit_mask: bit X lets multicast group X feed the session; 0 means unicast only. nb_frag: number of uncoded
    fragments. frag_size: bytes of a fragment. padding: bytes to remove from the end of the last uncoded fragment. Everything
    that the wire can carry is a legal value here, even an impossible session (no fragments, more than 16383): the device must
    refuse it, with an error bit. block_ack_delay: 0 to 7, see `max_ack_delay_s`. frag_algo: 0 is the only algorithm that any
    device accepts. descriptor: 4 bytes in the order of the wire, free for the application.

    Version 2 adds `ack_reception` (the device reports completion without a request), `session_cnt` (must grow with every
    session of this FragIndex) and `mic` (4 bytes, see `fuota.lorawan.keys.data_block_mic`); the last two are then required.
    Raises MessageError if the command cannot carry a value.
    """

    cid: ClassVar[int] = 0x02
    version: int
    frag_index: int
    mc_group_bit_mask: int
    nb_frag: int
    frag_size: int
    block_ack_delay: int
    frag_algo: int = 0
    padding: int
    descriptor: bytes = bytes(4)
    ack_reception: bool = False
    session_cnt: int | None = None
    mic: bytes | None = None

    def __post_init__(self) -> None:
        require_version(self.version)
        require_frag_index(self.frag_index)
        require_range(
            "mc_group_bit_mask", self.mc_group_bit_mask, 0, 15, "McGroupBitMask has a bit for each of four groups"
        )
        require_range("nb_frag", self.nb_frag, 0, 0xFFFF, "NbFrag has 16 bits")
        require_range("frag_size", self.frag_size, 0, 255, "FragSize is one byte")
        require_range("block_ack_delay", self.block_ack_delay, 0, 7, "BlockAckDelay has three bits")
        require_range("frag_algo", self.frag_algo, 0, 7, "FragAlgo has three bits")
        require_range("padding", self.padding, 0, 255, "Padding is one byte")
        require_length("descriptor", self.descriptor, 4)
        self._check_version_2_fields()

    def _check_version_2_fields(self) -> None:
        if self.version == 1:
            refuse_in_version_1(ack_reception=bool(self.ack_reception), session_cnt=self.session_cnt, mic=self.mic)
            return
        if self.session_cnt is None or self.mic is None:
            raise MessageError(
                f"session_cnt and mic must both be given in version 2, got {self.session_cnt!r} and {self.mic!r};"
                " use version=1 for a setup without them"
            )
        require_range("session_cnt", self.session_cnt, 0, 0xFFFF, "SessionCnt has 16 bits")
        require_length("mic", self.mic, 4)

    def to_bytes(self) -> bytes:
        """Return the CID and 10 bytes, 16 in version 2."""
        frag_session = self.frag_index << 4 | self.mc_group_bit_mask
        control = bool(self.ack_reception) << 6 | self.frag_algo << 3 | self.block_ack_delay
        start = bytes((self.cid,)) + _SETUP.pack(
            frag_session, self.nb_frag, self.frag_size, control, self.padding, self.descriptor
        )
        return start if self.version == 1 else start + _SETUP_TAIL.pack(self.session_cnt, self.mic)

    @classmethod
    def parse(cls, data: memoryview, *, version: int) -> tuple[FragSessionSetupReq, memoryview]:
        """Read 10 bytes, 16 in version 2. Raises MessageError if there are fewer."""
        size = _SETUP.size if version == 1 else _SETUP.size + _SETUP_TAIL.size
        content, data = take(data, size, "FragSessionSetupReq")
        frag_session, nb_frag, frag_size, control, padding, descriptor = _SETUP.unpack_from(content)
        session_cnt, mic = (None, None) if version == 1 else _SETUP_TAIL.unpack_from(content, _SETUP.size)
        command = cls(
            version=version,
            frag_index=frag_session >> 4 & 0x03,
            mc_group_bit_mask=frag_session & 0x0F,
            nb_frag=nb_frag,
            frag_size=frag_size,
            block_ack_delay=control & 0x07,
            frag_algo=control >> 3 & 0x07,
            padding=padding,
            descriptor=descriptor,
            ack_reception=version == 2 and bool(control & 0x40),
            session_cnt=session_cnt,
            mic=mic,
        )
        return command, data


@dataclass(frozen=True, slots=True, kw_only=True)
class FragSessionDeleteReq:
    """Request to delete session `frag_index` (0 to 3)."""

    cid: ClassVar[int] = 0x03
    frag_index: int

    def __post_init__(self) -> None:
        require_frag_index(self.frag_index)

    def to_bytes(self) -> bytes:
        """Return the CID and one byte: bits 1:0 FragIndex."""
        return bytes((self.cid, self.frag_index))

    @classmethod
    def parse(cls, data: memoryview) -> tuple[FragSessionDeleteReq, memoryview]:
        """Read 1 byte. Raises MessageError if there is none."""
        (byte,), data = take(data, 1, "FragSessionDeleteReq")
        return cls(frag_index=byte & 0x03), data


@dataclass(frozen=True, slots=True, kw_only=True)
class FragDataBlockReceivedAns:
    """Confirmation, in version 2, that the server received FragDataBlockReceivedReq for `frag_index`.

    This answer goes from the server to the device.
    """

    cid: ClassVar[int] = 0x04
    frag_index: int

    def __post_init__(self) -> None:
        require_frag_index(self.frag_index)

    def to_bytes(self) -> bytes:
        """Return the CID and one byte: bits 1:0 FragIndex."""
        return bytes((self.cid, self.frag_index))

    @classmethod
    def parse(cls, data: memoryview) -> tuple[FragDataBlockReceivedAns, memoryview]:
        """Read 1 byte. Raises MessageError if there is none."""
        (byte,), data = take(data, 1, "FragDataBlockReceivedAns")
        return cls(frag_index=byte & 0x03), data


@dataclass(frozen=True, slots=True, kw_only=True)
class DataFragment:
    """Fragment `n` (1 to 16383) of session `frag_index`, alone in its message.

    payload: frag_size bytes. The codec does not know the session: the receiver compares the length with FragSize and drops a
    fragment of another length.
    """

    cid: ClassVar[int] = DATA_FRAGMENT_CID
    frag_index: int
    n: int
    payload: bytes

    def __post_init__(self) -> None:
        require_frag_index(self.frag_index)
        require_range("n", self.n, 1, MAX_N, "N counts from 1 and has 14 bits")
        require_range("length of payload", len(self.payload), 1, 255, "a fragment has FragSize bytes")

    def to_bytes(self) -> bytes:
        """Return the CID, 2 bytes Index&N, and the fragment."""
        return bytes((self.cid,)) + _INDEX_AND_N.pack(pack_index_and_count(self.frag_index, self.n)) + self.payload

    @classmethod
    def parse(cls, data: memoryview) -> tuple[DataFragment, memoryview]:
        """Read everything: the fragment ends where the message ends. Raises MessageError if N is 0 or the payload is empty."""
        content, data = take(data, max(len(data), _INDEX_AND_N.size + 1), "DataFragment")
        frag_index, n = unpack_index_and_count(_INDEX_AND_N.unpack_from(content)[0])
        return cls(frag_index=frag_index, n=n, payload=content[_INDEX_AND_N.size :]), data
