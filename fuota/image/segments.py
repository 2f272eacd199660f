"""Octets at addresses, as HEX, S-record, ELF and UF2 files have them, and the one binary that they make."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import pairwise

from fuota.errors import ImageError

MAX_GAP_BYTES = 1024 * 1024
"""Two records of a HEX file can be 4 GiB apart. No device of this kind has holes of a mebibyte, together, in its image."""
MAX_RUNS = 4096
"""Runs of addresses that follow each other, in one file. A linker makes a handful; more are damage, or malice."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Segment:
    """`data` at `address`."""

    address: int
    data: bytes

    @property
    def end(self) -> int:
        """The address after the last octet."""
        return self.address + len(self.data)


def joined(pieces: Iterable[Segment]) -> tuple[Segment, ...]:
    """The pieces by ascending address, those that touch as one, empty ones left out. Raises ImageError where two overlap."""
    runs: list[list[Segment]] = []
    for piece in sorted((one for one in pieces if one.data), key=lambda one: one.address):
        if runs and piece.address < runs[-1][-1].end:
            raise ImageError(
                f"0x{piece.address:08X} is given twice: pieces overlap, and it is not known which of them counts"
            )
        if runs and piece.address == runs[-1][-1].end:
            runs[-1].append(piece)
        else:
            runs.append([piece])
    return tuple(Segment(address=run[0].address, data=b"".join(one.data for one in run)) for run in runs)


def span(segments: tuple[Segment, ...]) -> tuple[int, int] | None:
    """Lowest address and the one after the highest, None without any."""
    return (segments[0].address, segments[-1].end) if segments else None


def gaps(segments: tuple[Segment, ...]) -> list[tuple[int, int]]:
    """Where nothing lies between two segments: from and to below which address."""
    return [(earlier.end, later.address) for earlier, later in pairwise(segments)]


def too_much(holes: list[tuple[int, int]]) -> bool:
    """Whether there is more to fill than any image has."""
    return sum(high - low for low, high in holes) > MAX_GAP_BYTES


def binary(segments: tuple[Segment, ...], *, fill: int = 0xFF) -> bytes:
    """One binary from the lowest address on, gaps filled. Raises ImageError without any octet, and for gaps too large."""
    if not segments:
        raise ImageError("it holds no data: there is nothing to convert")
    if too_much(holes := gaps(segments)):
        low, high = max(holes, key=lambda hole: hole[1] - hole[0])
        raise ImageError(
            f"from 0x{low:08X} to 0x{high:08X} there are {high - low} bytes of nothing, and {MAX_GAP_BYTES} are the most that is"
            " filled in all: parts that lie so far apart are not one image; convert one of them, by its address range"
        )
    out = bytearray([fill]) * (segments[-1].end - segments[0].address)
    for one in segments:
        start = one.address - segments[0].address
        out[start : start + len(one.data)] = one.data
    return bytes(out)


def within(segments: tuple[Segment, ...], low: int, high: int) -> tuple[Segment, ...]:
    """What lies from `low` to below `high`, cut at the borders."""
    cut = [
        Segment(address=max(one.address, low), data=one.data[max(0, low - one.address) : max(0, high - one.address)])
        for one in segments
        if one.address < high and one.end > low
    ]
    return tuple(cut)
