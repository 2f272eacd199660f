"""UF2 files: the sample firmware, files for a family of processors, and damaged files. For files of esptool see test_esp_app."""

from __future__ import annotations

import struct

import pytest

from fuota.errors import ImageError
from fuota.image import FirmwareImage, ImageFormat, ImageRequirements, check, convert
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


# --- families


def block(address: int, data: bytes, number: int, count: int, family: int | None = None, flags: int = 0) -> bytes:
    flags |= 0 if family is None else 0x2000
    head = struct.pack("<8I", 0x0A324655, 0x9E5D5157, flags, address, len(data), number, count, family or 0)
    return head + data.ljust(476, b"\0") + struct.pack("<I", 0x0AB16F30)


def blocks(address: int, data: bytes, family: int, *, first: int = 0, count: int = 0, flags: int = 0) -> list[bytes]:
    pieces = [data[start : start + 256] for start in range(0, len(data), 256)]
    return [
        block(address + 256 * number, piece, first + number, count or len(pieces), family, flags)
        for number, piece in enumerate(pieces)
    ]


CODE = corpus.FIRMWARE[: 256 * 12]
RP2350 = 0xE48BFF59
ABSOLUTE = block(0x10FF_FF00, b"\xef" * 256, 0, 2, 0xE48BFF57, 0x8000)


@pytest.mark.parametrize("family", [RP2350, 0xE48BFF5A, 0xE48BFF5B])
def test_absolute_block_of_an_rp2350_is_left_out(family):
    program = blocks(0x1000_0000, CODE, family)
    for content in ([ABSOLUTE, *program], [*program, ABSOLUTE], [*program[:3], ABSOLUTE, *program[3:]]):
        image = FirmwareImage.open(b"".join(content), requirements=ImageRequirements(hardware="rp2350"))
        assert [finding.code for finding in check(image).findings] == ["not-binary"]
        assert convert(image).data == CODE


def test_blocks_may_be_numbered_over_all_families():
    program = blocks(0x1000_0000, CODE, RP2350, first=1, count=13)
    assert (
        convert(FirmwareImage.open(ABSOLUTE[:20] + struct.pack("<II", 0, 13) + ABSOLUTE[28:] + b"".join(program))).data
        == CODE
    )


def test_images_one_behind_the_other_begin_again_with_number_zero():
    """esptool merge-bin writes such files."""
    both = blocks(0x1000, CODE, 0x1C5F21B0) + blocks(0x1000 + len(CODE), CODE[:512], 0x1C5F21B0)
    assert convert(FirmwareImage.open(b"".join(both))).data == CODE + CODE[:512]
    with pytest.raises(ImageError, match="has two values"):
        convert(FirmwareImage.open(b"".join(blocks(0x1000, CODE, 0x1C5F21B0) * 2)))
    with pytest.raises(ImageError, match="blocks were lost or repeated"):
        convert(FirmwareImage.open(b"".join(both[:-1])))


def test_several_families_are_named(describe, message_of):
    both = b"".join(blocks(0x1000_0000, CODE, RP2350) + blocks(0x1000_0000, CODE, 0xE48BFF56))
    assert "several families of processors (RP2350 and RP2040)" in message_of(describe(both), "structure")


def test_lost_block_of_one_family_is_seen_among_others(describe, message_of):
    program = blocks(0x1000_0000, CODE, RP2350)
    assert "lost or repeated" in message_of(describe(b"".join([ABSOLUTE, *program[:-1]])), "structure")


def test_files_in_a_container_are_not_converted(describe, message_of):
    files = b"".join(blocks(0, CODE, 0xADA52840, flags=0x1000))
    assert "it holds files" in message_of(describe(files), "structure")


@pytest.mark.parametrize(
    ("family", "hardware"),
    [
        (0xADA52840, "nRF52840"),
        (0xE48BFF56, "RP2040"),
        (0xC47E5767, "ESP32-S3"),
        (0xBFDD4EEE, "ESP32-S2"),
        (0xD42BA06C, "ESP32-C3"),
        (0x68ED2B88, "SAMD21"),
        (0x202E3A91, "STM32L0"),
        (0x1E1F432D, "STM32L1"),
        (0x00FF6919, "STM32L4"),
        (0x70D16653, "STM32WB"),
    ],
)
def test_profile_names_the_family_of_the_board(family, hardware):
    data = b"".join(blocks(0x1000, CODE, family))
    for name, codes in (
        (hardware, ["not-binary"]),
        (hardware.lower(), ["not-binary"]),
        ("other", ["not-binary", "hardware"]),
    ):
        image = FirmwareImage.open(data, requirements=ImageRequirements(hardware=name))
        assert [finding.code for finding in check(image).findings.errors] == codes


def test_update_of_the_bootloader_is_an_error(describe, message_of):
    assert "update of the bootloader itself" in message_of(
        describe(b"".join(blocks(0xF4000, CODE, 0xD663823C))), "bootloader"
    )
