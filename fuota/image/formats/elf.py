"""ELF executables (Tool Interface Standard, ELF 1.2): the output of a linker, before objcopy. pyelftools parses them."""

from __future__ import annotations

import io
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, TypeVar

from fuota.errors import ImageError
from fuota.image.description import Description, ImageFormat
from fuota.image.formats.container import describe_container
from fuota.image.requirements import ImageRequirements
from fuota.image.segments import MAX_RUNS, Segment, joined

FORMAT = ImageFormat.ELF

if TYPE_CHECKING:
    from elftools.elf.elffile import ELFFile

T = TypeVar("T")

_MAGIC = b"\x7fELF"


def recognises(data: bytes) -> bool:
    """Return whether the data begins with 7F 45 4C 46."""
    return data.startswith(_MAGIC)


def describe(data: bytes, _requirements: ImageRequirements) -> Description:
    """Describe the machine and the segments that are loaded, at their physical addresses."""
    return describe_container(FORMAT, data, segments, hardware=_machine(data))


def segments(data: bytes) -> tuple[Segment, ...]:
    """Return the PT_LOAD segments at their physical addresses, because the initial values of .data are in flash.

    Raises ImageError if the file is damaged.
    """
    return joined(_parse(data, lambda elf: _load_segments(elf, data)))


def _load_segments(elf: ELFFile, data: bytes) -> list[Segment]:
    if elf.num_segments() > MAX_RUNS:
        raise ImageError(f"it states {elf.num_segments()} segments, more than {MAX_RUNS}: it is damaged")
    headers = [segment.header for segment in elf.iter_segments()]
    return [_segment(header, data) for header in headers if header["p_type"] == "PT_LOAD"]


def _segment(header: Mapping[str, int], data: bytes) -> Segment:
    offset, size = header["p_offset"], header["p_filesz"]
    if offset + size > len(data):
        raise ImageError(f"a segment ends at byte {offset + size}, but the file has {len(data)}: it was cut off")
    return Segment(address=header["p_paddr"], data=data[offset : offset + size])


def _machine(data: bytes) -> str | None:
    try:
        return _parse(data, lambda elf: str(elf["e_machine"])).removeprefix("EM_")
    except ImageError:
        return None


def _parse(data: bytes, read: Callable[[ELFFile], T]) -> T:
    from elftools.common.exceptions import ELFError
    from elftools.construct import ConstructError
    from elftools.elf.elffile import ELFFile

    try:
        return read(ELFFile(io.BytesIO(data)))
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
        raise ImageError(f"its headers cannot be read ({type(exc).__name__}): it is damaged or cut off") from None
