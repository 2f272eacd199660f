"""ESP32 applications, made by esptool and signed by espsecure, as processes."""

from __future__ import annotations

import struct

import pytest

from fuota.image import FirmwareImage, ImageFormat, SignatureState, check, convert
from fuota.image.formats.esp_chips import CHIPS
from tests.image import corpus

CHIP_NAMES = ("ESP32", "ESP32-C5", "ESP32-C61", "ESP32-H4", "ESP32-P4", "ESP32-S31")


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
    assert [digest.matches for digest in describe(bytes(image)).digests[:2]] == [False, False]
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
    assert [finding.code for finding in description.findings] == ["no-descriptor"]


# --- chips


@pytest.mark.field
def test_chips_and_their_flash_are_those_of_esptool():
    targets = pytest.importorskip("esptool.targets")
    chips = [chip for chip in targets.CHIP_DEFS.values() if getattr(chip, "IMAGE_CHIP_ID", None) is not None]
    for chip in chips:
        assert CHIPS[chip.IMAGE_CHIP_ID].name == chip.CHIP_NAME
        for low, high in (
            (chip.IROM_MAP_START, chip.IROM_MAP_END),
            (chip.DROM_MAP_START, chip.DROM_MAP_END),
        ):
            ours = CHIPS[chip.IMAGE_CHIP_ID]
            assert ours.is_flash(low), chip.CHIP_NAME
            assert ours.is_flash(high - 1), chip.CHIP_NAME
            assert not ours.is_flash(max(end for _, end in ours.flash)), chip.CHIP_NAME


@pytest.mark.parametrize("name", CHIP_NAMES)
def test_image_of_each_chip_is_for_the_hardware_of_that_name(describe, name):
    number = next(number for number, chip in CHIPS.items() if chip.name == name)
    image = bytearray(corpus.esp_app())
    struct.pack_into("<H", image, 12, number)
    assert describe(bytes(image), hardware=name).hardware == name


@pytest.mark.field
def test_image_that_esptool_makes_for_a_new_chip_names_it(describe):
    image = corpus.esp_image(((0x4200_0020, corpus.ESP_DESCRIPTOR), (0x4080_0000, corpus.OLD[:256])), chip="esp32c61")
    assert (describe(image).hardware, describe(image).version) == ("ESP32-C61", "2.3.4")


@pytest.mark.field
def test_version_checksum_and_hash_are_those_of_esptool(describe, tmp_path):
    (tmp_path / "app.bin").write_bytes(corpus.esp_app())
    text = corpus.tool_output("esptool", "image-info", "app.bin", folder=tmp_path)
    checksum, sha256 = (digest.value for digest in describe(corpus.esp_app()).digests)
    assert "App version: 2.3.4" in text
    assert f"Checksum: 0x{checksum} (valid)" in text
    assert f"Validation hash: {sha256} (valid)" in text


# --- padding


@pytest.mark.parametrize("size", [4096, 65_536, 100_000])
@pytest.mark.parametrize("fill", [b"\xff", b"\0"], ids=["erased", "zero"])
def test_padding_is_removed_by_conversion(describe, message_of, size, fill):
    image = corpus.esp_app()
    padded = image.ljust(-(-len(image) // size) * size, fill)
    assert "wastes airtime: remove it (fuota image convert)" in message_of(describe(padded), "slot-padding")
    assert "trailing" not in describe(padded).findings
    assert convert(FirmwareImage.open(padded)).data == image


def test_filled_sector_is_only_a_warning_and_more_padding_is_an_error():
    image = corpus.esp_app()
    sector = image.ljust(-(-len(image) // 4096) * 4096, b"\xff")
    assert check(FirmwareImage.open(sector)).ok
    assert not check(FirmwareImage.open(sector + b"\xff" * 4096)).ok


def test_padding_that_a_signature_covers_stays(describe):
    signed = corpus.esp_signed()
    assert signed[len(corpus.esp_app()) : -4096].strip(b"\xff") == b""
    assert convert(FirmwareImage.open(signed)).data == signed
    assert convert(FirmwareImage.open(signed + b"\xff" * 9000)).data == signed


def test_padding_of_esptool_for_signing_belongs_to_the_image(describe):
    image = corpus.esp_image(corpus.ESP_PIECES, "--secure-pad-v2")
    assert len(image) % 65_536 == 0
    assert describe(image).findings == ()


# --- bootloaders


def test_bootloader_is_refused(describe, message_of):
    description = describe(corpus.esp_bootloader())
    assert description.hardware == "ESP32-C3"
    assert "send the application" in message_of(description, "bootloader")
    assert [finding.code for finding in description.findings] == ["bootloader"]


def test_bootloader_with_its_descriptor_is_refused(describe, message_of):
    pieces = ((0x3FCD_5820, corpus.ESP_BOOTLOADER_DESCRIPTOR + corpus.OLD[:500]), (0x403C_C710, corpus.OLD[:5000]))
    assert "it is a bootloader" in message_of(describe(corpus.esp_image(pieces, "--use-segments")), "bootloader")


def test_signed_bootloader_is_refused_although_its_signature_is_verified():
    image = FirmwareImage.open(corpus.espsecure_sign(corpus.esp_bootloader(), "p256"))
    result = check(image, public_key=corpus.public_pem("p256"))
    assert result.signature is SignatureState.VERIFIED
    assert [finding.code for finding in result.findings.errors] == ["bootloader"]


def test_application_in_flash_without_descriptor_is_a_warning(describe, message_of):
    image = corpus.esp_image(((0x4200_0020, corpus.FIRMWARE), (0x4038_0000, corpus.OLD[:1000])), "--use-segments")
    assert "0xABCD5432" in message_of(describe(image), "no-descriptor")
    assert check(FirmwareImage.open(image)).ok


def test_image_for_the_simple_boot_of_zephyr_is_not_called_damaged(describe, message_of):
    image = corpus.esp_image(corpus.ESP_PIECES, "--ram-only-header")
    description = describe(image)
    assert "--ram-only-header" in message_of(description, "bootloader")
    assert [finding.code for finding in description.findings] == ["bootloader"]


# --- signatures


@pytest.mark.parametrize(
    ("keys", "version", "schemes"),
    [
        (("p256",), "1", ["signature of secure boot v1"]),
        (("rsa-3072",), "2", ["signature block 1 (RSA-3072)"]),
        (("p192",), "2", ["signature block 1 (ECDSA on secp192r1)"]),
        (("p384",), "2", ["signature block 1 (ECDSA on secp384r1)"]),
        (
            ("p256", "rsa-3072", "p256"),
            "2",
            [
                f"signature block {place}"
                for place in ("1 (ECDSA on secp256r1)", "2 (RSA-3072)", "3 (ECDSA on secp256r1)")
            ],
        ),
    ],
)
def test_signature_is_recognised(describe, keys, version, schemes):
    description = describe(corpus.esp_signed(*keys, version=version))
    assert (description.signature, description.findings) == (SignatureState.PRESENT, ())
    assert [part.name for part in description.parts if "signature" in part.name] == schemes
    assert all(digest.matches for digest in description.digests)


def test_damaged_signature_block_is_an_error_without_a_key_too(describe, message_of):
    image = bytearray(corpus.esp_signed())
    image[-4096 + 500] ^= 1
    assert "crc32 over signature block 1" in message_of(describe(bytes(image)), "hash")
    image[-4096 + 500] ^= 1
    image[-100] ^= 1
    assert "behind its signature blocks" in message_of(describe(bytes(image)), "trailing")


def test_signature_where_the_bootloader_does_not_look_is_an_error(describe, message_of):
    """espsecure signs and verifies at the end of the file, the bootloader looks at the end of the image."""
    image = corpus.esp_app().ljust(3 * 65_536, b"\xff")
    message = message_of(describe(corpus.espsecure_sign(image, "p256")), "trailing")
    assert "its signature sector is at byte 196608, but the bootloader looks for it at byte" in message


def test_image_that_was_signed_twice_is_refused(describe, message_of):
    twice = corpus.espsecure_sign(corpus.esp_signed("p256"), "p256", number=1)
    assert "a second signature is at byte" in message_of(describe(twice), "trailing")


@pytest.mark.parametrize("removed", [1, 100, 4000])
def test_signature_that_is_cut_off_is_a_structure_error(describe, message_of, removed):
    assert "its signature ends at byte" in message_of(describe(corpus.esp_signed("p256")[:-removed]), "structure")


def test_padding_for_version_1_leaves_room_for_its_signature(describe):
    padded = corpus.esp_image(corpus.ESP32_PIECES, "--secure-pad", chip="esp32")
    image = corpus.espsecure_sign(padded, "p256", version="1")
    assert len(image) % 65_536 == 65_536 - 12
    assert (describe(image).signature, describe(image).findings) == (SignatureState.PRESENT, ())


def test_zeros_behind_an_image_are_not_a_signature_of_version_1(describe):
    assert describe(corpus.esp_app() + bytes(68)).signature is SignatureState.HASH_ONLY


# --- ESP8266


def _esp8266(second_version: bool) -> bytes:
    pieces = ((0x4010_0000, corpus.FIRMWARE[:1000]), (0x3FFE_8000, corpus.OLD[:300]), (0x4021_0010, corpus.OLD[:4000]))
    words = ("--version", "2") if second_version else ("--version", "1")
    return corpus.esp_image(pieces, *words, chip="esp8266", entry=0x4010_0004)


@pytest.mark.parametrize("second_version", [False, True], ids=["v1", "v2"])
def test_image_for_an_esp8266_is_named(describe, message_of, second_version):
    description = describe(_esp8266(second_version))
    assert (description.format, description.hardware) == (ImageFormat.RAW, "ESP8266")
    assert "ESP8266, which is not supported" in message_of(description, "unsupported")


def test_image_for_an_esp8266_is_sent_only_if_the_profile_takes_raw_images(describe):
    assert [finding.severity.value for finding in describe(_esp8266(True), formats=("raw",)).findings] == ["warning"]
    assert [finding.severity.value for finding in describe(_esp8266(True)).findings] == ["error"]


def test_image_of_the_esp8266_rtos_sdk_is_not_taken_for_an_esp32(describe):
    """Its images have the extended header of an ESP32 with the chip number 0."""
    v1 = struct.pack("<BBBBI", 0xE9, 1, 0, 0, 0x4010_0004) + bytes([0xEE]) + bytes(14) + b"\1"
    image = v1 + struct.pack("<II", 0x4021_0010, 1000) + corpus.FIRMWARE[:1000] + bytes(40)
    assert describe(image).hardware == "ESP8266"
