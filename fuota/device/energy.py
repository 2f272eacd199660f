"""What an update costs a device's battery."""

from __future__ import annotations

from dataclasses import dataclass, fields

from fuota.errors import ParameterError


@dataclass(frozen=True, slots=True, kw_only=True)
class EnergyModel:
    """Currents of a device. Every one can be changed. Raises ParameterError for one below 0.

    `supply_mv`, `receive_ua`: listening with radio and processor, 25.0 mW, which is 8.3 mA at 3 V. Measured in class C on a
    NUCLEO-WL55JC by klementc/fuotaa-reprod (slope of the energy over the time listened).
    `sleep_na`: assumption, 2 µA; the STM32WL alone takes about 1 µA in Stop 2 with its clock running (STM32WL data sheet).
    `flash_write_ua`: assumption, 6 mA on top of `receive_ua`: a Cortex-M4 at 48 MHz with 70 µA/MHz (ST's STM32WL training,
    power control), and 2.6 mA for the flash itself.
    `beacon_guard_us`: assumption, 10 ms awake around each beacon, for 20 ppm of drift in 128 s on both sides and waking up.
    """

    supply_mv: int = 3_000
    receive_ua: int = 8_333
    sleep_na: int = 2_000
    flash_write_ua: int = 6_000
    beacon_guard_us: int = 10_000

    def __post_init__(self) -> None:
        for one in fields(self):
            if (value := getattr(self, one.name)) < 0:
                raise ParameterError(f"{one.name} {value} was given: it is 0 or more; the nearest is 0")

    def class_c_uj(self, *, listening_us: int, flash_us: int = 0) -> int:
        """Microjoules of a class C session: the receiver is on all the time, `flash_us` of it flash is written too."""
        return self._uj(self.receive_ua * 1000 * listening_us + self.flash_write_ua * 1000 * flash_us)

    def class_b_uj(self, *, session_us: int, awake_us: int, flash_us: int = 0) -> int:
        """Microjoules of a class B session: the receiver is on for `awake_us` (see class_b_awake_us), and sleeps otherwise.

        Flash is written while the receiver is off.
        """
        asleep_us = max(session_us - awake_us - flash_us, 0)
        receiving = self.receive_ua * 1000 * awake_us
        return self._uj(receiving + self.flash_write_ua * 1000 * flash_us + self.sleep_na * asleep_us)

    def class_b_awake_us(self, *, beacons: int, beacon_us: int, empty_slots: int, slot_us: int, frames_us: int) -> int:
        """How long class B keeps the receiver on: each beacon with its guard, each ping slot, frames for their time on air.

        A beacon comes every 128 s. In an empty slot the device listens for `slot_us`, in one with a frame until the frame ends.
        """
        return beacons * (beacon_us + self.beacon_guard_us) + empty_slots * slot_us + frames_us

    def _uj(self, charge_na_us: int) -> int:
        # mV x nA x µs is 10^-18 J
        return (self.supply_mv * charge_na_us + 10**12 // 2) // 10**12
