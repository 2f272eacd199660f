"""ESP32 applications, made by esptool and signed by espsecure, as processes."""

from __future__ import annotations

import struct

import pytest

from fuota.image import FirmwareImage, ImageFormat, SignatureState, convert
from tests.image import corpus


def test_image_of_esptool(describe):
    description = describe(corpus.esp_app())
    assert (description.format, description.hardware, description.version) == (ImageFormat.ESP_APP, "ESP32-C3", "2.3.4")
    assert description.signature is SignatureState.HASH_ONLY
    assert {digest.algorithm: digest.matches for digest in description.digests} == {"xor": True, "sha256": True}
    assert description.findings == ()
    assert {0x3C00_0020, 0x4200_0020, 0x4038_0000} <= {part.address for part in description.parts}


def test_image_signed_by_espsecure(describe):
    description = describe(corpus.esp_signed())
    assert description.signature is SignatureState.PRESENT
    assert description.findings == ()


def test_image_in_uf2(describe):
    assert describe(corpus.esp_uf2()).format is ImageFormat.UF2
    assert convert(FirmwareImage.open(corpus.esp_uf2())).data == corpus.esp_app()


@pytest.mark.parametrize("make", [corpus.esp_app, corpus.esp_signed], ids=["plain", "signed"])
def test_damage_changes_checksum_and_hash(describe, message_of, make):
    image = bytearray(make())
    image[0x100] ^= 1
    assert [digest.matches for digest in describe(bytes(image)).digests] == [False, False]
    image[len(corpus.esp_app()) - 1] ^= 1
    assert not describe(bytes(image)).digests[1].matches


def test_damaged_hash_is_an_error_although_the_checksum_is_right(describe):
    image = bytearray(corpus.esp_app())
    image[-1] ^= 1
    assert [digest.matches for digest in describe(bytes(image)).digests] == [True, False]
    assert "its sha256" in describe(bytes(image)).findings[0].message


@pytest.mark.parametrize("kept", [24, 30, 31, 32, 300, 20_000, -1, -33])
def test_cut_off_file_is_a_structure_error(describe, message_of, kept):
    assert "cut off" in message_of(describe(corpus.esp_app()[:kept]), "structure")


def test_trailing_bytes_are_an_error(describe, message_of):
    assert "7 unexpected bytes follow" in message_of(describe(corpus.esp_app() + b"and more"[:7]), "trailing")


def test_unknown_chip_is_named_by_its_number(describe):
    image = bytearray(corpus.esp_app())
    struct.pack_into("<H", image, 12, 0xC8)
    assert describe(bytes(image)).hardware == "chip 200"


def test_image_without_hash_and_descriptor(describe):
    body = struct.pack("<BBBBI4sHBHH4sB", 0xE9, 1, 0, 0, 0, b"", 0, 0, 0, 0, b"", 0) + struct.pack(
        "<II", 0x4008_0000, 7
    )
    image = (body + b"\xef" + bytes(6)).ljust(47, b"\0") + b"\0"
    description = describe(image)
    assert (description.version, description.hardware, description.signature) == (None, "ESP32", SignatureState.NONE)
    assert [digest.matches for digest in description.digests] == [True]
