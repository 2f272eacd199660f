"""Raw binaries: whether one may be the image of a Cortex-M."""

from __future__ import annotations

import struct

import pytest

from fuota.image import ImageFormat
from tests.image import corpus


def words(stack: int, reset: int) -> bytes:
    return struct.pack("<II", stack, reset) + bytes(range(100))


def test_the_sample_is_plausible(describe, complaint):
    found = describe(corpus.FIRMWARE)
    assert found.format is ImageFormat.RAW
    assert "a plausibility check, no more" in complaint(found, "raw-plausible")


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
def test_what_any_cortex_m_has(describe, complaint, stack, reset, code):
    assert complaint(describe(words(stack, reset)), code)


@pytest.mark.parametrize(
    ("stack", "reset", "code"),
    [
        (0x2000_5000, 0x0801_0101, "raw-plausible"),
        (0x2001_0000, 0x0801_0101, "raw-plausible"),  # right above RAM
        (0x2001_0004, 0x0801_0101, "raw-unknown"),
        (0x2000_0000, 0x0801_0101, "raw-unknown"),
        (0x2000_5000, 0x0800_0101, "raw-unknown"),  # linked to the bootloader's place
        (0x2000_5000, 0x0803_0001, "raw-unknown"),
    ],
)
def test_what_the_device_of_a_profile_has(describe, complaint, stack, reset, code):
    asked = {"flash_start": 0x0801_0000, "flash_bytes": 0x2_0000, "ram_start": 0x2000_0000, "ram_bytes": 0x1_0000}
    assert complaint(describe(words(stack, reset), **asked), code)


@pytest.mark.parametrize("size", range(8))
def test_too_short_for_a_vector_table(describe, complaint, size):
    assert f"the file has {size} bytes" in complaint(describe(b"x" * size), "raw-too-short")


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"PK\x03\x04" + bytes(100), "a ZIP archive, no firmware: unpack it"),
        (b"\x1f\x8b\x08" + bytes(100), "a gzip archive"),
        (b"%PDF-1.7" + bytes(100), "a PDF document"),
        (b"<!DOCTYPE html>\n<html><body>" + b"<p>404 Not Found</p>" * 5, "a web page"),
    ],
)
def test_what_is_no_firmware(describe, complaint, data, said):
    assert said in complaint(describe(data), "not-firmware")
    assert describe(data).findings[0].severity.value == "error"
    assert describe(data, formats=("raw",)).findings[0].severity.value == "warning"


def test_text_is_warned_of(describe, complaint):
    pointer = b"version https://git-lfs.github.com/spec/v1\noid sha256:" + b"a" * 64 + b"\nsize 19136\n"
    assert "it is text" in complaint(describe(pointer), "not-firmware")
    assert describe(pointer).findings[0].severity.value == "warning"
    assert complaint(describe(pointer[:60]), "raw-unknown"), "too little to say"
