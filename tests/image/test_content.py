from __future__ import annotations

import random

import pytest

from fuota.image.content import entropy, filler, is_blank

RANDOM = random.Random(3).randbytes(20_000)


def test_runs_of_64_bytes_are_filler():
    assert filler(RANDOM + b"\0" * 63 + RANDOM) is None
    runs = filler(b"\xff" * 64 + b"\0" * 65 + RANDOM)
    assert (runs.size, runs.runs, runs.longest, runs.offset) == (129, 2, 65, 64)


@pytest.mark.parametrize("size", [1_024, 4_096, 100_000])
def test_entropy_of_known_content(size):
    assert entropy(b"\x55" * size) == 0
    assert entropy(bytes(range(256)) * (size // 256)) == 8
    assert entropy(b"\x55\xaa" * (size // 2)) == pytest.approx(1, abs=1e-3)
    assert entropy(random.Random(size).randbytes(size)) > 7.9


def test_entropy_of_a_short_sample_is_none():
    assert entropy(bytes(1_023)) is None


def test_blank_is_only_0xff_or_only_zeros():
    assert is_blank(b"\xff" * 9)
    assert is_blank(bytes(9))
    assert is_blank(b"")
    assert not is_blank(b"\xff\0")
    assert not is_blank(b"\x55" * 9)
