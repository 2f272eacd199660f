"""Lines of hexadecimal records, as in Intel HEX and Motorola S-record. They are checked here, then bincopy parses them.

bincopy accepts a file without its end record, reads on after the end record, and searches its list of segments for every record
that does not follow the previous record; so all of that is checked before.

Editors and tools add a byte order mark, lines of text before the first record, and lines of comment, Ctrl-Z or NUL behind the last.
"""

from __future__ import annotations

import codecs
import re
from collections.abc import Callable
from typing import TYPE_CHECKING

from fuota.errors import ImageError
from fuota.image.segments import MAX_RUNS, Segment, joined

if TYPE_CHECKING:
    import bincopy

_MAX_PREFACE_LINES = 32
"""Limit for lines of text before the first record."""
_PREFACE_BYTES = 4096
BYTE_ORDER_MARKS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
"""Marks at the start of a text, with its encoding."""
_COMMENT = re.compile(r"[;#]|//")
_FILL = "\x1a\0 \t\r\n"
"""Characters that may fill a file behind its last line."""


def begins_with_record(data: bytes, record: str) -> bool:
    """Return whether the data is text whose first record is near its start.

    record: regular expression of a whole record. A page or a JSON document that quotes records does not count.
    """
    encoding, mark = _encoding(data)
    text = data[len(mark) : _PREFACE_BYTES].decode(encoding, "replace")
    if text.lstrip()[:1] in ("<", "{", "["):
        return False
    lines = text.replace("\r", "\n").split("\n")
    preface = [line.strip() for line in lines if line.strip()][: _MAX_PREFACE_LINES + 1]
    return any(re.match(record, line) for line in preface)


def record_lines(data: bytes, start: str) -> list[str]:
    """Return the records in upper case, without surrounding white space, blank lines, and comments before and behind them.

    start: first character of a record. Raises ImageError if a byte of a record is not ASCII.
    """
    encoding, mark = _encoding(data)
    text = data[len(mark) :].decode(encoding, "replace").rstrip(_FILL)
    lines = [line for line in map(str.strip, text.splitlines()) if line]
    first = next((number for number, line in enumerate(lines) if line[:1].upper() == start), 0)
    last = len(lines)
    while last > first and _COMMENT.match(lines[last - 1]):
        last -= 1
    records = lines[first:last]
    if not all(map(str.isascii, records)):
        raise ImageError(f"{_first_foreign_byte(data)} is not ASCII: a file of records is text")
    return [line.upper() for line in records]


def _encoding(data: bytes) -> tuple[str, bytes]:
    """Return the encoding of the text and its byte order mark."""
    return next(((encoding, mark) for mark, encoding in BYTE_ORDER_MARKS if data.startswith(mark)), ("ascii", b""))


def _first_foreign_byte(data: bytes) -> str:
    offset = next((number for number, byte in enumerate(data) if byte > 127), 0)
    return f"byte {offset}"


def check_end(lines: list[str], is_end: Callable[[str], bool], name: str) -> None:
    """Raise ImageError if the end record is missing or not the last record.

    is_end: whether a line is an end record. name: the end record in the message.
    """
    ends = [number for number, line in enumerate(lines, 1) if is_end(line)]
    if not ends:
        raise ImageError(f"it has no end record ({name}): it was cut off; get the file again from its source")
    if ends[0] != len(lines):
        raise ImageError(
            f"its end record is line {ends[0]} of {len(lines)}: the lines after it are not part of the image"
        )


def parse_records(lines: list[str], add: Callable[[bincopy.BinFile, str], None]) -> tuple[Segment, ...]:
    """Return the segments in the records. Raises ImageError for a damaged record, and if records overlap.

    add: method of bincopy that adds records of this format.
    """
    import bincopy

    file = bincopy.BinFile()
    try:
        add(file, "\n".join(lines))
    except bincopy.AddDataError:
        raise ImageError("an address has two values: records overlap, and either may be right") from None
    except (bincopy.Error, ValueError, IndexError) as exc:
        raise ImageError(f"a record cannot be read: {_short(str(exc))}") from None
    return joined(Segment(address=segment.address, data=bytes(segment.data)) for segment in file.segments)


def check_runs(runs: int) -> None:
    """Raise ImageError for more runs of addresses than a linker makes.

    runs: number of runs of consecutive addresses.
    """
    if runs > MAX_RUNS:
        raise ImageError(
            f"its addresses jump {runs} times, more than {MAX_RUNS}: it is damaged, or not the image of a device"
        )


def _short(text: str) -> str:
    return text if len(text) <= 160 else text[:157] + "..."
