"""TS005: the commands that the server sends. Their bytes are the same in versions 1 and 2.

Clauses are named after the command in TS005-1.0.0 and TS005-2.0.0. Everything that the wire can carry is a legal value here,
even an impossible session: the device must refuse it, with an error bit. Times are GPS seconds modulo 2^32.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import ClassVar

from fuota.errors import MessageError
from fuota.lorawan.codec import require_length, require_mc_addr, require_range, take
from fuota.rules import refuse

_GROUP_SETUP = struct.Struct("<BI16sII")  # McGroupIDHeader, McAddr, McKey_encrypted, minMcFCnt, maxMcFCnt
_SESSION = struct.Struct("<BIB3sB")  # McGroupIDHeader, SessionTime, TimeOut, DLFreq, DR
assert (_GROUP_SETUP.size, _SESSION.size) == (29, 10)  # noqa: S101 - a fact about this file, not about its input

_FIRST_DL_FREQ_OF_2_4_GHZ = 12_000_000
_MAX_DL_FREQ = 0xFFFFFF
_DL_FREQ_RULE = "a multiple of 100 Hz from 0 to 1199999900 or of 200 Hz from 2400000000 to 3355443000"


def require_mc_group_id(mc_group_id: int) -> None:
    """Raise MessageError unless `mc_group_id` fits the two bits of McGroupID."""
    require_range("mc_group_id", mc_group_id, 0, 3, "McGroupID has two bits")


def _pack_dl_freq(frequency_hz: int) -> bytes:
    """Return DLFreq, 3 bytes: steps of 100 Hz, or steps of 200 Hz from 12 000 000 on, in the 2.4 GHz band."""
    step_hz = 100 if frequency_hz < _FIRST_DL_FREQ_OF_2_4_GHZ * 200 else 200
    end = _FIRST_DL_FREQ_OF_2_4_GHZ if step_hz == 100 else _MAX_DL_FREQ + 1
    steps, surplus_hz = divmod(frequency_hz, step_hz)
    if surplus_hz or not 0 <= steps < end:
        refuse("frequency_hz", _DL_FREQ_RULE, frequency_hz, error=MessageError, why="DLFreq of TS005")
    return steps.to_bytes(3, "little")


def _unpack_dl_freq(dl_freq: bytes) -> int:
    steps = int.from_bytes(dl_freq, "little")
    return steps * (100 if steps < _FIRST_DL_FREQ_OF_2_4_GHZ else 200)


@dataclass(frozen=True, slots=True, kw_only=True)
class McGroupStatusReq:
    """Request for the groups in `req_group_mask`: bit X for group X.

    LoRaMac-node reads the mask as the CID of the next command (3 would delete a group): do not send this command to such a
    device.
    """

    cid: ClassVar[int] = 0x01
    req_group_mask: int

    def __post_init__(self) -> None:
        require_range("req_group_mask", self.req_group_mask, 0, 15, "ReqGroupMask has a bit for each of four groups")

    def to_bytes(self) -> bytes:
        """Return the CID and one byte: bits 3:0 ReqGroupMask."""
        return bytes((self.cid, self.req_group_mask))

    @classmethod
    def parse(cls, data: memoryview) -> tuple[McGroupStatusReq, memoryview]:
        """Read 1 byte. Raises MessageError if there is none."""
        (byte,), data = take(data, 1, "McGroupStatusReq")
        return cls(req_group_mask=byte & 0x0F), data


@dataclass(frozen=True, slots=True, kw_only=True)
class McGroupSetupReq:
    """Request to create multicast group `mc_group_id` (0 to 3) with the address `mc_addr`.

    mc_key_encrypted: 16 bytes in the order of the wire. min_mc_f_cnt: counter of the next frame that the server will send. The
    device drops frames with a counter below it or above `max_mc_f_cnt` (0xFFFFFFFF: no limit).
    Raises MessageError if the command cannot carry a value.
    """

    cid: ClassVar[int] = 0x02
    mc_group_id: int
    mc_addr: int
    mc_key_encrypted: bytes
    min_mc_f_cnt: int
    max_mc_f_cnt: int

    def __post_init__(self) -> None:
        require_mc_group_id(self.mc_group_id)
        require_mc_addr(self.mc_addr)
        require_length("mc_key_encrypted", self.mc_key_encrypted, 16)
        require_range("min_mc_f_cnt", self.min_mc_f_cnt, 0, 0xFFFFFFFF, "minMcFCnt has 32 bits")
        require_range("max_mc_f_cnt", self.max_mc_f_cnt, 0, 0xFFFFFFFF, "maxMcFCnt has 32 bits")

    def to_bytes(self) -> bytes:
        """Return the CID and 29 bytes."""
        return bytes((self.cid,)) + _GROUP_SETUP.pack(
            self.mc_group_id, self.mc_addr, self.mc_key_encrypted, self.min_mc_f_cnt, self.max_mc_f_cnt
        )

    @classmethod
    def parse(cls, data: memoryview) -> tuple[McGroupSetupReq, memoryview]:
        """Read 29 bytes. Raises MessageError if there are fewer."""
        content, data = take(data, _GROUP_SETUP.size, "McGroupSetupReq")
        header, mc_addr, mc_key_encrypted, min_mc_f_cnt, max_mc_f_cnt = _GROUP_SETUP.unpack(content)
        command = cls(
            mc_group_id=header & 0x03,
            mc_addr=mc_addr,
            mc_key_encrypted=mc_key_encrypted,
            min_mc_f_cnt=min_mc_f_cnt,
            max_mc_f_cnt=max_mc_f_cnt,
        )
        return command, data


@dataclass(frozen=True, slots=True, kw_only=True)
class McGroupDeleteReq:
    """Request to delete multicast group `mc_group_id` (0 to 3)."""

    cid: ClassVar[int] = 0x03
    mc_group_id: int

    def __post_init__(self) -> None:
        require_mc_group_id(self.mc_group_id)

    def to_bytes(self) -> bytes:
        """Return the CID and one byte: bits 1:0 McGroupID."""
        return bytes((self.cid, self.mc_group_id))

    @classmethod
    def parse(cls, data: memoryview) -> tuple[McGroupDeleteReq, memoryview]:
        """Read 1 byte. Raises MessageError if there is none."""
        (byte,), data = take(data, 1, "McGroupDeleteReq")
        return cls(mc_group_id=byte & 0x03), data


def _require_session(session: McClassCSessionReq | McClassBSessionReq) -> None:
    require_mc_group_id(session.mc_group_id)
    require_range("session_time_s", session.session_time_s, 0, 0xFFFFFFFF, "SessionTime has 32 bits")
    require_range("time_out", session.time_out, 0, 15, "TimeOut is an exponent of four bits")
    require_range("data_rate", session.data_rate, 0, 255, "DR is one byte")
    _pack_dl_freq(session.frequency_hz)


@dataclass(frozen=True, slots=True, kw_only=True)
class McClassCSessionReq:
    """Request to open a class C window for group `mc_group_id` at `session_time_s`, for at most 2^time_out seconds.

    session_time_s: GPS seconds modulo 2^32. frequency_hz: a multiple of 100, or of 200 in the 2.4 GHz band. data_rate: index.
    Raises MessageError if the command cannot carry a value.
    """

    cid: ClassVar[int] = 0x04
    mc_group_id: int
    session_time_s: int
    time_out: int
    frequency_hz: int
    data_rate: int

    def __post_init__(self) -> None:
        _require_session(self)

    def to_bytes(self) -> bytes:
        """Return the CID and 10 bytes."""
        dl_freq = _pack_dl_freq(self.frequency_hz)
        return bytes((self.cid,)) + _SESSION.pack(
            self.mc_group_id, self.session_time_s, self.time_out, dl_freq, self.data_rate
        )

    @classmethod
    def parse(cls, data: memoryview) -> tuple[McClassCSessionReq, memoryview]:
        """Read 10 bytes. Raises MessageError if there are fewer."""
        content, data = take(data, _SESSION.size, "McClassCSessionReq")
        header, session_time_s, time_out, dl_freq, data_rate = _SESSION.unpack(content)
        command = cls(
            mc_group_id=header & 0x03,
            session_time_s=session_time_s,
            time_out=time_out & 0x0F,
            frequency_hz=_unpack_dl_freq(dl_freq),
            data_rate=data_rate,
        )
        return command, data


@dataclass(frozen=True, slots=True, kw_only=True)
class McClassBSessionReq:
    """Request to open class B ping slots for group `mc_group_id` at `session_time_s`, for at most 128 x 2^time_out seconds.

    session_time_s: GPS seconds modulo 2^32; a device accepts only multiples of 128. periodicity: there is a slot every
    2^periodicity seconds. frequency_hz: a multiple of 100, or of 200 in the 2.4 GHz band; 0 means the default hopping if the
    region hops. data_rate: index.
    Raises MessageError if the command cannot carry a value.
    """

    cid: ClassVar[int] = 0x05
    mc_group_id: int
    session_time_s: int
    time_out: int
    periodicity: int
    frequency_hz: int
    data_rate: int

    def __post_init__(self) -> None:
        _require_session(self)
        require_range("periodicity", self.periodicity, 0, 7, "Periodicity is an exponent of three bits")

    def to_bytes(self) -> bytes:
        """Return the CID and 10 bytes."""
        time_out_periodicity = self.periodicity << 4 | self.time_out
        dl_freq = _pack_dl_freq(self.frequency_hz)
        return bytes((self.cid,)) + _SESSION.pack(
            self.mc_group_id, self.session_time_s, time_out_periodicity, dl_freq, self.data_rate
        )

    @classmethod
    def parse(cls, data: memoryview) -> tuple[McClassBSessionReq, memoryview]:
        """Read 10 bytes. Raises MessageError if there are fewer."""
        content, data = take(data, _SESSION.size, "McClassBSessionReq")
        header, session_time_s, time_out_periodicity, dl_freq, data_rate = _SESSION.unpack(content)
        command = cls(
            mc_group_id=header & 0x03,
            session_time_s=session_time_s,
            time_out=time_out_periodicity & 0x0F,
            periodicity=time_out_periodicity >> 4 & 0x07,
            frequency_hz=_unpack_dl_freq(dl_freq),
            data_rate=data_rate,
        )
        return command, data
