"""Files for USB updates: DfuSe and the suffix of DFU."""

from __future__ import annotations

import shutil
import struct
import subprocess
import zlib

import pytest

from fuota.errors import ImageError
from fuota.image import FirmwareImage, ImageFormat, ImageRequirements, check, convert
from tests.image import corpus

APP = corpus.FIRMWARE


def suffix(data: bytes, *, version: int = 0x0100) -> bytes:
    """Return the data with a DFU suffix (USB DFU 1.1, appendix B)."""
    content = data + struct.pack("<HHHH3sB", 0xFFFF, 0xDF11, 0x0483, version, b"UFD", 16)
    return content + struct.pack("<I", zlib.crc32(content) ^ 0xFFFF_FFFF)


def dfuse(*targets: list[tuple[int, bytes]]) -> bytes:
    """Return a DfuSe file (UM0391), a target for each list of elements."""
    body = b""
    for number, elements in enumerate(targets):
        content = b"".join(struct.pack("<II", address, len(data)) + data for address, data in elements)
        body += b"Target" + struct.pack("<BI255sII", number, 1, b"ST...", len(content), len(elements)) + content
    return suffix(b"DfuSe" + struct.pack("<BIB", 1, 11 + len(body), len(targets)) + body, version=0x011A)


def test_dfuse_file_is_converted_to_its_content():
    image = FirmwareImage.open(dfuse([(0x0800_0000, APP)]))
    assert image.format is ImageFormat.DFU
    assert image.description.address_range == (0x0800_0000, 0x0800_0000 + len(APP))
    assert [finding.code for finding in check(image).findings.errors] == ["not-binary"]
    assert convert(image).data == APP


def test_elements_and_targets_are_put_together():
    image = FirmwareImage.open(dfuse([(0x0800_0000, b"a" * 16), (0x0800_0020, b"b" * 16)], [(0x0800_0040, b"c" * 4)]))
    assert convert(image, fill=0).data == b"a" * 16 + bytes(16) + b"b" * 16 + bytes(16) + b"c" * 4
    far = FirmwareImage.open(dfuse([(0x0800_0000, APP)], [(0x9000_0000, b"font")]))
    with pytest.raises(ImageError, match="convert one part"):
        convert(far)
    assert convert(far, address_range=(0x9000_0000, 0x9000_0004)).data == b"font"


def test_targets_that_overlap_are_an_error():
    with pytest.raises(ImageError, match="has two values"):
        convert(FirmwareImage.open(dfuse([(0x0800_0000, APP)], [(0x0800_0000, APP)])))


@pytest.mark.parametrize("content", [APP, corpus.imgtool(key="p256")])
def test_suffix_is_removed(content):
    image = FirmwareImage.open(suffix(content), requirements=ImageRequirements(formats=("raw", "mcuboot")))
    assert [finding.code for finding in check(image).findings.errors] == ["not-binary"]
    assert convert(image).data == content


def test_address_of_the_profile_is_the_address_of_content_without_one():
    requirements = ImageRequirements(flash_start=0x0800_8000, flash_bytes=0x10000)
    assert FirmwareImage.open(suffix(APP), requirements=requirements).description.address_range[0] == 0x0800_8000


@pytest.mark.parametrize("kept", [6, 11, 100, 285, 1000, -1, -16])
def test_dfuse_file_that_was_cut_off_is_an_error(kept):
    image = FirmwareImage.open(dfuse([(0x0800_0000, APP)])[:kept])
    assert [finding.code for finding in check(image).findings.errors] == ["structure"]


@pytest.mark.parametrize("offset", [20, 300, 5_000])
def test_damage_is_seen(offset):
    for data in (bytearray(suffix(APP)), bytearray(dfuse([(0x0800_0000, APP)]))):
        data[offset] ^= 1
        assert "the CRC in its DFU suffix" in check(FirmwareImage.open(bytes(data))).findings.errors[0].message


def test_content_that_is_a_container_again_is_an_error():
    with pytest.raises(ImageError, match="its content is elf again"):
        convert(FirmwareImage.open(suffix(corpus.sample("elf"))))


@pytest.mark.field
@pytest.mark.skipif(shutil.which("dfu-suffix") is None, reason="needs dfu-util")
def test_suffix_of_dfu_util_is_removed(tmp_path):
    path = tmp_path / "app.dfu"
    path.write_bytes(APP)
    subprocess.run(["dfu-suffix", "-a", str(path), "-v", "0483", "-p", "df11"], check=True)
    assert convert(FirmwareImage.open(path)).data == APP
