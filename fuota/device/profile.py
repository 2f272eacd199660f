"""What a kind of device can do."""

from __future__ import annotations

from dataclasses import dataclass

from fuota.errors import ParameterError
from fuota.fragmentation import MAX_FRAGMENT_NUMBER, Variant
from fuota.fragmentation.parity import ParityCode


@dataclass(frozen=True, slots=True, kw_only=True)
class DeviceProfile:
    """The limits of a device that receives a data block (TS004). Raises ParameterError for limits that no device has.

    `version` of TS004 that it speaks and, for version 2, the `variant` of the parity matrix; `max_nb_frag` uncoded fragments;
    `max_frag_size` octets; `slot_bytes` octets for the whole block; `frag_sessions` sessions, FragIndex 0 and on;
    `descriptor`: the only one it accepts, 4 octets in the order of the wire, or None for any.
    """

    name: str = "ideal"
    version: int = 1
    variant: Variant = "deployed"
    max_nb_frag: int = MAX_FRAGMENT_NUMBER
    max_frag_size: int = 255
    slot_bytes: int = MAX_FRAGMENT_NUMBER * 255
    frag_sessions: int = 4
    descriptor: bytes | None = None

    def __post_init__(self) -> None:
        _check_range("version", self.version, 1, 2)
        ParityCode(nb_frag=1, version=self.version, variant=self.variant)  # refuses a variant that the version has not
        _check_range("max_nb_frag", self.max_nb_frag, 1, MAX_FRAGMENT_NUMBER)
        _check_range("max_frag_size", self.max_frag_size, 1, 255)
        _check_range("slot_bytes", self.slot_bytes, 1, MAX_FRAGMENT_NUMBER * 255)
        _check_range("frag_sessions", self.frag_sessions, 1, 4)
        if self.descriptor is not None and len(self.descriptor) != 4:
            raise ParameterError(f"descriptor of {len(self.descriptor)} octets was given: it has exactly 4")

    def holds(self, *, nb_frag: int, frag_size: int, padding: int) -> bool:
        """Whether a session of this shape fits the device's memory."""
        return (
            1 <= nb_frag <= self.max_nb_frag
            and 1 <= frag_size <= self.max_frag_size
            and padding < frag_size
            and nb_frag * frag_size - padding <= self.slot_bytes
        )


def _check_range(name: str, value: int, low: int, high: int) -> None:
    if not low <= value <= high:
        raise ParameterError(
            f"{name} {value} was given: it is {low} to {high}; the nearest is {min(max(value, low), high)}"
        )
