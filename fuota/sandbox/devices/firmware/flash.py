"""The flash chip of the emulated board, as a file. sample_firmware/src/flash.h has its layout, slots.h the format of a record."""

from __future__ import annotations

from pathlib import Path

from fuota.errors import ImageError

FLASH_BYTES = 0x80000
SLOT_BYTES = 0x10000
RECORDS_OFFSET = 0x20000
ACTIVE, TRIAL, ATTEMPT = 1, 2, 3
MEMORY_BYTES = 16 << 20
"""Size of the board's PSRAM (AN385). The flash chip is its beginning."""


def record(kind: int, slot: int) -> bytes:
    """Return one word of the boot loader's records. kind: ACTIVE, TRIAL or ATTEMPT. slot: 0 or 1."""
    low = kind << 8 | slot
    return (low | (low ^ 0xFFFF) << 16).to_bytes(4, "little")


def write_factory_chip(path: Path, image: bytes) -> None:
    """Write a new chip to the file `path`: erased, with the image in slot 0 and a record that slot 0 is to be started.

    Raises ImageError if the image is too large.
    """
    if len(image) > SLOT_BYTES:
        raise ImageError(f"the image must have {SLOT_BYTES} bytes or fewer (size of a slot), got {len(image)}")
    chip = bytearray(b"\xff" * FLASH_BYTES)
    chip[: len(image)] = image
    chip[RECORDS_OFFSET : RECORDS_OFFSET + 4] = record(ACTIVE, 0)
    with path.open("wb") as file:
        file.write(chip)
        file.truncate(MEMORY_BYTES)


def read_slot(path: Path, number: int) -> bytes:
    """Return the present content of slot 0 or 1."""
    with path.open("rb") as file:
        file.seek(number * SLOT_BYTES)
        return file.read(SLOT_BYTES)
