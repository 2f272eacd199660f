"""Every check of an image, against what a device takes."""

from __future__ import annotations

import hashlib
import random
import re
import struct
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fuota.errors import ParameterError
from fuota.findings import Severity
from fuota.image import Description, FirmwareImage, ImageFormat, ImageRequirements, SignatureState, check, convert
from fuota.image.content import filler

ROOT = Path(__file__).parents[2]
SAMPLE = ROOT / "sample_firmware" / "sensor-1.1.0.bin"
FIRMWARE = SAMPLE.read_bytes()
RANDOM = random.Random(3).randbytes(20_000)


def checked(data: bytes, **asked: object):
    return check(FirmwareImage.open(data, requirements=ImageRequirements(**asked)))


def finding(data: bytes, code: str, **asked: object):
    (found,) = (one for one in checked(data, **asked).findings if one.code == code)
    return found


def mcuboot(version: str = "1.2.3", *tlvs: tuple[int, bytes], flags: int = 0) -> bytes:
    """A header, the firmware, and its SHA-256; further TLVs as they are given."""
    major, minor, revision = map(int, version.split("."))
    header = struct.pack("<IIHHIIBBHII", 0x96F3B83D, 0, 32, 0, len(FIRMWARE), flags, major, minor, revision, 0, 0)
    hashed = header + FIRMWARE
    every = ((0x10, hashlib.sha256(hashed).digest()), *tlvs)
    octets = b"".join(struct.pack("<HH", kind, len(value)) + value for kind, value in every)
    return hashed + struct.pack("<HH", 0x6907, 4 + len(octets)) + octets


SIGNED = (0x24, bytes(range(64)))
"""A TLV of an Ed25519 signature; whose, is nobody's question here."""


def described(requirements: ImageRequirements, **values: object) -> FirmwareImage:
    """An image of which its reader says this."""
    image = FirmwareImage.open(RANDOM[:500], requirements=requirements)
    vars(image)["description"] = Description(**values)
    return image


def patch_for(base_sha256: str | None, image_bytes: int, requirements: ImageRequirements) -> FirmwareImage:
    """An image that its reader takes for a patch."""
    return described(requirements, format=ImageFormat.DETOOLS_PATCH, base_sha256=base_sha256, image_bytes=image_bytes)


# --- what is sent at all


def test_a_sound_binary_may_be_sent():
    result = checked(FIRMWARE, formats=("raw",), slot_bytes=len(FIRMWARE), max_block_bytes=65_536)
    assert result.ok
    assert not result.findings.warnings
    assert result.signature is SignatureState.NONE


@pytest.mark.parametrize("size", [1, 7, 8, 100, 5_000])
@pytest.mark.parametrize("octet", [0x00, 0xFF])
def test_erased_memory_is_no_image(octet, size):
    result = checked(bytes([octet]) * size)
    assert not result.ok
    assert "blank" in result.findings.codes
    assert "filler" not in result.findings.codes


def test_nothing_is_no_image():
    assert checked(b"").findings.errors[0].code == "empty"


@pytest.mark.parametrize("suffix", ["elf", "hex"])
def test_what_no_device_takes_names_the_command_that_mends_it(suffix):
    image = FirmwareImage.open(SAMPLE.with_suffix(f".{suffix}"))
    result = check(image)
    (found,) = result.findings.errors
    assert found.code == "not-binary"
    assert "fuota image convert" in found.message
    assert check(convert(image)).ok


def test_a_bootloader_that_reads_hex_says_so():
    image = FirmwareImage.open(SAMPLE.with_suffix(".hex"), requirements=ImageRequirements(formats=("intel-hex",)))
    assert check(image).ok


def test_another_format_than_the_device_takes():
    found = finding(FIRMWARE, "wrong-format", formats=("mcuboot", "suit"))
    assert found.severity is Severity.ERROR
    assert "it is raw, and the device takes mcuboot or suit: `imgtool sign`" in found.message


# --- size and place


@pytest.mark.parametrize(("asked", "code"), [("slot_bytes", "slot"), ("max_block_bytes", "session"), (None, None)])
def test_what_does_not_fit_is_an_error_by_one_octet(asked, code):
    size = len(FIRMWARE)
    if asked is None:
        assert checked(FIRMWARE, slot_bytes=size, max_block_bytes=size).ok
        return
    found = finding(FIRMWARE, code, **{asked: size - 1})
    assert found.severity is Severity.ERROR
    assert f"{size - 1}" in found.message
    assert "1 too many" in found.message


@pytest.mark.parametrize(("size", "codes"), [(16_383 * 255, set()), (16_383 * 255 + 1, {"too-large"})])
def test_what_no_session_carries(size, codes):
    image = FIRMWARE.ljust(size, b"\x5a")
    assert {one.code for one in checked(image).findings.errors} == codes


def test_of_a_container_the_size_of_its_binary_counts():
    elf = SAMPLE.with_suffix(".elf").read_bytes()
    assert len(elf) > len(FIRMWARE)
    assert "slot" not in checked(elf, slot_bytes=len(FIRMWARE)).findings.codes
    assert "slot" in checked(elf, slot_bytes=len(FIRMWARE) - 1).findings.codes


def test_what_was_linked_for_another_flash():
    elf = SAMPLE.with_suffix(".elf").read_bytes()
    assert finding(elf, "address", flash_start=0x0800_0000, flash_bytes=65_536).severity is Severity.ERROR
    assert "address" not in checked(elf, flash_start=0, flash_bytes=65_536).findings.codes
    assert "address" in checked(elf, flash_start=0, flash_bytes=len(FIRMWARE) - 1).findings.codes


# --- hardware and version


def test_hardware_that_is_not_the_device_s():
    uf2 = bytearray(SAMPLE.with_suffix(".uf2").read_bytes())
    for at in range(0, len(uf2), 512):
        struct.pack_into("<I", uf2, at + 8, 0x2000)
        struct.pack_into("<I", uf2, at + 28, 0x21460FF0)
    assert finding(bytes(uf2), "hardware", hardware="nRF52").severity is Severity.ERROR
    assert "hardware" not in checked(bytes(uf2), hardware="stm32wl").findings.codes


@pytest.mark.parametrize("suffix", ["bin", "elf"])
def test_hardware_that_is_not_stated_is_warned_of(suffix):
    data = SAMPLE.with_suffix(f".{suffix}").read_bytes()
    assert finding(data, "hardware-unknown", hardware="STM32WL").severity is Severity.WARNING


def test_without_a_running_version_nothing_is_said_of_it():
    assert {"downgrade", "same-version", "version-unknown"}.isdisjoint(checked(FIRMWARE).findings.codes)


def test_a_binary_that_states_no_version_cannot_be_compared():
    assert finding(FIRMWARE, "version-unknown", running_version="1.0.0").severity is Severity.NOTE


@pytest.mark.parametrize(
    ("running", "allowed", "code", "severity"),
    [
        ("1.2.4", False, "downgrade", Severity.ERROR),
        ("1.2.4", True, "downgrade", Severity.NOTE),
        ("1.2.3", False, "same-version", Severity.WARNING),
        ("nightly", False, "version-unknown", Severity.NOTE),
    ],
)
def test_a_version_that_is_not_above_what_runs(running, allowed, code, severity):
    assert finding(mcuboot(), code, running_version=running, downgrade=allowed).severity is severity


def test_a_version_above_what_runs_is_no_finding():
    assert checked(mcuboot(), running_version="1.2.2").findings.codes == checked(mcuboot()).findings.codes


# --- content


def test_filler_is_told_with_its_share_of_the_airtime():
    padded = FIRMWARE + b"\xff" * 4_096
    found = finding(padded, "filler")
    assert found.severity is Severity.WARNING
    assert f"4096 bytes, at offset {len(FIRMWARE)}" in found.message
    assert checked(padded).filler_bytes == 4_096 + filler(FIRMWARE).size
    assert finding(FIRMWARE, "filler").severity is Severity.NOTE


def test_random_octets_are_no_code():
    assert finding(RANDOM, "random").severity is Severity.NOTE
    assert "random" not in checked(FIRMWARE).findings.codes


def test_a_raw_binary_is_told_which_container_there_is():
    found = finding(FIRMWARE, "no-container")
    assert found.severity is Severity.WARNING
    assert "MCUboot" in found.message
    assert finding(FIRMWARE, "no-container", formats=("raw",)).severity is Severity.NOTE


# --- the signature


def test_what_is_not_signed_is_refused_where_that_is_asked():
    assert finding(FIRMWARE, "unsigned", signed=True).severity is Severity.ERROR
    for unsigned, code in ((FIRMWARE, "unsigned"), (mcuboot(), "hash-only")):
        with_key = check(FirmwareImage.open(unsigned), public_key=b"whatever")
        assert {one.code for one in with_key.findings.errors} == {code}, "a key asks for a signature"
    assert "unsigned" not in checked(FIRMWARE).findings.codes


@pytest.mark.parametrize(
    ("image", "state", "code"),
    [
        (mcuboot(), SignatureState.HASH_ONLY, "hash-only"),
        (mcuboot("1.0.0", SIGNED), SignatureState.PRESENT, "signature-not-verified"),
    ],
)
def test_a_hash_or_an_unverified_signature_is_not_enough_where_a_signature_is_asked(image, state, code):
    assert checked(image).signature is state
    assert finding(image, code).severity is Severity.WARNING
    assert finding(image, code, signed=True).severity is Severity.ERROR


@pytest.mark.parametrize("signed", [True, False])
@pytest.mark.parametrize(("state", "codes"), [(SignatureState.WRONG, {"signature"}), (SignatureState.VERIFIED, set())])
def test_a_wrong_signature_is_an_error_and_a_verified_one_is_none(state, codes, signed):
    image = described(ImageRequirements(signed=signed), format=ImageFormat.MCUBOOT, signature=state)
    assert {one.code for one in check(image).findings.errors} == codes


def test_a_hash_is_never_called_a_signature():
    result = checked(mcuboot())
    assert result.signature.value == "hash only"
    assert "no signature" in finding(mcuboot(), "hash-only").message


def test_a_damaged_image_is_found_by_its_hash():
    image = bytearray(mcuboot())
    image[5_000] ^= 1
    assert finding(bytes(image), "hash").severity is Severity.ERROR


@pytest.mark.parametrize("kept", [20, 32, 5_000, len(FIRMWARE) + 32, len(FIRMWARE) + 33, len(FIRMWARE) + 52])
def test_an_image_that_was_cut_off(kept):
    assert finding(mcuboot()[:kept], "structure").severity is Severity.ERROR


def test_what_follows_an_image_was_not_signed():
    assert finding(mcuboot() + b"more", "trailing").severity is Severity.ERROR


def test_the_padding_of_a_slot_is_refused_and_the_command_that_strips_it_does():
    padded = mcuboot().ljust(65_536, b"\xff")
    assert "fuota image convert" in finding(padded, "slot-padding").message
    assert convert(FirmwareImage.open(padded)).data == mcuboot()


def test_of_an_encrypted_image_the_inside_cannot_be_checked():
    assert finding(mcuboot("1.0.0", SIGNED, flags=4), "encrypted").severity is Severity.NOTE


# --- patches


@pytest.mark.parametrize(
    ("stated", "runs", "code", "severity"),
    [
        (None, None, "base-unknown", Severity.WARNING),
        ("ab" * 32, None, "base-unknown", Severity.WARNING),
        ("ab" * 32, "cd" * 32, "base", Severity.ERROR),
        ("ab" * 32, "ab" * 32, None, None),
        (None, "ab" * 32, None, None),
    ],
)
def test_a_patch_is_for_one_base(stated, runs, code, severity):
    found = check(patch_for(stated, 9_000, ImageRequirements(base_sha256=runs))).findings
    assert [(one.code, one.severity) for one in found if one.code.startswith("base")] == (
        [(code, severity)] if code else []
    )


def test_what_a_patch_makes_must_fit_the_flash():
    for flash_bytes, codes in ((8_999, {"flash"}), (9_000, set())):
        found = check(patch_for(None, 9_000, ImageRequirements(flash_bytes=flash_bytes))).findings
        assert {one.code for one in found.errors} == codes


# --- the whole


@given(st.binary(max_size=3_000), st.booleans())
def test_no_octets_are_a_surprise(data, signed):
    result = checked(data, signed=signed, hardware="x", running_version="1.0", slot_bytes=100, flash_start=0)
    assert result.ok == (not result.findings.errors)


def test_errors_come_first_and_notes_last():
    order = ["error", "warning", "note"]
    found = [one.severity.value for one in checked(FIRMWARE, slot_bytes=10, running_version="1").findings]
    assert found == sorted(found, key=order.index)
    assert len(set(found)) == 3


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ({"formats": ("exe",)}, "formats has 'exe'"),
        ({"slot_bytes": 0}, "slot_bytes 0 was given"),
        ({"flash_start": -1}, "flash_start -1 was given"),
        ({"base_sha256": "AB"}, "base_sha256 'AB' was given"),
    ],
)
def test_requirements_that_no_device_has(asked, said):
    with pytest.raises(ParameterError, match=re.escape(said)):
        ImageRequirements(**asked)
