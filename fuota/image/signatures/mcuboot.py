"""Signature of an MCUboot image, verified as MCUboot does (bootutil, image_validate.c)."""

from __future__ import annotations

import hashlib

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import Prehashed

from fuota.image.description import SignatureState
from fuota.image.formats.mcuboot import is_encrypted, stated_hashes
from fuota.image.formats.mcuboot_layout import (
    KEY_HASH,
    PUBLIC_KEY,
    PURE_SIGNATURE,
    SIGNATURES,
    Layout,
    read_layout,
)
from fuota.image.signatures.public_key import PublicKey, key_kind
from fuota.image.signatures.verification import Verification, body_not_readable, not_verified, verified, wrong

_KEY_HASHES = {32: "sha256", 48: "sha384", 64: "sha512"}
"""Hash of a key, by its length in bytes."""
_DIGESTS: dict[str, hashes.HashAlgorithm] = {
    "sha256": hashes.SHA256(),
    "sha384": hashes.SHA384(),
    "sha512": hashes.SHA512(),
}
_PSS_SALT_BYTES = 32
_MAX_ATTEMPTS = 16
"""Limit for pairs of a signature and a hash that are tried: an image has one hash, and one signature for each key."""


def verify_mcuboot(data: bytes, key: PublicKey) -> Verification:
    """Return whether MCUboot with this key would accept the signature.

    MCUboot takes the TLVs in their order: a TLV names a key, and the next signature is verified with it. It does not look at a
    signature before which no TLV names the key. The signature of an encrypted image covers a hash that only the device can
    compare.
    """
    layout = read_layout(data)
    if (other := _other_key(data, layout, key)) is not None:
        return other
    kinds = {SIGNATURES[tlv.type] for tlv in layout.tlvs if tlv.type in SIGNATURES}
    if not any(key_kind(key).startswith(kind) for kind in kinds):
        return wrong(f"it is signed with {' and '.join(sorted(kinds))}, but the public key is {key_kind(key)}")
    signatures = _signatures_by(data, layout, key)
    if not signatures:
        return not_verified(
            "no TLV before its signature names the key, so MCUboot finds no key for it and refuses the image"
        )
    verify = _verify_pure if layout.values(data, PURE_SIGNATURE) else _verify_hashed
    return verify(data, layout, key, signatures)


def _verify_hashed(data: bytes, layout: Layout, key: PublicKey, signatures: list[bytes]) -> Verification:
    """Return the result for a signature over a hash that the image states."""
    stated = stated_hashes(data, layout)
    if len(signatures) * len(stated) > _MAX_ATTEMPTS:
        return wrong(f"it has {len(signatures)} signatures and {len(stated)} hashes: they are not verified")
    if not any(_covers_hash(key, signature, name, value) for signature in signatures for name, value, _ in stated):
        return wrong()
    if is_encrypted(data, layout):
        return body_not_readable("its content is encrypted, so the signed hash cannot be compared")
    return verified() if all(matches for *_, matches in stated) else wrong("its content does not match the signed hash")


def _signatures_by(data: bytes, layout: Layout, key: PublicKey) -> list[bytes]:
    """Return the signatures that MCUboot verifies with the key: the first signature after each TLV that names it."""
    signatures, is_named = [], False
    for tlv in layout.tlvs:
        value = data[tlv.offset : tlv.offset + tlv.size]
        if tlv.type in (KEY_HASH, PUBLIC_KEY):
            is_named = _names(tlv.type, value, _bootloader_form(key))
        elif tlv.type in SIGNATURES:
            if is_named and key_kind(key).startswith(SIGNATURES[tlv.type]):
                signatures.append(value)
            is_named = False
    return signatures


def _names(kind: int, value: bytes, key_bytes: bytes) -> bool:
    if kind == PUBLIC_KEY:
        return value == key_bytes
    return len(value) in _KEY_HASHES and value == hashlib.new(_KEY_HASHES[len(value)], key_bytes).digest()


def _verify_pure(data: bytes, layout: Layout, key: PublicKey, signatures: list[bytes]) -> Verification:
    """Return the result for a signature over the image itself, which only Ed25519 has here."""
    if layout.values(data, PURE_SIGNATURE) != [b"\x01"] or not isinstance(key, ed25519.Ed25519PublicKey):
        return wrong("its TLV for a signature over the image itself is not valid: MCUboot refuses the image")
    if is_encrypted(data, layout):
        return not_verified("it was signed before its content was encrypted: only the device can verify it")
    if len(signatures) > _MAX_ATTEMPTS:
        return wrong(f"it has {len(signatures)} signatures: they are not verified")
    if not any(_covers_hash(key, signature, "", data[: layout.hashed_bytes]) for signature in signatures):
        return wrong()
    right = all(matches for *_, matches in stated_hashes(data, layout))
    return verified() if right else wrong("its content does not match its hash")


def _covers_hash(key: PublicKey, signature: bytes, name: str, digest: bytes) -> bool:
    """Return whether the signature covers a hash. name: its algorithm; not used for Ed25519, which signs any bytes."""
    try:
        if isinstance(key, ed25519.Ed25519PublicKey):
            key.verify(signature, digest)
        elif isinstance(key, rsa.RSAPublicKey):
            algorithm = _DIGESTS[name]
            pss = padding.PSS(mgf=padding.MGF1(algorithm), salt_length=_PSS_SALT_BYTES)
            key.verify(signature, digest, pss, Prehashed(algorithm))
        else:
            key.verify(_without_fill(signature), digest, ec.ECDSA(Prehashed(_DIGESTS[name])))
    except (InvalidSignature, ValueError):
        return False
    return True


def _without_fill(signature: bytes) -> bytes:
    """Return a signature in DER without the zeros that `imgtool sign --pad-sig` adds."""
    if len(signature) < 2 or signature[0] != 0x30:
        return signature
    end = 2 + signature[1]
    return signature if signature[end:].strip(b"\0") else signature[:end]


def _other_key(data: bytes, layout: Layout, key: PublicKey) -> Verification | None:
    """Return the result for an image that names its keys without this key; None otherwise. An image names all its keys."""
    key_bytes = _bootloader_form(key)
    hashes = layout.values(data, KEY_HASH)
    matches = [value == hashlib.new(_KEY_HASHES.get(len(value), "sha256"), key_bytes).digest() for value in hashes]
    whole_keys = layout.values(data, PUBLIC_KEY)
    if any(matches) or key_bytes in whole_keys or not (hashes or whole_keys):
        return None
    image_hash = hashes[0] if hashes else hashlib.sha256(whole_keys[0]).digest()
    key_hash = hashlib.new(_KEY_HASHES.get(len(image_hash), "sha256"), key_bytes).hexdigest()
    return Verification(
        state=SignatureState.WRONG,
        other_key=True,
        why=f"it names the key {image_hash.hex()[:16]}…, but the public key is {key_hash[:16]}… ({key_kind(key)}): it was signed"
        " with another key",
    )


def _bootloader_form(key: PublicKey) -> bytes:
    """Return the bytes that the bootloader holds and hashes: PKCS #1 of an RSA key, else SubjectPublicKeyInfo (imgtool, keys)."""
    layout = (
        serialization.PublicFormat.PKCS1
        if isinstance(key, rsa.RSAPublicKey)
        else serialization.PublicFormat.SubjectPublicKeyInfo
    )
    return key.public_bytes(serialization.Encoding.DER, layout)
