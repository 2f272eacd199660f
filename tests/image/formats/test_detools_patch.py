"""Patches made by detools, and what may be taken for one."""

from __future__ import annotations

import io
import lzma
import random
import struct
import sys

import detools
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fuota.errors import ImageError
from fuota.image import FirmwareImage, ImageFormat
from fuota.image.delta import apply
from tests.image import corpus

COMPRESSIONS = ("heatshrink", "crle", "lzma", "bz2", "none")


def patch(compression: str = "heatshrink", base: bytes = corpus.OLD, target: bytes = corpus.FIRMWARE, **how) -> bytes:
    out = io.BytesIO()
    detools.create_patch(io.BytesIO(base), io.BytesIO(target), out, compression=compression, **how)
    return out.getvalue()


def in_place(compression: str = "heatshrink") -> bytes:
    return patch(compression, patch_type="in-place", memory_size=65_536, segment_size=4096)


def packed(number: int) -> bytes:
    """As detools packs a number that is not negative."""
    octets, number = [number & 0x3F], number >> 6
    while number:
        octets[-1] |= 0x80
        octets.append(number & 0x7F)
        number >>= 7
    return bytes(octets)


@pytest.mark.parametrize("compression", COMPRESSIONS)
def test_sequential(describe, complaint, compression):
    data = patch(compression)
    found = describe(data)
    assert found.format is ImageFormat.DETOOLS_PATCH
    assert found.image_bytes == len(corpus.FIRMWARE)
    assert sum(part.size for part in found.parts) == len(data)
    assert f"sequential patch ({compression}" in complaint(found, "patch")
    assert len(found.findings) == 1


@pytest.mark.parametrize("compression", COMPRESSIONS)
def test_in_place(describe, complaint, compression):
    found = describe(in_place(compression))
    assert found.image_bytes == len(corpus.FIRMWARE)
    said = complaint(found, "patch")
    assert f"for a base of {len(corpus.OLD)} bytes, in 65536 bytes of flash by segments of 4096" in said


def test_what_heatshrink_takes_is_told(describe, complaint):
    for window, lookahead in ((8, 7), (11, 4)):
        data = patch(heatshrink_window_sz2=window, heatshrink_lookahead_sz2=lookahead)
        assert f"window {window} and lookahead {lookahead}" in complaint(describe(data), "patch")


def test_with_addresses_taken_out(describe):
    """detools can first take out what a linker moved (data format); detools' own sample of that is an ARM Cortex-M4."""
    rng = random.Random(2)
    code = b"".join(struct.pack("<I", 0x0800_0000 + rng.randrange(0, 4000, 4)) for _ in range(1000))
    moved = b"".join(struct.pack("<I", one + 64) for (one,) in struct.iter_unpack("<I", code))
    addresses = {"from_data_begin": 0, "from_data_end": 0, "to_data_begin": 0, "to_data_end": 0}
    data = patch(
        base=code,
        target=moved,
        data_format="arm-cortex-m4",
        **{f"{n.replace('data', 'data_offset')}": v for n, v in addresses.items()},
    )
    assert describe(data).format is ImageFormat.DETOOLS_PATCH


@pytest.mark.parametrize("make", [patch, in_place], ids=["sequential", "in-place"])
@pytest.mark.parametrize("compression", ["heatshrink", "crle", "lzma"])
def test_one_that_was_cut_off_is_told(describe, complaint, make, compression):
    data = make(compression)
    for kept in (len(data) // 2, len(data) - 1):
        found = describe(data[:kept])
        assert found.format is ImageFormat.DETOOLS_PATCH
        assert "it was cut off" in complaint(found, "structure")


@pytest.mark.parametrize("make", [patch, in_place], ids=["sequential", "in-place"])
@pytest.mark.parametrize("compression", COMPRESSIONS)
def test_what_follows_is_an_error(describe, complaint, make, compression):
    data = make(compression) + b"\xff" * 20
    assert "belong to nothing" in complaint(describe(data), "trailing")
    with pytest.raises(ImageError, match="belong to nothing"):
        apply(corpus.OLD, data)


@pytest.mark.parametrize("version", ["1.0.0", "1.1.0"])
def test_firmware_is_not_taken_for_one(describe, version):
    firmware = corpus.sample("bin", version)
    for stack in (0x2000_0000, 0x2000_1000, 0x2000_8000, 0x2001_0000, 0x2002_0000, 0x2000_0004, 0x2000_0010):
        assert describe(struct.pack("<I", stack) + firmware[4:]).format is ImageFormat.RAW


@given(st.sampled_from([0x00, 0x01, 0x02, 0x03, 0x04, 0x10, 0x11, 0x12, 0x13, 0x14]), st.binary(max_size=400))
def test_random_octets_are_seldom_one(first, rest):
    """Only what adds up to its last octet, or as far as it goes, is."""
    found = FirmwareImage.open(bytes([first]) + rest).description
    if found.format is ImageFormat.DETOOLS_PATCH:
        assert found.image_bytes > 0
        assert "patch" in [one.code for one in found.findings]


@pytest.mark.parametrize(
    "data",
    [
        b"\x02" + packed(1 << 40) + b"\x01\xff\xff\xff\xff\xff\xff\x7f\x00",
        b"\x02" + packed(1 << 20) + b"\x01\xff\xff\xff\xff\xff\xff\xff\x7f\x00",
        b"\x01" + packed(1 << 20) + lzma.compress(bytes(30_000_000), format=lzma.FORMAT_ALONE),
        b"\x01" + packed(4_000_000) + lzma.compress(b"\0\1\0\0" * 4_000_000, format=lzma.FORMAT_ALONE),
        b"\x10" + packed(1 << 26) + packed(1) + packed(0) + packed(5) + packed(1 << 20) + bytes(5000),
    ],
    ids=["huge target", "endless run", "empty pieces", "many pieces", "many segments"],
)
def test_what_would_never_end_is_none(describe, data):
    assert describe(data).format is ImageFormat.RAW


def test_without_heatshrink_it_is_not_known(describe, monkeypatch):
    monkeypatch.setitem(sys.modules, "heatshrink2.core", None)
    assert describe(patch()).format is ImageFormat.RAW
    assert describe(patch("crle")).format is ImageFormat.DETOOLS_PATCH


def test_without_the_extra_a_file_that_may_be_a_patch_is_said_to_be_one_perhaps(monkeypatch):
    monkeypatch.setitem(sys.modules, "heatshrink2.core", None)
    said = [next(iter(FirmwareImage(data=octets).findings)) for octets in (patch(), bytes(range(1, 200)))]
    assert [one.code for one in said] == ["raw-unknown"] * 2
    assert ["fuota[delta]" in one.message for one in said] == [True, False]
