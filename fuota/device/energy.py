"""Energy that an update takes from the battery of a device."""

from __future__ import annotations

from dataclasses import dataclass, fields

from fuota import rules
from fuota.calls import checked_init


@checked_init
@dataclass(frozen=True, slots=True, kw_only=True)
class EnergyModel:
    """Currents of a device; all can be changed. Raises ParameterError for a value below 0.

    supply_mv, receive_ua: voltage, and current while radio and processor listen: 25.0 mW, which is 8.3 mA at 3 V. Measured in
    class C on a NUCLEO-WL55JC by klementc/fuotaa-reprod (slope of the energy over the time listened).
    sleep_na: assumption, 2 µA; the STM32WL alone takes about 1 µA in Stop 2 with its clock running (STM32WL data sheet).
    flash_write_ua: assumption, 6 mA in addition to `receive_ua`: a Cortex-M4 at 48 MHz with 70 µA/MHz (ST's STM32WL training,
    power control), and 2.6 mA for the flash itself.
    beacon_guard_us: assumption, 10 ms awake around each beacon, for 20 ppm of drift in 128 s on both sides and for waking up.
    """

    supply_mv: int = 3_000
    receive_ua: int = 8_333
    sleep_na: int = 2_000
    flash_write_ua: int = 6_000
    beacon_guard_us: int = 10_000

    def __post_init__(self) -> None:
        for constant in fields(self):
            rules.integer(constant.name, getattr(self, constant.name), 0)

    def class_c_uj(self, *, listening_us: int, flash_us: int = 0) -> int:
        """Return the energy of a class C session in microjoules.

        listening_us: time of the session; the receiver is always on. flash_us: time of it in which flash is written too.
        """
        return self._uj(self.receive_ua * 1000 * listening_us + self.flash_write_ua * 1000 * flash_us)

    def class_b_uj(self, *, session_us: int, awake_us: int, flash_us: int = 0) -> int:
        """Return the energy of a class B session in microjoules.

        session_us: time of the session. awake_us: time with the receiver on (see `class_b_awake_us`); otherwise it sleeps.
        flash_us: time to write flash, with the receiver off.
        """
        asleep_us = max(session_us - awake_us - flash_us, 0)
        receiving = self.receive_ua * 1000 * awake_us
        return self._uj(receiving + self.flash_write_ua * 1000 * flash_us + self.sleep_na * asleep_us)

    def class_b_awake_us(self, *, beacons: int, beacon_us: int, empty_slots: int, slot_us: int, frames_us: int) -> int:
        """Return the time that class B keeps the receiver on.

        beacons, beacon_us: number of beacons, one in 128 s, and the length of a beacon; each has a guard time.
        empty_slots, slot_us: number of ping slots without a frame, and the time that the device listens in such a slot.
        frames_us: time on air of all frames; in a slot with a frame the device listens until the frame ends.
        """
        return beacons * (beacon_us + self.beacon_guard_us) + empty_slots * slot_us + frames_us

    def _uj(self, charge_na_us: int) -> int:
        # mV x nA x µs is 10^-18 J
        return (self.supply_mv * charge_na_us + 10**12 // 2) // 10**12
