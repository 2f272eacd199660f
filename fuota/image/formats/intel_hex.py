"""Intel HEX (Intel, Hexadecimal Object File Format Specification, revision A, 1988)."""

from __future__ import annotations

from fuota.errors import ImageError
from fuota.image.description import Description, ImageFormat
from fuota.image.formats.container import describe_container
from fuota.image.formats.records import begins_with_record, check_end, check_runs, parse_records, record_lines
from fuota.image.requirements import ImageRequirements
from fuota.image.segments import Segment

FORMAT = ImageFormat.INTEL_HEX

_DATA, _END = "00", "01"
_SEGMENT, _LINEAR = "02", "04"
_SHIFTS = {_SEGMENT: 4, _LINEAR: 16}
"""Records that state a base for the addresses after them, with the left shift of the base in bits."""
_UNIVERSAL = frozenset({"0A", "0B", "0C", "0D", "0E"})
"""Records of a universal HEX file, which holds images for several boards (micro:bit, Universal Hex Specification 0.4)."""
_SYMBOL = "FE"
"""Records behind the end record that name symbols (AltOS, ao-tools)."""
_RECORD = r":[0-9A-Fa-f]{10}"


def recognises(data: bytes) -> bool:
    """Return whether the first record begins with a colon and ten hexadecimal digits."""
    return begins_with_record(data, _RECORD)


def describe(data: bytes, _requirements: ImageRequirements) -> Description:
    """Describe the address range, and what is wrong with the records."""
    return describe_container(FORMAT, data, segments)


def segments(data: bytes) -> tuple[Segment, ...]:
    """Return the bytes at their addresses.

    Raises ImageError for a damaged record, for overlaps, and if the end record is missing or not the last record.
    """
    lines = _without_symbols(record_lines(data, ":"))
    if any(line[7:9] in _UNIVERSAL for line in lines):
        raise ImageError("it is a universal HEX file with images for several boards: get the HEX file for one board")
    check_end(lines, lambda line: line[7:9] == _END, ":00000001FF")
    check_runs(_address_jumps(lines))
    return parse_records(lines, lambda file, text: file.add_ihex(text))


def _without_symbols(lines: list[str]) -> list[str]:
    """Return the lines without records of symbols at the end, which are not part of the image."""
    last = len(lines)
    while last and lines[last - 1][7:9] == _SYMBOL:
        last -= 1
    return lines[:last]


def _address_jumps(lines: list[str]) -> int:
    """Return how many data records do not begin at the end of the previous record. Damaged records are left to the parser.

    Raises ImageError if both kinds of base are in use for a data record.
    """
    jumps, expected, bases = 0, -1, dict.fromkeys(_SHIFTS, 0)
    for number, line in enumerate(lines, 1):
        try:
            size, address, kind = int(line[1:3], 16), int(line[3:7], 16), line[7:9]
            if kind in bases:
                bases[kind] = int(line[9:13], 16) << _SHIFTS[kind]
        except ValueError:
            continue
        if kind == _DATA:
            _require_one_base(bases, number)
            begin = sum(bases.values()) + address
            jumps += begin != expected
            expected = begin + size
    return jumps


def _require_one_base(bases: dict[str, int], number: int) -> None:
    """Raise ImageError if the address of a record has a segment base and a linear base."""
    if bases[_SEGMENT] and bases[_LINEAR]:
        raise ImageError(
            f"record {number} has a segment base 0x{bases[_SEGMENT]:X} (type 02) and a linear base 0x{bases[_LINEAR]:X} (type 04):"
            " tools disagree about its address (objcopy adds the bases, others use the last base); write the file with one kind"
        )
