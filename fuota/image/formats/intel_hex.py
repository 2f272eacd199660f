"""Intel HEX (Intel, Hexadecimal Object File Format Specification, revision A, 1988)."""

from __future__ import annotations

from fuota.image.description import Description, ImageFormat
from fuota.image.formats.container import describe_container
from fuota.image.formats.records import check_end, check_runs, parse_records, record_lines
from fuota.image.requirements import ImageRequirements
from fuota.image.segments import Segment

FORMAT = ImageFormat.INTEL_HEX

_DATA, _END = "00", "01"
_BASES = {"02": 4, "04": 16}
"""Records that state a base for the addresses after them, with the left shift of the base in bits."""
_HEX = frozenset(b"0123456789abcdefABCDEF")


def recognises(data: bytes) -> bool:
    """Return whether the first line begins with a colon and ten hexadecimal digits."""
    start = data[:64].lstrip()
    return start[:1] == b":" and len(start) >= 11 and _HEX.issuperset(start[1:11])


def describe(data: bytes, _requirements: ImageRequirements) -> Description:
    """Describe the address range, and what is wrong with the records."""
    return describe_container(FORMAT, data, segments)


def segments(data: bytes) -> tuple[Segment, ...]:
    """Return the bytes at their addresses.

    Raises ImageError for a damaged record, for overlaps, and if the end record is missing or not the last record.
    """
    lines = record_lines(data)
    check_end(lines, lambda line: line[7:9] == _END, ":00000001FF")
    check_runs(_address_jumps(lines))
    return parse_records(lines, lambda file, text: file.add_ihex(text))


def _address_jumps(lines: list[str]) -> int:
    """Return how many data records do not begin at the end of the previous record. Damaged records are left to the parser."""
    jumps, expected, base = 0, -1, 0
    for line in lines:
        try:
            size, address, kind = int(line[1:3], 16), int(line[3:7], 16), line[7:9]
            if kind in _BASES:
                base = int(line[9:13], 16) << _BASES[kind]
        except ValueError:
            continue
        if kind == _DATA:
            jumps += base + address != expected
            expected = base + address + size
    return jumps
