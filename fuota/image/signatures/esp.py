"""Signature of an ESP32 image: secure boot v1, and v2 with RSA-3072 or ECDSA (espsecure 5.6, `verify-signature`)."""

from __future__ import annotations

import hashlib

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa

from fuota.image.description import SignatureState
from fuota.image.formats.esp_layout import chip_number, read_layout
from fuota.image.formats.esp_signature import (
    Block,
    SecureBoot,
    ecdsa_big_endian,
    ecdsa_key_bytes,
    read_secure_boot,
    rsa_key_bytes,
    signature_digests,
)
from fuota.image.signatures.public_key import PublicKey, is_signature, key_kind
from fuota.image.signatures.verification import Verification, not_verified, verified, wrong

CURVES = ("secp192r1", "secp256r1", "secp384r1")
"""Curves of secure boot v2."""
_ESP32 = 0
_PSS = padding.PSS(mgf=padding.MGF1(hashes.SHA256()), salt_length=32)


def verify_esp(data: bytes, key: PublicKey) -> Verification:
    """Return whether the signature, or one of the signature blocks, is by the key and covers the image."""
    boot = read_secure_boot(data, read_layout(data).end)
    if boot is None:
        return wrong("its signature cannot be read")
    return _verify_v1(data, boot, key) if boot.v1 else _verify_v2(data, boot, key)


def _verify_v1(data: bytes, boot: SecureBoot, key: PublicKey) -> Verification:
    if not isinstance(key, ec.EllipticCurvePublicKey) or key.curve.name != "secp256r1":
        return wrong(f"it is signed with ECDSA on secp256r1 (secure boot v1), but the public key is {key_kind(key)}")
    return verified() if is_signature(key, boot.v1, data[: boot.signed_bytes]) else wrong()


def _verify_v2(data: bytes, boot: SecureBoot, key: PublicKey) -> Verification:
    if (problem := _problem(data, boot)) is not None:
        return problem
    kind = key_kind(key)
    if all(block.scheme != kind for block in boot.blocks):
        schemes = " and ".join(dict.fromkeys(block.scheme or "an unknown scheme" for block in boot.blocks))
        return wrong(f"it is signed with {schemes} (secure boot v2), but the public key is {kind}")
    key_bytes = _key_bytes(key)
    block = next((block for block in boot.blocks if block.scheme == kind and block.key == key_bytes), None)
    if block is None:
        return _other_key(boot, key_bytes, kind)
    if not _is_signed(key, block, data[: boot.signed_bytes]):
        return wrong()
    if block.number > 1 and chip_number(data) == _ESP32:
        return wrong(
            f"signature block {block.number} is by this key, but an ESP32 reads only block 1: sign with it first"
        )
    return verified(_which(block.number, len(boot.blocks)))


def _which(number: int, count: int) -> str:
    """Return the words for a signature block among several (ESP-IDF, secure_boot_signatures_app.c)."""
    if count == 1:
        return ""
    limit = "; a device without secure boot in its eFuses reads only block 1" if number > 1 else ""
    return f"signature block {number} of {count}{limit}"


def _problem(data: bytes, boot: SecureBoot) -> Verification | None:
    """Return the result for a signature sector that is damaged or unknown, or that belongs to other content; None otherwise."""
    for block in boot.blocks:
        if not block.has_right_crc:
            return wrong(
                f"signature block {block.number} is damaged (its CRC is wrong): take the file again, or sign again"
            )
        if any(block.unused):
            return wrong(f"signature block {block.number} has values where espsecure writes zeros: it was changed")
    if not boot.is_filled:
        return wrong("other bytes than 0xFF follow the blocks in the signature sector: it was changed after signing")
    if all(block.scheme is None for block in boot.blocks):
        return not_verified(
            "its signature blocks are of an unknown kind (known: 2, RSA-3072; 3, ECDSA P-192, P-256, P-384)"
        )
    if any(digest.matches is False for digest in signature_digests(data, boot)):
        return wrong("its signature block has the digest of another image: it was changed after signing")
    return None


def _other_key(boot: SecureBoot, key_bytes: bytes, kind: str) -> Verification:
    keys = " and ".join(dict.fromkeys(f"{block.key_sha256[:16]}…" for block in boot.blocks if block.scheme == kind))
    return Verification(
        state=SignatureState.WRONG,
        other_key=True,
        why=f"its signature blocks hold the key {keys}, but the public key is {hashlib.sha256(key_bytes).hexdigest()[:16]}…"
        f" ({kind}; espsecure digest-sbv2-public-key): it was signed with another key",
    )


def _key_bytes(key: PublicKey) -> bytes:
    if isinstance(key, rsa.RSAPublicKey):
        rsa_numbers = key.public_numbers()
        return rsa_key_bytes(rsa_numbers.n, rsa_numbers.e)
    if not isinstance(key, ec.EllipticCurvePublicKey):
        return b""
    numbers = key.public_numbers()
    return ecdsa_key_bytes(key.curve.name, numbers.x, numbers.y)


def _is_signed(key: PublicKey, block: Block, signed: bytes) -> bool:
    if isinstance(key, ec.EllipticCurvePublicKey):
        return is_signature(key, ecdsa_big_endian(key.curve.name, block.signature), signed)
    if not isinstance(key, rsa.RSAPublicKey):
        return False
    try:
        key.verify(block.signature[::-1], signed, _PSS, hashes.SHA256())
    except InvalidSignature:
        return False
    return True
