"""The flash chip of the part, as a file: sample_firmware/src/flash.h says what lies where, slots.h what a record is."""

from __future__ import annotations

from pathlib import Path

from fuota.errors import ImageError

FLASH_BYTES = 0x80000
SLOT_BYTES = 0x10000
RECORDS_OFFSET = 0x20000
ACTIVE, TRIAL, ATTEMPT = 1, 2, 3
MEMORY_BYTES = 16 << 20
"""The board's PSRAM, of which the chip is the beginning (AN385)."""


def record(kind: int, slot: int) -> bytes:
    """A word of the boot loader's records."""
    low = kind << 8 | slot
    return (low | (low ^ 0xFFFF) << 16).to_bytes(4, "little")


def factory(path: Path, image: bytes) -> None:
    """What the factory does: the chip erased, the image in slot 0, and a record that it is the one to start.

    Raises ImageError where the image is too large.
    """
    if len(image) > SLOT_BYTES:
        raise ImageError(f"the image has {len(image)} bytes: a slot of the part has {SLOT_BYTES}")
    chip = bytearray(b"\xff" * FLASH_BYTES)
    chip[: len(image)] = image
    chip[RECORDS_OFFSET : RECORDS_OFFSET + 4] = record(ACTIVE, 0)
    with path.open("wb") as file:
        file.write(chip)
        file.truncate(MEMORY_BYTES)


def slot(path: Path, number: int) -> bytes:
    """What slot 0 or 1 holds now."""
    with path.open("rb") as file:
        file.seek(number * SLOT_BYTES)
        return file.read(SLOT_BYTES)
