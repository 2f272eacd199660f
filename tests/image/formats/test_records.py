"""Intel HEX and Motorola S-record: the sample firmware by objcopy, and damaged files that bincopy accepts."""

from __future__ import annotations

import pytest

from fuota.errors import ImageError
from fuota.image import FirmwareImage, ImageFormat, convert
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


@pytest.mark.parametrize("text", [b":", b": no records", b"S", b"S0", b"Sensor log", b":zz00000001ff"])
def test_text_that_begins_like_records_is_raw(describe, text):
    assert describe(text).format is ImageFormat.RAW


def test_many_small_gaps_can_be_too_large_together(describe, message_of):
    """Each gap could be filled, but together they have more than a mebibyte."""
    many = b"".join(srec(3, address, b"x") for address in range(0, 40 * 0x8000, 0x8000)) + srec(7, 0)
    assert "too far apart" in message_of(describe(many), "gaps")
    with pytest.raises(ImageError, match="up to 1048576 bytes in all"):
        convert(FirmwareImage.open(many))
