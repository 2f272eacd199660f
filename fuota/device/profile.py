"""What a kind of device can do."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from math import isqrt
from typing import Literal, get_args

from fuota.device.energy import EnergyModel
from fuota.errors import ParameterError
from fuota.fragmentation import MAX_FRAGMENT_NUMBER, Variant
from fuota.fragmentation.parity import ParityCode
from fuota.image import ImageRequirements

MissingReport = Literal["rank", "lost", "one"]


@dataclass(frozen=True, slots=True, kw_only=True)
class DeviceProfile:
    """The limits of a device that receives a data block (TS004). Raises ParameterError for limits that no device has.

    `version` of TS004 that it speaks and, for version 2, the `variant` of the parity matrix; `max_nb_frag` uncoded fragments;
    `max_frag_size` octets; `slot_bytes` octets for the whole block; `frag_sessions` sessions, FragIndex 0 and on;
    `descriptor`: the only one it accepts, 4 octets in the order of the wire, or None for any.

    `frag_size_multiple` octets in which its flash is written; `frag_write_ms` to write one fragment; `row_work_ms` that the
    decoder works at worst for one coded fragment; `second_buffer`: it receives a frame while it writes the one before.
    `max_lost` uncoded fragments that the decoder can repair (FRAG_MAX_REDUNDANCY of Semtech's decoders), and
    `redundancy_memory_bytes` for its parity matrix; None where nothing limits them. `uplink_period_s` between its uplinks,
    None where unknown.

    What stacks in the field do (docs/field-bugs.md): `in_order`: it drops a fragment numbered below the highest it has seen;
    `missing_report`: its MissingFrag is the "rank" still lacking, the uncoded fragments "lost", however many were repaired
    since, or the rank but "one" after a reception without loss.

    `image`: what it takes as an image; where that says no slot and no session, `image_requirements` has those of the device.
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
        _check_range("version", self.version, 1, 2)
        ParityCode(nb_frag=1, version=self.version, variant=self.variant)  # refuses a variant that the version has not
        _check_range("max_nb_frag", self.max_nb_frag, 1, MAX_FRAGMENT_NUMBER)
        _check_range("max_frag_size", self.max_frag_size, 1, 255)
        _check_range("slot_bytes", self.slot_bytes, 1, MAX_FRAGMENT_NUMBER * 255)
        _check_range("frag_sessions", self.frag_sessions, 1, 4)
        _check_range("frag_size_multiple", self.frag_size_multiple, 1, self.max_frag_size)
        _check_least("frag_write_ms", self.frag_write_ms, 0)
        _check_least("row_work_ms", self.row_work_ms, 0)
        _check_least("max_lost", self.max_lost, 0)
        _check_least("redundancy_memory_bytes", self.redundancy_memory_bytes, 0)
        _check_least("uplink_period_s", self.uplink_period_s, 1)
        if self.missing_report not in get_args(MissingReport):
            raise ParameterError(f"missing_report {self.missing_report!r} was given: it is 'rank', 'lost' or 'one'")
        if self.descriptor is not None and len(self.descriptor) != 4:
            raise ParameterError(f"descriptor of {len(self.descriptor)} octets was given: it has exactly 4")

    def image_requirements(self) -> ImageRequirements:
        """What an image must be for this device: `image`, with its slot, and the most that one session can carry."""
        frag_size = self.max_frag_size - self.max_frag_size % self.frag_size_multiple
        return replace(
            self.image,
            slot_bytes=self.image.slot_bytes or self.slot_bytes,
            max_block_bytes=self.image.max_block_bytes or self.max_nb_frag * frag_size,
        )

    def holds(self, *, nb_frag: int, frag_size: int, padding: int) -> bool:
        """Whether a session of this shape fits the device's memory, and its fragments the units of its flash."""
        return (
            1 <= nb_frag <= self.max_nb_frag
            and 1 <= frag_size <= self.max_frag_size
            and frag_size % self.frag_size_multiple == 0
            and padding < frag_size
            and nb_frag * frag_size - padding <= self.slot_bytes
        )

    def most_lost(self) -> int | None:
        """How many uncoded fragments it can repair at most, or None where nothing limits them."""
        limits = [self.max_lost, most_lost_in(self.redundancy_memory_bytes)]
        return min((limit for limit in limits if limit is not None), default=None)

    def min_interval_us(self, time_on_air_us: int) -> int:
        """Shortest time from the start of one frame to the start of the next that the device keeps up with."""
        work_us = 1000 * (self.frag_write_ms + self.row_work_ms)
        return max(time_on_air_us, work_us) if self.second_buffer else time_on_air_us + work_us


def decoder_memory_bytes(lost: int) -> int:
    """Octets that a decoder needs to repair `lost` uncoded fragments (m): m(m + 1)/2 bits of matrix, 2m octets of indexes.

    TS004-2.0.0 §A.4. Raises ParameterError below 0.
    """
    _check_least("lost", lost, 0)
    return -(-(lost * (lost + 1) + 32 * lost) // 16)


def most_lost_in(memory_bytes: int | None) -> int | None:
    """The most fragments that can be repaired in so many octets: decoder_memory_bytes the other way round. None: no limit."""
    # m(m + 1)/16 + 2m <= b where (2m + 33)^2 <= 64b + 33^2
    return None if memory_bytes is None else (isqrt(64 * memory_bytes + 33 * 33) - 33) // 2


def _check_range(name: str, value: int, low: int, high: int) -> None:
    if not low <= value <= high:
        raise ParameterError(
            f"{name} {value} was given: it is {low} to {high}; the nearest is {min(max(value, low), high)}"
        )


def _check_least(name: str, value: int | None, least: int) -> None:
    if value is not None and value < least:
        raise ParameterError(f"{name} {value} was given: it is {least} or more; the nearest is {least}")
