"""Patches of JojoDiff: made by the maker of the tests, applied by a second reader, and built byte by byte."""

from __future__ import annotations

import itertools
import random

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from fuota.errors import ImageError
from fuota.image import FirmwareImage, ImageFormat
from fuota.image.delta import apply_patch
from tests.image import corpus
from tests.image.corpus import jojodiff_operation as operation

PATCH = corpus.jojodiff(corpus.OLD, corpus.FIRMWARE)
ARM_SAMPLE = bytes.fromhex("a7a3fd0222a7a640f2dc50a7a3fd1ca6")
"""Operations of the test of mbed-lorawan-update-client (packets_diff.h): 546 bytes equal, 4 changed, 7334 equal."""


def naive(base: bytes, patch: bytes) -> bytes:
    """Apply a patch with a reader of one byte at a time, which takes only operations that have a code, as janpatch does."""
    source, position, target = iter(patch), 0, bytearray()
    pushed: list[int] = []

    def get() -> int | None:
        return pushed.pop(0) if pushed else next(source, None)

    while (byte := get()) is not None:
        assert byte == 0xA7
        code = get()
        if code in (0xA5, 0xA6):
            while (byte := get()) is not None:
                if byte == 0xA7 and (following := get()) is not None and following != 0xA7:
                    if 0xA2 <= following <= 0xA6:
                        pushed[:0] = [byte, following]
                        break
                    pushed.insert(0, following)
                target.append(byte)
                position += code == 0xA6
            continue
        first = get()
        size = first + 1
        if first >= 252:
            count = {252: 1, 253: 2, 254: 4}[first]
            size = int.from_bytes(bytes(get() for _ in range(count)), "big") + (253 if first == 252 else 0)
        if code == 0xA3:
            target += bytes(base[position + number] for number in range(size))
        position += {0xA3: size, 0xA4: size, 0xA2: -size}[code]
    return bytes(target)


def test_patch_is_described_and_applied(describe, message_of):
    description = describe(PATCH)
    assert description.format is ImageFormat.JOJODIFF_PATCH
    assert description.is_patch
    assert description.image_bytes == len(corpus.FIRMWARE)
    assert f"it makes {len(corpus.FIRMWARE)} bytes" in message_of(description, "patch")
    assert len(description.findings) == 1
    assert apply_patch(corpus.OLD, PATCH) == naive(corpus.OLD, PATCH) == corpus.FIRMWARE


def test_sample_of_the_client_of_arm(describe):
    base = random.Random(1).randbytes(7884)
    description = describe(ARM_SAMPLE)
    assert (description.format, description.image_bytes) == (ImageFormat.JOJODIFF_PATCH, 7884)
    assert apply_patch(base, ARM_SAMPLE) == base[:546] + bytes.fromhex("40f2dc50") + base[550:]


@given(st.binary(max_size=3_000), st.binary(min_size=1, max_size=3_000))
@settings(max_examples=60, deadline=None)
@example(b"\xa7" * 40, b"\xa7\xa6" * 40 + b"\xa7")
@example(bytes(600), bytes(300) + b"\xa7\xa3\xa7\xa7\xa2" + bytes(300))
def test_any_image_becomes_any_other(base, target):
    patch = corpus.jojodiff(base, target)
    assert naive(base, patch) == target
    if FirmwareImage.open(patch).format is ImageFormat.JOJODIFF_PATCH:
        assert apply_patch(base, patch) == target


@pytest.mark.parametrize("size", [1, 252, 253, 254, 508, 509, 510, 0xFFFF, 0x10000, 70_000])
def test_every_form_of_a_length(size):
    base = random.Random(size).randbytes(200_000)
    patch = operation("DEL", size) + operation("EQL", size) + operation("BKT", size) + operation("EQL", 7)
    assert apply_patch(base, patch) == base[size : 2 * size] + base[size : size + 7] == naive(base, patch)


@pytest.mark.parametrize("count", [1, 2, 3, 4, 5])
def test_escapes_in_data(count):
    """ESC ESC is one ESC, ESC and a byte that is not a code are two bytes."""
    base = bytes(range(100))
    for content in itertools.product([b"\xa7", b"\xa2", b"\xa6", b"\xa8", b"x"], repeat=count):
        target = base[:10] + b"".join(content) + base[10:]
        patch = (
            operation("EQL", 10)
            + operation("INS")
            + corpus._escaped(b"".join(content))
            + operation("EQL", len(base) - 10)
        )
        assert apply_patch(base, patch) == target == naive(base, patch)


def test_patch_that_omits_mod_is_applied_but_not_supported_by_janpatch(describe, message_of):
    patch = corpus.jojodiff(corpus.OLD, corpus.FIRMWARE, states_mod=False)
    assert len(patch) < len(PATCH)
    description = describe(patch)
    assert description.format is ImageFormat.JOJODIFF_PATCH
    assert "JojoDiff 0.8.3" in message_of(description, "patch-unsupported")
    assert apply_patch(corpus.OLD, patch) == corpus.FIRMWARE
    with pytest.raises(AssertionError):
        naive(corpus.OLD, patch)


@pytest.mark.parametrize("base", [corpus.OLD[:100], b"", corpus.OLD[:9000]])
def test_patch_reads_only_inside_its_base(base):
    with pytest.raises(ImageError, match=f"but this base has {len(base)} bytes: it is for another base"):
        apply_patch(base, PATCH)


@pytest.mark.parametrize(
    "patch",
    [
        operation("EQL", 10) + operation("BKT", 11) + operation("EQL", 10),
        operation("EQL", 10) + operation("EQL", 1 << 24),
        operation("EQL", 10) + b"\xa7\xa3\xff" + bytes(8) + operation("EQL", 10),
        operation("DEL", 10) + operation("DEL", 10),
        operation("INS") + b"new" + operation("MOD") + b"changed",
        operation("EQL", 7884),
        operation("EQL", 10) + b"neither ESC nor a code" * 3 + operation("EQL", 3),
        b"text " + PATCH,
        b"\xa7" + PATCH,
        PATCH + b"\xa7\xa3\xff",
    ],
    ids=[
        "before the base",
        "too large",
        "64-bit length",
        "no target",
        "nothing of the base",
        "one operation",
        "more data than it copies",
        "text in front",
        "ESC in front",
        "64-bit length at the end",
    ],
)
def test_doubtful_list_of_operations_is_not_recognised(describe, patch):
    assert describe(patch).format is ImageFormat.RAW


def test_patch_that_is_cut_off_inside_an_operation(describe, message_of):
    for end in (b"\xa7", b"\xa7\xa3", b"\xa7\xa3\xfd\x01", b"\xa7\xa4\xfe\0\0\0"):
        damaged = operation("DEL", 9) + operation("EQL", 700) + operation("MOD") + b"data" + end
        assert "cut off" in message_of(describe(damaged), "structure"), end
        with pytest.raises(ImageError):
            apply_patch(corpus.OLD, damaged)


@given(st.binary(min_size=1, max_size=4_000), st.sampled_from([b"", b"\xa7\xa6", b"\xa7\xa5", b"\xa7\xa3"]))
@settings(max_examples=300, deadline=None)
def test_random_bytes_recognised_as_a_patch_have_its_properties(data, start):
    description = FirmwareImage.open(start + data).description
    if description.format is ImageFormat.JOJODIFF_PATCH:
        assert (start + data)[0] == 0xA7
        assert description.image_bytes > 0


def test_firmware_is_not_mistaken_for_a_patch(describe):
    """Random bytes behind the first operation are not a list of operations."""
    rng = random.Random(3)
    for start in (b"\xa7\xa2", b"\xa7\xa3", b"\xa7\xa4"):
        for size in (100, 5_000, 100_000):
            assert describe(start + rng.randbytes(size)).format is ImageFormat.RAW


def test_operations_cannot_fill_all_memory():
    patch = operation("EQL", 0xFFFF) + (operation("BKT", 0xFFFF) + operation("EQL", 0xFFFF)) * 1_000
    with pytest.raises(ImageError, match="it is not a patch of"):
        apply_patch(bytes(0xFFFF), patch)
