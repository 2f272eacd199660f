"""Patches of bsdiff, made by bsdiff4, and the one-stream kind by its description."""

from __future__ import annotations

import bz2
import struct

import bsdiff4
import pytest

from fuota.errors import ImageError
from fuota.image import ImageFormat
from fuota.image.delta import apply
from tests.image import corpus

PATCH = bsdiff4.diff(corpus.OLD, corpus.FIRMWARE)


def endsley(target: int, stream: bytes) -> bytes:
    return b"ENDSLEY/BSDIFF43" + struct.pack("<Q", target) + bz2.compress(stream)


def test_what_bsdiff4_makes(describe, complaint):
    found = describe(PATCH)
    assert found.format is ImageFormat.BSDIFF_PATCH
    assert found.image_bytes == len(corpus.FIRMWARE)
    assert sum(part.size for part in found.parts) == len(PATCH)
    assert "BSDIFF40" in complaint(found, "patch")
    assert len(found.findings) == 1


def test_the_kind_with_one_stream(describe, complaint):
    """Control, what is added, what is new, and again (mendsley/bsdiff, bspatch.c); known, and not applied."""
    stream = struct.pack("<3Q", 3, 2, 0) + b"abcde" + struct.pack("<3Q", 0, 1, 1 << 63) + b"f"
    found = describe(endsley(6, stream))
    assert found.image_bytes == 6
    assert "BSDIFF43" in complaint(found, "patch")
    with pytest.raises(ImageError, match="not applied here"):
        apply(b"base", endsley(6, stream))
    assert "cut off" in complaint(describe(endsley(7, stream)), "structure")
    assert "5 are left" in complaint(
        describe(endsley(5, stream.replace(struct.pack("<Q", 3), struct.pack("<Q", 9)))), "structure"
    )


@pytest.mark.parametrize("kept", [8, 20, 31, 32, 40, len(PATCH) // 2, len(PATCH) - 1])
def test_every_way_to_cut_it_off_is_found(describe, complaint, kept):
    assert complaint(describe(PATCH[:kept]), "structure")
    with pytest.raises(ImageError):
        apply(corpus.OLD, PATCH[:kept])


def test_what_follows_is_an_error(describe, complaint):
    assert "belong to nothing" in complaint(describe(PATCH + b"more"), "structure")


@pytest.mark.parametrize(
    ("at", "value", "said"),
    [
        (24, 1 << 40, "no image of a LoRaWAN device is so large"),
        (24, 1 << 63 | 5, "no image of a LoRaWAN device is so large"),
        (8, 1 << 40, "cut off"),
        (16, 1 << 63 | 1, "cut off"),
    ],
)
def test_sizes_that_cannot_be(describe, complaint, at, value, said):
    assert said in complaint(describe(PATCH[:at] + struct.pack("<Q", value) + PATCH[at + 8 :]), "structure")


def test_what_unpacks_without_end_is_refused(describe, complaint):
    control = bz2.compress(struct.pack("<3Q", 0, 0, 0) * 2_000_000)
    bomb = b"BSDIFF40" + struct.pack("<3Q", len(control), 14, 9) + control + bz2.compress(b"") * 2
    assert "pieces" in complaint(describe(bomb), "structure")
