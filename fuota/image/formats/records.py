"""Lines of hexadecimal records, as in Intel HEX and Motorola S-record. They are checked here, then bincopy parses them.

bincopy accepts a file without its end record, reads on after the end record, and searches its list of segments for every record
that does not follow the previous record; so all of that is checked before.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from fuota.errors import ImageError
from fuota.image.segments import MAX_RUNS, Segment, joined

if TYPE_CHECKING:
    import bincopy


def record_lines(data: bytes) -> list[str]:
    """Return the records without surrounding white space and without blank lines. Raises ImageError if a byte is not ASCII."""
    try:
        text = data.decode("ascii")
    except UnicodeDecodeError as exc:
        raise ImageError(f"byte {exc.start} is not ASCII: a file of records is text") from None
    return [line for line in map(str.strip, text.splitlines()) if line]


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
