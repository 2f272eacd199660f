"""The clock of a device, which may be wrong."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

SECOND_US = 1_000_000
_WIRE_MODULUS = 1 << 32


class PackageClock(Protocol):
    """Clock that the packages of a device use."""

    @property
    def true_us(self) -> int:
        """True GPS time in microseconds."""
        ...

    @property
    def now_us(self) -> int:
        """GPS time by the clock, in microseconds."""
        ...

    @property
    def wire_s(self) -> int:
        """GPS time by the clock, in whole seconds modulo 2^32, as TS003 and TS005 send it."""
        ...

    def seconds_until(self, wire_s: int) -> int:
        """Return the seconds from now to a time on the wire; negative if the time has passed."""
        ...

    def correct(self, correction_s: int) -> None:
        """Advance the clock by `correction_s` seconds."""
        ...


@dataclass(slots=True, kw_only=True)
class DeviceClock:
    """GPS time by the clock of a device, in microseconds.

    true_us: true time, which the runner of the device sets before each event.
    error_us: error of the clock at `set_us` (true time); positive if it is ahead.
    drift_ppb: gain of the clock since `set_us`, in parts per billion.
    """

    true_us: int = 0
    error_us: int = 0
    drift_ppb: int = 0
    set_us: int = 0

    @property
    def now_us(self) -> int:
        """GPS time by the clock, in microseconds."""
        return self.true_us + self.error_us + (self.true_us - self.set_us) * self.drift_ppb // 1_000_000_000

    @property
    def wire_s(self) -> int:
        """GPS time by the clock, in whole seconds modulo 2^32, as TS003 and TS005 send it."""
        return self.now_us // SECOND_US % _WIRE_MODULUS

    def seconds_until(self, wire_s: int) -> int:
        """Return the seconds from now to a time on the wire; negative if the time has passed.

        wire_s: seconds modulo 2^32; the time within 2^31 seconds of now is meant.
        """
        half = _WIRE_MODULUS // 2
        return (wire_s - self.wire_s + half) % _WIRE_MODULUS - half

    def correct(self, correction_s: int) -> None:
        """Advance the clock by `correction_s` seconds. It drifts from this moment on."""
        self.error_us = self.now_us - self.true_us + correction_s * SECOND_US
        self.set_us = self.true_us
