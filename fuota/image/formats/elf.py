"""ELF executables (Tool Interface Standard, ELF 1.2): the output of a linker, before objcopy.

`objcopy -O binary` takes the same content: the allocated sections, each at its load address. A segment is not used as a
whole, because a linker may let it begin with the headers of the file (GNU ld does if the first section is not on a page boundary).
"""

from __future__ import annotations

from fuota.errors import ImageError
from fuota.findings import error
from fuota.image.description import Description, ImageFormat
from fuota.image.formats.container import describe_container
from fuota.image.formats.elf_headers import ElfHeaders, SectionHeader, SegmentHeader, read_headers
from fuota.image.requirements import ImageRequirements
from fuota.image.segments import Segment, joined

FORMAT = ImageFormat.ELF

_MAGIC = b"\x7fELF"
_XTENSA, _RISCV = 94, 243
_OTHER_MACHINES = {0x18AD: "AVR32"}
"""Machines that pyelftools does not name (binutils, include/elf/common.h)."""
_ESP_FLASH = ((0x3C00_0000, 0x3E00_0000), (0x4200_0000, 0x4400_0000))
"""Addresses at which the ESP32 with RISC-V processors read their flash (ESP32-C3 Technical Reference Manual, table 3-3)."""
_ESP_ADVICE = "it is an ELF file for an ESP32, which starts application images only: make one of it (esptool elf2image)"
_NOT_LINKED = {1: "an object file: link it first", 4: "a memory dump of a program, not firmware"}
"""Types of files that are not firmware (ET_REL, ET_CORE), with the words for a message."""


def recognises(data: bytes) -> bool:
    """Return whether the data begins with 7F 45 4C 46."""
    return data.startswith(_MAGIC)


def describe(data: bytes, _requirements: ImageRequirements) -> Description:
    """Describe the machine and the content, at its load addresses."""
    try:
        headers = read_headers(data)
        content = joined(_content(headers, data))
    except ImageError as exc:
        return Description(format=FORMAT, findings=(error("structure", str(exc)),))
    machine = _machine_name(headers.machine)
    if _is_for_esp(headers, content):
        return Description(format=FORMAT, hardware=machine, findings=(error("not-binary", _ESP_ADVICE),))
    return describe_container(FORMAT, data, lambda _: content, hardware=machine)


def segments(data: bytes) -> tuple[Segment, ...]:
    """Return the content at its load addresses: the initial values of .data are in flash, not in RAM.

    These are the allocated sections with content (SHF_ALLOC, not SHT_NOBITS). A file without section headers has only PT_LOAD
    segments; the headers of the file are left out of them.
    Raises ImageError if the file is damaged, if it is not linked, or if it is for an ESP32, which needs another kind of file.
    """
    headers = read_headers(data)
    content = joined(_content(headers, data))
    if _is_for_esp(headers, content):
        raise ImageError(_ESP_ADVICE)
    return content


def _content(headers: ElfHeaders, data: bytes) -> list[Segment]:
    if (words := _NOT_LINKED.get(headers.type)) is not None:
        raise ImageError(f"it is {words}")
    sections = [section for section in headers.sections if section.has_content]
    loads = [load for load in headers.segments if load.is_load]
    total = sum(section.size for section in sections) if sections else sum(load.file_bytes for load in loads)
    if total > len(data):
        raise ImageError(f"its content has {total} bytes, more than the file ({len(data)}): it is damaged or cut off")
    if sections:
        return [_section_content(headers, section, data) for section in sections]
    return [_segment_content(headers, load, data) for load in loads]


def _section_content(headers: ElfHeaders, section: SectionHeader, data: bytes) -> Segment:
    end = section.offset + section.size
    _require_whole("section", end, data)
    return Segment(address=_load_address(section, headers.segments), data=data[section.offset : end])


def _load_address(section: SectionHeader, segments: tuple[SegmentHeader, ...]) -> int:
    """Return the address in flash of a section, by the segment that holds it, as objcopy does (bfd/elf.c, binutils 2.40).

    A section outside all segments is at its own address. So are all sections if no segment has a physical address.
    """
    address = section.address
    if sum(segment.is_load and segment.memory_bytes > 0 for segment in segments) > 1 and not any(
        segment.physical for segment in segments
    ):
        return address
    for segment in segments:
        if segment.holds(section):
            address = segment.physical + section.offset - segment.offset
            if segment.covers(section):
                break
    return address


def _segment_content(headers: ElfHeaders, segment: SegmentHeader, data: bytes) -> Segment:
    end = segment.offset + segment.file_bytes
    _require_whole("segment", end, data)
    start = max(segment.offset, min(headers.headers_end, end))
    return Segment(address=segment.physical + start - segment.offset, data=data[start:end])


def _require_whole(part: str, end: int, data: bytes) -> None:
    if end > len(data):
        raise ImageError(f"a {part} ends at byte {end}, but the file has {len(data)}: it was cut off")


def _is_for_esp(headers: ElfHeaders, content: tuple[Segment, ...]) -> bool:
    in_flash = any(low <= segment.address < high for segment in content for low, high in _ESP_FLASH)
    return headers.machine == _XTENSA or (headers.machine == _RISCV and in_flash)


def _machine_name(number: int) -> str:
    from elftools.elf.enums import ENUM_E_MACHINE

    names = {value: name.removeprefix("EM_") for name, value in ENUM_E_MACHINE.items() if isinstance(value, int)}
    return _OTHER_MACHINES.get(number) or names.get(number, str(number))
