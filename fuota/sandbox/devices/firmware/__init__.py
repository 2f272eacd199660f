"""The first device of the fleet run by real firmware: sample_firmware in QEMU, with this process as its radio modem."""

from fuota.sandbox.devices.firmware.machine import Machine
from fuota.sandbox.devices.firmware.qemu_firmware import Mishaps, QemuFirmware

__all__ = ["Machine", "Mishaps", "QemuFirmware"]
