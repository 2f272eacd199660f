"""Signature of an MCUboot image, verified by imgtool (extra `mcuboot`) after our own reader has checked the image's layout."""

from __future__ import annotations

import hashlib
import tempfile
from pathlib import Path
from types import ModuleType

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from fuota.errors import ParameterError
from fuota.image.description import SignatureState
from fuota.image.formats.mcuboot import KEY_HASH, PUBLIC_KEY, SIGNATURES, Layout, read_layout
from fuota.image.signatures.public_key import PublicKey, key_kind
from fuota.image.signatures.verification import Verification, not_verified, verified, wrong

_HASHES = {32: "sha256", 48: "sha384", 64: "sha512"}
"""Hash of a key in imgtool, by the length of the hash in bytes."""
_MAX_SIGNATURES = 16
"""Limit for the signatures that imgtool would try one after the other."""


def verify_mcuboot(data: bytes, key: PublicKey) -> Verification:
    """Return whether the image is signed by the key. Raises ParameterError if imgtool is not installed."""
    layout = read_layout(data)
    if layout.encrypted:
        return not_verified("it is encrypted and was signed before that: verification needs the decryption key")
    if (other := _other_key(data, layout, key)) is not None:
        return other
    if sum(kind in SIGNATURES for kind, _, _ in layout.tlvs) > _MAX_SIGNATURES:
        return wrong(f"it has more than {_MAX_SIGNATURES} signatures: they are not verified")
    kinds = {SIGNATURES[kind] for kind, _, _ in layout.tlvs if kind in SIGNATURES}
    if not any(key_kind(key).startswith(kind) for kind in kinds):
        return wrong(f"it is signed with {' and '.join(sorted(kinds))}, but the public key is {key_kind(key)}")
    return _verify_with_imgtool(data[: layout.end], key)


def _other_key(data: bytes, layout: Layout, key: PublicKey) -> Verification | None:
    """Return the result for an image that names its keys without this key; None otherwise. An image names all its keys."""
    key_bytes = _bootloader_form(key)
    hashes = layout.values(data, KEY_HASH)
    matches = [value == hashlib.new(_HASHES.get(len(value), "sha256"), key_bytes).digest() for value in hashes]
    whole_keys = layout.values(data, PUBLIC_KEY)
    if any(matches) or key_bytes in whole_keys or not (hashes or whole_keys):
        return None
    image_hash = hashes[0] if hashes else hashlib.sha256(whole_keys[0]).digest()
    key_hash = hashlib.new(_HASHES.get(len(image_hash), "sha256"), key_bytes).hexdigest()
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


def _verify_with_imgtool(data: bytes, key: PublicKey) -> Verification:
    image, keys = _imgtool()
    with tempfile.TemporaryDirectory(prefix="fuota-") as folder:
        path = Path(folder) / "image.bin"  # imgtool reads files only, and takes .hex for another format
        path.write_bytes(data)
        try:
            result, *_ = image.Image.verify(str(path), _imgtool_key(keys, key))
        except Exception:  # imgtool does not say what it raises for an image that it cannot read
            return wrong("its signature cannot be read: it is damaged, or made with another kind of key")
    return verified() if result is image.VerifyResult.OK else wrong()


def _imgtool_key(keys: ModuleType, key: PublicKey) -> object:
    if isinstance(key, rsa.RSAPublicKey):
        return keys.RSAPublic(key)
    if isinstance(key, ec.EllipticCurvePublicKey):
        return (keys.ECDSA256P1Public if key.curve.name == "secp256r1" else keys.ECDSA384P1Public)(key)
    return keys.Ed25519Public(key)


def _imgtool() -> tuple[ModuleType, ModuleType]:
    try:
        from imgtool import image, keys
    except ModuleNotFoundError:
        raise ParameterError(
            "verification of an MCUboot image needs the package 'imgtool': pip install 'fuota[mcuboot]'; without a public key"
            " everything else of the image is checked"
        ) from None
    return image, keys
