"""TS005: the commands that the device sends.

Clauses are named after the command in TS005-1.0.0 and TS005-2.0.0. The two versions differ in the session answers only,
which carry the `version` they are meant for.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import ClassVar, Self

from fuota.errors import MessageError
from fuota.lorawan.codec import flags, require_mc_addr, require_range, require_version, take
from fuota.lorawan.multicast_setup.downlinks import require_mc_group_id

_GROUP = struct.Struct("<BI")  # McGroupID, McAddr
assert _GROUP.size == 5  # noqa: S101 - a law of this file, not of its input


@dataclass(frozen=True, slots=True, kw_only=True)
class McGroup:
    """One record of McGroupStatusAns: group `mc_group_id` has the address `mc_addr`."""

    mc_group_id: int
    mc_addr: int

    def __post_init__(self) -> None:
        require_mc_group_id(self.mc_group_id)
        require_mc_addr(self.mc_addr)


@dataclass(frozen=True, slots=True, kw_only=True)
class McGroupStatusAns:
    """The `groups` of the device, as many as `ans_group_mask` has bits, and NbTotalGroups (0 to 4 in the specification).

    Where the answer did not fit, `ans_group_mask` lacks groups that were asked for (LoRa Basics Modem lists at most two): ask
    again for those. The ids of the records are given as the device sent them, even where they contradict the mask.
    Raises MessageError for a value that the command cannot carry.
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
                f"{len(self.groups)} groups were given with ans_group_mask {self.ans_group_mask:#06b}: give one for each bit"
            )

    def to_bytes(self) -> bytes:
        """CID, one octet: bits 3:0 AnsGroupMask, bits 6:4 NbTotalGroups; then 5 octets for each group."""
        records = b"".join(_GROUP.pack(group.mc_group_id, group.mc_addr) for group in self.groups)
        return bytes((self.cid, self.nb_total_groups << 4 | self.ans_group_mask)) + records

    @classmethod
    def parse(cls, rest: memoryview) -> tuple[McGroupStatusAns, memoryview]:
        """Take one octet and five for each bit of AnsGroupMask. Raises MessageError where they are not there."""
        (octet,), rest = take(rest, 1, "McGroupStatusAns")
        ans_group_mask = octet & 0x0F
        records, rest = take(rest, _GROUP.size * ans_group_mask.bit_count(), "list of McGroupStatusAns")
        groups = tuple(
            McGroup(mc_group_id=header & 0x03, mc_addr=mc_addr) for header, mc_addr in _GROUP.iter_unpack(records)
        )
        return cls(ans_group_mask=ans_group_mask, nb_total_groups=octet >> 4 & 0x07, groups=groups), rest


@dataclass(frozen=True, slots=True, kw_only=True)
class McGroupSetupAns:
    """Group `mc_group_id` was made; or not, with `id_error`: the device has no group of this id."""

    cid: ClassVar[int] = 0x02
    mc_group_id: int
    id_error: bool = False

    def __post_init__(self) -> None:
        require_mc_group_id(self.mc_group_id)

    def to_bytes(self) -> bytes:
        """CID, one octet: bits 1:0 McGroupID, bit 2 IDerror."""
        return bytes((self.cid, flags(self.id_error) << 2 | self.mc_group_id))

    @classmethod
    def parse(cls, rest: memoryview) -> tuple[McGroupSetupAns, memoryview]:
        """Take one octet. Raises MessageError where it is not there."""
        (octet,), rest = take(rest, 1, "McGroupSetupAns")
        return cls(mc_group_id=octet & 0x03, id_error=bool(octet & 0x04)), rest


@dataclass(frozen=True, slots=True, kw_only=True)
class McGroupDeleteAns:
    """Group `mc_group_id` was deleted, or there was none."""

    cid: ClassVar[int] = 0x03
    mc_group_id: int
    mc_group_undefined: bool = False

    def __post_init__(self) -> None:
        require_mc_group_id(self.mc_group_id)

    def to_bytes(self) -> bytes:
        """CID, one octet: bits 1:0 McGroupID, bit 2 McGroupUndefined."""
        return bytes((self.cid, flags(self.mc_group_undefined) << 2 | self.mc_group_id))

    @classmethod
    def parse(cls, rest: memoryview) -> tuple[McGroupDeleteAns, memoryview]:
        """Take one octet. Raises MessageError where it is not there."""
        (octet,), rest = take(rest, 1, "McGroupDeleteAns")
        return cls(mc_group_id=octet & 0x03, mc_group_undefined=bool(octet & 0x04)), rest


@dataclass(frozen=True, slots=True, kw_only=True)
class _SessionAns:
    """Whether the device will open the session of group `mc_group_id`: any error set means that it refused.

    `time_to_start_s`, seconds from this uplink to the start, is there exactly where no error is set; in version 2, 0xFFFFFF
    stands for more than it can say. Version 2 adds `start_missed` and `future_errors`, bits 7:6: errors without a name yet.
    Raises MessageError for a value that the command cannot carry.
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
        require_range("future_errors", self.future_errors, 0, 3, "the errors of the future have two bits")
        if self.version == 1 and (self.start_missed or self.future_errors):
            raise MessageError(
                f"start_missed {self.start_missed}, future_errors {self.future_errors} were given: TS005 has them from"
                " version 2 on; use version=2 or leave them out"
            )
        if (self.time_to_start_s is None) == self.accepted:
            raise MessageError(
                f"time_to_start_s {self.time_to_start_s} was given with errors {self._errors():#04x}: an answer without"
                " errors has it, one with errors has none"
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
        """CID, one octet: bits 1:0 McGroupID, error bits from bit 2 up; then 3 octets TimeToStart if no error is set."""
        octets = bytes((self.cid, self._errors() | self.mc_group_id))
        return octets if self.time_to_start_s is None else octets + self.time_to_start_s.to_bytes(3, "little")

    @classmethod
    def parse(cls, rest: memoryview, *, version: int) -> tuple[Self, memoryview]:
        """Take one octet, and three more where it has no error. Raises MessageError where they are not there."""
        (octet,), rest = take(rest, 1, cls.__name__)
        status = octet & 0x1F if version == 1 else octet
        time_to_start_s = None
        if status & 0xFC == 0:
            octets, rest = take(rest, 3, f"TimeToStart of {cls.__name__}")
            time_to_start_s = int.from_bytes(octets, "little")
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
        return command, rest


@dataclass(frozen=True, slots=True, kw_only=True)
class McClassCSessionAns(_SessionAns):
    """Whether the device will open the class C window that McClassCSessionReq asked for, see the base class."""

    cid: ClassVar[int] = 0x04


@dataclass(frozen=True, slots=True, kw_only=True)
class McClassBSessionAns(_SessionAns):
    """Whether the device will open the class B ping slots that McClassBSessionReq asked for, see the base class."""

    cid: ClassVar[int] = 0x05
