"""Files that no device starts, whatever its profile accepts: archives, documents, pages, texts, programs for computers.

They were mistaken for an image: a page saved in place of a download, an archive that was not unpacked, a pointer of Git LFS.
"""

from __future__ import annotations

import codecs
import json
import re

from fuota.findings import error
from fuota.image.description import Description, ImageFormat, Part
from fuota.image.formats.records import BYTE_ORDER_MARKS
from fuota.image.formats.zip_archive import zip_remedy
from fuota.image.requirements import ImageRequirements

FORMAT = ImageFormat.NOT_FIRMWARE

_UNPACK = "unpack it, and send the image in it"
_CHOOSE = "choose the file that the build made for the device"
_DOWNLOAD = "a failed download may look like this: get the file again"
_MAGICS: tuple[tuple[bytes, str, str], ...] = (
    (rb"PK(\x03\x04|\x05\x06|\x07\x08)", "a ZIP archive", _UNPACK),
    (rb"\x1f\x8b\x08[\x00-\x1f]", "a gzip archive", _UNPACK),
    (rb"\xfd7zXZ\x00", "an xz archive", _UNPACK),
    (rb"7z\xbc\xaf\x27\x1c", "a 7-Zip archive", _UNPACK),
    (rb"Rar!\x1a\x07", "a RAR archive", _UNPACK),
    (rb"BZh[1-9](1AY&SY|\x17rE8P\x90)", "a bzip2 archive", _UNPACK),
    (rb"\x28\xb5\x2f\xfd", "a Zstandard archive", _UNPACK),
    (rb"\x04\x22\x4d\x18", "an LZ4 archive", _UNPACK),
    (rb"\x5d\x00\x00..\xff{8}", "an LZMA archive", _UNPACK),
    (rb".{257}ustar[\x00 ]", "a tar archive", _UNPACK),
    (rb"!<arch>\n", "a library of object files", "link it first"),
    (rb"%PDF-", "a PDF document", _CHOOSE),
    (rb"\x89PNG\r\n\x1a\n", "a PNG picture", _CHOOSE),
    (rb"\xff\xd8\xff[\xc0-\xfe]..", "a JPEG picture", _CHOOSE),
    (rb"GIF8[79]a", "a GIF picture", _CHOOSE),
    (rb"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "a Microsoft Office document", _CHOOSE),
    (rb"(\xfe\xed\xfa[\xce\xcf]|[\xce\xcf]\xfa\xed\xfe)", "a program for macOS", _CHOOSE),
    (rb"\xca\xfe\xba\xbe\x00\x00", "a program for Java or macOS", _CHOOSE),
)
"""First bytes of each kind of file, its name, and what to do."""
_PE_OFFSET = 0x3C
_CONTROLS = re.compile(r"[\x00-\x08\x0e-\x1a\x1c-\x1f\x7f]")
"""Characters that no text has. Escape (0x1B) colours the text of a log."""
_MAX_TEXT_BYTES = 4 * 1024 * 1024
"""A longer file is judged by this many bytes of it: no firmware begins with a text of that length."""
_MIN_OTHER_BYTES = 64
"""Bytes from which a text with characters outside ASCII cannot be a coincidence."""


def recognises(data: bytes) -> bool:
    """Return whether the data is surely a file of another kind."""
    return _kind(data) is not None


def describe(data: bytes, _requirements: ImageRequirements) -> Description:
    """Name the kind of file, and what to do."""
    name, remedy = _kind(data) or ("another kind of file", _CHOOSE)
    if name == "a ZIP archive":
        remedy = zip_remedy(data) or remedy
    return Description(
        format=FORMAT,
        parts=(Part(name="file", offset=0, size=len(data)),),
        findings=(error("not-firmware", f"it is {name}, not firmware: {remedy}"),),
    )


def _kind(data: bytes) -> tuple[str, str] | None:
    """Return the name of the kind of file and what to do; None if it may be firmware."""
    for magic, name, remedy in _MAGICS:
        if re.match(magic, data[:300], re.DOTALL):
            return name, remedy
    if _is_windows_program(data):
        return "a program for Windows", _CHOOSE
    text = _text(data[:_MAX_TEXT_BYTES])
    return None if text is None else _kind_of_text(text)


def _is_windows_program(data: bytes) -> bool:
    """Return whether the data has the header of DOS, which names the header of PE (Microsoft, PE Format)."""
    if not data.startswith(b"MZ") or len(data) < _PE_OFFSET + 4:
        return False
    offset = int.from_bytes(data[_PE_OFFSET : _PE_OFFSET + 4], "little")
    return data[offset : offset + 4] == b"PE\0\0"


def _text(data: bytes) -> str | None:
    """Return the text in a file; None if it is not text."""
    if not data.strip():
        return None
    for mark, encoding in BYTE_ORDER_MARKS:
        if data.startswith(mark):
            return _decoded(data[len(mark) :], encoding)
    if data.isascii():
        return _decoded(data, "ascii")
    if (text := _decoded(data, "utf-8")) is not None:
        return text if len(data) >= _MIN_OTHER_BYTES or _kind_of_text(text)[0] != _TEXT[0] else None
    # A page in an older encoding.
    text = data.decode("latin-1")
    return text if _is_markup(text) and not _CONTROLS.search(text) else None


def _decoded(data: bytes, encoding: str) -> str | None:
    """Return the text; None if the bytes are not text in this encoding."""
    decoder = codecs.getincrementaldecoder(encoding)()
    try:
        text = decoder.decode(data)  # the last character may be cut off
    except UnicodeDecodeError:
        return None
    return None if _CONTROLS.search(text) else text


_TEXT = ("text", f"no device starts a text: {_CHOOSE}")


def _kind_of_text(text: str) -> tuple[str, str]:
    start = text.lstrip()
    if start.startswith("version https://git-lfs.github.com/spec/"):
        return "a pointer of Git LFS", "get the file that it stands for (git lfs pull)"
    if _is_markup(start):
        is_page = re.search(r"<(!doctype html|html|head|body)\b", start[:4096], re.IGNORECASE)
        return ("a web page" if is_page else "an XML document", _DOWNLOAD)
    if start[:1] in ("{", "[") and _is_json(text):
        return "a JSON document", _DOWNLOAD
    return _TEXT


def _is_markup(text: str) -> bool:
    return re.match(r"\s*<[!?a-zA-Z/]", text) is not None


def _is_json(text: str) -> bool:
    try:
        json.loads(text)
    except (ValueError, RecursionError):
        return False
    return True
