"""Intel HEX and Motorola S-record: the sample's by objcopy, and what bincopy takes without a word."""

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
    octets = bytes([size + len(data) + 1]) + address.to_bytes(size, "big") + data
    return f"S{kind}{octets.hex()}{~sum(octets) & 255:02x}\n".encode()


END = (1, 0, b"")
UPPER = (4, 0, b"\x80\x00")


@BOTH
def test_what_objcopy_made(describe, data):
    found = describe(data)
    assert found.format in (ImageFormat.INTEL_HEX, ImageFormat.S_RECORD)
    assert found.converts_to_bytes == len(corpus.FIRMWARE)
    assert [one.code for one in found.findings] == ["not-binary"]
    assert convert(FirmwareImage.open(data)).data == corpus.FIRMWARE


@BOTH
@pytest.mark.parametrize("change", [bytes.lower, lambda data: data.replace(b"\n", b"\r\n"), lambda data: b"\n" + data])
def test_however_it_is_written(data, change):
    changed = change(data).replace(b"s", b"S")
    assert convert(FirmwareImage.open(changed)).data == corpus.FIRMWARE


@BOTH
def test_a_download_that_stopped_at_the_end_of_a_line(describe, complaint, data):
    """bincopy and intelhex take it for whole."""
    cut = b"".join(data.splitlines(keepends=True)[:-1])
    assert "it has no end record" in complaint(describe(cut), "structure")
    with pytest.raises(ImageError, match="image: it has no end record"):
        convert(FirmwareImage.open(cut))


@BOTH
def test_a_download_that_stopped_within_a_line(describe, complaint, data):
    for kept in (len(data) - 3, 1000, 100, 30):
        assert complaint(describe(data[:kept]), "structure")


@BOTH
def test_what_follows_the_end(describe, complaint, data):
    """bincopy reads on."""
    first = data.splitlines(keepends=True)[1]
    assert "what follows it is not part of the image" in complaint(describe(data + first), "structure")
    assert "what follows it" in complaint(describe(data + data), "structure")


@BOTH
def test_one_digit_that_is_wrong(describe, complaint, data):
    for at in (20, 1000, len(data) // 2):
        digit = b"0" if data[at : at + 1] != b"0" else b"1"
        damaged = data[:at] + digit + data[at + 1 :]
        if damaged[at - 1 : at] not in (b"\n", b"\r") and data[at : at + 1] not in (b"\n", b"\r"):
            assert "a record cannot be read" in complaint(describe(damaged), "structure")


@BOTH
def test_what_is_no_text(describe, complaint, data):
    assert "octet 1000 is no ASCII" in complaint(describe(data[:1000] + b"\xff" + data[1001:]), "structure")


def test_gaps_overlaps_and_addresses_above_64_kib(describe, complaint):
    far = ihex((0, 0, b"x"), UPPER, (0, 0, b"y"), END)
    assert describe(far).address_range == (0, 0x8000_0001)
    assert complaint(describe(far), "gaps")
    with pytest.raises(ImageError, match="2147483647 bytes of nothing"):
        convert(FirmwareImage.open(far))
    near = ihex((0, 0, b"x"), (0, 4, b"y"), END)
    assert convert(FirmwareImage.open(near), fill=0x5A).data == b"xZZZy"
    twice = ihex((0, 0, b"xx"), (0, 1, b"y"), END)
    assert complaint(describe(twice), "structure")
    with pytest.raises(ImageError):
        convert(FirmwareImage.open(twice))


def test_only_what_lies_in_a_range(describe):
    image = FirmwareImage.open(ihex((0, 0x10, b"abcd"), (0, 0x20, b"efgh"), END))
    assert convert(image, address_range=(0x12, 0x22)).data == b"cd" + b"\xff" * 12 + b"ef"
    with pytest.raises(ImageError, match="it holds no data"):
        convert(image, address_range=(0x14, 0x20))


def test_nothing_but_an_end(describe, complaint):
    assert complaint(describe(ihex(END)), "no-data")


def test_addresses_that_jump_without_end(describe, complaint):
    """bincopy searches its list for each: 65,536 of them take it minutes."""
    jumps = ihex(*((0, address, b"x") for address in range(0, 0x8000, 2)), END)
    assert "its addresses jump 16384 times" in complaint(describe(jumps), "structure")
    jumps = b"".join(srec(1, address, b"x") for address in range(0, 0x8000, 2)) + srec(9, 0)
    assert "its addresses jump 16384 times" in complaint(describe(jumps), "structure")


@pytest.mark.parametrize("kind", [5, 6])
def test_a_count_that_is_wrong(describe, complaint, kind):
    """bincopy does not look."""
    data = srec(1, 0, b"ab") + srec(1, 2, b"cd")
    assert complaint(describe(data + srec(kind, 2) + srec(9, 0)), "not-binary")
    assert "says 3 data records, there are 2" in complaint(describe(data + srec(kind, 3) + srec(9, 0)), "structure")


@pytest.mark.parametrize(("kind", "end"), [(1, 9), (2, 8), (3, 7)])
def test_addresses_of_each_length(describe, kind, end):
    found = describe(srec(kind, 0x1000, b"abcd") + srec(end, 0))
    assert found.address_range == (0x1000, 0x1004)


@pytest.mark.parametrize("text", [b":", b": no records", b"S", b"S0", b"Sensor log", b":zz00000001ff"])
def test_text_that_begins_alike(describe, text):
    assert describe(text).format is ImageFormat.RAW


def test_many_gaps_that_are_small_each(describe, complaint):
    """Each could be filled; all of them are a mebibyte and more."""
    many = b"".join(srec(3, address, b"x") for address in range(0, 40 * 0x8000, 0x8000)) + srec(7, 0)
    assert "too far apart" in complaint(describe(many), "gaps")
    with pytest.raises(ImageError, match="1048576 are the most that is filled in all"):
        convert(FirmwareImage.open(many))
