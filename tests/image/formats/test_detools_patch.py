"""Patches made by detools, and files that could be mistaken for patches."""

from __future__ import annotations

import io
import lzma
import random
import struct
import subprocess
import sys
import time

import detools
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fuota.errors import ImageError
from fuota.image import FirmwareImage, ImageFormat
from fuota.image.delta import apply_patch
from tests.image import corpus

DEVICE_COMPRESSIONS = ("heatshrink", "crle", "lzma", "none")
COMPRESSIONS = (*DEVICE_COMPRESSIONS, "bz2", "lz4", "zstd")


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
    codes = [finding.code for finding in description.findings]
    assert codes == ["patch"] + ["patch-unsupported"] * (compression not in DEVICE_COMPRESSIONS)


@pytest.mark.parametrize("compression", COMPRESSIONS)
def test_in_place_patch(describe, message_of, compression):
    description = describe(in_place(compression))
    assert description.image_bytes == len(corpus.FIRMWARE)
    words = message_of(description, "patch")
    assert f"for a base of {len(corpus.OLD)} bytes, in 65536 bytes of flash with segments of 4096" in words


def test_sizes_of_heatshrink_are_described(describe, message_of):
    for window, lookahead in ((8, 7), (11, 4)):
        data = patch(heatshrink_window_sz2=window, heatshrink_lookahead_sz2=lookahead)
        description = describe(data)
        assert f"window {window} and lookahead {lookahead}" in message_of(description, "patch")
        codes = [finding.code for finding in description.findings]
        assert codes == ["patch"] + ["patch-unsupported"] * (window != 8)
        assert all(finding.severity.value == "note" for finding in description.findings)


def test_patch_with_a_data_format_is_recognised_and_named(describe, message_of):
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
    description = describe(data)
    assert description.format is ImageFormat.DETOOLS_PATCH
    assert "data format arm-cortex-m4" in message_of(description, "patch-unsupported")
    assert apply_patch(code, data) == moved


def hdiffpatch(compression: str, tmp_path) -> bytes:
    """Return a patch of detools' type hdiffpatch. detools makes it from real files only."""
    for name, content in (("old", corpus.OLD), ("new", corpus.FIRMWARE)):
        (tmp_path / name).write_bytes(content)
    detools.create_patch_filenames(
        str(tmp_path / "old"),
        str(tmp_path / "new"),
        str(tmp_path / "patch"),
        compression=compression,
        patch_type="hdiffpatch",
        algorithm="hdiffpatch",
    )
    return (tmp_path / "patch").read_bytes()


@pytest.mark.parametrize("compression", ["heatshrink", "lzma", "none", "lz4"])
def test_hdiffpatch_is_named_but_not_applied(describe, message_of, tmp_path, compression):
    data = hdiffpatch(compression, tmp_path)
    description = describe(data)
    assert description.format is ImageFormat.DETOOLS_PATCH
    assert description.image_bytes == len(corpus.FIRMWARE)
    assert f"an hdiffpatch patch ({compression}" in message_of(description, "patch")
    messages = [finding.message for finding in description.findings if finding.code == "patch-unsupported"]
    assert "only sequential and in-place" in messages[0]
    assert len(messages) == 1 + (compression == "lz4")
    with pytest.raises(ImageError, match="type hdiffpatch"):
        apply_patch(corpus.OLD, data)
    if compression != "lz4":  # nothing of an incomplete block can be unpacked
        assert "it was cut off" in message_of(describe(data[:-100]), "structure")
    assert "unexpected bytes follow" in message_of(describe(data + b"\xff" * 9), "trailing")


@pytest.mark.slow
@pytest.mark.parametrize("compression", ["crle", "none"])
def test_patch_with_many_pieces_is_recognised_and_applied(describe, compression):
    """A program of some megabytes makes more than 100,000 pieces."""
    pairs = 150_000
    content = b"\0" + b"\x01\x05\0\0" * pairs  # a byte added to the base, nothing new, no step
    number = {"none": b"\0", "crle": b"\x02"}[compression]
    stored = content if compression == "none" else b"\0" + crle_size(len(content)) + content
    data = number + packed(pairs) + stored
    start = time.process_time()
    description = describe(data)
    assert time.process_time() - start < 2 * 3, "2 s per MB, three times as long on a busy machine"
    assert (description.format, description.image_bytes) == (ImageFormat.DETOOLS_PATCH, pairs)
    assert apply_patch(bytes(pairs), data) == b"\x05" * pairs


@pytest.mark.slow
def test_in_place_patch_with_many_segments_is_recognised_and_applied(describe):
    """Flash that is written in words of 4 bytes can be patched in segments of 4 bytes."""
    segments, base = 70_000, random.Random(6).randbytes(4 * 70_000)
    sizes = (8 * segments, 4, 4 * segments, len(base), 4 * segments)  # memory, segment, shift, base, target
    data = b"\x10" + b"".join(map(packed, sizes)) + b"\0\x04\x01\0\0\0\0\0" * segments
    description = describe(data)
    assert (description.format, description.image_bytes) == (ImageFormat.DETOOLS_PATCH, 4 * segments)
    assert len(apply_patch(base, data)) == 4 * segments


def crle_size(number: int) -> bytes:
    """Return the length of a run as detools' crle packs it."""
    content = [number & 0x7F]
    while number := number >> 7:
        content[-1] |= 0x80
        content.append(number & 0x7F)
    return bytes(content)


@pytest.mark.field
@pytest.mark.parametrize("compression", COMPRESSIONS)
def test_patch_of_the_detools_command_is_read_and_applied(describe, tmp_path, compression):
    """detools as a process makes the patch, and detools applies it to the same result."""
    for name, content in (("old", corpus.OLD), ("new", corpus.FIRMWARE)):
        (tmp_path / name).write_bytes(content)
    run_detools("create_patch", "-c", compression, "old", "new", "patch", folder=tmp_path)
    data = (tmp_path / "patch").read_bytes()
    assert describe(data).image_bytes == len(corpus.FIRMWARE)
    assert apply_patch(corpus.OLD, data) == corpus.FIRMWARE
    run_detools("apply_patch", "old", "patch", "again", folder=tmp_path)
    assert (tmp_path / "again").read_bytes() == corpus.FIRMWARE
    info = run_detools("patch_info", "patch", folder=tmp_path)
    assert compression in info


def run_detools(*words: str, folder) -> str:
    command = [sys.executable, "-m", "detools", *words]
    return subprocess.run(command, cwd=folder, check=True, capture_output=True, text=True, timeout=60).stdout


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


@pytest.mark.parametrize(
    "data",
    [
        b"\xa0" + bytes(200),
        b"\xa7\xa6 text",
        b"\x0f" + bytes(200),
        b"\x10\xde\xcd\xfc" + bytes(200),
        b"\x10" + packed(4096) + b"\x77" + bytes(200),
        b"\x00" + packed(4096) + b"\0\x77" + bytes(200),
        b"\x20" + packed(4096) + packed(1 << 30) + bytes(200),
        corpus.FIRMWARE,
        b"PK\3\4" + bytes(100),
    ],
)
def test_reason_of_refusal_does_not_call_other_files_a_patch_of_detools(data):
    """The message has no number that only a header of detools would have."""
    with pytest.raises(ImageError) as raised:
        apply_patch(corpus.OLD, data)
    assert "type 10" not in str(raised.value)
    assert "of -" not in str(raised.value)
    assert "in -" not in str(raised.value)


def test_heatshrink_patch_is_not_recognised_without_its_package(describe, monkeypatch):
    monkeypatch.setitem(sys.modules, "heatshrink2.core", None)
    assert describe(patch()).format is ImageFormat.RAW
    assert describe(patch("crle")).format is ImageFormat.DETOOLS_PATCH


def test_possible_patch_names_the_extra_if_it_is_missing(monkeypatch):
    monkeypatch.setitem(sys.modules, "heatshrink2.core", None)
    findings = [next(iter(FirmwareImage(data=content).findings)) for content in (patch(), bytes(range(1, 200)))]
    assert [finding.code for finding in findings] == ["raw-unknown"] * 2
    assert ["fuota[delta]" in finding.message for finding in findings] == [True, False]
