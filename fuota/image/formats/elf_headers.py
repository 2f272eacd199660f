"""Headers of ELF files (Tool Interface Standard, ELF 1.2, figures 1-3, 1-8 and 2-1; ELF-64 Object File Format, figures 2, 3 and 6).

pyelftools also reads what the headers point to, and refuses a whole file if, for example, a dynamic section cannot be read.
Here the tables of headers are read alone.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass

from fuota.errors import ImageError

MAX_SEGMENTS = 256
"""Limit for segments. A linker makes a handful; more are damage or malice."""
MAX_SECTIONS = 4096
"""Limit for sections. The largest firmware has some hundred."""
_PT_LOAD, _PT_TLS, _SHT_NOBITS, _SHF_ALLOC, _SHF_TLS = 1, 7, 8, 0x2, 0x400
_IDENT_BYTES = 16


@dataclass(frozen=True, slots=True, kw_only=True)
class SectionHeader:
    """Header of a section. address: in memory. offset, size: in the file, in bytes."""

    type: int
    flags: int
    address: int
    offset: int
    size: int

    @property
    def has_content(self) -> bool:
        """Whether the section is loaded and has bytes in the file (SHF_ALLOC, not SHT_NOBITS)."""
        return bool(self.flags & _SHF_ALLOC) and self.type != _SHT_NOBITS and self.size > 0


@dataclass(frozen=True, slots=True, kw_only=True)
class SegmentHeader:
    """Header of a segment, PT_LOAD or PT_TLS.

    offset, file_bytes: place in the file. virtual, memory_bytes: address and size at run time. physical: address in flash.
    """

    type: int
    offset: int
    virtual: int
    physical: int
    file_bytes: int
    memory_bytes: int

    @property
    def is_load(self) -> bool:
        """Whether the segment is loaded (PT_LOAD)."""
        return self.type == _PT_LOAD

    def holds(self, section: SectionHeader) -> bool:
        """Return whether the bytes of a section belong to this segment, by its place in the file and its address."""
        if self.is_load and section.flags & _SHF_TLS:
            return False
        in_file = 0 <= section.offset - self.offset <= self.file_bytes - section.size
        return in_file and 0 <= section.address - self.virtual < max(self.memory_bytes, 1)

    def covers(self, section: SectionHeader) -> bool:
        """Return whether the whole section is at addresses of this segment."""
        return self.virtual <= section.address and section.address + section.size <= self.virtual + self.memory_bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class ElfHeaders:
    """Headers of a file.

    type: e_type. machine: e_machine. segments: PT_LOAD and PT_TLS. sections: all sections; none if the file has no table of them.
    headers_end: end of the headers that begin at byte 0: the ELF header, and the program headers if they follow it.
    """

    type: int
    machine: int
    segments: tuple[SegmentHeader, ...]
    sections: tuple[SectionHeader, ...]
    headers_end: int


def read_headers(data: bytes) -> ElfHeaders:
    """Return the headers of a file. Raises ImageError if they cannot be read."""
    try:
        return _read(data)
    except (struct.error, KeyError):
        raise ImageError("its headers cannot be read: it is damaged or cut off") from None


def _read(data: bytes) -> ElfHeaders:
    is_64 = {1: False, 2: True}[data[4] if len(data) > 4 else 0]
    order = {1: "<", 2: ">"}[data[5] if len(data) > 5 else 0]
    header = struct.unpack_from(f"{order}HHI{'QQQ' if is_64 else 'III'}IHHHHHH", data, _IDENT_BYTES)
    elf_type, machine, _, _, segment_offset, section_offset, _, header_bytes, segment_bytes, segment_count = header[:10]
    section_bytes, section_count = header[10:12]
    segments = _table(data, order + ("IIQQQQQQ" if is_64 else "8I"), segment_offset, segment_bytes, segment_count)
    sections = _table(data, order + ("IIQQQQIIQQ" if is_64 else "10I"), section_offset, section_bytes, section_count)
    _require_at_most(len(segments), MAX_SEGMENTS, "segments")
    # The program headers follow at once or after some bytes of alignment; they may also be at the end of the file.
    follow = 0 < segment_offset < header_bytes + 16
    return ElfHeaders(
        type=elf_type,
        machine=machine,
        segments=tuple(_segment(row, is_64) for row in segments if row[0] in (_PT_LOAD, _PT_TLS)),
        sections=tuple(
            SectionHeader(type=row[1], flags=row[2], address=row[3], offset=row[4], size=row[5]) for row in sections
        ),
        headers_end=segment_offset + segment_count * segment_bytes if follow else header_bytes,
    )


def _table(data: bytes, layout: str, offset: int, entry_bytes: int, count: int) -> list[tuple[int, ...]]:
    """Return the entries of a table. Raises ImageError or struct.error."""
    _require_at_most(count, MAX_SECTIONS, "headers in one table")
    if offset == 0 or count == 0:
        return []
    if entry_bytes < struct.calcsize(layout):
        raise ImageError(
            f"it states headers of {entry_bytes} bytes, but they have {struct.calcsize(layout)}: it is damaged"
        )
    return [struct.unpack_from(layout, data, offset + number * entry_bytes) for number in range(count)]


def _require_at_most(count: int, limit: int, name: str) -> None:
    if count > limit:
        raise ImageError(f"it states {count} {name}, more than {limit}: it is damaged")


def _segment(row: tuple[int, ...], is_64: bool) -> SegmentHeader:
    offset, virtual, physical, file_bytes, memory_bytes = row[2:7] if is_64 else row[1:6]
    return SegmentHeader(
        type=row[0], offset=offset, virtual=virtual, physical=physical, file_bytes=file_bytes, memory_bytes=memory_bytes
    )
