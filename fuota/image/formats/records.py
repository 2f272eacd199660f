"""What Intel HEX and Motorola S-record share: lines of hexadecimal records, which bincopy parses once they have been looked over.

bincopy takes a file without its end record for whole, reads on after the end, and searches its list of segments for every
record that does not follow the last; so all of that is looked at before.
"""

from __future__ import annotations

from collections.abc import Callable

import bincopy

from fuota.errors import ImageError
from fuota.image.segments import MAX_RUNS, Segment, joined


def lines_of(data: bytes) -> list[str]:
    """The records, without white space around them, blank lines left out. Raises ImageError for what is not ASCII."""
    try:
        text = data.decode("ascii")
    except UnicodeDecodeError as exc:
        raise ImageError(f"octet {exc.start} is no ASCII: a file of records is text") from None
    return [line for line in map(str.strip, text.splitlines()) if line]


def check_end(lines: list[str], is_end: Callable[[str], bool], name: str) -> None:
    """Raise ImageError where the end record, told by its `name`, is missing or not the last."""
    ends = [number for number, line in enumerate(lines, 1) if is_end(line)]
    if not ends:
        raise ImageError(f"it has no end record ({name}): it was cut off; take the file again from where it comes from")
    if ends[0] != len(lines):
        raise ImageError(f"its end record is line {ends[0]} of {len(lines)}: what follows it is not part of the image")


def parsed(lines: list[str], add: Callable[[bincopy.BinFile, str], None]) -> tuple[Segment, ...]:
    """The segments of records that are in order. Raises ImageError for one that is not."""
    found = bincopy.BinFile()
    try:
        add(found, "\n".join(lines))
    except bincopy.AddDataError:
        raise ImageError(
            "an address is given twice: records overlap, and it is not known which of them counts"
        ) from None
    except (bincopy.Error, ValueError, IndexError) as exc:
        raise ImageError(f"a record cannot be read: {_short(str(exc))}") from None
    return joined(Segment(address=segment.address, data=bytes(segment.data)) for segment in found.segments)


def check_runs(runs: int) -> None:
    """Raise ImageError for more runs of addresses than any linker makes."""
    if runs > MAX_RUNS:
        raise ImageError(
            f"its addresses jump {runs} times, more than {MAX_RUNS}: it is damaged, or not the image of a device"
        )


def _short(text: str) -> str:
    return text if len(text) <= 160 else text[:157] + "..."
