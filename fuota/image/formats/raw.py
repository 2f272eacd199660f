"""Raw binaries, which have no format. The only check is whether a binary may be the image of a Cortex-M."""

from __future__ import annotations

import struct

from fuota.findings import Finding, error, note, warning
from fuota.image.description import Description, ImageFormat, Part
from fuota.image.formats.detools_patch import needs_package
from fuota.image.requirements import ImageRequirements

FORMAT = ImageFormat.RAW

_RAM = (0x1000_0000, 0x1_0000_0000)
"""Addresses of RAM in a Cortex-M: SRAM from 0x20000000, core-coupled RAM of some parts from 0x10000000 (ARMv7-M §B3.1)."""
_FOREIGN = {
    b"PK\x03\x04": "a ZIP archive",
    b"\x1f\x8b\x08": "a gzip archive",
    b"\xfd7zXZ\x00": "an xz archive",
    b"7z\xbc\xaf\x27\x1c": "a 7-Zip archive",
    b"%PDF-": "a PDF document",
    b"\x89PNG\r\n\x1a\n": "a PNG picture",
    b"MZ\x90\x00": "a program for Windows",
}
"""First bytes of files that were mistaken for the image."""
_TEXT = bytes([9, 10, 12, 13, *range(32, 127)])
_MIN_TEXT_BYTES = 64
"""Length from which printable bytes alone cannot be a coincidence."""


def recognises(_data: bytes) -> bool:
    """Return True: this reader comes last and reads anything."""
    return True


def describe(data: bytes, requirements: ImageRequirements) -> Description:
    """Describe one part, and check whether it begins like the vector table of a Cortex-M (initial stack pointer, reset vector)."""
    finding = _check_foreign(data, requirements) or _check_vector_table(data, requirements)
    return Description(
        format=FORMAT,
        parts=(Part(name="binary", offset=0, size=len(data), address=requirements.flash_start),),
        findings=() if finding is None else (finding,),
    )


def _check_foreign(data: bytes, requirements: ImageRequirements) -> Finding | None:
    """Return a finding for a file that is surely not firmware.

    It is a warning if the profile accepts raw images. It is a warning for text too, because a device may accept a script.
    """
    severity = warning if FORMAT.value in requirements.formats else error
    name = next((name for magic, name in _FOREIGN.items() if data.startswith(magic)), None)
    if name is not None:
        remedy = "unpack it, and send the image in it" if "archive" in name else "choose the file that the build made"
        return severity("not-firmware", f"it is {name}, not firmware: {remedy}")
    if len(data) < _MIN_TEXT_BYTES or data.translate(None, _TEXT):
        return None
    if data.lstrip()[:1] == b"<":
        return severity("not-firmware", "it is a web page, not firmware: a failed download may look like this")
    return warning("not-firmware", "it is text: make sure that it is the right file and that the device accepts text")


def _check_vector_table(data: bytes, requirements: ImageRequirements) -> Finding:
    if len(data) < 8:
        return warning("raw-too-short", f"the file has {len(data)} bytes, but a vector table has 8 or more")
    stack, reset = struct.unpack_from("<II", data)
    if _is_stack(stack, requirements) and _is_code(reset, len(data), requirements):
        return note(
            "raw-plausible",
            f"it begins like the vector table of a Cortex-M (stack 0x{stack:08X}, reset 0x{reset:08X}): this makes it plausible,"
            " but a raw binary states neither version nor hash",
        )
    patch = "; to find out whether it is a patch, install the package 'detools' (pip install 'fuota[delta]')"
    return warning(
        "raw-unknown",
        f"its format is unknown, and its first words (0x{stack:08X}, 0x{reset:08X}) are not a stack in RAM and a reset vector in"
        f" flash of a Cortex-M: make sure that it is the right file{patch if needs_package(data) else ''}",
    )


def _is_stack(stack: int, requirements: ImageRequirements) -> bool:
    """Return whether a stack pointer is a multiple of 4 in RAM, or just above RAM."""
    low, high = _RAM
    if requirements.ram_start is not None:
        low = requirements.ram_start
        high = low + (requirements.ram_bytes or 0x1000_0000)
    return stack % 4 == 0 and low < stack <= high


def _is_code(reset: int, size: int, requirements: ImageRequirements) -> bool:
    """Return whether a reset vector is odd (Thumb) and in flash. Without a flash address any code region is accepted."""
    if not reset & 1:
        return False
    if requirements.flash_start is None:
        return reset < 0x2000_0000
    return requirements.flash_start < reset < requirements.flash_start + (requirements.flash_bytes or size)
