"""Profiles of devices: the limits of a kind of device."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from math import isqrt
from typing import Literal, get_args

from fuota import rules
from fuota.calls import checked_init
from fuota.device.energy import EnergyModel
from fuota.fragmentation import MAX_FRAGMENT_NUMBER, Variant
from fuota.fragmentation.limits import check_variant
from fuota.image import ImageRequirements

MissingReport = Literal["rank", "lost", "one"]


@checked_init
@dataclass(frozen=True, slots=True, kw_only=True)
class DeviceProfile:
    """Limits of a device that receives a data block (TS004). Raises ParameterError for limits that no device has.

    name: name of the profile.
    version: version of TS004 on the device, 1 or 2.
    variant: reading of the parity matrix in version 2.
    max_nb_frag: number of uncoded fragments, 1 to 16383.
    max_frag_size: bytes in a fragment, 1 to 255.
    slot_bytes: bytes for the whole data block.
    frag_sessions: number of sessions, 1 to 4; FragIndex counts from 0.
    descriptor: the only descriptor that the device accepts, 4 bytes in the order of the wire; None accepts any.

    frag_size_multiple: bytes in a unit of flash that is written at once.
    frag_write_ms: time to write a fragment.
    row_work_ms: longest time that the decoder works for a coded fragment.
    second_buffer: whether the device receives a frame while it writes the previous frame.
    max_lost: number of lost uncoded fragments that the decoder can repair (FRAG_MAX_REDUNDANCY of Semtech's decoders).
    redundancy_memory_bytes: memory of the decoder for its parity matrix. None for either means no limit.
    uplink_period_s: time between uplinks; None if it is unknown.

    Behaviour of stacks in the field (docs/field-bugs.md):
    in_order: whether the device drops a fragment with a number below the highest number that it has received.
    missing_report: meaning of its MissingFrag. "rank": the rank still missing; "lost": the lost uncoded fragments, including
    repaired fragments; "one": the rank, but 1 after a reception without loss.

    energy: currents of the device.
    image: requirements for an image. `image_requirements` adds the slot and the session of the device if they are not in it.
    """

    name: str = "ideal"
    version: int = 1
    variant: Variant = "deployed"
    max_nb_frag: int = MAX_FRAGMENT_NUMBER
    max_frag_size: int = 255
    slot_bytes: int = MAX_FRAGMENT_NUMBER * 255
    frag_sessions: int = 4
    descriptor: bytes | None = None
    frag_size_multiple: int = 1
    frag_write_ms: int = 0
    row_work_ms: int = 0
    second_buffer: bool = True
    max_lost: int | None = None
    redundancy_memory_bytes: int | None = None
    uplink_period_s: int | None = None
    in_order: bool = False
    missing_report: MissingReport = "rank"
    energy: EnergyModel = field(default_factory=EnergyModel)
    image: ImageRequirements = field(default_factory=ImageRequirements)

    def __post_init__(self) -> None:
        rules.integer("version", self.version, 1, 2)
        check_variant(self.version, self.variant)
        rules.integer("max_nb_frag", self.max_nb_frag, 1, MAX_FRAGMENT_NUMBER)
        rules.integer("max_frag_size", self.max_frag_size, 1, 255)
        rules.integer("slot_bytes", self.slot_bytes, 1, MAX_FRAGMENT_NUMBER * 255)
        rules.integer("frag_sessions", self.frag_sessions, 1, 4)
        rules.integer("frag_size_multiple", self.frag_size_multiple, 1, self.max_frag_size)
        rules.integer("frag_write_ms", self.frag_write_ms, 0)
        rules.integer("row_work_ms", self.row_work_ms, 0)
        rules.optional_integer("max_lost", self.max_lost, 0)
        rules.optional_integer("redundancy_memory_bytes", self.redundancy_memory_bytes, 0)
        rules.optional_integer("uplink_period_s", self.uplink_period_s, 1)
        rules.one_of("missing_report", self.missing_report, get_args(MissingReport))
        if self.descriptor is not None:
            rules.exact_length("descriptor", self.descriptor, 4)

    def image_requirements(self) -> ImageRequirements:
        """Return the requirements for an image: `image`, with the slot of the device and the capacity of one session."""
        frag_size = self.max_frag_size - self.max_frag_size % self.frag_size_multiple
        return replace(
            self.image,
            slot_bytes=self.image.slot_bytes or self.slot_bytes,
            max_block_bytes=self.image.max_block_bytes or self.max_nb_frag * frag_size,
        )

    def holds(self, *, nb_frag: int, frag_size: int, padding: int) -> bool:
        """Return whether a session fits the memory of the device, and its fragments fit the units of its flash.

        nb_frag: number of uncoded fragments. frag_size: bytes in a fragment. padding: bytes of padding in the last fragment.
        """
        return (
            1 <= nb_frag <= self.max_nb_frag
            and 1 <= frag_size <= self.max_frag_size
            and frag_size % self.frag_size_multiple == 0
            and padding < frag_size
            and nb_frag * frag_size - padding <= self.slot_bytes
        )

    def max_repairable(self) -> int | None:
        """Return the number of lost uncoded fragments that the device can repair; None if there is no limit."""
        limits = [self.max_lost, max_repairable_in(self.redundancy_memory_bytes)]
        return min((limit for limit in limits if limit is not None), default=None)

    def min_interval_us(self, time_on_air_us: int) -> int:
        """Return the shortest time between the starts of two frames that the device keeps up with."""
        work_us = 1000 * (self.frag_write_ms + self.row_work_ms)
        return max(time_on_air_us, work_us) if self.second_buffer else time_on_air_us + work_us


def decoder_memory_bytes(lost: int) -> int:
    """Return the bytes that a decoder needs to repair `lost` uncoded fragments.

    For m fragments it needs m(m + 1)/2 bits of matrix and 2m bytes of indexes (TS004-2.0.0 §A.4). Raises ParameterError below 0.
    """
    rules.integer("lost", lost, 0)
    return -(-(lost * (lost + 1) + 32 * lost) // 16)


def max_repairable_in(memory_bytes: int | None) -> int | None:
    """Return the number of fragments that can be repaired in `memory_bytes`, the inverse of `decoder_memory_bytes`.

    None means no limit, for both.
    """
    # m(m + 1)/16 + 2m <= b if and only if (2m + 33)^2 <= 64b + 33^2
    return None if memory_bytes is None else (isqrt(64 * memory_bytes + 33 * 33) - 33) // 2
