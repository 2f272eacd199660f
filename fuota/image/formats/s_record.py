"""Motorola S-record (M68000 Family Programmer's Reference Manual, appendix C)."""

from __future__ import annotations

import re

import bincopy

from fuota.errors import ImageError
from fuota.image.description import Description, ImageFormat
from fuota.image.formats.container import describe_container
from fuota.image.formats.records import check_end, check_runs, lines_of, parsed
from fuota.image.requirements import ImageRequirements
from fuota.image.segments import Segment

FORMAT = ImageFormat.S_RECORD

_ADDRESS_DIGITS = {"1": 4, "2": 6, "3": 8}
_ENDS = frozenset("789")
_COUNTS = frozenset("56")


def recognises(data: bytes) -> bool:
    """S, a digit and eight hexadecimal digits begin the first line."""
    return re.match(rb"\s{0,16}S[0-35-9][0-9A-Fa-f]{8}", data[:64]) is not None


def describe(data: bytes, _requirements: ImageRequirements) -> Description:
    """The address range, and what is wrong with the records."""
    return describe_container(FORMAT, data, segments)


def segments(data: bytes) -> tuple[Segment, ...]:
    """The octets at their addresses.

    Raises ImageError for a damaged record, overlaps, a wrong count (S5, S6), and an end record (S7, S8, S9) missing or not last.
    """
    lines = lines_of(data)
    check_end(lines, lambda line: line[1:2] in _ENDS, "S7, S8 or S9")
    _check_count(lines)
    check_runs(_runs(lines))
    return parsed(lines, bincopy.BinFile.add_srec)


def _check_count(lines: list[str]) -> None:
    """S5 and S6 state how many data records there are."""
    data_records = sum(line[1:2] in _ADDRESS_DIGITS for line in lines)
    for line in lines:
        if line[1:2] in _COUNTS:
            stated = _number(line[4 : 8 if line[1] == "5" else 10])
            if stated != data_records:
                raise ImageError(
                    f"its count record says {stated} data records, there are {data_records}: some were lost"
                )


def _number(digits: str) -> int | None:
    try:
        return int(digits, 16)
    except ValueError:
        return None


def _runs(lines: list[str]) -> int:
    """How often a data record does not begin where the one before ended. Damaged records are left to the parser."""
    runs, expected = 0, -1
    for line in lines:
        digits = _ADDRESS_DIGITS.get(line[1:2], 0)
        address = _number(line[4 : 4 + digits])
        if digits and address is not None:
            runs += address != expected
            expected = address + (len(line) - 4 - digits) // 2 - 1
    return runs
