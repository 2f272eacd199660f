"""Verification of secure boot signatures of the ESP32: images of espsecure, and the same images with changed bytes."""

from __future__ import annotations

import struct
import zlib

import pytest
from cryptography.hazmat.primitives import serialization

from fuota.image import FirmwareImage, SignatureState, check, convert
from tests.image import corpus
from tests.image.test_signature import changes, checked, message_of

VERIFIED, WRONG, PRESENT = SignatureState.VERIFIED, SignatureState.WRONG, SignatureState.PRESENT
KINDS = [("p256", "1"), ("rsa-3072", "2"), ("p192", "2"), ("p256", "2"), ("p384", "2")]
BLOCK_BYTES = 1216


def with_crc(image: bytes, block: int = 0) -> bytes:
    """Return the image with a right CRC of the block, as somebody who changes the block would write it."""
    start = len(image) - 4096 + block * BLOCK_BYTES
    return image[: start + 1196] + struct.pack("<I", zlib.crc32(image[start : start + 1196])) + image[start + 1200 :]


@pytest.mark.parametrize(("key", "version"), KINDS)
def test_signature_by_the_key_is_verified(key, version):
    result = checked(corpus.esp_signed(key, version=version), corpus.public_pem(key))
    assert (result.signature, result.ok) == (VERIFIED, True)


@pytest.mark.parametrize("key", ["rsa-3072", "p256"])
def test_key_in_der(key):
    public = corpus.private_key(key).public_key()
    der = public.public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
    assert checked(corpus.esp_signed(key), der).signature is VERIFIED


@pytest.mark.parametrize("key", ["rsa-3072", "p192", "p256", "p384"])
def test_signature_by_another_key_names_both(key):
    result = checked(corpus.esp_signed(key), corpus.public_pem(key, 1))
    assert (result.signature, result.findings.errors[0].code) == (WRONG, "other-key")
    assert FirmwareImage.open(corpus.esp_signed(key)).description.key_sha256[:16] in message_of(result)


@pytest.mark.parametrize(("added", "exponent"), [(0, 3), (1, 65_537), (0, 2**33 + 1), (0, 2**64 + 1)])
def test_key_that_no_block_can_hold_is_another_key(added, exponent):
    modulus = corpus.private_key("rsa-3072").public_key().public_numbers().n + added
    key = corpus.rsa_public_der(modulus, exponent)
    assert checked(corpus.esp_signed(), key).findings.errors[0].code == "other-key"


def test_version_1_does_not_name_its_key():
    result = checked(corpus.esp_signed("p256", version="1"), corpus.public_pem("p256", 1))
    assert (result.signature, result.findings.errors[0].code) == (WRONG, "signature")


@pytest.mark.parametrize(
    ("key", "version", "other", "words"),
    [
        ("p256", "1", "p384", "ECDSA on secp256r1 (secure boot v1), but the public key is ECDSA on secp384r1"),
        ("p256", "1", "rsa-3072", "(secure boot v1), but the public key is RSA-3072"),
        ("rsa-3072", "2", "p256", "RSA-3072 (secure boot v2), but the public key is ECDSA on secp256r1"),
        ("rsa-3072", "2", "rsa-2048", "but the public key is RSA-2048"),
        ("p192", "2", "p256", "ECDSA on secp192r1 (secure boot v2), but the public key is ECDSA on secp256r1"),
        ("p384", "2", "ed25519", "but the public key is Ed25519"),
    ],
)
def test_key_of_another_kind_is_named(key, version, other, words):
    result = checked(corpus.esp_signed(key, version=version), corpus.public_pem(other))
    assert result.signature is WRONG
    assert words in message_of(result)


@pytest.mark.parametrize(("key", "version"), KINDS)
def test_changed_byte_is_never_verified(key, version):
    image = corpus.esp_signed(key, version=version)
    signature = len(image) - (68 if version == "1" else 4096)
    for changed in (*changes(image, 0, signature, 40), *changes(image, signature, len(image), 60)):
        result = checked(changed, corpus.public_pem(key))
        assert result.signature is not VERIFIED
        assert not result.ok


@pytest.mark.parametrize("key", ["rsa-3072", "p192", "p256", "p384"])
def test_every_byte_of_a_signature_block_counts(key):
    image, public = corpus.esp_signed(key), corpus.public_pem(key)
    start = len(image) - 4096
    for offset in (*range(start, start + 300, 7), *range(start + 1190, start + BLOCK_BYTES)):
        changed = image[:offset] + bytes([image[offset] ^ 4]) + image[offset + 1 :]
        assert checked(changed, public).signature is not VERIFIED, offset - start


@pytest.mark.parametrize("key", ["rsa-3072", "p192", "p256", "p384"])
def test_recomputed_crc_does_not_hide_a_change_of_a_block(key):
    image, public = corpus.esp_signed(key), corpus.public_pem(key)
    start = len(image) - 4096
    for offset in (*range(start, start + 4), *range(start + 4, start + 1196, 13)):
        changed = with_crc(image[:offset] + bytes([image[offset] ^ 16]) + image[offset + 1 :])
        assert checked(changed, public).signature is not VERIFIED, offset - start


def test_recomputed_digest_does_not_hide_a_change_of_the_image():
    """The checksum and hash of the image and the digest and CRC of the block are made right again; the signature is not."""
    other = corpus.esp_image((*corpus.ESP_PIECES[:2], (0x4038_0000, corpus.OLD[:1000])), "--use-segments")
    signed, forged = corpus.esp_signed("p256"), corpus.espsecure_sign(other, "p256", number=1)
    start, end = len(forged) - 4096, 4 + 32
    mixed = forged[: start + end] + signed[len(signed) - 4096 + end :]
    result = checked(with_crc(mixed), corpus.public_pem("p256"))
    assert (result.signature, result.findings.errors[0].code) == (WRONG, "signature")


def test_any_of_several_blocks_suffices_and_is_named():
    image = corpus.esp_signed("p256", "rsa-3072", "p256")
    for key, number, block in (("p256", 0, 1), ("rsa-3072", 1, 2), ("p256", 2, 3)):
        result = checked(image, corpus.public_pem(key, number))
        assert (result.signature, result.ok) == (VERIFIED, True)
        (message,) = (finding.message for finding in result.findings if finding.code == "signature-block")
        assert f"by this key is signature block {block} of 3" in message
        assert ("reads only block 1" in message) == (block > 1)
    assert checked(image, corpus.public_pem("p256", 7)).findings.errors[0].code == "other-key"


def test_damage_of_another_block_is_not_verified():
    image = bytearray(corpus.esp_signed("p256", "rsa-3072", "p256"))
    image[-4096 + BLOCK_BYTES + 400] ^= 1
    result = checked(bytes(image), corpus.public_pem("p256"))
    assert "signature block 2 is damaged" in message_of(result)


def test_esp32_reads_only_the_first_block():
    application = corpus.esp_image(corpus.ESP32_PIECES, chip="esp32")
    image = corpus.espsecure_sign(application, "rsa-3072", "rsa-3072")
    assert checked(image, corpus.public_pem("rsa-3072")).signature is VERIFIED
    second = checked(image, corpus.public_pem("rsa-3072", 1))
    assert second.signature is WRONG
    assert "an ESP32 reads only block 1" in message_of(second)


@pytest.mark.parametrize("offset", [1, 36], ids=["version", "curve"])
def test_unknown_signature_block_is_not_verified(offset):
    image = corpus.esp_signed("p256")
    place = len(image) - 4096 + offset
    unknown = with_crc(image[:place] + b"\x09" + image[place + 1 :])
    result = checked(unknown, corpus.public_pem("p256"))
    assert result.signature is PRESENT
    assert "of an unknown kind" in message_of(result)


def test_padding_behind_the_signature_does_not_hide_it():
    padded = corpus.esp_signed("p256") + b"\xff" * 65_536
    assert checked(padded, corpus.public_pem("p256")).signature is VERIFIED
    stripped = convert(FirmwareImage.open(padded))
    assert check(stripped, public_key=corpus.public_pem("p256")).ok


def test_image_without_signature_is_refused_if_there_is_a_key():
    assert [finding.code for finding in checked(corpus.esp_app(), corpus.public_pem("p256")).findings.errors] == [
        "hash-only"
    ]


# --- compared with espsecure


@pytest.mark.field
@pytest.mark.parametrize(("key", "version"), [("p256", "1"), ("rsa-3072", "2"), ("p192", "2")])
@pytest.mark.parametrize("number", [0, 1], ids=["key", "other key"])
def test_verdict_is_that_of_espsecure(tmp_path, key, version, number):
    image = corpus.esp_signed(key, version=version)
    assert _espsecure_verifies(tmp_path, image, key, version, number) == (number == 0)
    assert (checked(image, corpus.public_pem(key, number)).signature is VERIFIED) == (number == 0)


def _espsecure_verifies(folder, image: bytes, key: str, version: str, number: int) -> bool:
    (folder / "signed.bin").write_bytes(image)
    (folder / "key.pem").write_bytes(corpus.public_pem(key, number))
    words = ("verify-signature", "-v", version, "-k", "key.pem", "signed.bin")
    return corpus.tool_succeeds("espsecure", *words, folder=folder)


@pytest.mark.field
@pytest.mark.parametrize("key", ["rsa-3072", "p384"])
def test_digest_of_the_key_is_that_of_espsecure(tmp_path, key):
    (tmp_path / "key.pem").write_bytes(corpus.private_pem(key))
    words = ("digest-sbv2-public-key", "-k", "key.pem", "-o", "digest.bin")
    corpus.esptool("espsecure", *words, folder=tmp_path)
    description = FirmwareImage.open(corpus.esp_signed(key)).description
    assert description.key_sha256 == (tmp_path / "digest.bin").read_bytes().hex()
