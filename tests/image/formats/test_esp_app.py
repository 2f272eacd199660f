"""ESP32 applications, made by esptool and signed by espsecure, as processes."""

from __future__ import annotations

import struct

import pytest

from fuota.image import FirmwareImage, ImageFormat, SignatureState, convert
from tests.image import corpus


def test_what_esptool_makes(describe):
    found = describe(corpus.esp_app())
    assert (found.format, found.hardware, found.version) == (ImageFormat.ESP_APP, "ESP32-C3", "2.3.4")
    assert found.signature is SignatureState.HASH_ONLY
    assert {digest.algorithm: digest.matches for digest in found.digests} == {"xor": True, "sha256": True}
    assert found.findings == ()
    assert {0x3C00_0020, 0x4200_0020, 0x4038_0000} <= {part.address for part in found.parts}


def test_what_espsecure_signs(describe):
    found = describe(corpus.esp_signed())
    assert found.signature is SignatureState.PRESENT
    assert found.findings == ()


def test_inside_uf2(describe):
    assert describe(corpus.esp_uf2()).format is ImageFormat.UF2
    assert convert(FirmwareImage.open(corpus.esp_uf2())).data == corpus.esp_app()


@pytest.mark.parametrize("of", [corpus.esp_app, corpus.esp_signed], ids=["plain", "signed"])
def test_damage_is_found(describe, complaint, of):
    image = bytearray(of())
    image[0x100] ^= 1
    assert [digest.matches for digest in describe(bytes(image)).digests] == [False, False]
    image[len(corpus.esp_app()) - 1] ^= 1
    assert not describe(bytes(image)).digests[1].matches


def test_a_damaged_hash_is_found_though_the_checksum_is_right(describe):
    image = bytearray(corpus.esp_app())
    image[-1] ^= 1
    assert [digest.matches for digest in describe(bytes(image)).digests] == [True, False]
    assert "its sha256" in describe(bytes(image)).findings[0].message


@pytest.mark.parametrize("kept", [24, 30, 31, 32, 300, 20_000, -1, -33])
def test_every_way_to_cut_it_off_is_found(describe, complaint, kept):
    assert "cut off" in complaint(describe(corpus.esp_app()[:kept]), "structure")


def test_what_follows_is_an_error(describe, complaint):
    assert "7 bytes follow" in complaint(describe(corpus.esp_app() + b"and more"[:7]), "trailing")


def test_a_chip_of_which_nothing_is_known_is_told_by_its_number(describe):
    image = bytearray(corpus.esp_app())
    struct.pack_into("<H", image, 12, 0xC8)
    assert describe(bytes(image)).hardware == "chip 200"


def test_without_a_hash_or_a_descriptor(describe):
    body = struct.pack("<BBBBI4sHBHH4sB", 0xE9, 1, 0, 0, 0, b"", 0, 0, 0, 0, b"", 0) + struct.pack(
        "<II", 0x4008_0000, 7
    )
    image = (body + b"\xef" + bytes(6)).ljust(47, b"\0") + b"\0"
    found = describe(image)
    assert (found.version, found.hardware, found.signature) == (None, "ESP32", SignatureState.NONE)
    assert [digest.matches for digest in found.digests] == [True]
