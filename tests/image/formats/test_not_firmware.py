"""Files that no device starts are an error, whatever a profile accepts."""

from __future__ import annotations

import bz2
import gzip
import io
import json
import lzma
import random
import struct
import tarfile
import zipfile

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fuota.errors import ParameterError
from fuota.image import FirmwareImage, ImageFormat, ImageRequirements, check
from tests.image import corpus

PAGE = "<!DOCTYPE html>\n<html><head><title>404 Not Found</title></head><body>nothing here</body></html>\n"
PE = b"MZ\x90\0\x03".ljust(0x3C, b"\0") + struct.pack("<I", 0x80) + bytes(0x40) + b"PE\0\0" + bytes(200)


def archive(files: dict[str, bytes]) -> bytes:
    output = io.BytesIO()
    with zipfile.ZipFile(output, "w") as target:
        for name, content in files.items():
            target.writestr(name, content)
    return output.getvalue()


def tar() -> bytes:
    output = io.BytesIO()
    with tarfile.open(fileobj=output, mode="w") as target:
        entry = tarfile.TarInfo("app.bin")
        entry.size = len(corpus.FIRMWARE)
        target.addfile(entry, io.BytesIO(corpus.FIRMWARE))
    return output.getvalue()


FILES = {
    "a ZIP archive": [archive({"a.bin": corpus.FIRMWARE}), archive({})],
    "a gzip archive": [gzip.compress(corpus.FIRMWARE), b"\x1f\x8b\x08\x08" + bytes(5) + b"\x03app.bin\0" + bytes(50)],
    "an xz archive": [lzma.compress(corpus.FIRMWARE)],
    "an LZMA archive": [lzma.compress(corpus.FIRMWARE, format=lzma.FORMAT_ALONE)],
    "a bzip2 archive": [bz2.compress(corpus.FIRMWARE), bz2.compress(b"")],
    "a tar archive": [tar()],
    "a 7-Zip archive": [b"7z\xbc\xaf\x27\x1c" + bytes(50)],
    "a PDF document": [b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n" + bytes(100)],
    "a PNG picture": [b"\x89PNG\r\n\x1a\n" + bytes(100)],
    "a program for Windows": [PE],
    "a web page": [
        PAGE.encode(),
        b"\r\n\r\n  " + PAGE.upper().encode(),
        b"\xef\xbb\xbf" + PAGE.encode(),
        b"\xff\xfe" + PAGE.encode("utf-16-le"),
        b"\xfe\xff" + PAGE.encode("utf-16-be"),
        b"<!-- cached -->" + PAGE.encode(),
        PAGE.replace("nothing", "ничего").encode(),
        PAGE.replace("nothing", "nichts für dich").encode("latin-1"),
        b"<html>404</html>",
    ],
    "an XML document": [
        b'<?xml version="1.0" encoding="UTF-8"?>\n<Error><Code>AccessDenied</Code></Error>',
        b'<svg xmlns="http://www.w3.org/2000/svg"></svg>',
    ],
    "a JSON document": [
        b'{"message":"Not Found"}',
        b"[]",
        b'\xef\xbb\xbf{"error": 404}\n',
        json.dumps({"Fehler": "nicht gefunden"}, indent=2).encode(),
        '{"Fehler": "nicht verfügbar"}'.encode(),
    ],
    "a pointer of Git LFS": [
        b"version https://git-lfs.github.com/spec/v1\noid sha256:" + b"a" * 64 + b"\nsize 12345\n",
        b"version https://git-lfs.github.com/spec/v1\r\noid sha256:" + b"a" * 64 + b"\r\nsize 12345\r\n",
    ],
    "text": [
        b"404: Not Found",
        b"Not Found\n",
        b"STM32WL release notes\n" * 30,
        b"#include <stdint.h>\nint main(void);\n",
    ],
}


@pytest.mark.parametrize(("name", "data"), [(name, data) for name, group in FILES.items() for data in group])
@pytest.mark.parametrize("formats", [(), ("raw",), ("raw", "mcuboot")])
def test_file_of_another_kind_is_an_error_for_every_profile(name, data, formats):
    result = check(FirmwareImage.open(data, requirements=ImageRequirements(formats=formats)))
    assert result.image.format is ImageFormat.NOT_FIRMWARE
    (finding,) = (finding for finding in result.findings.errors if finding.code == "not-firmware")
    assert finding.message.startswith(f"it is {name}, not firmware: ")


def test_profile_cannot_accept_such_files():
    with pytest.raises(ParameterError, match="formats"):
        ImageRequirements(formats=("not-firmware",))


# --- what to do


NRFUTIL = b'{"manifest": {"application": {"bin_file": "app.bin", "dat_file": "app.dat"}}}'
NRF_CONNECT = b'{"format-version": 1, "files": [{"file": "app_update.bin"}]}'


def remedy(data: bytes) -> str:
    return check(FirmwareImage.open(data)).findings.errors[0].message


@pytest.mark.parametrize(
    ("files", "words"),
    [
        ({"manifest.json": NRFUTIL, "app.bin": b""}, "send app.bin, which its manifest names"),
        ({"manifest.json": NRF_CONNECT}, "send app_update.bin, which its manifest names"),
        ({"a.bin": b"", "b.hex": b"", "readme.txt": b""}, "send the image in it (a.bin or b.hex)"),
        ({f"{number}.bin": b"" for number in range(9)}, "0.bin or 1.bin or 2.bin or 6 more"),
        ({"manifest.json": b"not JSON", "a.bin": b""}, "damaged or cut off"),
        ({"readme.txt": b""}, "unpack it, and send the image in it"),
    ],
)
def test_archive_names_the_image_to_send(files, words):
    assert words in remedy(archive(files))


def test_damaged_archive_is_named():
    assert "damaged or cut off" in remedy(archive({"a.bin": corpus.FIRMWARE})[:-40])


def test_pointer_of_git_lfs_names_the_command():
    assert "git lfs pull" in remedy(FILES["a pointer of Git LFS"][0])


# --- firmware is never taken for another file


def vector_tables() -> st.SearchStrategy[bytes]:
    stacks = st.integers(0x2000_0000 // 4, 0x4000_0000 // 4).map(lambda word: 4 * word)
    handlers = st.lists(st.integers(0, 0x0FFF_FFFF).map(lambda word: 2 * word + 1), min_size=15, max_size=15)
    return st.tuples(stacks, handlers, st.binary(min_size=50)).map(
        lambda parts: struct.pack("<16I", parts[0], *parts[1]) + parts[2]
    )


@given(vector_tables())
def test_vector_table_is_never_taken_for_another_file(data):
    assert FirmwareImage.open(data).format is not ImageFormat.NOT_FIRMWARE


def test_random_bytes_are_never_taken_for_another_file():
    rng = random.Random(5)
    assert not any(
        FirmwareImage.open(rng.randbytes(rng.randrange(8, 200))).format is ImageFormat.NOT_FIRMWARE
        for _ in range(5_000)
    )
