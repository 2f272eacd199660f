"""Patches of Espressif's esp_delta_ota, built as its tool builds them, between applications made by esptool."""

from __future__ import annotations

import hashlib
import struct
import sys

import pytest

from fuota.device import inspect_patch
from fuota.errors import ImageError
from fuota.image import FirmwareImage, ImageFormat
from fuota.image.delta import apply_patch
from tests.image import corpus


def application(version: str, firmware: bytes, *, has_hash: bool = True) -> bytes:
    """Return an application with one segment, and with the SHA-256 that esptool appends by default."""
    descriptor = struct.pack("<II8s32s32s", 0xABCD5432, 0, b"", version.encode(), b"sensor").ljust(256, b"\0")
    content = descriptor + firmware
    head = struct.pack("<BBBBI4sHBHH4sB", 0xE9, 1, 0, 0, 0, b"", 5, 0, 0, 0, b"", has_hash)
    body = head + struct.pack("<II", 0x4200_0020, len(content)) + content
    checksum = 0xEF
    for byte in content:
        checksum ^= byte
    image = body + bytes(-(len(body) + 1) % 16) + bytes([checksum])
    return image + hashlib.sha256(image).digest() if has_hash else image


OLD, NEW = application("1.0.0", corpus.OLD), application("1.1.0", corpus.FIRMWARE)
PATCH = corpus.esp_delta(OLD, NEW)


def test_patch_is_described(describe, message_of):
    description = describe(PATCH)
    assert description.format is ImageFormat.ESP_DELTA_PATCH
    assert (description.is_patch, description.image_bytes) == (True, len(NEW))
    assert sum(part.size for part in description.parts) == len(PATCH)
    assert [part.offset for part in description.parts] == [0, 64]
    assert "heatshrink, window 8 and lookahead 7" in message_of(description, "patch")
    assert f"from a base with the SHA-256 {OLD[-32:].hex()[:16]}" in message_of(description, "patch")
    assert len(description.findings) == 1


def test_hash_in_the_header_proves_the_base():
    patch_check, target = inspect_patch(FirmwareImage.open(PATCH), OLD, formats=("esp-delta-patch", "esp-app"))
    assert target.image.data == NEW
    assert target.image.version == "1.1.0"
    assert patch_check.findings.errors == target.findings.errors == ()
    assert {"base-unproven", "base-unknown", "patch-unsupported"}.isdisjoint(patch_check.findings.codes)


@pytest.mark.parametrize(
    "base",
    [NEW, application("1.0.0", corpus.OLD[:-1]), corpus.OLD, application("1.0.0", corpus.OLD, has_hash=False), b""],
)
def test_other_base_is_refused(base):
    with pytest.raises(ImageError, match=f"a base with the SHA-256 {OLD[-32:].hex()[:16]}…, but this base has"):
        apply_patch(base, PATCH)


def test_hash_of_an_application_without_a_hash_inside_is_the_hash_of_its_file():
    """esp_partition_get_sha256() returns the SHA-256 of the whole image then (bootloader_common.h)."""
    base = application("1.0.0", corpus.OLD, has_hash=False)
    patch = corpus.esp_delta(base, NEW, sha256=hashlib.sha256(base).digest())
    patch_check, _ = inspect_patch(FirmwareImage.open(patch), base)
    assert "patch-unsupported" not in patch_check.findings.codes
    assert patch_check.ok


def test_hash_of_the_file_instead_of_the_hash_inside_is_a_warning():
    patch = corpus.esp_delta(OLD, NEW, sha256=hashlib.sha256(OLD).digest())
    patch_check, _ = inspect_patch(FirmwareImage.open(patch), OLD)
    (message,) = [finding.message for finding in patch_check.findings.warnings if finding.code == "patch-unsupported"]
    assert "esp_partition_get_sha256() returns the SHA-256 inside" in message
    assert patch_check.ok


def test_target_that_is_not_an_application_is_a_warning():
    patch = corpus.esp_delta(corpus.OLD, corpus.FIRMWARE, sha256=hashlib.sha256(corpus.OLD).digest())
    patch_check, target = inspect_patch(FirmwareImage.open(patch), corpus.OLD)
    assert target.image.data == corpus.FIRMWARE
    (message,) = [finding.message for finding in patch_check.findings.warnings if finding.code == "patch-unsupported"]
    assert "makes is raw, but ESP-IDF takes only an ESP32 application" in message


@pytest.mark.parametrize(
    "how",
    [
        {"compression": "crle"},
        {"compression": "bz2"},
        {"heatshrink_window_sz2": 11, "heatshrink_lookahead_sz2": 4},
        {"patch_type": "in-place", "memory_size": 65_536, "segment_size": 4096},
    ],
)
def test_patch_that_the_component_does_not_apply_is_a_warning(describe, message_of, how):
    description = describe(corpus.esp_delta(OLD, NEW, **how))
    assert "only sequential patches with heatshrink" in message_of(description, "patch-unsupported")
    assert description.image_bytes == len(NEW)


@pytest.mark.parametrize("kept", [4, 36, 63, 64, 65, 70])
def test_header_without_a_patch_is_a_structure_error(describe, message_of, kept):
    description = describe(PATCH[:kept])
    assert description.format is ImageFormat.ESP_DELTA_PATCH
    assert message_of(description, "structure")
    with pytest.raises(ImageError):
        apply_patch(OLD, PATCH[:kept])


def test_damaged_patch_behind_the_header(describe, message_of):
    assert "cut off" in message_of(describe(PATCH[:-20]), "structure")
    assert "unexpected bytes" in message_of(describe(PATCH + b"\xff" * 20), "trailing")
    assert "not a patch of detools" in message_of(describe(PATCH[:64] + NEW), "structure")


def test_patch_cannot_be_checked_without_the_package(describe, message_of, monkeypatch):
    monkeypatch.setitem(sys.modules, "heatshrink2.core", None)
    assert "fuota[delta]" in message_of(describe(PATCH), "patch-unchecked")


@pytest.mark.field
def test_application_of_esptool_is_its_own_base():
    """esp_delta_ota_patch_gen.py takes the hash that esptool reports as the validation hash."""
    from esptool.bin_image import LoadFirmwareImage

    base = corpus.esp_app()
    image = LoadFirmwareImage("esp32c3", base)
    assert image.stored_digest == image.calc_digest
    patch = corpus.esp_delta(base, NEW, sha256=image.stored_digest)
    patch_check, target = inspect_patch(FirmwareImage.open(patch), base)
    assert target.image.data == NEW
    assert patch_check.ok
    assert "patch-unsupported" not in patch_check.findings.codes


def test_damaged_base_proves_nothing():
    damaged = bytes([OLD[1000] ^ 1 if offset == 1000 else byte for offset, byte in enumerate(OLD)])
    with pytest.raises(ImageError, match="this base is damaged"):
        apply_patch(damaged, PATCH)
