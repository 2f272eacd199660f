"""TI-TXT, the text format of tools for the MSP430 (MSP430 Assembly Language Tools, "TI-TXT Hex Format"). bincopy parses it."""

from __future__ import annotations

import re

from fuota.errors import ImageError
from fuota.image.description import Description, ImageFormat
from fuota.image.formats.container import describe_container
from fuota.image.formats.records import check_end, check_runs, parse_records, record_lines
from fuota.image.requirements import ImageRequirements
from fuota.image.segments import Segment

FORMAT = ImageFormat.TI_TXT

_ADDRESS = r"@[0-9A-Fa-f]{2,8}$"
_BYTES = re.compile(r"[0-9A-F]{2}( +[0-9A-F]{2})*$")
_END = "Q"


def recognises(data: bytes) -> bool:
    """Return whether the text begins with an address, such as @8000, and bytes follow it."""
    return re.match(rb"(\xef\xbb\xbf)?\s{0,64}@[0-9A-Fa-f]{2,8}\s{1,64}[0-9A-Fa-f]{2}\s", data[:256]) is not None


def describe(data: bytes, _requirements: ImageRequirements) -> Description:
    """Describe the address range, and what is wrong with the lines."""
    return describe_container(FORMAT, data, segments)


def segments(data: bytes) -> tuple[Segment, ...]:
    """Return the bytes at their addresses.

    Raises ImageError for a damaged line, for overlaps, and if the end ("q") is missing or not the last line.
    """
    lines = record_lines(data, "@")
    check_end(lines, lambda line: line == _END, "q")
    check_runs(sum(line.startswith("@") for line in lines))
    for number, line in enumerate(lines, 1):
        if line != _END and not re.match(_ADDRESS, line) and not _BYTES.match(line):
            raise ImageError(f"line {number} is neither an address nor bytes: it is damaged")
    return parse_records(
        [line.lower() if line == _END else line for line in lines], lambda file, text: file.add_ti_txt(text)
    )
