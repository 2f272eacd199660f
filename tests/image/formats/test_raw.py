"""Raw binaries: the check whether a binary may be the image of a Cortex-M."""

from __future__ import annotations

import random
import struct

import pytest

from fuota.image import FirmwareImage, ImageFormat, ImageRequirements
from fuota.image.formats.raw import is_vector_table
from tests.image import corpus


def words(stack: int, reset: int) -> bytes:
    """Return a vector table of 16 words, whose handlers are beside the reset vector, and code."""
    return struct.pack("<16I", stack, reset, *[reset + 4] * 5, *[0] * 4, *[reset + 8] * 2, 0, *[reset + 8] * 2) + bytes(
        range(100)
    )


def test_sample_firmware_is_plausible(describe, message_of):
    description = describe(corpus.FIRMWARE)
    assert description.format is ImageFormat.RAW
    assert "this makes it plausible" in message_of(description, "raw-plausible")


@pytest.mark.parametrize(
    ("stack", "reset", "code"),
    [
        (0x2000_5000, 0x0800_0101, "raw-plausible"),
        (0x1000_8000, 0x0000_0101, "raw-plausible"),
        (0x2000_5000, 0x0800_0100, "raw-unknown"),  # not Thumb
        (0x2000_5000, 0x2000_0101, "raw-plausible"),  # code in RAM
        (0x2020_0000, 0x6000_2401, "raw-plausible"),  # code in external flash, i.MX RT
        (0x2000_5000, 0x4000_0101, "raw-unknown"),  # code in a peripheral
        (0x5375_6644, 0x0800_0101, "raw-unknown"),  # stack in a peripheral: DfuSe
        (0x0800_5000, 0x0800_0101, "raw-unknown"),  # stack in flash
        (0x2000_5002, 0x0800_0101, "raw-unknown"),  # a stack is a multiple of 4
        (0x3C21_4F44, 0x5954_4350, "raw-unknown"),  # a web page
    ],
)
def test_vector_table_of_any_cortex_m(describe, message_of, stack, reset, code):
    assert message_of(describe(words(stack, reset)), code)


@pytest.mark.parametrize(
    ("stack", "reset", "code"),
    [
        (0x2000_5000, 0x0801_0101, "raw-plausible"),
        (0x2001_0000, 0x0801_0101, "raw-plausible"),  # right above RAM
        (0x2001_0004, 0x0801_0101, "raw-unknown"),
        (0x2000_0000, 0x0801_0101, "raw-unknown"),
        (0x2000_5000, 0x0800_0101, "raw-unknown"),  # linked to the address of the bootloader
        (0x2000_5000, 0x0803_0001, "raw-unknown"),
    ],
)
def test_vector_table_of_the_device_in_a_profile(describe, message_of, stack, reset, code):
    requirements = {
        "flash_start": 0x0801_0000,
        "flash_bytes": 0x2_0000,
        "ram_start": 0x2000_0000,
        "ram_bytes": 0x1_0000,
    }
    assert message_of(describe(words(stack, reset), **requirements), code)


@pytest.mark.parametrize("number", [2, 3, 4, 5, 6, 11, 14, 15])
def test_handler_that_is_not_code_makes_a_table_implausible(describe, message_of, number):
    for handler in (0x0800_0100, 0x4000_0001, 0xFFFF_FFFF):
        table = bytearray(words(0x2000_5000, 0x0800_0101))
        struct.pack_into("<I", table, 4 * number, handler)
        assert message_of(describe(bytes(table)), "raw-unknown")
    struct.pack_into("<I", table, 4 * number, 0)
    assert message_of(describe(bytes(table)), "raw-plausible")


@pytest.mark.parametrize("number", [7, 8, 9, 10, 13])
def test_reserved_vector_may_have_any_value(describe, message_of, number):
    table = bytearray(words(0x1000_1FF0, 0x0000_01C5))
    struct.pack_into("<I", table, 4 * number, 0xEFFF_F6A2)  # the checksum of an LPC
    assert message_of(describe(bytes(table)), "raw-plausible")


def test_vector_table_behind_the_second_stage_of_an_rp2040(describe, message_of):
    data = random.Random(1).randbytes(256) + words(0x2004_2000, 0x1000_01F7)
    assert "at byte 256 it has the vector table" in message_of(describe(data), "raw-plausible")


def test_random_bytes_are_almost_never_plausible():
    rng = random.Random(2)
    tables = (rng.randbytes(64) for _ in range(100_000))
    assert sum(is_vector_table(table, 64, ImageRequirements()) for table in tables) <= 1


@pytest.mark.parametrize("size", range(8))
def test_file_too_short_for_a_vector_table(describe, message_of, size):
    assert f"the file has {size} bytes" in message_of(describe(bytes(size)), "raw-too-short")


# --- a bootloader and an application in one file


def test_mcuboot_image_behind_a_bootloader_is_a_warning(describe, message_of):
    bootloader = words(0x2000_5000, 0x0800_0101).ljust(0xC000, b"\xff")
    merged = bootloader + corpus.imgtool(key="p256")
    assert "begins at byte 49152" in message_of(describe(merged), "merged")
    assert "tail -c +49153" in message_of(describe(merged), "merged")
    assert FirmwareImage.open(merged[49153 - 1 :]).format is ImageFormat.MCUBOOT


def test_magic_number_of_mcuboot_in_a_program_is_not_an_image(describe):
    program = bytearray(words(0x2000_5000, 0x0800_0101).ljust(0x8000, b"\x5a"))
    program[0x4000:0x4004] = program[0x4203:0x4207] = b"\x3d\xb8\xf3\x96"
    assert [finding.code for finding in describe(bytes(program)).findings] == ["raw-plausible"]
