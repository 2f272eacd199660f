"""ELF executables (Tool Interface Standard, ELF 1.2): what a linker makes, before objcopy. pyelftools parses."""

from __future__ import annotations

import io
from typing import Any

from elftools.common.exceptions import ELFError
from elftools.construct import ConstructError
from elftools.elf.elffile import ELFFile

from fuota.errors import ImageError
from fuota.image.description import Description, ImageFormat
from fuota.image.formats.container import describe_container
from fuota.image.requirements import ImageRequirements
from fuota.image.segments import MAX_RUNS, Segment, joined

FORMAT = ImageFormat.ELF

_MAGIC = b"\x7fELF"


def recognises(data: bytes) -> bool:
    """7F 45 4C 46."""
    return data.startswith(_MAGIC)


def describe(data: bytes, _requirements: ImageRequirements) -> Description:
    """Its machine, and the segments that are loaded, at their physical addresses."""
    return describe_container(FORMAT, data, segments, hardware=_machine(data))


def segments(data: bytes) -> tuple[Segment, ...]:
    """What PT_LOAD loads, at the physical addresses: the initial values of .data lie in flash. Raises ImageError."""
    pieces = _read(data, _loaded)
    return joined(pieces)


def _loaded(elf: ELFFile, data: bytes) -> list[Segment]:
    if elf.num_segments() > MAX_RUNS:
        raise ImageError(f"it says that it has {elf.num_segments()} segments, more than {MAX_RUNS}: it is damaged")
    return [_piece(header, data) for header in _headers(elf) if header["p_type"] == "PT_LOAD"]


def _headers(elf: ELFFile) -> list[Any]:
    return [segment.header for segment in elf.iter_segments()]


def _piece(header: Any, data: bytes) -> Segment:
    offset, size = header["p_offset"], header["p_filesz"]
    if offset + size > len(data):
        raise ImageError(f"a segment ends at byte {offset + size}, the file has {len(data)}: it was cut off")
    return Segment(address=header["p_paddr"], data=data[offset : offset + size])


def _machine(data: bytes) -> str | None:
    try:
        return str(_read(data, lambda elf, _: elf["e_machine"])).removeprefix("EM_")
    except ImageError:
        return None


def _read(data: bytes, what: Any) -> Any:
    try:
        return what(ELFFile(io.BytesIO(data)), data)
    except (
        ELFError,
        ConstructError,
        ValueError,
        KeyError,
        AttributeError,
        TypeError,
        IndexError,
        OverflowError,
    ) as exc:
        raise ImageError(f"its headers cannot be read ({type(exc).__name__}): it is damaged, or cut off") from None
