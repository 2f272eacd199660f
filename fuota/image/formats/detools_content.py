"""Content of a patch of detools behind its header: a compressed list of pieces, or the data of HDiffPatch."""

from __future__ import annotations

from dataclasses import dataclass

from fuota.errors import ImageError
from fuota.findings import Finding, error
from fuota.image.formats.detools_header import HDIFFPATCH, MAX_TARGET_BYTES, Header, NotDetoolsError, read_number
from fuota.image.formats.streams import EndOfStreamError, Stream, unpack

_MIN_RECOGNISED_BYTES = 64
"""Bytes of the target that must be read before a cut-off patch, or a patch with an appendix, is recognised as a patch."""
_MIN_MAX_PIECES = 1 << 18
_DATA_FORMATS = {0: "arm-cortex-m4", 1: "aarch64", 2: "xtensa-lx106"}
"""Names of the data formats of detools by number (detools 0.53, common.py)."""
_HDIFFPATCH_MAGIC = b"HDIFF13"


@dataclass(frozen=True, slots=True, kw_only=True)
class Content:
    """Content that was read.

    data_format: name of the data format, if it has one. damage: a finding for a patch that is not whole.
    """

    data_format: str | None = None
    damage: Finding | None = None


def max_pieces(patch_bytes: int) -> int:
    """Return the limit for pieces of a patch with this length, because a few bytes can unpack to millions of empty pieces.

    The output of a linker makes some hundred pieces, a program of some megabytes 100,000, each in two bytes or more. A million
    pieces take about a second.
    """
    return max(_MIN_MAX_PIECES, patch_bytes // 2)


def read_content(data: bytes, header: Header) -> Content:
    """Read a patch to its end. Raises ImageError if too little of it is readable, ModuleNotFoundError if its package is missing."""
    max_bytes = 8 * header.target_bytes + 64 * 1024  # the numbers between the pieces take bytes too
    reader = _Reader(unpack(header.compression, data[header.end :], max_bytes), header, max_pieces(len(data)))
    try:
        reader.read()
        is_whole = reader.is_at_end()
    except EndOfStreamError:
        if not reader.has_magic and (reader.done < _MIN_RECOGNISED_BYTES or header.compression_name == "none"):
            raise ImageError("it makes fewer bytes than it states") from None
        message = f"it makes fewer than the {header.target_bytes} bytes that it states: it was cut off"
        return Content(data_format=reader.data_format, damage=error("structure", message))
    if not is_whole and not reader.has_magic and reader.done < _MIN_RECOGNISED_BYTES:
        raise ImageError("bytes follow its last piece")
    damage = None if is_whole else error("trailing", "unexpected bytes follow its last piece")
    return Content(data_format=reader.data_format, damage=damage)


class _Reader:
    """Reader of the content.

    done: bytes of the target that were read. data_format: name of the data format. has_magic: whether HDiffPatch's magic number was
    read, so that it is surely a patch.
    """

    def __init__(self, stream: Stream, header: Header, pieces: int) -> None:
        self._stream = stream
        self._header = header
        self._pieces_left = pieces
        self.done = 0
        self.has_magic = False
        self.data_format: str | None = None

    def read(self) -> None:
        """Read all of it: the only list of a sequential patch, the list of each in-place segment, or the data of hdiffpatch."""
        target_bytes = self._header.target_bytes
        if self._header.kind == HDIFFPATCH:
            self._read_hdiffpatch(self._header.content_bytes or 0)
            return
        while self.done < target_bytes:
            self._read_list(min(self._header.segment_bytes or target_bytes, target_bytes - self.done))

    def is_at_end(self) -> bool:
        """Return whether nothing follows what was read."""
        try:
            return self._stream.at_end()
        except ImageError:  # the bytes that follow cannot even be unpacked
            return False

    def _read_hdiffpatch(self, size: int) -> None:
        if self._stream.take(len(_HDIFFPATCH_MAGIC)) != _HDIFFPATCH_MAGIC:
            raise ImageError("its content is not of HDiffPatch")
        self.has_magic = True
        self._stream.skip(max(0, size - len(_HDIFFPATCH_MAGIC)))

    def _read_list(self, size: int) -> None:
        """Read the pieces that make `size` bytes: alternately added to the base, and new."""
        self._read_data_format()
        stream, left, start = self._stream, size, self.done
        while left:
            for _ in ("added to the base", "new"):
                piece = read_number(stream)
                if piece < 0:
                    raise NotDetoolsError("a piece of it has a negative length")
                if piece > left:
                    raise ImageError(f"a piece of it has {piece} bytes, but only {left} are left")
                stream.skip(piece)
                left -= piece
                self.done = start + size - left
            read_number(stream)  # step in the base, forward or back
            self._pieces_left -= 2
            if self._pieces_left < 0:
                raise ImageError("it has more pieces than a patch of its length")

    def _read_data_format(self) -> None:
        size = read_number(self._stream)
        if size == 0:
            return
        number = read_number(self._stream)
        if number not in _DATA_FORMATS or not 0 < size <= MAX_TARGET_BYTES:
            raise ImageError(f"it has a data format {number} of {size} bytes, which does not exist")
        self.data_format = _DATA_FORMATS[number]
        self._stream.skip(size)
