"""Intel HEX (Intel, Hexadecimal Object File Format Specification, revision A, 1988)."""

from __future__ import annotations

import bincopy

from fuota.image.description import Description, ImageFormat
from fuota.image.formats.container import describe_container
from fuota.image.formats.records import check_end, check_runs, lines_of, parsed
from fuota.image.requirements import ImageRequirements
from fuota.image.segments import Segment

FORMAT = ImageFormat.INTEL_HEX

_DATA, _END = "00", "01"
_BASES = {"02": 4, "04": 16}
"""Records that say what is added to the addresses after them, and by how many bits it is shifted."""
_HEX = frozenset(b"0123456789abcdefABCDEF")


def recognises(data: bytes) -> bool:
    """A colon and ten hexadecimal digits begin the first line."""
    start = data[:64].lstrip()
    return start[:1] == b":" and len(start) >= 11 and _HEX.issuperset(start[1:11])


def describe(data: bytes, _requirements: ImageRequirements) -> Description:
    """The address range, and what is wrong with the records."""
    return describe_container(FORMAT, data, segments)


def segments(data: bytes) -> tuple[Segment, ...]:
    """The octets at their addresses. Raises ImageError for a damaged record, overlaps, and an end record missing or not last."""
    lines = lines_of(data)
    check_end(lines, lambda line: line[7:9] == _END, ":00000001FF")
    check_runs(_runs(lines))
    return parsed(lines, bincopy.BinFile.add_ihex)


def _runs(lines: list[str]) -> int:
    """How often a data record does not begin where the one before ended. Damaged records are left to the parser."""
    runs, expected, base = 0, -1, 0
    for line in lines:
        try:
            size, address, kind = int(line[1:3], 16), int(line[3:7], 16), line[7:9]
            if kind in _BASES:
                base = int(line[9:13], 16) << _BASES[kind]
        except ValueError:
            continue
        if kind == _DATA:
            runs += base + address != expected
            expected = base + address + size
    return runs
