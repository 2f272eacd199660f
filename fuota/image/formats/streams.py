"""Compressed octets, unpacked a little at a time and never kept: a few octets of a patch can stand for gigabytes."""

from __future__ import annotations

import bz2
import lzma
from collections.abc import Iterator

from fuota.errors import ImageError

CHUNK_BYTES = 4096
_HEATSHRINK_BYTES = 64
"""As much as is fed at once: a back reference of 20 bits stands for up to 16 KiB."""


_LZMA_HEADER_BYTES = 13
_DICTIONARY_BYTES = 8 * 1024 * 1024
"""Of liblzma's preset 6 (xz(1), DictSize), which detools uses."""


class EndOfStreamError(Exception):
    """More was asked for than there is. Never leaves the readers."""


class Stream:
    """Octets read once, from the start. Its methods raise EndOfStreamError, and ImageError for what cannot be unpacked."""

    def __init__(self, chunks: Iterator[bytes]) -> None:
        self._chunks = chunks
        self._held = b""
        self._at = 0
        self._before = 0

    @property
    def position(self) -> int:
        """How many octets were read."""
        return self._before + self._at

    def octet(self) -> int:
        """The next one."""
        return self.take(1)[0]

    def take(self, size: int) -> bytes:
        """The next `size`, a few thousand at most."""
        while size > len(self._held) - self._at:
            kept = self._held[self._at :]
            self._hold(kept + self._next())
            self._before -= len(kept)
        self._at += size
        return self._held[self._at - size : self._at]

    def skip(self, size: int) -> None:
        """Go past the next `size`."""
        while size > len(self._held) - self._at:
            size -= len(self._held) - self._at
            self._hold(self._next())
        self._at += size

    def ended(self) -> bool:
        """Whether nothing follows. Raises EndOfStreamError where what is unpacked was cut off."""
        while self._at == len(self._held):
            chunk = next(self._chunks, None)
            if chunk is None:
                return True
            self._hold(chunk)
        return False

    def _hold(self, chunk: bytes) -> None:
        self._before += len(self._held)
        self._held, self._at = chunk, 0

    def _next(self) -> bytes:
        chunk = next(self._chunks, None)
        if chunk is None:
            raise EndOfStreamError
        return chunk


def plain(data: bytes) -> Iterator[bytes]:
    """Not compressed."""
    yield data


def crle(data: bytes) -> Iterator[bytes]:
    """detools' conditional run-length encoding: 0, length, octets; or 1, length, one octet."""
    stream = Stream(plain(data))
    while not stream.ended():
        kind, size = stream.octet(), _crle_size(stream)
        if kind not in (0, 1):
            raise ImageError(f"a run is of kind {kind}: there are 0 and 1")
        repeated = stream.take(1) * CHUNK_BYTES if kind else b""
        for done in range(0, size, CHUNK_BYTES):
            part = min(CHUNK_BYTES, size - done)
            yield repeated[:part] if kind else stream.take(part)


def _crle_size(stream: Stream) -> int:
    size, shift, octet = 0, 0, 0x80
    while octet & 0x80:
        if shift > 63:
            raise ImageError("the length of a run has more than 64 bits")
        octet = stream.octet()
        size |= (octet & 0x7F) << shift
        shift += 7
    return size


def lzma_alone(data: bytes, most_bytes: int) -> Iterator[bytes]:
    """The .lzma format (LZMA SDK, lzma-specification): its header of 13 octets says in 1 to 4 how much memory the dictionary takes.

    That need not be more than `most_bytes`, which is the most that comes out, nor than what detools asks for.
    """
    if len(data) < _LZMA_HEADER_BYTES:
        raise EndOfStreamError
    dictionary = min(int.from_bytes(data[1:5], "little"), most_bytes, _DICTIONARY_BYTES)
    decompressor = lzma.LZMADecompressor(lzma.FORMAT_ALONE)
    yield from _unpacked(decompressor, data[:1] + dictionary.to_bytes(4, "little") + data[5:])


def bzip2(data: bytes) -> Iterator[bytes]:
    """One stream of bzip2."""
    yield from _unpacked(bz2.BZ2Decompressor(), data)


def _unpacked(decompressor: lzma.LZMADecompressor | bz2.BZ2Decompressor, data: bytes) -> Iterator[bytes]:
    given = data
    while not decompressor.eof:
        try:
            chunk = decompressor.decompress(given, CHUNK_BYTES)
        except (lzma.LZMAError, OSError, EOFError, ValueError, MemoryError):
            raise ImageError("its compressed data cannot be unpacked") from None
        given = b""
        if chunk:
            yield chunk
        elif decompressor.needs_input:
            raise EndOfStreamError
    if decompressor.unused_data:
        raise ImageError("bytes follow its compressed data that belong to nothing")


def heatshrink(data: bytes) -> Iterator[bytes]:
    """detools' heatshrink: an octet with the exponents of window and lookahead, then the bits. Raises ImageError."""
    from heatshrink2.core import Encoder, Reader  # with the extra `delta`

    window, lookahead = heatshrink_sizes(data)
    if not 4 <= window <= 15 or not 3 <= lookahead < window:
        raise ImageError(f"heatshrink has no window of {window} with a lookahead of {lookahead}")
    decoder = Encoder(Reader(window_sz2=window, lookahead_sz2=lookahead))
    try:
        for at in range(1, len(data), _HEATSHRINK_BYTES):
            yield decoder.fill(data[at : at + _HEATSHRINK_BYTES])
        yield decoder.finish()
    except (ValueError, RuntimeError):
        raise ImageError("its compressed data cannot be unpacked") from None


def heatshrink_sizes(data: bytes) -> tuple[int, int]:
    """Exponents of window and lookahead."""
    first = data[0] if data else 0
    return (first >> 4) + 4, (first & 15) + 3


COMPRESSIONS = {0: "none", 1: "lzma", 2: "crle", 3: "bz2", 4: "heatshrink"}
"""Those of detools that its C library knows, and bzip2, by their number."""


def unpacked(compression: int, data: bytes, most_bytes: int) -> Stream:
    """What comes out, of which more than `most_bytes` is not asked for."""
    by_name = {"none": plain, "crle": crle, "bz2": bzip2, "heatshrink": heatshrink}
    name = COMPRESSIONS[compression]
    return Stream(lzma_alone(data, most_bytes) if name == "lzma" else by_name[name](data))
