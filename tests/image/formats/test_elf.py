"""ELF files: the sample's, what objcopy makes of it, and damage."""

from __future__ import annotations

import shutil
import struct
import subprocess

import pytest

from fuota.errors import ImageError
from fuota.image import FirmwareImage, ImageFormat, convert
from tests.image import corpus

ELF = corpus.sample("elf")


def test_what_the_linker_made(describe):
    found = describe(ELF)
    assert (found.format, found.hardware) == (ImageFormat.ELF, "ARM")
    assert found.converts_to_bytes == len(corpus.FIRMWARE)
    assert found.address_range == (0, len(corpus.FIRMWARE))


@pytest.mark.parametrize("version", ["1.0.0", "1.1.0"])
@pytest.mark.parametrize("kind", ["elf", "hex", "srec", "uf2"])
def test_every_container_of_the_sample_holds_its_binary(kind, version):
    assert convert(FirmwareImage.open(corpus.sample(kind, version))).data == corpus.sample("bin", version)


@pytest.mark.skipif(shutil.which("arm-none-eabi-objcopy") is None, reason="needs binutils-arm-none-eabi")
@pytest.mark.parametrize(
    ("options", "kind"),
    [
        (["-O", "ihex"], ImageFormat.INTEL_HEX),
        (["-O", "ihex", "--change-addresses", "0x08010000"], ImageFormat.INTEL_HEX),
        (["-O", "srec"], ImageFormat.S_RECORD),
        (["-O", "srec", "--srec-forceS3", "--srec-len", "64"], ImageFormat.S_RECORD),
        (["--strip-all"], ImageFormat.ELF),
        (["-O", "binary"], ImageFormat.RAW),
    ],
    ids=" ".join,
)
def test_what_objcopy_makes(tmp_path, options, kind):
    (tmp_path / "app.elf").write_bytes(ELF)
    subprocess.run(["arm-none-eabi-objcopy", *options, "app.elf", "out"], cwd=tmp_path, check=True)
    image = FirmwareImage.open(tmp_path / "out")
    assert image.format is kind
    assert convert(image).data == corpus.FIRMWARE


def test_initial_values_lie_where_they_are_loaded_from():
    """A segment goes to its physical address, which for .data is in flash, not to the RAM where the program has it."""
    code, values = b"\1" * 100, b"\2" * 20
    elf = bytearray(corpus.elf([(0x0800_0000, code), (0x0800_0064, values)]))
    struct.pack_into("<I", elf, 52 + 32 + 8, 0x2000_0000)
    assert convert(FirmwareImage.open(bytes(elf))).data == code + values


def test_segments_that_overlap(describe, complaint):
    assert "0x0800000F is given twice" in complaint(
        describe(corpus.elf([(0x0800_0000, b"x" * 16), (0x0800_000F, b"y")])), "structure"
    )


def test_a_hole_between_segments_is_told_and_a_huge_one_refused(describe, complaint):
    near = corpus.elf([(0x0800_0000, b"x"), (0x0800_0064, b"y")])
    assert "99 bytes between its 2 segments" in complaint(describe(near), "gaps")
    assert convert(FirmwareImage.open(near), fill=0).data == b"x" + bytes(99) + b"y"
    far = corpus.elf([(0x0800_0000, b"x"), (0x8800_0000, b"y")])
    assert "too far apart" in complaint(describe(far), "gaps")
    with pytest.raises(ImageError, match="2147483647 bytes of nothing, and 1048576 are the most"):
        convert(FirmwareImage.open(far))
    assert convert(FirmwareImage.open(far), address_range=(0x8800_0000, 0x8800_1000)).data == b"y"


def test_nothing_to_load(describe, complaint):
    assert complaint(describe(corpus.elf([])), "no-data")
    with pytest.raises(ImageError, match="it holds no data"):
        convert(FirmwareImage.open(corpus.elf([])))


@pytest.mark.parametrize("kept", [4, 5, 16, 20, 51, 52, 60, 5_000])
def test_every_way_to_cut_it_off_is_found(describe, complaint, kept):
    assert complaint(describe(ELF[:kept]), "structure")


def test_more_segments_than_any_linker_makes(describe, complaint):
    elf = bytearray(ELF)
    struct.pack_into("<H", elf, 44, 60_000)
    assert complaint(describe(bytes(elf)), "structure")


def test_bits_and_order_of_another_machine(describe):
    """64 bits, the other order of octets: read by what the header says."""
    header = (
        b"\x7fELF\x02\x02\x01" + bytes(9) + struct.pack(">HHIQQQIHHHHHH", 2, 21, 1, 0, 64, 0, 0, 64, 56, 1, 0, 0, 0)
    )
    segment = struct.pack(">IIQQQQQQ", 1, 5, 120, 0x1000, 0x1000, 4, 4, 1)
    found = describe(header + segment + b"abcd")
    assert (found.hardware, found.address_range) == ("PPC64", (0x1000, 0x1004))
