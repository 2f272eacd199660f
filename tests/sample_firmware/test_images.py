"""The committed images match their names, sums, headers and README."""

from __future__ import annotations

import hashlib
import math
import re
import struct
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import load_pem_public_key

from fuota.image import FirmwareImage, convert
from fuota.image.delta import apply_patch

FOLDER = Path(__file__).parents[2] / "sample_firmware"
VERSIONS = ("1.0.0", "1.1.0")
SUFFIXES = ("bin", "elf", "hex", "srec", "uf2", "signed.bin")
PATCHES = ("sensor-1.0.0-to-1.1.0.patch", "sensor-1.0.0-to-1.1.0.signed.patch")
NAMES = [
    *(f"sensor-{version}.{suffix}" for version in VERSIONS for suffix in SUFFIXES),
    *PATCHES,
    "test-key.pub.pem",
    "boot.elf",
]
FLASH_BYTES = 64 * 1024
RAM_START, RAM_BYTES = 0x2000_0000, 32 * 1024

both_versions = pytest.mark.parametrize("version", VERSIONS)


def image(version: str) -> bytes:
    return (FOLDER / f"sensor-{version}.bin").read_bytes()


def hex_bytes(text: str) -> bytes:
    """Return the bytes of an Intel HEX file without gaps that starts at address 0."""
    data, base = bytearray(), 0
    for line in text.splitlines():
        record = bytes.fromhex(line.removeprefix(":"))
        assert sum(record) % 256 == 0, line
        kind, offset, content = record[3], int.from_bytes(record[1:3]), record[4:-1]
        assert len(content) == record[0]
        if kind == 0:
            assert base + offset == len(data), f"gap before {line}"
            data += content
        elif kind in (2, 4):
            base = int.from_bytes(content) << (4 if kind == 2 else 16)
    return bytes(data)


def elf_bytes(data: bytes) -> bytes:
    """Return the bytes in flash of the PT_LOAD segments of a 32-bit little-endian ELF, from physical address 0 without gaps."""
    assert data[:6] == b"\x7fELF\x01\x01"
    machine, offset = struct.unpack_from("<18xH8xI", data)
    assert machine == 40  # EM_ARM
    entry_bytes, count = struct.unpack_from("<42xHH", data)
    loaded = bytearray()
    for i in range(count):
        kind, start, _, address, length = struct.unpack_from("<5I", data, offset + i * entry_bytes)
        if kind == 1 and length:
            assert address == len(loaded)
            loaded += data[start : start + length]
    return bytes(loaded)


def test_sums_match_every_image() -> None:
    lines = (FOLDER / "SHA256SUMS").read_text().splitlines()
    assert sorted(lines) == sorted(
        f"{hashlib.sha256((FOLDER / name).read_bytes()).hexdigest()}  {name}" for name in NAMES
    )


@both_versions
def test_bin_begins_with_a_vector_table(version: str) -> None:
    data = image(version)
    stack, *handlers = struct.unpack_from("<48I", data)
    assert stack == RAM_START + RAM_BYTES
    for handler in filter(None, handlers):
        assert handler % 2 == 1, "Thumb code has odd addresses"
        assert 0xE0 < handler < len(data)
    assert handlers[0], "reset"


@both_versions
def test_size_is_typical_for_a_small_sensor(version: str) -> None:
    assert 10_000 <= len(image(version)) <= 24 * 1024


@both_versions
def test_hex_and_elf_hold_the_bytes_of_the_bin(version: str) -> None:
    assert hex_bytes((FOLDER / f"sensor-{version}.hex").read_text()) == image(version)
    assert elf_bytes((FOLDER / f"sensor-{version}.elf").read_bytes()) == image(version)


@both_versions
def test_identification_block(version: str) -> None:
    data = image(version)
    magic, major, minor, patch, layout, length, hardware_id, name = struct.unpack_from("<4s4B2I16s", data, 0xC0)
    assert magic == b"FWID"
    assert data.index(magic) == 0xC0, "it is the first match of a search"
    assert f"{major}.{minor}.{patch}" == version
    assert layout == 1
    assert length == len(data)
    assert hardware_id == 0x0385_0001
    assert name.rstrip(b"\0") == b"fuota-sensor"


@both_versions
def test_image_ends_with_the_sha256_of_all_before_it(version: str) -> None:
    data = image(version)
    assert hashlib.sha256(data[:-32]).digest() == data[-32:]


def test_boot_loader_has_vectors_at_0_and_code_beyond_every_image() -> None:
    data = (FOLDER / "boot.elf").read_bytes()
    offset, count = struct.unpack_from("<28xI12xH", data)
    vectors, code = (struct.unpack_from("<8I", data, offset + 32 * i) for i in range(count))
    stack, entry = struct.unpack_from("<2I", data, vectors[1])
    assert (vectors[3], vectors[4], stack) == (0, 8, RAM_START + RAM_BYTES)
    assert code[3] <= entry - 1 < code[3] + code[4] <= 4 << 20
    assert code[3] >= FLASH_BYTES
    assert code[4] == code[5], "it keeps no variables"
    assert f"| `boot.elf` | {len(data)} |" in (FOLDER / "README.md").read_text()


@both_versions
@pytest.mark.parametrize("suffix", ["elf", "hex", "srec", "uf2"])
def test_every_container_gives_the_bin(version: str, suffix: str) -> None:
    container = FirmwareImage.open(FOLDER / f"sensor-{version}.{suffix}")
    assert convert(container).data == image(version)


@both_versions
def test_signed_image_holds_the_bin_and_a_signature_of_the_test_key(version: str) -> None:
    data = (FOLDER / f"sensor-{version}.signed.bin").read_bytes()
    magic, _, header_bytes, _, image_bytes, _, major, minor, revision = struct.unpack_from("<IIHHIIBBH", data)
    assert magic == 0x96F3B83D
    assert f"{major}.{minor}.{revision}" == version
    assert data[header_bytes : header_bytes + image_bytes] == image(version)
    key = load_pem_public_key((FOLDER / "test-key.pub.pem").read_bytes())
    assert isinstance(key, Ed25519PublicKey)
    key.verify(data[-64:], hashlib.sha256(data[: header_bytes + image_bytes]).digest())  # the last TLV


@pytest.mark.parametrize(("patch", "suffix"), [*zip(PATCHES, ("bin", "signed.bin"), strict=True)])
def test_patch_leads_from_one_version_to_the_other(patch: str, suffix: str) -> None:
    old, new = ((FOLDER / f"sensor-{version}.{suffix}").read_bytes() for version in VERSIONS)
    data = (FOLDER / patch).read_bytes()
    assert apply_patch(old, data) == new
    assert len(data) < len(new) / 5
    assert f"| `{patch}` | {len(data)} |" in (FOLDER / "README.md").read_text()


def test_versions_differ_in_more_than_their_number() -> None:
    old, new = map(image, VERSIONS)
    assert len(new) - len(old) > 500
    assert b"too warm" in new
    assert b"too warm" not in old


@pytest.mark.parametrize("name", NAMES)
def test_no_path_of_the_build_machine_inside(name: str) -> None:
    assert re.findall(rb"(?:/[\w.+-]{2,}){2,}", (FOLDER / name).read_bytes()) == []


def crc_entry(i: int) -> int:
    crc = i << 8
    for _ in range(8):
        crc = crc << 1 ^ (0x1021 if crc & 0x8000 else 0)
    return crc & 0xFFFF


def thermistor_entry(code: int) -> int:
    if not 0 < code < 4096:
        return -5500 if code else 15000
    kelvin = 1 / (1 / 298.15 + math.log(code / (4096 - code)) / 3950)
    return max(-5500, min(15000, round(100 * (kelvin - 273.15))))


TABLES = {
    "sine": struct.pack("<257h", *(min(32767, round(32768 * math.sin(math.pi / 512 * i))) for i in range(257))),
    "crc": struct.pack("<256H", *map(crc_entry, range(256))),
    "thermistor": struct.pack("<257h", *(thermistor_entry(16 * i) for i in range(257))),
}


@both_versions
@pytest.mark.parametrize("table", TABLES)
def test_tables_follow_the_formulas_in_their_comments(version: str, table: str) -> None:
    assert TABLES[table] in image(version)


def test_readme_states_the_measured_sizes_and_the_tools() -> None:
    readme = (FOLDER / "README.md").read_text()
    for suffix in SUFFIXES:
        old, new = ((FOLDER / f"sensor-{version}.{suffix}").stat().st_size for version in VERSIONS)
        assert f"| `.{suffix}`, bytes | {old} | {new} |" in readme
    for line in (FOLDER / "COMPILER").read_text().splitlines():
        assert line in readme
