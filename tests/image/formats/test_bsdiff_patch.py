"""Patches of bsdiff: made by bsdiff4, and one-stream patches built by their description."""

from __future__ import annotations

import bz2
import struct

import bsdiff4
import pytest

from fuota.errors import ImageError
from fuota.image import ImageFormat
from fuota.image.delta import apply_patch
from tests.image import corpus

PATCH = bsdiff4.diff(corpus.OLD, corpus.FIRMWARE)


def endsley(target_bytes: int, stream: bytes) -> bytes:
    return b"ENDSLEY/BSDIFF43" + struct.pack("<Q", target_bytes) + bz2.compress(stream)


def test_patch_of_bsdiff4(describe, message_of):
    description = describe(PATCH)
    assert description.format is ImageFormat.BSDIFF_PATCH
    assert description.image_bytes == len(corpus.FIRMWARE)
    assert sum(part.size for part in description.parts) == len(PATCH)
    assert "BSDIFF40" in message_of(description, "patch")
    assert len(description.findings) == 1


def test_patch_with_one_stream_is_described_but_not_applied(describe, message_of):
    """The stream has control, added bytes and new bytes by turns (mendsley/bsdiff, bspatch.c)."""
    stream = struct.pack("<3Q", 3, 2, 0) + b"abcde" + struct.pack("<3Q", 0, 1, 1 << 63) + b"f"
    description = describe(endsley(6, stream))
    assert description.image_bytes == 6
    assert "BSDIFF43" in message_of(description, "patch")
    with pytest.raises(ImageError, match="cannot apply ENDSLEY/BSDIFF43"):
        apply_patch(b"base", endsley(6, stream))
    assert "cut off" in message_of(describe(endsley(7, stream)), "structure")
    assert "5 are left" in message_of(
        describe(endsley(5, stream.replace(struct.pack("<Q", 3), struct.pack("<Q", 9)))), "structure"
    )


@pytest.mark.parametrize("kept", [8, 20, 31, 32, 40, len(PATCH) // 2, len(PATCH) - 1])
def test_cut_off_file_is_a_structure_error(describe, message_of, kept):
    assert message_of(describe(PATCH[:kept]), "structure")
    with pytest.raises(ImageError):
        apply_patch(corpus.OLD, PATCH[:kept])


def test_trailing_bytes_are_an_error(describe, message_of):
    assert "unexpected bytes follow" in message_of(describe(PATCH + b"more"), "structure")


@pytest.mark.parametrize(
    ("offset", "value", "words"),
    [
        (24, 1 << 40, "too large for an image of a LoRaWAN device"),
        (24, 1 << 63 | 5, "too large for an image of a LoRaWAN device"),
        (8, 1 << 40, "cut off"),
        (16, 1 << 63 | 1, "cut off"),
    ],
)
def test_impossible_sizes_are_an_error(describe, message_of, offset, value, words):
    assert words in message_of(describe(PATCH[:offset] + struct.pack("<Q", value) + PATCH[offset + 8 :]), "structure")


@pytest.mark.slow
def test_patch_with_endless_pieces_is_an_error(describe, message_of):
    control = bz2.compress(struct.pack("<3Q", 0, 0, 0) * 2_000_000)
    bomb = b"BSDIFF40" + struct.pack("<3Q", len(control), 14, 9) + control + bz2.compress(b"") * 2
    assert "pieces" in message_of(describe(bomb), "structure")
