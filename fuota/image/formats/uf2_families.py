"""Names of the families in UF2 files (Microsoft, uf2families.json, 2025-01; RP2350 Datasheet, table 455; uf2cfg.h of Adafruit)."""

from __future__ import annotations

_NAMES = {
    0x1851780A: "SAML21",
    0x68ED2B88: "SAMD21",
    0x55114460: "SAMD51",
    0x1B57745F: "nRF52",
    0x621E937A: "nRF52833",
    0xADA52840: "nRF52840",
    0xD663823C: "nRF52 bootloader",
    0x647824B6: "STM32F0",
    0x5EE21072: "STM32F1",
    0x5D1A0A2E: "STM32F2",
    0x6B846188: "STM32F3",
    0x57755A57: "STM32F4",
    0x6D0922FA: "STM32F407",
    0x8FB060FE: "STM32F407VG",
    0x53B80F00: "STM32F7",
    0x300F5633: "STM32G0",
    0x4C71240A: "STM32G4",
    0x6DB66082: "STM32H7",
    0x202E3A91: "STM32L0",
    0x1E1F432D: "STM32L1",
    0x00FF6919: "STM32L4",
    0x04240BDF: "STM32L5",
    0x70D16653: "STM32WB",
    0x21460FF0: "STM32WL",
    0x1C5F21B0: "ESP32",
    0xBFDD4EEE: "ESP32-S2",
    0xC47E5767: "ESP32-S3",
    0xD42BA06C: "ESP32-C3",
    0x2B88D29C: "ESP32-C2",
    0x540DDF62: "ESP32-C6",
    0x332726F6: "ESP32-H2",
    0x3D308E94: "ESP32-P4",
    0x7EAB61ED: "ESP8266",
    0xE48BFF56: "RP2040",
    0xE48BFF59: "RP2350",
    0xE48BFF5A: "RP2350",
    0xE48BFF5B: "RP2350",
    0xE48BFF58: "RP2350 data",
    0x2ABC77EC: "LPC55",
    0x4FB2D5BD: "MIMXRT10XX",
    0x7F83E793: "KL32L2",
    0x31D228C6: "GD32F350",
    0x9AF03E33: "GD32VF103",
}
"""RP2350 has a family for secure Arm code, for RISC-V and for non-secure Arm code: one chip starts all three."""


def family_name(family: int) -> str:
    """Return the name of a family, or its number in hexadecimal if it has none here."""
    return _NAMES.get(family, f"0x{family:08x}")
