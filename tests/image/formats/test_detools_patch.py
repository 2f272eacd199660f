"""Patches made by detools, and files that could be mistaken for patches."""

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
from fuota.image.delta import apply_patch
from tests.image import corpus

COMPRESSIONS = ("heatshrink", "crle", "lzma", "bz2", "none")


def patch(
    compression: str = "heatshrink", base: bytes = corpus.OLD, target: bytes = corpus.FIRMWARE, **options
) -> bytes:
    out = io.BytesIO()
    detools.create_patch(io.BytesIO(base), io.BytesIO(target), out, compression=compression, **options)
    return out.getvalue()


def in_place(compression: str = "heatshrink") -> bytes:
    return patch(compression, patch_type="in-place", memory_size=65_536, segment_size=4096)


def packed(number: int) -> bytes:
    """Return a number that is not negative as detools packs it."""
    content, number = [number & 0x3F], number >> 6
    while number:
        content[-1] |= 0x80
        content.append(number & 0x7F)
        number >>= 7
    return bytes(content)


@pytest.mark.parametrize("compression", COMPRESSIONS)
def test_sequential_patch(describe, message_of, compression):
    data = patch(compression)
    description = describe(data)
    assert description.format is ImageFormat.DETOOLS_PATCH
    assert description.image_bytes == len(corpus.FIRMWARE)
    assert sum(part.size for part in description.parts) == len(data)
    assert f"sequential patch ({compression}" in message_of(description, "patch")
    assert len(description.findings) == 1


@pytest.mark.parametrize("compression", COMPRESSIONS)
def test_in_place_patch(describe, message_of, compression):
    description = describe(in_place(compression))
    assert description.image_bytes == len(corpus.FIRMWARE)
    words = message_of(description, "patch")
    assert f"for a base of {len(corpus.OLD)} bytes, in 65536 bytes of flash with segments of 4096" in words


def test_sizes_of_heatshrink_are_described(describe, message_of):
    for window, lookahead in ((8, 7), (11, 4)):
        data = patch(heatshrink_window_sz2=window, heatshrink_lookahead_sz2=lookahead)
        assert f"window {window} and lookahead {lookahead}" in message_of(describe(data), "patch")


def test_patch_with_a_data_format_is_recognised(describe):
    """detools can first remove the addresses that a linker moved (data format), for an ARM Cortex-M4 in its own sample."""
    rng = random.Random(2)
    code = b"".join(struct.pack("<I", 0x0800_0000 + rng.randrange(0, 4000, 4)) for _ in range(1000))
    moved = b"".join(struct.pack("<I", word + 64) for (word,) in struct.iter_unpack("<I", code))
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
def test_cut_off_patch_is_recognised(describe, message_of, make, compression):
    data = make(compression)
    for kept in (len(data) // 2, len(data) - 1):
        description = describe(data[:kept])
        assert description.format is ImageFormat.DETOOLS_PATCH
        assert "it was cut off" in message_of(description, "structure")


@pytest.mark.parametrize("make", [patch, in_place], ids=["sequential", "in-place"])
@pytest.mark.parametrize("compression", COMPRESSIONS)
def test_trailing_bytes_are_an_error(describe, message_of, make, compression):
    data = make(compression) + b"\xff" * 20
    assert "unexpected bytes follow" in message_of(describe(data), "trailing")
    with pytest.raises(ImageError, match="unexpected bytes follow"):
        apply_patch(corpus.OLD, data)


@pytest.mark.parametrize("version", ["1.0.0", "1.1.0"])
def test_firmware_is_not_mistaken_for_a_patch(describe, version):
    firmware = corpus.sample("bin", version)
    for stack in (0x2000_0000, 0x2000_1000, 0x2000_8000, 0x2001_0000, 0x2002_0000, 0x2000_0004, 0x2000_0010):
        assert describe(struct.pack("<I", stack) + firmware[4:]).format is ImageFormat.RAW


@given(st.sampled_from([0x00, 0x01, 0x02, 0x03, 0x04, 0x10, 0x11, 0x12, 0x13, 0x14]), st.binary(max_size=400))
def test_random_bytes_recognised_as_a_patch_have_its_properties(first, tail):
    """A patch is recognised only if its pieces add up to its last byte, or up to the cut."""
    description = FirmwareImage.open(bytes([first]) + tail).description
    if description.format is ImageFormat.DETOOLS_PATCH:
        assert description.image_bytes > 0
        assert "patch" in [finding.code for finding in description.findings]


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
def test_endless_patch_is_not_recognised(describe, data):
    assert describe(data).format is ImageFormat.RAW


def test_heatshrink_patch_is_not_recognised_without_its_package(describe, monkeypatch):
    monkeypatch.setitem(sys.modules, "heatshrink2.core", None)
    assert describe(patch()).format is ImageFormat.RAW
    assert describe(patch("crle")).format is ImageFormat.DETOOLS_PATCH


def test_possible_patch_names_the_extra_if_it_is_missing(monkeypatch):
    monkeypatch.setitem(sys.modules, "heatshrink2.core", None)
    findings = [next(iter(FirmwareImage(data=content).findings)) for content in (patch(), bytes(range(1, 200)))]
    assert [finding.code for finding in findings] == ["raw-unknown"] * 2
    assert ["fuota[delta]" in finding.message for finding in findings] == [True, False]
