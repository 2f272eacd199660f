"""Raw binaries: the check whether a binary may be the image of a Cortex-M."""

from __future__ import annotations

import struct

import pytest

from fuota.image import ImageFormat
from tests.image import corpus


def words(stack: int, reset: int) -> bytes:
    return struct.pack("<II", stack, reset) + bytes(range(100))


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
        (0x2000_5000, 0x2000_0101, "raw-unknown"),  # code in RAM
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


@pytest.mark.parametrize("size", range(8))
def test_file_too_short_for_a_vector_table(describe, message_of, size):
    assert f"the file has {size} bytes" in message_of(describe(b"x" * size), "raw-too-short")


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (b"PK\x03\x04" + bytes(100), "a ZIP archive, not firmware: unpack it"),
        (b"\x1f\x8b\x08" + bytes(100), "a gzip archive"),
        (b"%PDF-1.7" + bytes(100), "a PDF document"),
        (b"<!DOCTYPE html>\n<html><body>" + b"<p>404 Not Found</p>" * 5, "a web page"),
    ],
)
def test_archive_document_and_web_page_are_not_firmware(describe, message_of, data, expected):
    assert expected in message_of(describe(data), "not-firmware")
    assert describe(data).findings[0].severity.value == "error"
    assert describe(data, formats=("raw",)).findings[0].severity.value == "warning"


def test_text_is_a_warning(describe, message_of):
    pointer = b"version https://git-lfs.github.com/spec/v1\noid sha256:" + b"a" * 64 + b"\nsize 19136\n"
    assert "it is text" in message_of(describe(pointer), "not-firmware")
    assert describe(pointer).findings[0].severity.value == "warning"
    assert message_of(describe(pointer[:60]), "raw-unknown"), "too short to be recognised as text"
