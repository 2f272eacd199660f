"""Intel HEX and Motorola S-record: the sample firmware by objcopy, and damaged files that bincopy accepts."""

from __future__ import annotations

import shutil
import subprocess

import pytest

from fuota.errors import ImageError
from fuota.image import FirmwareImage, ImageFormat, ImageRequirements, check, convert
from tests.image import corpus
from tests.image.corpus import ihex

HEX, SREC = corpus.sample("hex"), corpus.sample("srec")
BOTH = pytest.mark.parametrize("data", [HEX, SREC], ids=["hex", "srec"])


def srec(kind: int, address: int, data: bytes = b"") -> bytes:
    size = {1: 2, 2: 3, 3: 4, 5: 2, 6: 3, 7: 4, 8: 3, 9: 2}[kind]
    content = bytes([size + len(data) + 1]) + address.to_bytes(size, "big") + data
    return f"S{kind}{content.hex()}{~sum(content) & 255:02x}\n".encode()


END = (1, 0, b"")
UPPER = (4, 0, b"\x80\x00")


@BOTH
def test_files_of_objcopy(describe, data):
    description = describe(data)
    assert description.format in (ImageFormat.INTEL_HEX, ImageFormat.S_RECORD)
    assert description.converts_to_bytes == len(corpus.FIRMWARE)
    assert [finding.code for finding in description.findings] == ["not-binary"]
    assert convert(FirmwareImage.open(data)).data == corpus.FIRMWARE


@BOTH
@pytest.mark.parametrize("change", [bytes.lower, lambda data: data.replace(b"\n", b"\r\n"), lambda data: b"\n" + data])
def test_case_line_ends_and_blank_lines_do_not_matter(data, change):
    changed = change(data).replace(b"s", b"S")
    assert convert(FirmwareImage.open(changed)).data == corpus.FIRMWARE


@BOTH
def test_missing_end_record_is_an_error(describe, message_of, data):
    """bincopy and intelhex accept such a file as whole."""
    cut = b"".join(data.splitlines(keepends=True)[:-1])
    assert "it has no end record" in message_of(describe(cut), "structure")
    with pytest.raises(ImageError, match="image: it has no end record"):
        convert(FirmwareImage.open(cut))


@BOTH
def test_file_cut_off_within_a_line_is_an_error(describe, message_of, data):
    for kept in (len(data) - 3, 1000, 100, 30):
        assert message_of(describe(data[:kept]), "structure")


@BOTH
def test_records_after_the_end_record_are_an_error(describe, message_of, data):
    """bincopy reads on after the end record."""
    first = data.splitlines(keepends=True)[1]
    assert "the lines after it are not part of the image" in message_of(describe(data + first), "structure")
    assert "the lines after it" in message_of(describe(data + data), "structure")


@BOTH
def test_wrong_digit_is_an_error(describe, message_of, data):
    for at in (20, 1000, len(data) // 2):
        digit = b"0" if data[at : at + 1] != b"0" else b"1"
        damaged = data[:at] + digit + data[at + 1 :]
        if damaged[at - 1 : at] not in (b"\n", b"\r") and data[at : at + 1] not in (b"\n", b"\r"):
            assert "a record cannot be read" in message_of(describe(damaged), "structure")


@BOTH
def test_byte_outside_ascii_is_an_error(describe, message_of, data):
    assert "byte 1000 is not ASCII" in message_of(describe(data[:1000] + b"\xff" + data[1001:]), "structure")


def test_gaps_overlaps_and_addresses_above_64_kib(describe, message_of):
    far = ihex((0, 0, b"x"), UPPER, (0, 0, b"y"), END)
    assert describe(far).address_range == (0, 0x8000_0001)
    assert message_of(describe(far), "gaps")
    with pytest.raises(ImageError, match="a gap of 2147483647 bytes"):
        convert(FirmwareImage.open(far))
    near = ihex((0, 0, b"x"), (0, 4, b"y"), END)
    assert convert(FirmwareImage.open(near), fill=0x5A).data == b"xZZZy"
    twice = ihex((0, 0, b"xx"), (0, 1, b"y"), END)
    assert message_of(describe(twice), "structure")
    with pytest.raises(ImageError):
        convert(FirmwareImage.open(twice))


def test_conversion_of_an_address_range(describe):
    image = FirmwareImage.open(ihex((0, 0x10, b"abcd"), (0, 0x20, b"efgh"), END))
    assert convert(image, address_range=(0x12, 0x22)).data == b"cd" + b"\xff" * 12 + b"ef"
    with pytest.raises(ImageError, match="it holds no data"):
        convert(image, address_range=(0x14, 0x20))


def test_only_an_end_record_is_no_data(describe, message_of):
    assert message_of(describe(ihex(END)), "no-data")


def test_too_many_address_jumps_are_an_error(describe, message_of):
    """bincopy searches its list for each jump: 65,536 of them take minutes."""
    jumps = ihex(*((0, address, b"x") for address in range(0, 0x8000, 2)), END)
    assert "its addresses jump 16384 times" in message_of(describe(jumps), "structure")
    jumps = b"".join(srec(1, address, b"x") for address in range(0, 0x8000, 2)) + srec(9, 0)
    assert "its addresses jump 16384 times" in message_of(describe(jumps), "structure")


@pytest.mark.parametrize("kind", [5, 6])
def test_wrong_count_record_is_an_error(describe, message_of, kind):
    """bincopy does not check the count."""
    data = srec(1, 0, b"ab") + srec(1, 2, b"cd")
    assert message_of(describe(data + srec(kind, 2) + srec(9, 0)), "not-binary")
    assert "states 3 data records, but there are 2" in message_of(
        describe(data + srec(kind, 3) + srec(9, 0)), "structure"
    )


@pytest.mark.parametrize(("kind", "end"), [(1, 9), (2, 8), (3, 7)])
def test_addresses_of_each_length(describe, kind, end):
    description = describe(srec(kind, 0x1000, b"abcd") + srec(end, 0))
    assert description.address_range == (0x1000, 0x1004)


@pytest.mark.parametrize(
    "text", [b":", b": no records", b"S", b"S0", b"Sensor log", b":zz00000001ff", b"@home", b"@8000"]
)
def test_text_that_begins_like_records_is_text(describe, text):
    assert describe(text).format is ImageFormat.NOT_FIRMWARE


PAGE = b"<!DOCTYPE html>\n<html><pre>\n"


@BOTH
def test_page_that_quotes_records_is_a_page(describe, data):
    assert describe(PAGE + data).format is ImageFormat.NOT_FIRMWARE


# --- spellings of editors and tools


def spelled(data: bytes) -> dict[str, bytes]:
    text = data.decode()
    return {
        "byte order mark": b"\xef\xbb\xbf" + data,
        "UTF-16": b"\xff\xfe" + text.encode("utf-16-le"),
        "UTF-16, big-endian": b"\xfe\xff" + text.encode("utf-16-be"),
        "mark and CRLF": b"\xef\xbb\xbf" + data.replace(b"\r\n", b"\n").replace(b"\n", b"\r\n"),
        "lower case": data.lower(),
        "CR": data.replace(b"\r\n", b"\n").replace(b"\n", b"\r"),
        "comments": b"; made by a linker\n# version 1.1\n// 2026\n\n" + data,
        "text": b"firmware of the meter, version 1.1\n" + data.lower(),
        "text with a mark": "\ufeffпрошивка счётчика\n".encode() + data,
        "comments behind": data + b"; end of file\n// done\n",
        "Ctrl-Z": data + b"\x1a",
        "NUL": data.rstrip() + bytes(3),
        "blank lines": b"\n\n" + data + b"\n \n\t\n",
    }


@BOTH
@pytest.mark.parametrize("name", list(spelled(b"")))
def test_spelling_does_not_matter(data, name):
    image = FirmwareImage.open(spelled(data)[name], requirements=ImageRequirements(formats=("raw",)))
    assert image.format in (ImageFormat.INTEL_HEX, ImageFormat.S_RECORD)
    assert "not-binary" in [finding.code for finding in check(image).findings.errors]
    assert convert(image).data == corpus.FIRMWARE


@BOTH
def test_many_lines_of_text_before_the_first_record_are_a_text(describe, data):
    assert describe(b"a line of text\n" * 100 + data).format is ImageFormat.NOT_FIRMWARE


# --- S-record: a count as the last record


@pytest.mark.parametrize("kind", [5, 6])
@pytest.mark.parametrize("data_kind", [1, 2, 3])
def test_matching_count_as_the_last_record_proves_the_file_whole(kind, data_kind):
    data = srec(data_kind, 0x1000, b"abcd") + srec(data_kind, 0x1004, b"efgh")
    assert convert(FirmwareImage.open(data + srec(kind, 2))).data == b"abcdefgh"
    for wrong in (0, 1, 3):
        with pytest.raises(ImageError, match=f"states {wrong} data records, but there are 2"):
            convert(FirmwareImage.open(data + srec(kind, wrong)))


def test_count_in_the_middle_counts_the_records_before_it():
    data = srec(1, 0, b"ab") + srec(5, 1) + srec(1, 2, b"cd") + srec(5, 2) + srec(9, 0)
    assert convert(FirmwareImage.open(data)).data == b"abcd"


def test_count_does_not_prove_what_follows_it(describe, message_of):
    data = srec(1, 0, b"ab") + srec(5, 1) + srec(1, 2, b"cd")
    assert "it has no end record" in message_of(describe(data), "structure")


# --- Intel HEX: bases, several boards, symbols


def test_two_kinds_of_base_at_once_are_an_error(describe, message_of):
    mixed = ihex((2, 0, b"\x12\x34"), (0, 0xC0, b"a" * 16), (4, 0, b"\0\1"), (0, 0x2410, b"b" * 16), END)
    words = message_of(describe(mixed), "structure")
    assert "record 4 has a segment base 0x12340 (type 02) and a linear base 0x10000 (type 04): tools disagree" in words


@pytest.mark.parametrize("reset", [(2, 0, b"\0\0"), (4, 0, b"\0\0")], ids=["segment", "linear"])
def test_base_that_is_set_to_zero_first_is_no_conflict(reset):
    first, second = ((2, 0, b"\x10\x00"), (4, 0, b"\0\1")) if reset[0] == 2 else ((4, 0, b"\0\1"), (2, 0, b"\x10\x10"))
    data = ihex(first, (0, 0, b"a" * 16), reset, second, (0, 0x110 if reset[0] == 2 else 0, b"b" * 16), END)
    assert len(convert(FirmwareImage.open(data)).data) >= 32


def test_universal_hex_file_is_named(describe, message_of):
    universal = ihex((4, 0, b"\0\0"), (0x0A, 0, b"\x99\x00\xc0\xde"), (0, 0, b"a"), (0x0B, 0, b""), END)
    assert "images for several boards" in message_of(describe(universal), "structure")


def test_symbols_behind_the_end_record_are_not_part_of_the_image():
    data = ihex((0, 0, b"abcd"), END, (0xFE, 0x10, b"main"), (0xFE, 0x14, b"reset"))
    assert convert(FirmwareImage.open(data)).data == b"abcd"


# --- TI-TXT


def ti_txt(*parts: tuple[int, bytes]) -> bytes:
    lines = []
    for address, data in parts:
        lines.append(f"@{address:04X}")
        lines += [data[start : start + 16].hex(" ").upper() for start in range(0, len(data), 16)]
    return "\n".join([*lines, "q", ""]).encode()


def test_ti_txt_is_converted():
    data = ti_txt((0x8000, corpus.FIRMWARE[:500]), (0xFFFE, b"\x00\x80"))
    image = FirmwareImage.open(data, requirements=ImageRequirements(formats=("raw",)))
    assert image.format is ImageFormat.TI_TXT
    assert [finding.code for finding in check(image).findings.errors] == ["not-binary"]
    assert convert(image, address_range=(0x8000, 0x8000 + 500)).data == corpus.FIRMWARE[:500]
    assert convert(FirmwareImage.open(ti_txt((0x8000, b"ab")).lower())).data == b"ab"


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda data: data.replace(b"q\n", b""), "it has no end record (q)"),
        (lambda data: data + b"@9000\n00\nq\n", "the lines after it are not part"),
        (lambda data: data.replace(b"62", b"6x"), "line 2 is neither an address nor bytes"),
        (lambda data: data.replace(b"q", b"@8001\n00\nq"), "two values"),
    ],
)
def test_damaged_ti_txt_is_a_structure_error(describe, message_of, change, words):
    assert words in message_of(describe(change(ti_txt((0x8000, b"abc")).replace(b"61 62", b"61 62"))), "structure")


# --- the tools that users have


def tool(folder, *arguments: object) -> None:
    subprocess.run([*map(str, arguments)], cwd=folder, check=True, capture_output=True)


@pytest.mark.field
@pytest.mark.skipif(shutil.which("srec_cat") is None, reason="needs srecord")
@pytest.mark.parametrize(
    "options",
    [
        ["-motorola"],
        ["-motorola", "-address-length=4"],
        ["-motorola", "-line-length=80"],
        ["-motorola", "-disable=header"],
        ["-motorola", "-enable=footer"],
        ["-motorola", "-disable=data-count", "-execution-start-address=0x8000"],
        ["-intel"],
        ["-intel", "-obs=32"],
        ["-ti-txt"],
    ],
    ids=" ".join,
)
def test_files_of_srec_cat(tmp_path, options):
    (tmp_path / "app.bin").write_bytes(corpus.FIRMWARE)
    address = "0x8000" if "-ti-txt" in options else "0x08018200"
    end = next((word for word in options if word.startswith("-exec")), "")
    words = [word for word in options if word != end]
    start = ["-execution-start-address", "0x8000"] if end else []
    tool(tmp_path, "srec_cat", "app.bin", "-binary", "-offset", address, *start, "-o", "out", *words)
    assert convert(FirmwareImage.open(tmp_path / "out")).data == corpus.FIRMWARE


@pytest.mark.field
@pytest.mark.skipif(shutil.which("srec_cat") is None, reason="needs srecord")
@pytest.mark.parametrize("kind", ["-intel", "-motorola"])
def test_range_and_fill_are_those_of_srec_cat(tmp_path, kind):
    (tmp_path / "a.bin").write_bytes(corpus.FIRMWARE[:1000])
    (tmp_path / "b.bin").write_bytes(corpus.FIRMWARE[1000:1500])
    parts = ["a.bin", "-binary", "-offset", "0x08000000", "b.bin", "-binary", "-offset", "0x08000800"]
    tool(tmp_path, "srec_cat", *parts, "-o", "both", kind)
    cut = ["-crop", "0x08000100", "0x08000900", "-fill", "0x5A", "0x08000100", "0x08000900", "-offset", "-0x08000100"]
    tool(tmp_path, "srec_cat", "both", kind, *cut, "-o", "crop.bin", "-binary")
    image = FirmwareImage.open(tmp_path / "both")
    assert (
        convert(image, fill=0x5A, address_range=(0x0800_0100, 0x0800_0900)).data == (tmp_path / "crop.bin").read_bytes()
    )


def test_many_small_gaps_can_be_too_large_together(describe, message_of):
    """Each gap could be filled, but together they have more than a mebibyte."""
    many = b"".join(srec(3, address, b"x") for address in range(0, 40 * 0x8000, 0x8000)) + srec(7, 0)
    assert "too far apart" in message_of(describe(many), "gaps")
    with pytest.raises(ImageError, match="up to 1048576 bytes in all"):
        convert(FirmwareImage.open(many))
