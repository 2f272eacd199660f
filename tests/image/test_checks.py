"""Checks of an image against the requirements of a device."""

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
from tests.image import corpus

ROOT = Path(__file__).parents[2]
SAMPLE = ROOT / "sample_firmware" / "sensor-1.1.0.bin"
FIRMWARE = SAMPLE.read_bytes()
RANDOM = random.Random(3).randbytes(20_000)


def checked(data: bytes, **requirements: object):
    return check(FirmwareImage.open(data, requirements=ImageRequirements(**requirements)))


def finding_of(data: bytes, code: str, **requirements: object):
    (match,) = (finding for finding in checked(data, **requirements).findings if finding.code == code)
    return match


def mcuboot(version: str = "1.2.3", *tlvs: tuple[int, bytes], flags: int = 0) -> bytes:
    """Return a header, the firmware, its SHA-256 and the further TLVs."""
    major, minor, revision = map(int, version.split("."))
    header = struct.pack("<IIHHIIBBHII", 0x96F3B83D, 0, 32, 0, len(FIRMWARE), flags, major, minor, revision, 0, 0)
    hashed = header + FIRMWARE
    all_tlvs = ((0x10, hashlib.sha256(hashed).digest()), *tlvs)
    content = b"".join(struct.pack("<HH", kind, len(value)) + value for kind, value in all_tlvs)
    return hashed + struct.pack("<HH", 0x6907, 4 + len(content)) + content


SIGNED = (0x24, bytes(range(64)))
"""A TLV of an Ed25519 signature by any key."""


def described(requirements: ImageRequirements, **values: object) -> FirmwareImage:
    """Return an image whose reader gives this description."""
    image = FirmwareImage.open(RANDOM[:500], requirements=requirements)
    vars(image)["description"] = Description(**values)
    return image


def patch_for(base_sha256: str | None, image_bytes: int, requirements: ImageRequirements) -> FirmwareImage:
    """Return an image that its reader recognises as a patch."""
    return described(requirements, format=ImageFormat.DETOOLS_PATCH, base_sha256=base_sha256, image_bytes=image_bytes)


# --- whether it may be sent at all


def test_good_binary_may_be_sent():
    result = checked(FIRMWARE, formats=("raw",), slot_bytes=len(FIRMWARE), max_block_bytes=65_536)
    assert result.ok
    assert not result.findings.warnings
    assert result.signature is SignatureState.NONE


@pytest.mark.parametrize("size", [1, 7, 8, 100, 5_000])
@pytest.mark.parametrize("value", [0x00, 0xFF])
def test_erased_memory_is_blank(value, size):
    result = checked(bytes([value]) * size)
    assert not result.ok
    assert "blank" in result.findings.codes
    assert "filler" not in result.findings.codes


def test_no_bytes_is_empty():
    assert checked(b"").findings.errors[0].code == "empty"


@pytest.mark.parametrize("suffix", ["elf", "hex"])
def test_container_error_names_the_command_that_converts_it(suffix):
    image = FirmwareImage.open(SAMPLE.with_suffix(f".{suffix}"))
    result = check(image)
    (finding,) = result.findings.errors
    assert finding.code == "not-binary"
    assert "fuota image convert" in finding.message
    assert check(convert(image)).ok


def test_container_may_be_sent_if_the_profile_accepts_it():
    image = FirmwareImage.open(SAMPLE.with_suffix(".hex"), requirements=ImageRequirements(formats=("intel-hex",)))
    assert check(image).ok


def test_format_that_the_device_does_not_accept():
    finding = finding_of(FIRMWARE, "wrong-format", formats=("mcuboot", "suit"))
    assert finding.severity is Severity.ERROR
    assert "it is raw, but the device accepts only mcuboot or suit: `imgtool sign`" in finding.message


# --- size and place


@pytest.mark.parametrize(("limit", "code"), [("slot_bytes", "slot"), ("max_block_bytes", "session"), (None, None)])
def test_image_one_byte_too_large_is_an_error(limit, code):
    size = len(FIRMWARE)
    if limit is None:
        assert checked(FIRMWARE, slot_bytes=size, max_block_bytes=size).ok
        return
    finding = finding_of(FIRMWARE, code, **{limit: size - 1})
    assert finding.severity is Severity.ERROR
    assert f"{size - 1}" in finding.message
    assert "1 too many" in finding.message


@pytest.mark.parametrize(("size", "codes"), [(16_383 * 255, set()), (16_383 * 255 + 1, {"too-large"})])
def test_image_larger_than_any_session(size, codes):
    image = FIRMWARE.ljust(size, b"\x5a")
    assert {finding.code for finding in checked(image).findings.errors} == codes


def test_size_of_a_container_is_the_size_of_its_binary():
    elf = SAMPLE.with_suffix(".elf").read_bytes()
    assert len(elf) > len(FIRMWARE)
    assert "slot" not in checked(elf, slot_bytes=len(FIRMWARE)).findings.codes
    assert "slot" in checked(elf, slot_bytes=len(FIRMWARE) - 1).findings.codes


def test_image_linked_for_another_flash():
    elf = SAMPLE.with_suffix(".elf").read_bytes()
    assert finding_of(elf, "address", flash_start=0x0800_0000, flash_bytes=65_536).severity is Severity.ERROR
    assert "address" not in checked(elf, flash_start=0, flash_bytes=65_536).findings.codes
    assert "address" in checked(elf, flash_start=0, flash_bytes=len(FIRMWARE) - 1).findings.codes


# --- hardware and version


def test_image_for_other_hardware():
    uf2 = bytearray(SAMPLE.with_suffix(".uf2").read_bytes())
    for offset in range(0, len(uf2), 512):
        struct.pack_into("<I", uf2, offset + 8, 0x2000)
        struct.pack_into("<I", uf2, offset + 28, 0x21460FF0)
    assert finding_of(bytes(uf2), "hardware", hardware="nRF52").severity is Severity.ERROR
    assert "hardware" not in checked(bytes(uf2), hardware="stm32wl").findings.codes


@pytest.mark.parametrize("suffix", ["bin", "elf"])
def test_unknown_hardware_is_a_warning(suffix):
    data = SAMPLE.with_suffix(f".{suffix}").read_bytes()
    assert finding_of(data, "hardware-unknown", hardware="STM32WL").severity is Severity.WARNING


def test_version_is_not_checked_without_a_running_version():
    assert {"downgrade", "same-version", "version-unknown"}.isdisjoint(checked(FIRMWARE).findings.codes)


def test_missing_version_is_a_note():
    assert finding_of(FIRMWARE, "version-unknown", running_version="1.0.0").severity is Severity.NOTE


@pytest.mark.parametrize(
    ("running", "downgrade", "code", "severity"),
    [
        ("1.2.4", False, "downgrade", Severity.ERROR),
        ("1.2.4", True, "downgrade", Severity.NOTE),
        ("1.2.3", False, "same-version", Severity.WARNING),
        ("nightly", False, "version-unknown", Severity.NOTE),
    ],
)
def test_version_not_above_the_running_version(running, downgrade, code, severity):
    assert finding_of(mcuboot(), code, running_version=running, downgrade=downgrade).severity is severity


def test_newer_version_has_no_finding():
    assert checked(mcuboot(), running_version="1.2.2").findings.codes == checked(mcuboot()).findings.codes


# --- content


def test_filler_finding_has_its_length_and_offset():
    padded = FIRMWARE + b"\xff" * 4_096
    finding = finding_of(padded, "filler")
    assert finding.severity is Severity.WARNING
    assert f"4096 bytes, at offset {len(FIRMWARE)}" in finding.message
    assert checked(padded).filler_bytes == 4_096 + filler(FIRMWARE).size
    assert finding_of(FIRMWARE, "filler").severity is Severity.NOTE


def test_random_bytes_are_a_note():
    assert finding_of(RANDOM, "random").severity is Severity.NOTE
    assert "random" not in checked(FIRMWARE).findings.codes


def test_raw_binary_is_advised_to_use_a_container():
    finding = finding_of(FIRMWARE, "no-container")
    assert finding.severity is Severity.WARNING
    assert "MCUboot" in finding.message
    assert finding_of(FIRMWARE, "no-container", formats=("raw",)).severity is Severity.NOTE


# --- the signature


def test_unsigned_image_is_an_error_if_a_signature_is_required():
    assert finding_of(FIRMWARE, "unsigned", signed=True).severity is Severity.ERROR
    for unsigned, code in ((FIRMWARE, "unsigned"), (mcuboot(), "hash-only")):
        with_key = check(FirmwareImage.open(unsigned), public_key=b"whatever")
        assert {finding.code for finding in with_key.findings.errors} == {code}, "a key requires a signature"
    assert "unsigned" not in checked(FIRMWARE).findings.codes


@pytest.mark.parametrize(
    ("image", "state", "code"),
    [
        (mcuboot(), SignatureState.HASH_ONLY, "hash-only"),
        (mcuboot("1.0.0", SIGNED), SignatureState.PRESENT, "signature-not-verified"),
    ],
)
def test_hash_or_unverified_signature_is_not_enough_if_a_signature_is_required(image, state, code):
    assert checked(image).signature is state
    assert finding_of(image, code).severity is Severity.WARNING
    assert finding_of(image, code, signed=True).severity is Severity.ERROR


@pytest.mark.parametrize("signed", [True, False])
@pytest.mark.parametrize(("state", "codes"), [(SignatureState.WRONG, {"signature"}), (SignatureState.VERIFIED, set())])
def test_wrong_signature_is_an_error(state, codes, signed):
    image = described(ImageRequirements(signed=signed), format=ImageFormat.MCUBOOT, signature=state)
    assert {finding.code for finding in check(image).findings.errors} == codes


def test_hash_is_never_called_a_signature():
    result = checked(mcuboot())
    assert result.signature.value == "hash only"
    assert "no signature" in finding_of(mcuboot(), "hash-only").message


def test_hash_shows_damage():
    image = bytearray(mcuboot())
    image[5_000] ^= 1
    assert finding_of(bytes(image), "hash").severity is Severity.ERROR


@pytest.mark.parametrize("kept", [20, 32, 5_000, len(FIRMWARE) + 32, len(FIRMWARE) + 33, len(FIRMWARE) + 52])
def test_cut_off_image_is_a_structure_error(kept):
    assert finding_of(mcuboot()[:kept], "structure").severity is Severity.ERROR


def test_trailing_bytes_are_an_error():
    assert finding_of(mcuboot() + b"more", "trailing").severity is Severity.ERROR


def test_slot_padding_is_an_error_and_conversion_removes_it():
    padded = mcuboot().ljust(65_536, b"\xff")
    assert "fuota image convert" in finding_of(padded, "slot-padding").message
    assert convert(FirmwareImage.open(padded)).data == mcuboot()


def test_encrypted_image_is_a_note():
    assert finding_of(corpus.imgtool(key="p256", encrypt="p256"), "encrypted").severity is Severity.NOTE


# --- patches


@pytest.mark.parametrize(
    ("stated", "running", "code", "severity"),
    [
        (None, None, "base-unknown", Severity.WARNING),
        ("ab" * 32, None, "base-unknown", Severity.WARNING),
        ("ab" * 32, "cd" * 32, "base", Severity.ERROR),
        ("ab" * 32, "ab" * 32, None, None),
        (None, "ab" * 32, None, None),
    ],
)
def test_patch_must_be_for_the_running_image(stated, running, code, severity):
    findings = check(patch_for(stated, 9_000, ImageRequirements(base_sha256=running))).findings
    assert [(finding.code, finding.severity) for finding in findings if finding.code.startswith("base")] == (
        [(code, severity)] if code else []
    )


def test_target_of_a_patch_must_fit_the_flash():
    for flash_bytes, codes in ((8_999, {"flash"}), (9_000, set())):
        findings = check(patch_for(None, 9_000, ImageRequirements(flash_bytes=flash_bytes))).findings
        assert {finding.code for finding in findings.errors} == codes


# --- all checks together


@given(st.binary(max_size=3_000), st.booleans())
def test_any_bytes_give_findings(data, signed):
    result = checked(data, signed=signed, hardware="x", running_version="1.0", slot_bytes=100, flash_start=0)
    assert result.ok == (not result.findings.errors)


def test_findings_are_sorted_by_severity():
    order = ["error", "warning", "note"]
    severities = [finding.severity.value for finding in checked(FIRMWARE, slot_bytes=10, running_version="1").findings]
    assert severities == sorted(severities, key=order.index)
    assert len(set(severities)) == 3


@pytest.mark.parametrize(
    ("requirements", "words"),
    [
        ({"formats": ("exe",)}, "formats must be one of raw, intel-hex"),
        ({"slot_bytes": 0}, "slot_bytes must be 1 or more, got 0"),
        ({"flash_start": -1}, "flash_start must be 0 to 4294967295, got -1"),
        ({"base_sha256": "AB"}, "base_sha256 must be 64 hexadecimal digits in lower case, got 'AB'"),
    ],
)
def test_illegal_requirements_are_refused(requirements, words):
    with pytest.raises(ParameterError, match=re.escape(words)):
        ImageRequirements(**requirements)
