"""Segments, which are bytes at addresses, as in HEX, S-record, ELF and UF2 files, and the binary that they form."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import pairwise

from fuota.errors import ImageError

MAX_GAP_BYTES = 1024 * 1024
"""Limit for all gaps of an image together. Records of a HEX file can be 4 GiB apart; no LoRaWAN device has 1 MiB of gaps."""
MAX_RUNS = 4096
"""Limit for runs of consecutive addresses in one file. A linker makes a handful; more are damage or malice."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Segment:
    """Bytes `data` at `address`."""

    address: int
    data: bytes

    @property
    def end(self) -> int:
        """The address after the last byte."""
        return self.address + len(self.data)


def joined(pieces: Iterable[Segment]) -> tuple[Segment, ...]:
    """Return the segments by ascending address; adjacent segments are joined and empty segments are left out.

    Raises ImageError if two segments overlap.
    """
    runs: list[list[Segment]] = []
    for piece in sorted((segment for segment in pieces if segment.data), key=lambda segment: segment.address):
        if runs and piece.address < runs[-1][-1].end:
            raise ImageError(f"address 0x{piece.address:08X} has two values: segments overlap, and either may be right")
        if runs and piece.address == runs[-1][-1].end:
            runs[-1].append(piece)
        else:
            runs.append([piece])
    return tuple(Segment(address=run[0].address, data=b"".join(segment.data for segment in run)) for run in runs)


def span(segments: tuple[Segment, ...]) -> tuple[int, int] | None:
    """Return the lowest address and the address after the highest; None if there is no segment."""
    return (segments[0].address, segments[-1].end) if segments else None


def gaps(segments: tuple[Segment, ...]) -> list[tuple[int, int]]:
    """Return the gaps between segments, each as its first address and the address after its last."""
    return [(earlier.end, later.address) for earlier, later in pairwise(segments)]


def exceed_limit(holes: list[tuple[int, int]]) -> bool:
    """Return whether the gaps have more than MAX_GAP_BYTES together."""
    return sum(high - low for low, high in holes) > MAX_GAP_BYTES


def binary(segments: tuple[Segment, ...], *, fill: int = 0xFF) -> bytes:
    """Return one binary from the lowest address on, with gaps filled by the byte `fill`.

    Raises ImageError if there are no bytes, or if the gaps are too large.
    """
    if not segments:
        raise ImageError("it holds no data: there is nothing to convert")
    if exceed_limit(holes := gaps(segments)):
        low, high = max(holes, key=lambda hole: hole[1] - hole[0])
        raise ImageError(
            f"there is a gap of {high - low} bytes from 0x{low:08X} to 0x{high:08X}; gaps are filled up to {MAX_GAP_BYTES} bytes"
            " in all: parts this far apart are not one image; convert one part, by its address range"
        )
    content = bytearray([fill]) * (segments[-1].end - segments[0].address)
    for segment in segments:
        start = segment.address - segments[0].address
        content[start : start + len(segment.data)] = segment.data
    return bytes(content)


def within(segments: tuple[Segment, ...], low: int, high: int) -> tuple[Segment, ...]:
    """Return the parts of the segments from address `low` to below `high`."""
    return tuple(
        Segment(
            address=max(segment.address, low),
            data=segment.data[max(0, low - segment.address) : max(0, high - segment.address)],
        )
        for segment in segments
        if segment.address < high and segment.end > low
    )
