"""The flash chip and the records of the boot loader, compiled for this machine and compared with models in Python."""

from __future__ import annotations

import ctypes
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fuota.sandbox.devices.firmware import flash
from fuota.sandbox.devices.firmware.flash import ACTIVE, ATTEMPT, TRIAL, record

SOURCES = Path(__file__).parents[2] / "sample_firmware" / "src"
SECTOR = 4096
NONE = 0xFF
ATTEMPTS, WORDS = 3, SECTOR // 4


class BootState(ctypes.Structure):
    _fields_ = [
        ("active", ctypes.c_uint8),
        ("trial", ctypes.c_uint8),
        ("attempts", ctypes.c_uint8),
        ("room", ctypes.c_uint16),
    ]


class Chip:
    """The compiled sources, and the memory that they use as the chip."""

    def __init__(self, library: Path) -> None:
        self.c = ctypes.CDLL(str(library))
        self.c.slots_state.restype = BootState
        self.memory = (ctypes.c_uint8 * flash.FLASH_BYTES).in_dll(self.c, "chip")

    def fill(self, content: bytes) -> None:
        ctypes.memmove(self.memory, content.ljust(flash.FLASH_BYTES, b"\xff"), flash.FLASH_BYTES)

    def write(self, offset: int, content: bytes) -> int:
        return self.c.flash_write(offset, content, len(content))

    def content(self) -> bytes:
        return bytes(self.memory)


@pytest.fixture(scope="module")
def chip(tmp_path_factory: pytest.TempPathFactory) -> Chip:
    if (compiler := shutil.which("cc") or shutil.which("gcc")) is None:
        pytest.skip("no C compiler (Debian: gcc)")
    folder = tmp_path_factory.mktemp("chip")
    (folder / "chip.c").write_text(
        f"#include <stdint.h>\n_Alignas(8) uint8_t chip[{flash.FLASH_BYTES}];\n"
        "extern uint8_t chip[];\n#define FLASH_BASE ((uintptr_t)chip)\n"
        '#include "flash.c"\n#include "slots.c"\n#include "sha256.c"\n'
    )
    words = ["-std=gnu11", "-O1", "-shared", "-fPIC", "-DFW_VERSION=0x010000", f"-I{SOURCES}"]
    subprocess.run(
        [compiler, *words, str(folder / "chip.c"), "-o", str(folder / "chip.so")], check=True, capture_output=True
    )
    return Chip(folder / "chip.so")


offsets = st.one_of(st.integers(0, 40), st.integers(flash.FLASH_BYTES - 40, flash.FLASH_BYTES + 4))


@given(st.lists(st.tuples(offsets, st.binary(max_size=20)), max_size=12))
def test_write_clears_bits_or_changes_nothing(chip: Chip, writes: list[tuple[int, bytes]]) -> None:
    chip.fill(b"")
    model = bytearray(b"\xff" * flash.FLASH_BYTES)
    for offset, content in writes:
        fits = offset + len(content) <= flash.FLASH_BYTES
        old_content = model[offset : offset + len(content)]
        allowed = fits and all(new & ~old == 0 for old, new in zip(old_content, content, strict=True))
        assert chip.write(offset, content) == (not allowed)
        if allowed:
            model[offset : offset + len(content)] = content
    assert chip.content() == model


@pytest.mark.parametrize(
    ("offset", "length", "sectors"),
    [
        (0, 1, [0]),
        (SECTOR - 1, 2, [0, 1]),
        (SECTOR, SECTOR, [1]),
        (100, 0, []),
        (3 * SECTOR, 2 * SECTOR + 1, [3, 4, 5]),
    ],
)
def test_erase_clears_whole_sectors(chip: Chip, offset: int, length: int, sectors: list[int]) -> None:
    chip.fill(bytes(flash.FLASH_BYTES))
    chip.c.flash_erase(offset, length)
    content = chip.content()
    erased = [
        i for i in range(flash.FLASH_BYTES // SECTOR) if content[i * SECTOR : (i + 1) * SECTOR] == b"\xff" * SECTOR
    ]
    assert erased == sectors
    assert content.count(b"\xff") == len(erased) * SECTOR


words = st.one_of(
    st.builds(record, st.sampled_from([ACTIVE, TRIAL, ATTEMPT]), st.sampled_from([0, 1])),
    st.binary(min_size=4, max_size=4).filter(lambda word: word != b"\xff" * 4),
)


def state_after(records: list[bytes]) -> tuple[int, int, int]:
    """Return the slot to start, the slot on trial and its number of starts, by the rules of slots.h."""
    meaning = {record(kind, slot): (kind, slot) for kind in (ACTIVE, TRIAL, ATTEMPT) for slot in (0, 1)}
    active, trial, attempts = NONE, NONE, 0
    for word in records:
        match meaning.get(word):
            case (1, slot):
                active, trial = slot, NONE
            case (2, slot):
                trial, attempts = slot, 0
            case (3, slot) if slot == trial:
                attempts += 1
    return active, trial, attempts


@given(st.lists(words, max_size=30))
def test_records_select_the_slot_to_start(chip: Chip, records: list[bytes]) -> None:
    chip.fill(b"\xff" * flash.RECORDS_OFFSET + b"".join(records))
    state = chip.c.slots_state()
    active, trial, attempts = state_after(records)
    assert (state.active, state.trial) == (active, trial)
    assert trial == NONE or state.attempts == attempts
    assert state.room == WORDS - len(records)


def test_records_are_appended_until_there_is_no_room(chip: Chip) -> None:
    chip.fill(b"")
    for i in range(WORDS):
        assert chip.c.slots_record(ATTEMPT if i % 2 else TRIAL, i % 2) == 0
    assert chip.c.slots_state().room == 0
    before = chip.content()
    assert chip.c.slots_record(ACTIVE, 0) != 0
    assert chip.content() == before


@pytest.fixture(scope="module")
def reason_of(chip: Chip) -> Callable[[bytes], bytes | None]:
    """Return a function that returns why slots_image refuses an image in slot 1; None if it accepts the image."""
    chip.c.slots_image.restype = ctypes.c_void_p

    def check(image: bytes) -> bytes | None:
        chip.fill(b"\xff" * flash.SLOT_BYTES + image)
        reason = ctypes.c_char_p()
        return None if chip.c.slots_image(1, ctypes.byref(reason)) else reason.value

    return check


IMAGE = (SOURCES.parent / "sensor-1.1.0.bin").read_bytes()


def changed(offset: int, content: bytes) -> bytes:
    return IMAGE[:offset] + content + IMAGE[offset + len(content) :]


@pytest.mark.parametrize(
    ("image", "reason"),
    [
        (IMAGE, None),
        (b"", b"no image"),
        (changed(0xC0, b"FWIE"), b"no image"),
        (changed(0xC7, b"\x02"), b"no image"),
        (changed(0xC8, (0).to_bytes(4, "little")), b"length"),
        (changed(0xC8, (0xFF).to_bytes(4, "little")), b"length"),
        (changed(0xC8, (65537).to_bytes(4, "little")), b"length"),
        (changed(0xC8, (2**32 - 1).to_bytes(4, "little")), b"length"),
        (changed(0xC8, (65536).to_bytes(4, "little")), b"SHA-256"),
        (changed(0xCC, bytes(4)), b"other hardware"),
        (changed(len(IMAGE) - 1, bytes([IMAGE[-1] ^ 1])), b"SHA-256"),
    ],
)
def test_reason_why_an_image_is_refused(reason_of, image: bytes, reason: bytes | None) -> None:
    assert reason_of(image) == reason


@given(st.data())
def test_every_damaged_byte_is_detected(reason_of, data: st.DataObject) -> None:
    offset = data.draw(st.integers(0, len(IMAGE) - 1))
    flip = data.draw(st.integers(1, 255))
    assert reason_of(changed(offset, bytes([IMAGE[offset] ^ flip]))) is not None
