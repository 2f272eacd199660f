"""Verification of signatures: of images by the tools that sign them, and of images with changed bytes."""

from __future__ import annotations

import base64
import hashlib
import random
import re
import shutil
import struct
import subprocess

import cbor2
import pytest
from click.testing import CliRunner
from cryptography.hazmat.primitives import serialization

from fuota.errors import ParameterError
from fuota.image import FirmwareImage, ImageFormat, SignatureState, check
from tests.image import corpus

MCUBOOT_KEYS = ("rsa-2048", "rsa-3072", "p256", "p384", "ed25519")
PUBLIC = corpus.public_pem("p256")
VERIFIED, WRONG, PRESENT = SignatureState.VERIFIED, SignatureState.WRONG, SignatureState.PRESENT


def checked(image: bytes, key: bytes | None = None, signature: bytes | None = None):
    return check(FirmwareImage.open(image), public_key=key, signature=signature)


def message_of(result) -> str:
    """Return the message of the only finding about the signature."""
    (message,) = (
        finding.message
        for finding in result.findings
        if finding.code in ("signature", "other-key", "signature-not-verified", "body-not-readable")
    )
    return message


def changes(image: bytes, start: int, end: int, count: int) -> list[bytes]:
    """Return copies of the image, each with one changed bit in a byte from `start` to below `end`."""
    rng = random.Random(start)
    places = {start, end - 1, *(rng.randrange(start, end) for _ in range(count))}
    return [
        image[:offset] + bytes([image[offset] ^ 1 << rng.randrange(8)]) + image[offset + 1 :]
        for offset in sorted(places)
    ]


# --- MCUboot


@pytest.mark.parametrize("key", MCUBOOT_KEYS)
def test_mcuboot_image_signed_by_each_kind_of_key(key):
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
def test_mcuboot_image_with_each_option_of_imgtool(options):
    image = corpus.imgtool(*options, key="ed25519")
    assert checked(image, corpus.public_pem("ed25519")).signature is VERIFIED
    assert checked(image, corpus.public_pem("ed25519", 1)).findings.errors[0].code == "other-key"


def test_slot_padding_does_not_hide_the_signature():
    result = checked(corpus.imgtool("--confirm", key="p256"), PUBLIC)
    assert (result.signature, result.ok) == (VERIFIED, False)
    assert "slot-padding" in result.findings.codes


def test_message_names_both_keys():
    """imgtool hashes SubjectPublicKeyInfo, as the bootloader does."""
    image = corpus.imgtool(key="p256")
    named_sha256, key_sha256 = (
        hashlib.sha256(
            corpus.private_key("p256", number)
            .public_key()
            .public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
        ).hexdigest()
        for number in (0, 1)
    )
    message = message_of(checked(image, corpus.public_pem("p256", 1)))
    assert (
        f"it names the key {named_sha256[:16]}…, but the public key is {key_sha256[:16]}… (ECDSA on secp256r1)"
        in message
    )


def test_mcuboot_image_that_names_no_key_is_not_verified():
    """MCUboot finds no key for such an image and refuses it."""
    image = corpus.imgtool(key="p256")
    area = FirmwareImage.open(image).description.parts[2]
    kept, offset = b"", area.offset + 4
    while offset < area.offset + area.size:
        kind, length = struct.unpack_from("<HH", image, offset)
        kept += image[offset : offset + 4 + length] if kind != 1 else b""
        offset += 4 + length
    unnamed = image[: area.offset] + struct.pack("<HH", 0x6907, 4 + len(kept)) + kept
    assert checked(unnamed, PUBLIC).signature is PRESENT
    assert "MCUboot finds no key" in message_of(checked(unnamed, PUBLIC))
    assert not checked(unnamed, PUBLIC).ok
    assert "signed with ECDSA, but the public key is Ed25519" in message_of(
        checked(unnamed, corpus.public_pem("ed25519"))
    )
    assert not checked(unnamed, corpus.public_pem("p256", 1)).ok
    assert not checked(unnamed, corpus.public_pem("p384")).ok


@pytest.mark.parametrize("key", ["rsa-2048", "rsa-3072", "p256", "ed25519"])
def test_signature_of_an_encrypted_mcuboot_image_covers_the_stated_hash(key):
    image = corpus.imgtool(key=key, encrypt="p256" if key == "p256" else "rsa-2048")
    result = checked(image, corpus.public_pem(key))
    assert (result.signature, result.ok) == (SignatureState.BODY_NOT_READABLE, True)
    assert "its content is encrypted" in message_of(result)
    assert checked(image, corpus.public_pem(key, 1)).findings.errors[0].code == "other-key"
    (digest,) = result.image.description.digests
    changed = image.replace(bytes.fromhex(digest.value), hashlib.sha256(b"another").digest()[: len(digest.value) // 2])
    assert checked(changed, corpus.public_pem(key)).signature is WRONG


def test_encrypted_mcuboot_image_with_a_pure_signature_is_not_verified():
    image = corpus.imgtool("--pure", key="ed25519", encrypt="p256")
    assert checked(image, corpus.public_pem("ed25519")).signature is PRESENT


def test_mcuboot_image_that_only_announces_encryption_is_verified():
    image = corpus.imgtool("--clear", key="p256", encrypt="p256")
    result = checked(image, PUBLIC)
    assert (result.signature, result.image.description.encrypted) == (VERIFIED, False)
    changed = bytearray(image)
    changed[5000] ^= 1
    assert checked(bytes(changed), PUBLIC).signature is WRONG


@pytest.mark.field
@pytest.mark.parametrize("key", MCUBOOT_KEYS)
@pytest.mark.parametrize("options", [(), ("-s", "3"), ("--public-key-format", "full"), ("--max-align", "16")], ids=str)
def test_imgtool_verifies_the_same_images(tmp_path, key, options):
    from imgtool.main import imgtool as command

    image = corpus.imgtool(*options, key=key)
    damaged = image[:3000] + bytes([image[3000] ^ 1]) + image[3001:]
    for number, content in enumerate((image, damaged)):
        (tmp_path / "image.bin").write_bytes(content)
        (tmp_path / "key.pem").write_bytes(corpus.private_pem(key))
        words = ["verify", "-k", str(tmp_path / "key.pem"), str(tmp_path / "image.bin")]
        result = CliRunner().invoke(command, words)
        assert (result.exit_code == 0) is (number == 0)
        assert (checked(content, corpus.public_pem(key)).signature is VERIFIED) is (number == 0)


def unprotected_flips(image: bytes, key: str) -> list[tuple[int, int]]:
    """Return the bits of the unprotected TLVs that may change without a finding: offset in the area, and number of the bit."""
    area = FirmwareImage.open(image).description.parts[2].offset
    accepted = []
    for offset in range(area, len(image)):
        for bit in range(8):
            changed = image[:offset] + bytes([image[offset] ^ 1 << bit]) + image[offset + 1 :]
            if checked(changed, corpus.public_pem(key)).ok:
                accepted.append((offset - area, bit))
    return accepted


@pytest.mark.parametrize("options", [(), ("--pure",), ("--sha", "512")], ids=str)
def test_no_change_of_the_unprotected_tlvs_is_accepted(options):
    assert unprotected_flips(corpus.imgtool(*options, key="ed25519", size=2_000), "ed25519") == []


@pytest.mark.slow
@pytest.mark.parametrize("key", MCUBOOT_KEYS)
def test_no_change_of_the_unprotected_tlvs_of_any_kind_of_key_is_accepted(key):
    assert unprotected_flips(corpus.imgtool(key=key, size=2_000), key) == []


@pytest.mark.parametrize("key", MCUBOOT_KEYS)
def test_changed_byte_of_an_mcuboot_image_is_detected(key):
    image = corpus.imgtool("-s", "3", key=key)
    signed = FirmwareImage.open(image).description.parts[2].offset + 12  # with the protected TLV
    for changed in changes(image, 0, signed, 60):
        result = checked(changed, corpus.public_pem(key))
        assert result.signature is not VERIFIED
        assert not result.ok


def test_recomputed_hash_does_not_hide_a_change():
    image = bytearray(corpus.imgtool(key="ed25519"))
    area = FirmwareImage.open(bytes(image)).description.parts[2]
    old = FirmwareImage.open(bytes(image)).description.digests[0]
    image[5000] ^= 1
    offset = bytes(image).index(bytes.fromhex(old.value), area.offset)
    image[offset : offset + len(old.value) // 2] = hashlib.new(old.algorithm, image[: area.offset]).digest()
    assert FirmwareImage.open(bytes(image)).findings.ok
    assert checked(bytes(image), corpus.public_pem("ed25519")).findings.errors[0].code == "signature"


def test_mcuboot_finds_no_key_for_a_signature_before_its_name():
    image = corpus.imgtool(key="ed25519")
    area = FirmwareImage.open(image).description.parts[2]
    tlvs, offset = [], area.offset + 4
    while offset < area.offset + area.size:
        length = struct.unpack_from("<H", image, offset + 2)[0]
        tlvs.append(image[offset : offset + 4 + length])
        offset += 4 + length
    reversed_tlvs = image[: area.offset + 4] + b"".join(reversed(tlvs))
    assert FirmwareImage.open(reversed_tlvs).findings.ok
    assert checked(reversed_tlvs, corpus.public_pem("ed25519")).signature is PRESENT
    assert not checked(reversed_tlvs, corpus.public_pem("ed25519")).ok


# --- other formats


@pytest.mark.parametrize("key", ["p256", "p384", "ed25519"])
def test_suit_envelope(key):
    image = corpus.suit(key=key)
    assert checked(image, corpus.public_pem(key)).signature is VERIFIED
    assert checked(image, corpus.public_pem(key, 1)).findings.errors[0].code == "signature"
    assert checked(image, corpus.public_pem("rsa-2048")).signature is WRONG


def test_suit_example_of_the_draft():
    assert checked(corpus.DRAFT_EXAMPLE_0, corpus.DRAFT_KEY).signature is VERIFIED
    assert checked(corpus.DRAFT_EXAMPLE_0, PUBLIC).signature is WRONG


def test_changed_byte_of_a_suit_envelope_is_detected():
    image = corpus.suit()
    manifest = image.index(b"#app") - 200  # the end of the manifest, and the payload
    for changed in changes(image, manifest, len(image), 200):
        assert checked(changed, PUBLIC).signature is not VERIFIED
    draft = corpus.DRAFT_EXAMPLE_0
    for changed in changes(draft, draft.index(b"\x03\x58\x71"), len(draft), 100):
        assert checked(changed, corpus.DRAFT_KEY).signature is not VERIFIED


def test_payload_added_to_a_suit_envelope_is_detected():
    result = checked(corpus.suit(envelope={"#more": b"unsigned"}), PUBLIC)
    assert (result.signature, result.ok) == (WRONG, False)


def test_unknown_algorithm_of_suit_is_not_verified():
    assert "unknown algorithms" in message_of(checked(corpus.suit(algorithm=-37), PUBLIC))
    assert checked(corpus.suit(algorithm=-8), PUBLIC).signature is WRONG, "it states EdDSA but is ECDSA"


def suit_with(block: object) -> bytes:
    """Return the sample envelope with another authentication block than its signature."""
    envelope = dict(cbor2.loads(corpus.suit()).value)
    digest = cbor2.loads(envelope[2])[0]
    value = block(digest) if callable(block) else block
    return cbor2.dumps(cbor2.CBORTag(107, envelope | {2: cbor2.dumps([digest, cbor2.dumps(value)])}))


@pytest.mark.parametrize(
    ("block", "name"),
    [
        (cbor2.CBORTag(17, [cbor2.dumps({1: 5}), {}, None, bytes(32)]), "COSE_Mac0"),
        ([cbor2.dumps({1: 5}), {}, None, bytes(32)], "COSE_Mac0"),
        (cbor2.CBORTag(97, [cbor2.dumps({1: 5}), {}, None, bytes(32), [[b"", {1: -3}, bytes(40)]]]), "COSE_Mac"),
    ],
)
def test_mac_of_a_suit_envelope_is_no_signature(block, name):
    result = checked(suit_with(block), PUBLIC)
    assert (result.signature, result.ok) == (SignatureState.PRESENT, False)
    assert f"it has a MAC ({name}) instead of a signature" in message_of(result)
    result = checked(suit_with(block))
    assert result.findings.warnings[0].code == "signature-not-verified"
    assert f"it has a MAC ({name})" in message_of(result)


def test_signature_beside_a_mac_of_a_suit_envelope_counts():
    envelope = dict(cbor2.loads(corpus.suit()).value)
    blocks = cbor2.loads(envelope[2])
    mac = cbor2.dumps(cbor2.CBORTag(17, [cbor2.dumps({1: 5}), {}, None, bytes(32)]))
    both = cbor2.dumps(cbor2.CBORTag(107, envelope | {2: cbor2.dumps([blocks[0], mac, blocks[1]])}))
    assert checked(both, PUBLIC).signature is VERIFIED
    assert checked(both, corpus.public_pem("p256", 1)).signature is WRONG


def test_signed_suit_envelope_with_an_encrypted_payload_is_not_readable():
    info = cbor2.dumps(cbor2.CBORTag(16, [b"", {}, None]))
    step = cbor2.dumps([20, {19: info, 21: "#app"}])
    image = corpus.suit(manifest={15: step}, envelope={"#app": bytes(range(256))})
    assert checked(image, PUBLIC).signature is SignatureState.BODY_NOT_READABLE
    assert checked(image, corpus.public_pem("p256", 1)).signature is WRONG


def several_signers(digest: bytes) -> object:
    """Return a COSE_Sign of P-256 and Ed25519 (RFC 9052 §4.1)."""
    body, signers = b"", []
    for name, algorithm in (("p256", -7), ("ed25519", -8)):
        own = cbor2.dumps({1: algorithm})
        signed = cbor2.dumps(["Signature", body, own, b"", digest])
        private = corpus.private_key(name)
        raw = private.sign(signed) if name == "ed25519" else corpus.ecdsa(private, signed, raw=True)
        signers.append([own, {}, raw])
    return cbor2.CBORTag(98, [body, {}, None, signers])


def test_each_of_several_signers_of_a_suit_envelope_verifies():
    image = suit_with(several_signers)
    assert checked(image, corpus.public_pem("p256")).signature is VERIFIED
    assert checked(image, corpus.public_pem("ed25519")).signature is VERIFIED
    assert checked(image, corpus.public_pem("p256", 1)).signature is WRONG


@pytest.mark.parametrize(
    ("signer", "verifier", "words"),
    [
        ("p384", "p256", "bytes of ECDSA on secp384r1, but the public key is ECDSA on secp256r1"),
        ("p384", "ed25519", "but the public key is Ed25519"),
        ("p256", "ed25519", "bytes of ECDSA on secp256r1 or ECDSA on secp384r1, but the public key is Ed25519"),
        ("ed25519", "p384", "64 bytes of ECDSA on secp256r1 or Ed25519, but the public key is ECDSA on secp384r1"),
    ],
)
def test_signature_beside_the_image_of_another_kind_than_the_key_is_named(signer, verifier, words):
    private = corpus.private_key(signer)
    signature = (
        private.sign(corpus.FIRMWARE) if signer == "ed25519" else corpus.ecdsa(private, corpus.FIRMWARE, raw=False)
    )
    image = FirmwareImage.open(corpus.FIRMWARE)
    result = check(image, public_key=corpus.public_pem(verifier), signature=signature)
    assert result.signature is WRONG
    message = next(finding.message for finding in result.findings.errors if finding.code == "signature")
    assert re.search(words, message)
    assert "changed" not in message


def test_sbsfu_image():
    assert checked(corpus.sbsfu(), PUBLIC).signature is VERIFIED
    assert checked(corpus.sbsfu(), corpus.public_pem("p256", 1)).signature is WRONG
    assert "public key is Ed25519" in message_of(checked(corpus.sbsfu(), corpus.public_pem("ed25519")))
    encrypted = checked(corpus.sbsfu(encrypted=True), PUBLIC)
    assert encrypted.signature is SignatureState.BODY_NOT_READABLE
    assert [finding.code for finding in encrypted.findings.warnings] == ["body-not-readable"]
    assert "its firmware is encrypted" in message_of(encrypted)


def test_changed_byte_of_an_sbsfu_image_is_detected():
    image = corpus.sbsfu()
    for changed in (*changes(image, 0, 192, 60), *changes(image, 320, len(image), 60)):
        assert checked(changed, PUBLIC).signature is not VERIFIED


def test_mbed_image():
    assert checked(corpus.mbed(), PUBLIC).signature is VERIFIED
    assert checked(corpus.mbed(), corpus.public_pem("p256", 1)).signature is WRONG
    assert "public key is RSA-2048" in message_of(checked(corpus.mbed(), corpus.public_pem("rsa-2048")))
    assert "covers the image that the device makes" in message_of(
        checked(corpus.mbed(patch=corpus.jojodiff(corpus.OLD, corpus.FIRMWARE)), PUBLIC)
    )


def test_changed_byte_of_an_mbed_image_is_detected():
    image = corpus.mbed()
    for changed in changes(image, 0, len(corpus.FIRMWARE), 100):
        assert checked(changed, PUBLIC).signature is not VERIFIED


# --- beside the image


def beside(key: str, data: bytes, *, raw: bool = False) -> bytes:
    private = corpus.private_key(key)
    return private.sign(data) if key == "ed25519" else corpus.ecdsa(private, data, raw=raw)


@pytest.mark.parametrize(
    ("key", "raw"), [("p256", False), ("p256", True), ("p384", False), ("p384", True), ("ed25519", False)]
)
def test_signature_beside_the_image(key, raw):
    signature, public = beside(key, corpus.FIRMWARE, raw=raw), corpus.public_pem(key)
    for form in (signature, base64.b64encode(signature), base64.encodebytes(signature)):
        assert checked(corpus.FIRMWARE, public, form).signature is VERIFIED
    assert checked(corpus.FIRMWARE, public, signature).ok
    for other in (corpus.OLD, corpus.FIRMWARE + b"\0", corpus.FIRMWARE[:-1]):
        assert checked(other, public, signature).findings.errors[0].code == "signature"
    assert checked(corpus.FIRMWARE, corpus.public_pem(key, 1), signature).signature is WRONG
    for changed in changes(signature, 0, len(signature), 20):
        assert checked(corpus.FIRMWARE, public, changed).signature is WRONG


@pytest.mark.skipif(shutil.which("openssl") is None, reason="needs the openssl command")
def test_signature_of_openssl(tmp_path):
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


def test_signature_beside_the_image_replaces_the_signature_inside():
    image, key = corpus.imgtool(key="p256"), corpus.public_pem("ed25519")
    assert checked(image, key).signature is WRONG
    assert checked(image, key, beside("ed25519", image)).signature is VERIFIED


def test_signature_beside_a_container():
    """The file was signed, not the binary in it."""
    data, key = corpus.sample("hex"), corpus.public_pem("ed25519")
    assert checked(data, key, beside("ed25519", data)).signature is VERIFIED
    assert "signature" in checked(data, key, beside("ed25519", corpus.FIRMWARE)).findings.codes


@pytest.mark.parametrize("signature", [b"", b"x" * 513])
def test_signature_of_wrong_length_is_refused(signature):
    with pytest.raises(ParameterError, match=f"a signature must have .* got {len(signature)} bytes"):
        checked(corpus.FIRMWARE, PUBLIC, signature)


def test_signature_without_a_key_is_refused():
    with pytest.raises(ParameterError, match="a signature needs a public key"):
        check(FirmwareImage.open(corpus.FIRMWARE), signature=b"x" * 64)


def test_rsa_key_for_a_signature_beside_the_image_is_refused():
    with pytest.raises(ParameterError, match="must be ECDSA or Ed25519 for a signature beside the image, got RSA-2048"):
        checked(corpus.FIRMWARE, corpus.public_pem("rsa-2048"), b"x" * 256)


# --- keys


@pytest.mark.parametrize("key", MCUBOOT_KEYS)
def test_key_in_pem_or_der(key):
    public = corpus.private_key(key).public_key()
    der = public.public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
    assert checked(corpus.imgtool(key=key), der).signature is VERIFIED


@pytest.mark.parametrize(
    ("key", "message"),
    [
        (b"", "got 0 other bytes"),
        (b"nonsense", "got 8 other bytes"),
        (
            b"-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n",
            "public_key must be a public key in PEM or DER",
        ),
        (corpus.private_pem("p256"), "public_key is a private key"),
        (corpus.public_pem("p521"), "must be one of secp256r1, secp384r1, got secp521r1"),
    ],
)
def test_invalid_public_key_is_refused(key, message):
    with pytest.raises(ParameterError, match=message) as raised:
        checked(corpus.imgtool(key="p256"), key)
    assert "BEGIN" not in str(raised.value)


def test_unsupported_kind_of_key_is_refused():
    from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

    key = X25519PrivateKey.from_private_bytes(bytes(range(32))).public_key()
    pem = key.public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    with pytest.raises(ParameterError, match="must be an RSA, ECDSA or Ed25519 key, got"):
        checked(corpus.imgtool(key="p256"), pem)


def test_unsigned_images_have_no_signature():
    for image in (corpus.FIRMWARE, corpus.imgtool()):
        assert checked(image, PUBLIC).signature in (SignatureState.NONE, SignatureState.HASH_ONLY)
    assert FirmwareImage.open(corpus.imgtool()).format is ImageFormat.MCUBOOT
