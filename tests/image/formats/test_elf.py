"""ELF files: the sample firmware, files that objcopy makes from it, and damaged files."""

from __future__ import annotations

import shutil
import struct
import subprocess

import pytest

from fuota.errors import ImageError
from fuota.image import FirmwareImage, ImageFormat, convert
from tests.image import corpus

ELF = corpus.sample("elf")


def test_file_of_the_linker(describe):
    description = describe(ELF)
    assert (description.format, description.hardware) == (ImageFormat.ELF, "ARM")
    assert description.converts_to_bytes == len(corpus.FIRMWARE)
    assert description.address_range == (0, len(corpus.FIRMWARE))


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
def test_files_of_objcopy(tmp_path, options, kind):
    (tmp_path / "app.elf").write_bytes(ELF)
    subprocess.run(["arm-none-eabi-objcopy", *options, "app.elf", "out"], cwd=tmp_path, check=True)
    image = FirmwareImage.open(tmp_path / "out")
    assert image.format is kind
    assert convert(image).data == corpus.FIRMWARE


def test_initial_values_are_at_their_physical_address():
    """A segment is at its physical address, which for .data is in flash, not at its address in RAM."""
    code, values = b"\1" * 100, b"\2" * 20
    elf = bytearray(corpus.elf([(0x0800_0000, code), (0x0800_0064, values)]))
    struct.pack_into("<I", elf, 52 + 32 + 8, 0x2000_0000)
    assert convert(FirmwareImage.open(bytes(elf))).data == code + values


def test_overlapping_segments_are_an_error(describe, message_of):
    assert "0x0800000F has two values" in message_of(
        describe(corpus.elf([(0x0800_0000, b"x" * 16), (0x0800_000F, b"y")])), "structure"
    )


def test_gap_between_segments_is_filled_unless_it_is_too_large(describe, message_of):
    near = corpus.elf([(0x0800_0000, b"x"), (0x0800_0064, b"y")])
    assert "99 bytes between its 2 segments" in message_of(describe(near), "gaps")
    assert convert(FirmwareImage.open(near), fill=0).data == b"x" + bytes(99) + b"y"
    far = corpus.elf([(0x0800_0000, b"x"), (0x8800_0000, b"y")])
    assert "too far apart" in message_of(describe(far), "gaps")
    with pytest.raises(ImageError, match=r"a gap of 2147483647 bytes .* up to 1048576 bytes"):
        convert(FirmwareImage.open(far))
    assert convert(FirmwareImage.open(far), address_range=(0x8800_0000, 0x8800_1000)).data == b"y"


def test_file_without_loaded_segments_is_no_data(describe, message_of):
    assert message_of(describe(corpus.elf([])), "no-data")
    with pytest.raises(ImageError, match="it holds no data"):
        convert(FirmwareImage.open(corpus.elf([])))


@pytest.mark.parametrize("kept", [4, 5, 16, 20, 51, 52, 60, 5_000])
def test_cut_off_file_is_a_structure_error(describe, message_of, kept):
    assert message_of(describe(ELF[:kept]), "structure")


def test_too_many_segments_are_an_error(describe, message_of):
    elf = bytearray(ELF)
    struct.pack_into("<H", elf, 44, 60_000)
    assert message_of(describe(bytes(elf)), "structure")


def test_64_bit_big_endian_file_is_read(describe):
    """The header states 64 bits and big-endian order."""
    header = (
        b"\x7fELF\x02\x02\x01" + bytes(9) + struct.pack(">HHIQQQIHHHHHH", 2, 21, 1, 0, 64, 0, 0, 64, 56, 1, 0, 0, 0)
    )
    segment = struct.pack(">IIQQQQQQ", 1, 5, 120, 0x1000, 0x1000, 4, 4, 1)
    description = describe(header + segment + b"abcd")
    assert (description.hardware, description.address_range) == ("PPC64", (0x1000, 0x1004))
