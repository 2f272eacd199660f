"""Raw binaries, which have no format. The only check is whether a binary may be the image of a Cortex-M."""

from __future__ import annotations

import struct

from fuota.findings import Finding, note, warning
from fuota.image.description import Description, ImageFormat, Part
from fuota.image.formats.detools_patch import needs_package
from fuota.image.formats.merged import merged_finding
from fuota.image.requirements import ImageRequirements

FORMAT = ImageFormat.RAW

_RAM = ((0x1000_0000, 0x2000_0000), (0x2000_0000, 0x4000_0000), (0x6000_0000, 0xA000_0000))
"""Addresses of RAM in a Cortex-M: core-coupled RAM of some parts, SRAM, external RAM (ARMv7-M B3.1, ARMv6-M B3.1)."""
_CODE = ((0, 0x4000_0000), (0x6000_0000, 0xA000_0000))
"""Addresses at which code can run: everything but peripherals and the system."""
_HANDLERS = (2, 3, 4, 5, 6, 11, 14, 15)
"""Vectors that are 0 or the address of a handler: NMI, the faults, SVCall, PendSV, SysTick (ARMv7-M B1.5.2, ARMv6-M B1.5.2).

The others are reserved, and some parts keep a checksum or a mark there.
"""
_BOOT_STAGE_BYTES = 256
"""Bytes of the second stage of an RP2040 before its vector table (RP2040 Datasheet, 2.8.1.3.1)."""


def recognises(_data: bytes) -> bool:
    """Return True: this reader comes last and reads anything."""
    return True


def describe(data: bytes, requirements: ImageRequirements) -> Description:
    """Describe one part, and check whether it begins like the vector table of a Cortex-M (initial stack pointer, vectors)."""
    findings = (_check_vector_table(data, requirements), merged_finding(data))
    return Description(
        format=FORMAT,
        parts=(Part(name="binary", offset=0, size=len(data), address=requirements.flash_start),),
        findings=tuple(finding for finding in findings if finding is not None),
    )


def _check_vector_table(data: bytes, requirements: ImageRequirements) -> Finding:
    if len(data) < 8:
        return warning("raw-too-short", f"the file has {len(data)} bytes, but a vector table has 8 or more")
    for start in (0, _BOOT_STAGE_BYTES):
        if is_vector_table(data[start : start + 64], len(data), requirements):
            stack, reset = struct.unpack_from("<II", data, start)
            place = "it begins like" if start == 0 else f"at byte {start} it has"
            return note(
                "raw-plausible",
                f"{place} the vector table of a Cortex-M (stack 0x{stack:08X}, reset 0x{reset:08X}): this makes it plausible,"
                " but a raw binary states neither version nor hash",
            )
    stack, reset = struct.unpack_from("<II", data)
    patch = "; to find out whether it is a patch, install the package 'detools' (pip install 'fuota[delta]')"
    return warning(
        "raw-unknown",
        f"its format is unknown, and its first words (0x{stack:08X}, 0x{reset:08X} …) are not a stack in RAM and handlers in flash"
        f" of a Cortex-M: make sure that it is the right file{patch if needs_package(data) else ''}",
    )


def is_vector_table(table: bytes, size: int, requirements: ImageRequirements) -> bool:
    """Return whether the words are the vector table of a Cortex-M: a stack, a reset vector, and handlers.

    table: up to 64 bytes. size: length of the whole image in bytes.
    """
    words = struct.unpack(f"<{len(table) // 4}I", table[: len(table) // 4 * 4])
    if len(words) < 2 or not _is_stack(words[0], requirements) or not _is_reset(words[1], size, requirements):
        return False
    handlers = [words[number] for number in _HANDLERS if number < len(words)]
    return all(handler == 0 or (handler & 1 and _is_in(handler, _CODE)) for handler in handlers)


def _is_stack(stack: int, requirements: ImageRequirements) -> bool:
    """Return whether a stack pointer is a multiple of 4 in RAM, or just above RAM."""
    areas: tuple[tuple[int, int], ...] = _RAM
    if requirements.ram_start is not None:
        areas = ((requirements.ram_start, requirements.ram_start + (requirements.ram_bytes or 0x1000_0000)),)
    return stack % 4 == 0 and any(low < stack <= high for low, high in areas)


def _is_reset(reset: int, size: int, requirements: ImageRequirements) -> bool:
    """Return whether a reset vector is odd (Thumb) and in flash. Without a flash address any code region is accepted."""
    if not reset & 1:
        return False
    if requirements.flash_start is None:
        return _is_in(reset, _CODE)
    return requirements.flash_start < reset < requirements.flash_start + (requirements.flash_bytes or size)


def _is_in(address: int, areas: tuple[tuple[int, int], ...]) -> bool:
    return any(low <= address < high for low, high in areas)
