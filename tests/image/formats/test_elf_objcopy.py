"""ELF files that are linked here become the binary that objcopy makes."""

from __future__ import annotations

import shutil
import struct
import subprocess
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fuota.errors import ImageError
from fuota.image import FirmwareImage, ImageRequirements, check, convert
from tests.image import corpus

PREFIX = "arm-none-eabi-"
LLVM = shutil.which("llvm-objcopy")

pytestmark = pytest.mark.skipif(shutil.which(f"{PREFIX}ld") is None, reason="needs binutils-arm-none-eabi")

SOURCE = """
 .syntax unified
 .section .isr_vector, "a"
 .word 0x20004000, reset + 1
 .space 56
 .section .text, "ax"
 .global reset
reset: b reset
 .space 500
 .section .rodata, "a"
 .asciz "fuota"
 .section .noinit, "aw", %nobits
 .space 64
 .section .data, "aw"
 .word 1, 2, 3
 .section .ramfunc, "ax"
 .word 7
 .section .bss, "aw", %nobits
 .space 128
 .section .note.build, "a", %note
 .word 4
 .section .comment_only
 .asciz "never loaded"
"""
SCRIPT = """
MEMORY {{ FLASH (rx): ORIGIN = {origin}, LENGTH = 256K
 RAM (rwx): ORIGIN = 0x20000000, LENGTH = 32K }}
ENTRY(reset)
SECTIONS {{
 .isr_vector : {{ KEEP(*(.isr_vector)) }} > FLASH
 .text : {{ *(.text*) }} > FLASH
 .rodata : {{ . = ALIGN({align}); *(.rodata*) }} > FLASH
 .note : {{ KEEP(*(.note.build)) }} > FLASH
 .noinit (NOLOAD) : {{ *(.noinit) }} > RAM
 .data : {{ . = ALIGN(4); *(.data*) }} > RAM AT> FLASH
 .ramfunc : {{ *(.ramfunc) }} > RAM AT> FLASH
 .bss (NOLOAD) : {{ *(.bss) }} > RAM
}}
"""


@pytest.fixture(scope="module")
def linked(tmp_path_factory):
    """Return a function that links the program and returns its folder, with app.elf and app.bin, which objcopy made."""
    folder = tmp_path_factory.mktemp("elf")
    (folder / "app.S").write_text(SOURCE)
    tool(folder, "as", "-mcpu=cortex-m4", "-mthumb", "app.S", "-o", "app.o")

    def link(*, origin: str, page: int, align: int = 4, options: tuple[str, ...] = ()) -> Path:
        name = f"{origin}-{page}-{align}-{'-'.join(options)}"
        (folder / f"{name}.ld").write_text(SCRIPT.format(origin=origin, align=align))
        tool(folder, "ld", "-T", f"{name}.ld", "-z", f"max-page-size={page}", *options, "app.o", "-o", f"{name}.elf")
        tool(folder, "objcopy", "-O", "binary", "--gap-fill", "0xff", f"{name}.elf", f"{name}.bin")
        return folder / f"{name}.elf"

    return link


def tool(folder: Path, name: str, *arguments: object) -> None:
    subprocess.run([PREFIX + name, *map(str, arguments)], cwd=folder, check=True, capture_output=True)


@pytest.mark.field
@pytest.mark.parametrize("page", [0x1000, 0x10000])
@pytest.mark.parametrize("align", [4, 1024])
@pytest.mark.parametrize("origin", ["0x08000000", "0x08001000", "0x0800C200", "0x08018200", "0x0802B200", "0x00026000"])
def test_binary_is_the_binary_of_objcopy(linked, origin, page, align):
    elf = linked(origin=origin, page=page, align=align)
    image = FirmwareImage.open(elf)
    binary = elf.with_suffix(".bin").read_bytes()
    assert convert(image).data == binary
    assert image.description.address_range == (int(origin, 16), int(origin, 16) + len(binary))
    assert image.description.converts_to_bytes == len(binary)


@pytest.mark.field
@pytest.mark.skipif(LLVM is None, reason="needs llvm-objcopy, which removes section headers")
@pytest.mark.parametrize("page", [0x1000, 0x10000])
@pytest.mark.parametrize("origin", ["0x08000000", "0x0800C200", "0x08018200"])
def test_file_without_section_headers_has_no_file_headers_in_its_binary(linked, origin, page):
    elf = linked(origin=origin, page=page)
    stripped = elf.with_suffix(".stripped.elf")
    subprocess.run([str(LLVM), "--strip-sections", str(elf), str(stripped)], check=True)
    converted = convert(FirmwareImage.open(stripped)).data
    binary = elf.with_suffix(".bin").read_bytes()
    # Between the headers and the first section, a segment has bytes of alignment, which only the sections show.
    assert b"\x7fELF" not in converted
    assert converted.endswith(binary)
    assert not converted[: len(converted) - len(binary)].strip(b"\0")


@pytest.mark.field
@pytest.mark.parametrize("options", [("--strip-all",), ("-N",), ("-n",)], ids=" ".join)
def test_other_layouts_of_the_linker(linked, options):
    elf = linked(origin="0x0800C200", page=0x10000, options=options)
    assert convert(FirmwareImage.open(elf)).data == elf.with_suffix(".bin").read_bytes()


def test_address_check_uses_the_addresses_of_the_content(linked):
    elf = linked(origin="0x08018200", page=0x10000)
    requirements = ImageRequirements(flash_start=0x0801_8200, flash_bytes=0x10000)
    result = check(FirmwareImage.open(elf, requirements=requirements))
    assert [finding.code for finding in result.findings.errors] == ["not-binary"]


def test_object_file_is_refused(linked):
    elf = linked(origin="0x08000000", page=0x1000)
    with pytest.raises(ImageError, match="an object file: link it first"):
        convert(FirmwareImage.open(elf.parent / "app.o"))


# --- made by hand


def with_headers_in_segment(text: bytes, *, sections: bool) -> bytes:
    """Return a file whose only segment begins with the headers of the file, 0x200 bytes before the text at 0x0800C200."""
    offset = 0x200
    names = b"\0.text\0.shstrtab\0".ljust(32, b"\0")
    count = 3 if sections else 0
    header = (
        b"\x7fELF\1\1\1"
        + bytes(9)
        + struct.pack(
            "<HHIIIIIHHHHHH",
            2,
            40,
            1,
            0x0800C209,
            52,
            offset + len(text) + 32 if sections else 0,
            0,
            52,
            32,
            1,
            40,
            count,
            count and 2,
        )
    )
    size = offset + len(text)
    segment = struct.pack("<8I", 1, 0, 0x0800C000, 0x0800C000, size, size, 5, 0x1000)
    table = bytes(40) + struct.pack("<10I", 1, 1, 6, 0x0800C200, offset, len(text), 0, 0, 4, 0)
    table += struct.pack("<10I", 7, 3, 0, 0, size, 17, 0, 0, 1, 0)
    return (header + segment).ljust(offset, b"\0") + text + (names + table if sections else b"")


@given(st.binary(max_size=300))
def test_headers_in_a_segment_are_never_in_the_binary(content):
    text = b"Z" + content + b"Z"  # a content that is a container again is an error
    assert convert(FirmwareImage.open(with_headers_in_segment(text, sections=True))).data == text
    bare = FirmwareImage.open(with_headers_in_segment(text, sections=False))
    assert convert(bare).data == bytes(0x200 - 52 - 32) + text
    assert bare.description.address_range == (0x0800C000 + 84, 0x0800C200 + len(text))


def test_sections_without_physical_addresses_are_at_their_own_addresses():
    elf = bytearray(corpus.elf([(0x0800_0000, b"a" * 8), (0x0800_0008, b"b" * 8)]))
    for number in range(2):
        struct.pack_into("<I", elf, 52 + 32 * number + 12, 0)
    assert FirmwareImage.open(bytes(elf)).description.address_range == (0x0800_0000, 0x0800_0010)


def test_content_that_is_a_container_again_is_an_error():
    inner = corpus.ihex((0, 0, b"x"), (1, 0, b""))
    with pytest.raises(ImageError, match="its content is intel-hex again"):
        convert(FirmwareImage.open(corpus.elf([(0x0800_0000, inner)])))


def test_esp32_file_is_sent_to_its_own_tool():
    image = FirmwareImage.open(corpus.elf([(0x400D_0020, b"x" * 64)], machine=94))
    assert [finding.code for finding in image.findings] == ["not-binary"]
    with pytest.raises(ImageError, match="esptool elf2image"):
        convert(image)
    riscv = FirmwareImage.open(corpus.elf([(0x4200_0020, b"x" * 64)], machine=243))
    with pytest.raises(ImageError, match="esptool elf2image"):
        convert(riscv)
    other = FirmwareImage.open(corpus.elf([(0x0800_0000, b"x" * 64)], machine=243))
    assert convert(other).data == b"x" * 64


def test_machine_that_the_library_does_not_name():
    assert FirmwareImage.open(corpus.elf([(0, b"x")], machine=6317)).description.hardware == "AVR32"
