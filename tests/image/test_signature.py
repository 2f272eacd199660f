"""Signatures, verified by the user's public key: of images by the tools that sign them, and of every octet changed."""

from __future__ import annotations

import base64
import hashlib
import random
import shutil
import struct
import subprocess
import sys

import pytest
from cryptography.hazmat.primitives import serialization

from fuota.errors import ParameterError
from fuota.image import FirmwareImage, ImageFormat, SignatureState, check
from tests.image import corpus

MCUBOOT_KEYS = ("rsa-2048", "rsa-3072", "p256", "p384", "ed25519")
PUBLIC = corpus.public_pem("p256")
VERIFIED, WRONG, PRESENT = SignatureState.VERIFIED, SignatureState.WRONG, SignatureState.PRESENT


def checked(image: bytes, key: bytes, signature: bytes | None = None):
    return check(FirmwareImage.open(image), public_key=key, signature=signature)


def why(result) -> str:
    """The message of the one finding about the signature."""
    (message,) = (
        one.message for one in result.findings if one.code in ("signature", "other-key", "signature-not-verified")
    )
    return message


def changes(image: bytes, start: int, end: int, count: int) -> list[bytes]:
    """The image with one bit of an octet from `start` to below `end` changed."""
    rng = random.Random(start)
    places = {start, end - 1, *(rng.randrange(start, end) for _ in range(count))}
    return [image[:at] + bytes([image[at] ^ 1 << rng.randrange(8)]) + image[at + 1 :] for at in sorted(places)]


# --- MCUboot


@pytest.mark.parametrize("key", MCUBOOT_KEYS)
def test_mcuboot_signed_by_any_kind_of_key(key):
    image = corpus.imgtool(key=key)
    result = checked(image, corpus.public_pem(key))
    assert (result.signature, result.ok) == (VERIFIED, True)
    other = checked(image, corpus.public_pem(key, 1))
    assert (other.signature, other.findings.errors[0].code) == (WRONG, "other-key")


@pytest.mark.parametrize(
    "options",
    [
        ("--pure",),
        ("--sha", "512"),
        ("--public-key-format", "full"),
        ("-d", "(0,1.0.0+0)", "-s", "4"),
        ("--custom-tlv", "0xa0", "ours"),
        ("--compression", "lzma2"),
        ("-L", "0x20001000"),
    ],
    ids=" ".join,
)
def test_mcuboot_however_it_is_made(options):
    image = corpus.imgtool(*options, key="ed25519")
    assert checked(image, corpus.public_pem("ed25519")).signature is VERIFIED
    assert checked(image, corpus.public_pem("ed25519", 1)).findings.errors[0].code == "other-key"


def test_the_padding_of_a_slot_does_not_hide_the_signature():
    result = checked(corpus.imgtool("--confirm", key="p256"), PUBLIC)
    assert (result.signature, result.ok) == (VERIFIED, False)
    assert "slot-padding" in result.findings.codes


def test_the_key_that_an_image_names_and_the_one_that_was_given():
    """imgtool hashes SubjectPublicKeyInfo, as the bootloader does."""
    image = corpus.imgtool(key="p256")
    named, given = (
        hashlib.sha256(
            corpus.private_key("p256", number)
            .public_key()
            .public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
        ).hexdigest()
        for number in (0, 1)
    )
    said = why(checked(image, corpus.public_pem("p256", 1)))
    assert f"it names the key {named[:16]}…, and the public key given is {given[:16]}… (ECDSA on secp256r1)" in said


def test_an_image_that_names_no_key_but_another_kind_of_signature():
    """Without the key's hash (imgtool always writes it) the kinds of signature and key are compared."""
    image = corpus.imgtool(key="p256")
    area = FirmwareImage.open(image).description.parts[2]
    kept, at = b"", area.offset + 4
    while at < area.offset + area.size:
        kind, length = struct.unpack_from("<HH", image, at)
        kept += image[at : at + 4 + length] if kind != 1 else b""
        at += 4 + length
    unnamed = image[: area.offset] + struct.pack("<HH", 0x6907, 4 + len(kept)) + kept
    assert checked(unnamed, PUBLIC).signature is VERIFIED
    assert "signed by ECDSA, and the public key given is Ed25519" in why(checked(unnamed, corpus.public_pem("ed25519")))
    assert checked(unnamed, corpus.public_pem("p256", 1)).findings.errors[0].code == "signature"
    assert checked(unnamed, corpus.public_pem("p384")).signature is WRONG


def test_of_an_encrypted_image_it_cannot_be_told():
    result = checked(corpus.imgtool(key="p256", encrypt="p256"), PUBLIC)
    assert result.signature is PRESENT
    assert "it is encrypted, and signed before that" in why(result)


@pytest.mark.parametrize("key", MCUBOOT_KEYS)
def test_no_octet_of_a_signed_image_can_be_changed(key):
    image = corpus.imgtool("-s", "3", key=key)
    signed = FirmwareImage.open(image).description.parts[2].offset + 12  # with the protected TLV
    for changed in changes(image, 0, signed, 60):
        result = checked(changed, corpus.public_pem(key))
        assert result.signature is not VERIFIED
        assert not result.ok


def test_a_hash_that_was_made_anew_does_not_help():
    image = bytearray(corpus.imgtool(key="ed25519"))
    area = FirmwareImage.open(bytes(image)).description.parts[2]
    old = FirmwareImage.open(bytes(image)).description.digests[0]
    image[5000] ^= 1
    at = bytes(image).index(bytes.fromhex(old.value), area.offset)
    image[at : at + len(old.value) // 2] = hashlib.new(old.algorithm, image[: area.offset]).digest()
    assert FirmwareImage.open(bytes(image)).findings.ok
    assert checked(bytes(image), corpus.public_pem("ed25519")).findings.errors[0].code == "signature"


def test_what_imgtool_cannot_follow_is_an_error_of_ours():
    """It raises TypeError for a signature before the hash, and struct.error for much else."""
    image = corpus.imgtool(key="ed25519")
    area = FirmwareImage.open(image).description.parts[2]
    tlvs, at = [], area.offset + 4
    while at < area.offset + area.size:
        length = struct.unpack_from("<H", image, at + 2)[0]
        tlvs.append(image[at : at + 4 + length])
        at += 4 + length
    turned = image[: area.offset + 4] + b"".join(reversed(tlvs))
    assert FirmwareImage.open(turned).findings.ok
    assert checked(turned, corpus.public_pem("ed25519")).signature is WRONG


def test_without_imgtool_it_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "imgtool", None)
    with pytest.raises(ParameterError, match=r"pip install 'fuota\[mcuboot\]'"):
        checked(corpus.imgtool(key="p256"), PUBLIC)
    assert check(FirmwareImage.open(corpus.imgtool(key="p256"))).ok


# --- other formats


@pytest.mark.parametrize("key", ["p256", "p384", "ed25519"])
def test_suit(key):
    image = corpus.suit(key=key)
    assert checked(image, corpus.public_pem(key)).signature is VERIFIED
    assert checked(image, corpus.public_pem(key, 1)).findings.errors[0].code == "signature"
    assert checked(image, corpus.public_pem("rsa-2048")).signature is WRONG


def test_suit_the_example_of_the_draft():
    assert checked(corpus.DRAFT_EXAMPLE_0, corpus.DRAFT_KEY).signature is VERIFIED
    assert checked(corpus.DRAFT_EXAMPLE_0, PUBLIC).signature is WRONG


def test_suit_no_octet_that_is_signed_can_be_changed():
    image = corpus.suit()
    manifest = image.index(b"#app") - 200  # the end of the manifest, and the payload
    for changed in changes(image, manifest, len(image), 200):
        assert checked(changed, PUBLIC).signature is not VERIFIED
    draft = corpus.DRAFT_EXAMPLE_0
    for changed in changes(draft, draft.index(b"\x03\x58\x71"), len(draft), 100):
        assert checked(changed, corpus.DRAFT_KEY).signature is not VERIFIED


def test_suit_what_was_put_in_later_is_not_signed():
    result = checked(corpus.suit(envelope={"#more": b"unsigned"}), PUBLIC)
    assert (result.signature, result.ok) == (WRONG, False)


def test_suit_an_algorithm_that_is_not_known_cannot_be_told():
    assert "not known here" in why(checked(corpus.suit(algorithm=-37), PUBLIC))
    assert checked(corpus.suit(algorithm=-8), PUBLIC).signature is WRONG, "EdDSA says it, ECDSA it is"


def test_sbsfu():
    assert checked(corpus.sbsfu(), PUBLIC).signature is VERIFIED
    assert checked(corpus.sbsfu(), corpus.public_pem("p256", 1)).signature is WRONG
    assert "given is Ed25519" in why(checked(corpus.sbsfu(), corpus.public_pem("ed25519")))
    encrypted = checked(corpus.sbsfu(encrypted=True), PUBLIC)
    assert encrypted.signature is PRESENT
    assert "its firmware is encrypted" in why(encrypted)


def test_sbsfu_no_octet_that_is_signed_can_be_changed():
    image = corpus.sbsfu()
    for changed in (*changes(image, 0, 192, 60), *changes(image, 320, len(image), 60)):
        assert checked(changed, PUBLIC).signature is not VERIFIED


def test_mbed():
    assert checked(corpus.mbed(), PUBLIC).signature is VERIFIED
    assert checked(corpus.mbed(), corpus.public_pem("p256", 1)).signature is WRONG
    assert "given is RSA-2048" in why(checked(corpus.mbed(), corpus.public_pem("rsa-2048")))
    assert "of the image which it makes" in why(checked(corpus.mbed(patch=b"\xa7 patch"), PUBLIC))


def test_mbed_no_octet_that_is_signed_can_be_changed():
    image = corpus.mbed()
    for changed in changes(image, 0, len(corpus.FIRMWARE), 100):
        assert checked(changed, PUBLIC).signature is not VERIFIED


def test_esp_names_the_tool_that_can():
    result = checked(corpus.esp_signed(), corpus.public_pem("rsa-3072"))
    assert result.signature is PRESENT
    assert "espsecure" in why(result)


# --- beside the image


def beside(key: str, data: bytes, *, raw: bool = False) -> bytes:
    private = corpus.private_key(key)
    return private.sign(data) if key == "ed25519" else corpus.ecdsa(private, data, raw=raw)


@pytest.mark.parametrize(
    ("key", "raw"), [("p256", False), ("p256", True), ("p384", False), ("p384", True), ("ed25519", False)]
)
def test_a_signature_beside_the_image(key, raw):
    signature, public = beside(key, corpus.FIRMWARE, raw=raw), corpus.public_pem(key)
    for written in (signature, base64.b64encode(signature), base64.encodebytes(signature)):
        assert checked(corpus.FIRMWARE, public, written).signature is VERIFIED
    assert checked(corpus.FIRMWARE, public, signature).ok
    for other in (corpus.OLD, corpus.FIRMWARE + b"\0", corpus.FIRMWARE[:-1]):
        assert checked(other, public, signature).findings.errors[0].code == "signature"
    assert checked(corpus.FIRMWARE, corpus.public_pem(key, 1), signature).signature is WRONG
    for changed in changes(signature, 0, len(signature), 20):
        assert checked(corpus.FIRMWARE, public, changed).signature is WRONG


@pytest.mark.skipif(shutil.which("openssl") is None, reason="needs the openssl command")
def test_what_openssl_signs(tmp_path):
    (tmp_path / "app.bin").write_bytes(corpus.FIRMWARE)
    for key, words in (
        ("p256", "dgst -sha256 -sign"),
        ("p384", "dgst -sha384 -sign"),
        ("ed25519", "pkeyutl -sign -rawin -inkey"),
    ):
        (tmp_path / "key.pem").write_bytes(corpus.private_pem(key))
        last = ("-in", "app.bin") if key == "ed25519" else ("app.bin",)
        command = ("openssl", *words.split(), "key.pem", "-out", "app.sig", *last)
        subprocess.run(command, cwd=tmp_path, check=True)
        assert (
            checked(corpus.FIRMWARE, corpus.public_pem(key), (tmp_path / "app.sig").read_bytes()).signature is VERIFIED
        )


def test_it_goes_before_what_is_inside():
    image, key = corpus.imgtool(key="p256"), corpus.public_pem("ed25519")
    assert checked(image, key).signature is WRONG
    assert checked(image, key, beside("ed25519", image)).signature is VERIFIED


def test_of_a_container_too():
    """It is the file that was signed, not the binary that it is converted to."""
    data, key = corpus.sample("hex"), corpus.public_pem("ed25519")
    assert checked(data, key, beside("ed25519", data)).signature is VERIFIED
    assert "signature" in checked(data, key, beside("ed25519", corpus.FIRMWARE)).findings.codes


@pytest.mark.parametrize("signature", [b"", b"x" * 513])
def test_what_is_no_signature(signature):
    with pytest.raises(ParameterError, match=f"{len(signature)} bytes were given as a signature"):
        checked(corpus.FIRMWARE, PUBLIC, signature)


def test_a_signature_without_a_key():
    with pytest.raises(ParameterError, match="say by which it is to be verified"):
        check(FirmwareImage.open(corpus.FIRMWARE), signature=b"x" * 64)


def test_rsa_beside_the_image_is_not_known():
    with pytest.raises(ParameterError, match="RSA-2048 was given: a signature beside the image is of ECDSA or Ed25519"):
        checked(corpus.FIRMWARE, corpus.public_pem("rsa-2048"), b"x" * 256)


# --- keys


@pytest.mark.parametrize("key", MCUBOOT_KEYS)
def test_a_key_in_pem_or_der(key):
    public = corpus.private_key(key).public_key()
    der = public.public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
    assert checked(corpus.imgtool(key=key), der).signature is VERIFIED


@pytest.mark.parametrize(
    ("key", "said"),
    [
        (b"", "0 bytes were given as a public key"),
        (b"nonsense", "8 bytes were given as a public key"),
        (b"-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n", "bytes were given as a public key"),
        (corpus.private_pem("p256"), "a private key was given"),
        (corpus.public_pem("p521"), "on the curve secp521r1 was given: there are secp256r1, secp384r1"),
    ],
)
def test_what_is_no_public_key(key, said):
    with pytest.raises(ParameterError, match=said) as refused:
        checked(corpus.imgtool(key="p256"), key)
    assert "BEGIN" not in str(refused.value)


def test_a_key_of_another_kind():
    from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

    key = X25519PrivateKey.from_private_bytes(bytes(range(32))).public_key()
    pem = key.public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    with pytest.raises(ParameterError, match="of another kind was given: there are RSA, ECDSA and Ed25519"):
        checked(corpus.imgtool(key="p256"), pem)


def test_formats_without_signatures_have_none():
    for image in (corpus.FIRMWARE, corpus.imgtool()):
        assert checked(image, PUBLIC).signature in (SignatureState.NONE, SignatureState.HASH_ONLY)
    assert FirmwareImage.open(corpus.imgtool()).format is ImageFormat.MCUBOOT
