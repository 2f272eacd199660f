"""TS005: the commands that the device sends.

Clauses are named after the command in TS005-1.0.0 and TS005-2.0.0. The two versions differ only in the session
answers, which carry the `version` that they are meant for.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import ClassVar, Self

from fuota.errors import MessageError
from fuota.lorawan.codec import flags, require_mc_addr, require_range, require_version, take
from fuota.lorawan.multicast_setup.downlinks import require_mc_group_id

_GROUP = struct.Struct("<BI")  # McGroupID, McAddr
assert _GROUP.size == 5  # noqa: S101 - a fact about this file, not about its input


@dataclass(frozen=True, slots=True, kw_only=True)
class McGroup:
    """Record of McGroupStatusAns: group `mc_group_id` has the address `mc_addr`."""

    mc_group_id: int
    mc_addr: int

    def __post_init__(self) -> None:
        require_mc_group_id(self.mc_group_id)
        require_mc_addr(self.mc_addr)


@dataclass(frozen=True, slots=True, kw_only=True)
class McGroupStatusAns:
    """Groups of the device, one for each bit of `ans_group_mask`, and NbTotalGroups (0 to 4 in the specification).

    If the answer was too long, `ans_group_mask` lacks some of the requested groups (LoRa Basics Modem lists at most two):
    request these again. The records keep the ids that the device sent, even if they contradict the mask.
    Raises MessageError if the command cannot carry a value.
    """

    cid: ClassVar[int] = 0x01
    ans_group_mask: int
    nb_total_groups: int
    groups: tuple[McGroup, ...]

    def __post_init__(self) -> None:
        require_range("ans_group_mask", self.ans_group_mask, 0, 15, "AnsGroupMask has a bit for each of four groups")
        require_range("nb_total_groups", self.nb_total_groups, 0, 7, "NbTotalGroups has three bits")
        if len(self.groups) != self.ans_group_mask.bit_count():
            raise MessageError(
                f"groups must have one group for each bit of ans_group_mask {self.ans_group_mask:#06b}, got {len(self.groups)}"
            )

    def to_bytes(self) -> bytes:
        """Return the CID and one byte: bits 3:0 AnsGroupMask, bits 6:4 NbTotalGroups; then 5 bytes for each group."""
        records = b"".join(_GROUP.pack(group.mc_group_id, group.mc_addr) for group in self.groups)
        return bytes((self.cid, self.nb_total_groups << 4 | self.ans_group_mask)) + records

    @classmethod
    def parse(cls, data: memoryview) -> tuple[McGroupStatusAns, memoryview]:
        """Read 1 byte, and 5 for each bit of AnsGroupMask. Raises MessageError if there are fewer."""
        (byte,), data = take(data, 1, "McGroupStatusAns")
        ans_group_mask = byte & 0x0F
        records, data = take(data, _GROUP.size * ans_group_mask.bit_count(), "list of McGroupStatusAns")
        groups = tuple(
            McGroup(mc_group_id=header & 0x03, mc_addr=mc_addr) for header, mc_addr in _GROUP.iter_unpack(records)
        )
        return cls(ans_group_mask=ans_group_mask, nb_total_groups=byte >> 4 & 0x07, groups=groups), data


@dataclass(frozen=True, slots=True, kw_only=True)
class McGroupSetupAns:
    """Answer of the device to a setup of group `mc_group_id`. id_error: the device has no group with this id."""

    cid: ClassVar[int] = 0x02
    mc_group_id: int
    id_error: bool = False

    def __post_init__(self) -> None:
        require_mc_group_id(self.mc_group_id)

    def to_bytes(self) -> bytes:
        """Return the CID and one byte: bits 1:0 McGroupID, bit 2 IDerror."""
        return bytes((self.cid, flags(self.id_error) << 2 | self.mc_group_id))

    @classmethod
    def parse(cls, data: memoryview) -> tuple[McGroupSetupAns, memoryview]:
        """Read 1 byte. Raises MessageError if there is none."""
        (byte,), data = take(data, 1, "McGroupSetupAns")
        return cls(mc_group_id=byte & 0x03, id_error=bool(byte & 0x04)), data


@dataclass(frozen=True, slots=True, kw_only=True)
class McGroupDeleteAns:
    """Answer of the device to a deletion of group `mc_group_id`. mc_group_undefined: there was no such group."""

    cid: ClassVar[int] = 0x03
    mc_group_id: int
    mc_group_undefined: bool = False

    def __post_init__(self) -> None:
        require_mc_group_id(self.mc_group_id)

    def to_bytes(self) -> bytes:
        """Return the CID and one byte: bits 1:0 McGroupID, bit 2 McGroupUndefined."""
        return bytes((self.cid, flags(self.mc_group_undefined) << 2 | self.mc_group_id))

    @classmethod
    def parse(cls, data: memoryview) -> tuple[McGroupDeleteAns, memoryview]:
        """Read 1 byte. Raises MessageError if there is none."""
        (byte,), data = take(data, 1, "McGroupDeleteAns")
        return cls(mc_group_id=byte & 0x03, mc_group_undefined=bool(byte & 0x04)), data


@dataclass(frozen=True, slots=True, kw_only=True)
class _SessionAns:
    """Answer of the device to a session request for group `mc_group_id`: any error means that it refused.

    time_to_start_s: seconds from this uplink to the start, present exactly if there is no error; in version 2, 0xFFFFFF means
    that the time is longer than the field can hold. Version 2 adds `start_missed` and `future_errors`, bits 7:6, which are
    errors without a name yet.
    Raises MessageError if the command cannot carry a value.
    """

    cid: ClassVar[int]
    version: int
    mc_group_id: int
    dr_error: bool = False
    freq_error: bool = False
    mc_group_undefined: bool = False
    start_missed: bool = False
    future_errors: int = 0
    time_to_start_s: int | None = None

    def __post_init__(self) -> None:
        require_version(self.version)
        require_mc_group_id(self.mc_group_id)
        require_range("future_errors", self.future_errors, 0, 3, "bits 7:6 of the answer")
        if self.version == 1 and (self.start_missed or self.future_errors):
            raise MessageError(
                f"start_missed and future_errors must be left out in version 1, got {self.start_missed} and"
                f" {self.future_errors}; TS005 has them from version 2 on"
            )
        if (self.time_to_start_s is None) == self.accepted:
            raise MessageError(
                "time_to_start_s must be given in an answer without errors and left out in an answer with errors,"
                f" got {self.time_to_start_s} with errors {self._errors():#04x}"
            )
        if self.time_to_start_s is not None:
            require_range("time_to_start_s", self.time_to_start_s, 0, 0xFFFFFF, "TimeToStart has 24 bits")

    @property
    def accepted(self) -> bool:
        """Whether no error is set."""
        return self._errors() == 0

    def _errors(self) -> int:
        named = flags(self.dr_error, self.freq_error, self.mc_group_undefined, self.start_missed)
        return self.future_errors << 6 | named << 2

    def to_bytes(self) -> bytes:
        """Return the CID and one byte: bits 1:0 McGroupID, error bits from bit 2 up; without an error 3 bytes TimeToStart."""
        start = bytes((self.cid, self._errors() | self.mc_group_id))
        return start if self.time_to_start_s is None else start + self.time_to_start_s.to_bytes(3, "little")

    @classmethod
    def parse(cls, data: memoryview, *, version: int) -> tuple[Self, memoryview]:
        """Read 1 byte, and 3 more if it has no error. Raises MessageError if there are fewer."""
        (byte,), data = take(data, 1, cls.__name__)
        status = byte & 0x1F if version == 1 else byte
        time_to_start_s = None
        if status & 0xFC == 0:
            content, data = take(data, 3, f"TimeToStart of {cls.__name__}")
            time_to_start_s = int.from_bytes(content, "little")
        command = cls(
            version=version,
            mc_group_id=status & 0x03,
            dr_error=bool(status & 0x04),
            freq_error=bool(status & 0x08),
            mc_group_undefined=bool(status & 0x10),
            start_missed=bool(status & 0x20),
            future_errors=status >> 6,
            time_to_start_s=time_to_start_s,
        )
        return command, data


@dataclass(frozen=True, slots=True, kw_only=True)
class McClassCSessionAns(_SessionAns):
    """Answer of the device to McClassCSessionReq, see the base class."""

    cid: ClassVar[int] = 0x04


@dataclass(frozen=True, slots=True, kw_only=True)
class McClassBSessionAns(_SessionAns):
    """Answer of the device to McClassBSessionReq, see the base class."""

    cid: ClassVar[int] = 0x05
