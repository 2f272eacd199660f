"""Streams of compressed bytes, unpacked in small chunks and never stored, because a few bytes can unpack to gigabytes."""

from __future__ import annotations

import bz2
import lzma
from collections.abc import Iterator
from typing import Protocol

from fuota.errors import ImageError

CHUNK_BYTES = 4096
_HEATSHRINK_BYTES = 64
"""Number of bytes fed at once: a back reference of 20 bits unpacks to up to 16 KiB."""
_LZ4_MAGIC, _ZSTD_MAGIC = b"\x04\x22\x4d\x18", b"\x28\xb5\x2f\xfd"
"""First bytes of a frame (LZ4 frame format 1.6; RFC 8878 §3.1.1)."""
_ZSTD_BYTES = 4
"""Number of bytes fed at once: a block of 4 bytes unpacks to up to 128 KiB (RFC 8878 §3.1.1.2)."""

_LZMA_HEADER_BYTES = 13
_DICTIONARY_BYTES = 8 * 1024 * 1024
"""Dictionary of liblzma's preset 6 (xz(1), DictSize), which detools uses."""


class EndOfStreamError(Exception):
    """Raised if more bytes are read than there are. Never leaves the readers."""


class Stream:
    """Bytes that are read once, from the start.

    Its methods raise EndOfStreamError at the end, and ImageError for bytes that cannot be unpacked.
    """

    def __init__(self, chunks: Iterator[bytes]) -> None:
        self._chunks = chunks
        self._chunk = b""
        self._offset = 0
        self._dropped = 0

    @property
    def position(self) -> int:
        """Number of bytes that were read."""
        return self._dropped + self._offset

    def next_byte(self) -> int:
        """Read the next byte."""
        if self._offset < len(self._chunk):
            self._offset += 1
            return self._chunk[self._offset - 1]
        return self.take(1)[0]

    def take(self, size: int) -> bytes:
        """Read the next `size` bytes, a few thousand at most."""
        while size > len(self._chunk) - self._offset:
            unread = self._chunk[self._offset :]
            self._replace_chunk(unread + self._next_chunk())
            self._dropped -= len(unread)
        self._offset += size
        return self._chunk[self._offset - size : self._offset]

    def skip(self, size: int) -> None:
        """Skip the next `size` bytes."""
        while size > len(self._chunk) - self._offset:
            size -= len(self._chunk) - self._offset
            self._replace_chunk(self._next_chunk())
        self._offset += size

    def at_end(self) -> bool:
        """Return whether no byte follows. Raises EndOfStreamError if the compressed data was cut off."""
        while self._offset == len(self._chunk):
            chunk = next(self._chunks, None)
            if chunk is None:
                return True
            self._replace_chunk(chunk)
        return False

    def _replace_chunk(self, chunk: bytes) -> None:
        self._dropped += len(self._chunk)
        self._chunk, self._offset = chunk, 0

    def _next_chunk(self) -> bytes:
        chunk = next(self._chunks, None)
        if chunk is None:
            raise EndOfStreamError
        return chunk


def plain(data: bytes) -> Iterator[bytes]:
    """Yield data that is not compressed."""
    yield data


def crle(data: bytes) -> Iterator[bytes]:
    """Unpack detools' conditional run-length encoding: 0, length, bytes; or 1, length, one byte."""
    stream = Stream(plain(data))
    while not stream.at_end():
        kind, size = stream.next_byte(), _crle_size(stream)
        if kind not in (0, 1):
            raise ImageError(f"a run has the kind {kind}, but only 0 and 1 exist")
        repeated = stream.take(1) * CHUNK_BYTES if kind else b""
        for done in range(0, size, CHUNK_BYTES):
            part_bytes = min(CHUNK_BYTES, size - done)
            yield repeated[:part_bytes] if kind else stream.take(part_bytes)


def _crle_size(stream: Stream) -> int:
    size, shift, byte = 0, 0, 0x80
    while byte & 0x80:
        if shift > 63:
            raise ImageError("the length of a run has more than 64 bits")
        byte = stream.next_byte()
        size |= (byte & 0x7F) << shift
        shift += 7
    return size


def lzma_alone(data: bytes, max_bytes: int) -> Iterator[bytes]:
    """Unpack the .lzma format (LZMA SDK, lzma-specification). Bytes 1 to 4 of its 13-byte header state the size of the dictionary.

    max_bytes: limit for the unpacked length. The dictionary is limited to it, and to the dictionary that detools uses.
    """
    if len(data) < _LZMA_HEADER_BYTES:
        raise EndOfStreamError
    dictionary = min(int.from_bytes(data[1:5], "little"), max_bytes, _DICTIONARY_BYTES)
    decompressor = lzma.LZMADecompressor(lzma.FORMAT_ALONE)
    yield from _decompress(decompressor, data[:1] + dictionary.to_bytes(4, "little") + data[5:])


def bzip2(data: bytes) -> Iterator[bytes]:
    """Unpack one bzip2 stream."""
    yield from _decompress(bz2.BZ2Decompressor(), data)


def lz4(data: bytes) -> Iterator[bytes]:
    """Unpack one LZ4 frame."""
    if not data.startswith(_LZ4_MAGIC):
        raise ImageError("its compressed data is not an LZ4 frame")
    from lz4.frame import LZ4FrameDecompressor  # with the extra `delta`

    yield from _decompress(LZ4FrameDecompressor(), data)


def zstd(data: bytes) -> Iterator[bytes]:
    """Unpack one Zstandard frame, with a window of no more than the dictionary of lzma."""
    if not data.startswith(_ZSTD_MAGIC):
        raise ImageError("its compressed data is not a Zstandard frame")
    import zstandard  # with the extra `delta`

    decompressor = zstandard.ZstdDecompressor(max_window_size=_DICTIONARY_BYTES).decompressobj()
    for start in range(0, len(data), _ZSTD_BYTES):
        if decompressor.eof:
            raise ImageError("unexpected bytes follow its compressed data")
        try:
            yield decompressor.decompress(data[start : start + _ZSTD_BYTES])
        except (zstandard.ZstdError, MemoryError):
            raise ImageError("its compressed data cannot be unpacked") from None
    if not decompressor.eof:
        raise EndOfStreamError
    if decompressor.unused_data:
        raise ImageError("unexpected bytes follow its compressed data")


class _Decompressor(Protocol):
    """Decompressors of the standard library and of lz4."""

    @property
    def eof(self) -> bool: ...
    @property
    def needs_input(self) -> bool: ...
    @property
    def unused_data(self) -> bytes | None: ...
    def decompress(self, data: bytes, max_length: int, /) -> bytes: ...


def _decompress(decompressor: _Decompressor, data: bytes) -> Iterator[bytes]:
    unread = data
    while not decompressor.eof:
        try:
            chunk = decompressor.decompress(unread, CHUNK_BYTES)
        except (lzma.LZMAError, OSError, EOFError, ValueError, MemoryError, RuntimeError):
            raise ImageError("its compressed data cannot be unpacked") from None
        unread = b""
        if chunk:
            yield chunk
        elif decompressor.needs_input:
            raise EndOfStreamError
    if decompressor.unused_data:
        raise ImageError("unexpected bytes follow its compressed data")


def heatshrink(data: bytes) -> Iterator[bytes]:
    """Unpack detools' heatshrink: a byte with the exponents of window and lookahead, then the bits. Raises ImageError."""
    from heatshrink2.core import Encoder, Reader  # with the extra `delta`

    window, lookahead = heatshrink_sizes(data)
    if not 4 <= window <= 15 or not 3 <= lookahead < window:
        raise ImageError(f"heatshrink has no window of {window} with a lookahead of {lookahead}")
    decoder = Encoder(Reader(window_sz2=window, lookahead_sz2=lookahead))
    try:
        for start in range(1, len(data), _HEATSHRINK_BYTES):
            yield decoder.fill(data[start : start + _HEATSHRINK_BYTES])
        yield decoder.finish()
    except (ValueError, RuntimeError):
        raise ImageError("its compressed data cannot be unpacked") from None


def heatshrink_sizes(data: bytes) -> tuple[int, int]:
    """Return window and lookahead of heatshrink data, as exponents of 2."""
    first = data[0] if data else 0
    return (first >> 4) + 4, (first & 15) + 3


COMPRESSIONS = {0: "none", 1: "lzma", 2: "crle", 3: "bz2", 4: "heatshrink", 5: "zstd", 6: "lz4"}
"""Names of the compressions of detools by number (detools 0.53, common.py)."""
DEVICE_COMPRESSIONS = ("none", "lzma", "crle", "heatshrink")
"""Compressions that detools' C library unpacks (detools 0.53, c/detools.c, COMPRESSION_*)."""
HEATSHRINK_SIZES = (8, 7)
"""Window and lookahead that detools' C library is built for without dynamic memory (detools, heatshrink_config.h)."""


def unpack(compression: int, data: bytes, max_bytes: int) -> Stream:
    """Return the unpacked data as a stream.

    compression: key of COMPRESSIONS. max_bytes: number of bytes that are read at most.
    """
    unpackers = {"none": plain, "crle": crle, "bz2": bzip2, "heatshrink": heatshrink, "zstd": zstd, "lz4": lz4}
    name = COMPRESSIONS[compression]
    return Stream(lzma_alone(data, max_bytes) if name == "lzma" else unpackers[name](data))
