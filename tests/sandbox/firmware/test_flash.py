"""The flash chip as the factory writes it."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from fuota.errors import ImageError
from fuota.sandbox.devices.firmware import flash

SOURCES = Path(__file__).parents[3] / "sample_firmware" / "src"


def test_a_factory_chip_is_erased_and_starts_the_image_in_slot_0(tmp_path: Path) -> None:
    path = tmp_path / "chip"
    flash.write_factory_chip(path, b"an image")
    chip = path.read_bytes()
    assert len(chip) == 16 << 20
    assert flash.read_slot(path, 0) == b"an image".ljust(flash.SLOT_BYTES, b"\xff")
    assert flash.read_slot(path, 1) == b"\xff" * flash.SLOT_BYTES
    records = chip[flash.RECORDS_OFFSET : flash.FLASH_BYTES]
    assert records == (0x0100 | 0xFEFF << 16).to_bytes(4, "little").ljust(len(records), b"\xff")


def test_an_image_larger_than_a_slot_is_refused(tmp_path: Path) -> None:
    flash.write_factory_chip(tmp_path / "chip", bytes(65536))
    with pytest.raises(ImageError, match=r"the image must have 65536 bytes or fewer .*, got 65537"):
        flash.write_factory_chip(tmp_path / "chip", bytes(65537))


def test_the_layout_is_that_of_the_firmware() -> None:
    header = (SOURCES / "flash.h").read_text()
    defined = dict(re.findall(r"#define (\w+) (0x[0-9A-F]+)u", header))
    assert int(defined["FLASH_BYTES"], 16) == flash.FLASH_BYTES
    assert int(defined["SLOT_BYTES"], 16) == flash.SLOT_BYTES
    assert int(defined["RECORDS_OFFSET"], 16) == flash.RECORDS_OFFSET
