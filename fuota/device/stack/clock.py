"""The clock of a device, which is not always right."""

from __future__ import annotations

from dataclasses import dataclass

SECOND_US = 1_000_000
_WIRE_MODULUS = 1 << 32


@dataclass(slots=True, kw_only=True)
class DeviceClock:
    """GPS time as a device knows it, in microseconds.

    `true_us`: what the time really is, set by who runs the device before anything happens to it. `error_us`: how far the clock
    was ahead at `set_us` (true time), `drift_ppb`: how much it gains since, in parts per billion.
    """

    true_us: int = 0
    error_us: int = 0
    drift_ppb: int = 0
    set_us: int = 0

    @property
    def now_us(self) -> int:
        """What the clock says."""
        return self.true_us + self.error_us + (self.true_us - self.set_us) * self.drift_ppb // 1_000_000_000

    @property
    def wire_s(self) -> int:
        """What the clock says in whole seconds modulo 2^32, as TS003 and TS005 send it."""
        return self.now_us // SECOND_US % _WIRE_MODULUS

    def seconds_until(self, wire_s: int) -> int:
        """Seconds from now to a time on the wire, below 0 where it has passed: the one within 2^31 seconds of now."""
        half = _WIRE_MODULUS // 2
        return (wire_s - self.wire_s + half) % _WIRE_MODULUS - half

    def correct(self, correction_s: int) -> None:
        """Put the clock on by that many seconds; it drifts on from here."""
        self.error_us = self.now_us - self.true_us + correction_s * SECOND_US
        self.set_us = self.true_us
