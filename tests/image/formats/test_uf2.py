"""UF2 files: the sample firmware, files for a family of processors, and damaged files. For files of esptool see test_esp_app."""

from __future__ import annotations

import struct

import pytest

from fuota.errors import ImageError
from fuota.image import FirmwareImage, ImageFormat, convert
from tests.image import corpus

UF2 = corpus.sample("uf2")


def test_sample_firmware(describe):
    description = describe(UF2)
    assert (description.format, description.hardware) == (ImageFormat.UF2, None)
    assert description.address_range == (0, len(corpus.FIRMWARE))


@pytest.mark.parametrize(
    ("family", "hardware"), [(0x21460FF0, "STM32WL"), (0x1B57745F, "nRF52"), (0x12345678, "0x12345678")]
)
def test_family_is_the_hardware(describe, family, hardware):
    assert describe(corpus.uf2(b"x" * 1000, family=family)).hardware == hardware


def test_blocks_too_far_apart_cannot_be_converted(describe, message_of):
    blocks = b"".join(corpus.uf2_blocks([(0, b"a" * 256), (0xF000_0000, b"b" * 256)]))
    assert "too far apart" in message_of(describe(blocks), "gaps")
    with pytest.raises(ImageError, match="there is a gap of"):
        convert(FirmwareImage.open(blocks))


def test_blocks_not_for_main_flash_are_left_out(describe):
    blocks = corpus.uf2_blocks([(0, b"a" * 256), (256, b"comment")])
    blocks[1] = blocks[1][:8] + struct.pack("<I", 1) + blocks[1][12:]
    assert convert(FirmwareImage.open(b"".join(blocks))).data == b"a" * 256


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda data: data[:-1], "not a multiple of 512"),
        (lambda data: data[:-512], "blocks were lost or repeated"),
        (lambda data: data + data[-512:], "blocks were lost or repeated"),
        (lambda data: data[512:1024] + data[:512] + data[1024:], "blocks were lost or repeated"),
        (lambda data: data[:512] + b"?" + data[513:], "block 1 lacks the magic words"),
        (lambda data: data[:1023] + b"?" + data[1024:], "block 1 lacks the magic words"),
        (lambda data: data[:16] + struct.pack("<I", 477) + data[20:], "block 0 states 477 bytes"),
        (lambda data: data[:16] + struct.pack("<I", 0) + data[20:], "block 0 states 0 bytes"),
        (lambda data: data[:12] + struct.pack("<I", 300) + data[16:], "has two values"),
        (lambda data: data[:8] + struct.pack("<I", 0x2000) + data[12:], "several families"),
    ],
)
def test_damage_is_a_structure_error(describe, message_of, change, words):
    assert words in message_of(describe(change(UF2)), "structure")
