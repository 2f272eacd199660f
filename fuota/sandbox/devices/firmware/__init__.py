"""One device of the fleet played by real firmware: sample_firmware in QEMU, behind a modem that is this process."""

from fuota.sandbox.devices.firmware.machine import Machine
from fuota.sandbox.devices.firmware.package import Mishaps, PartPackage

__all__ = ["Machine", "Mishaps", "PartPackage"]
