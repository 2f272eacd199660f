"""Chips of the ESP32 family: the number of each in an image, and its addresses that the bootloader maps to flash.

Source: esptool 5.6, `IMAGE_CHIP_ID`, `IROM_MAP_START` to `DROM_MAP_END` of each chip. A test compares the table with esptool.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Chip:
    """A chip. name: as esptool writes it. flash: address ranges that are mapped to flash, each as first and next after last."""

    name: str
    flash: tuple[tuple[int, int], ...]

    def is_flash(self, address: int) -> bool:
        """Return whether code or data at the address is read from flash and not copied to RAM."""
        return any(low <= address < high for low, high in self.flash)


CHIPS = {
    0: Chip(name="ESP32", flash=((0x400D_0000, 0x4040_0000), (0x3F40_0000, 0x3F80_0000))),
    2: Chip(name="ESP32-S2", flash=((0x4008_0000, 0x40B8_0000), (0x3F00_0000, 0x3F3F_0000))),
    5: Chip(name="ESP32-C3", flash=((0x4200_0000, 0x4280_0000), (0x3C00_0000, 0x3C80_0000))),
    9: Chip(name="ESP32-S3", flash=((0x4200_0000, 0x4400_0000), (0x3C00_0000, 0x3E00_0000))),
    12: Chip(name="ESP32-C2", flash=((0x4200_0000, 0x4240_0000), (0x3C00_0000, 0x3C40_0000))),
    13: Chip(name="ESP32-C6", flash=((0x4200_0000, 0x4300_0000),)),
    16: Chip(name="ESP32-H2", flash=((0x4200_0000, 0x4300_0000),)),
    18: Chip(name="ESP32-P4", flash=((0x4000_0000, 0x4C00_0000),)),
    20: Chip(name="ESP32-C61", flash=((0x4200_0000, 0x4300_0000),)),
    23: Chip(name="ESP32-C5", flash=((0x4200_0000, 0x4400_0000),)),
    25: Chip(name="ESP32-H21", flash=((0x4200_0000, 0x4300_0000),)),
    28: Chip(name="ESP32-H4", flash=((0x4200_0000, 0x4400_0000),)),
    31: Chip(name="ESP32-E22", flash=((0x3C00_0000, 0x4000_0000),)),
    32: Chip(name="ESP32-S31", flash=((0x4000_0000, 0x5400_0000),)),
}


def chip_name(number: int) -> str:
    """Return the name of the chip with this number in an image."""
    return CHIPS[number].name if number in CHIPS else f"chip {number}"
