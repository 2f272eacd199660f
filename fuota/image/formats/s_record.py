"""Motorola S-record (M68000 Family Programmer's Reference Manual, appendix C)."""

from __future__ import annotations

from fuota.errors import ImageError
from fuota.image.description import Description, ImageFormat
from fuota.image.formats.container import describe_container
from fuota.image.formats.records import begins_with_record, check_end, check_runs, parse_records, record_lines
from fuota.image.requirements import ImageRequirements
from fuota.image.segments import Segment

FORMAT = ImageFormat.S_RECORD

_ADDRESS_DIGITS = {"1": 4, "2": 6, "3": 8}
_ENDS = frozenset("789")
_COUNTS = frozenset("56")


_RECORD = r"[Ss][0-35-9][0-9A-Fa-f]{8}"


def recognises(data: bytes) -> bool:
    """Return whether the first record begins with S, a digit and eight hexadecimal digits."""
    return begins_with_record(data, _RECORD)


def describe(data: bytes, _requirements: ImageRequirements) -> Description:
    """Describe the address range, and what is wrong with the records."""
    return describe_container(FORMAT, data, segments)


def segments(data: bytes) -> tuple[Segment, ...]:
    """Return the bytes at their addresses.

    Raises ImageError for a damaged record, for overlaps, for a wrong count (S5, S6), and if the last record is neither an end
    record (S7, S8, S9) nor a count, which proves the file whole as well.
    """
    lines = record_lines(data, "S")
    _check_counts(lines)
    if not lines or lines[-1][1:2] not in _COUNTS:
        check_end(lines, lambda line: line[1:2] in _ENDS, "S7, S8 or S9, or a count")
    check_runs(_address_jumps(lines))
    return parse_records(lines, lambda file, text: file.add_srec(text))


def _check_counts(lines: list[str]) -> None:
    """Raise ImageError if a count (S5, S6) is not the number of data records before it."""
    data_records = 0
    for line in lines:
        data_records += line[1:2] in _ADDRESS_DIGITS
        if line[1:2] in _COUNTS:
            stated = _number(line[4 : 8 if line[1] == "5" else 10])
            if stated != data_records:
                raise ImageError(
                    f"its count record states {stated} data records, but there are {data_records}: some were lost or repeated"
                )


def _number(digits: str) -> int | None:
    try:
        return int(digits, 16)
    except ValueError:
        return None


def _address_jumps(lines: list[str]) -> int:
    """Return how many data records do not begin at the end of the previous record. Damaged records are left to the parser."""
    jumps, expected = 0, -1
    for line in lines:
        digits = _ADDRESS_DIGITS.get(line[1:2], 0)
        address = _number(line[4 : 4 + digits])
        if digits and address is not None:
            jumps += address != expected
            expected = address + (len(line) - 4 - digits) // 2 - 1
    return jumps
