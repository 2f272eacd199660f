"""UF2 files: the sample's, one for a family, and damage. What esptool makes is in test_esp_app."""

from __future__ import annotations

import struct

import pytest

from fuota.errors import ImageError
from fuota.image import FirmwareImage, ImageFormat, convert
from tests.image import corpus

UF2 = corpus.sample("uf2")


def test_the_sample(describe):
    found = describe(UF2)
    assert (found.format, found.hardware) == (ImageFormat.UF2, None)
    assert found.address_range == (0, len(corpus.FIRMWARE))


@pytest.mark.parametrize(
    ("family", "hardware"), [(0x21460FF0, "STM32WL"), (0x1B57745F, "nRF52"), (0x12345678, "0x12345678")]
)
def test_what_it_is_for(describe, family, hardware):
    assert describe(corpus.uf2(b"x" * 1000, family=family)).hardware == hardware


def test_a_target_far_away(describe, complaint):
    blocks = b"".join(corpus.uf2_blocks([(0, b"a" * 256), (0xF000_0000, b"b" * 256)]))
    assert "too far apart" in complaint(describe(blocks), "gaps")
    with pytest.raises(ImageError, match="bytes of nothing"):
        convert(FirmwareImage.open(blocks))


def test_blocks_that_are_not_for_flash_are_left_out(describe):
    blocks = corpus.uf2_blocks([(0, b"a" * 256), (256, b"comment")])
    blocks[1] = blocks[1][:8] + struct.pack("<I", 1) + blocks[1][12:]
    assert convert(FirmwareImage.open(b"".join(blocks))).data == b"a" * 256


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda data: data[:-1], "no multiple of 512"),
        (lambda data: data[:-512], "some were lost or repeated"),
        (lambda data: data + data[-512:], "some were lost or repeated"),
        (lambda data: data[512:1024] + data[:512] + data[1024:], "some were lost or repeated"),
        (lambda data: data[:512] + b"?" + data[513:], "block 1 has not the magic words"),
        (lambda data: data[:1023] + b"?" + data[1024:], "block 1 has not the magic words"),
        (lambda data: data[:16] + struct.pack("<I", 477) + data[20:], "block 0 says that it holds 477 bytes"),
        (lambda data: data[:16] + struct.pack("<I", 0) + data[20:], "block 0 says that it holds 0 bytes"),
        (lambda data: data[:12] + struct.pack("<I", 300) + data[16:], "is given twice"),
        (lambda data: data[:8] + struct.pack("<I", 0x2000) + data[12:], "several families"),
    ],
)
def test_damage(describe, complaint, change, said):
    assert said in complaint(describe(change(UF2)), "structure")
