"""The signature of an MCUboot image, verified by imgtool (extra `mcuboot`) once our own reader has measured the image."""

from __future__ import annotations

import hashlib
import tempfile
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from fuota.errors import ParameterError
from fuota.image.description import SignatureState
from fuota.image.formats.mcuboot import KEY_HASH, PUBLIC_KEY, SIGNATURES, Layout, read_layout
from fuota.image.public_key import PublicKey, spoken
from fuota.image.verification import Verification, not_verified, verified, wrong

_HASHES = {32: "sha256", 48: "sha384", 64: "sha512"}
"""By which imgtool hashes a key, by the octets of what comes out."""
_MOST_SIGNATURES = 16
"""Which imgtool would try one after the other."""


def verify_mcuboot(data: bytes, key: PublicKey) -> Verification:
    """Whether the image is signed by the key. Raises ParameterError where imgtool is not installed."""
    layout = read_layout(data)
    if layout.encrypted:
        return not_verified("it is encrypted, and signed before that: only who can decrypt it can verify it")
    if (other := _named_key(data, layout, key)) is not None:
        return other
    if sum(kind in SIGNATURES for kind, _, _ in layout.tlvs) > _MOST_SIGNATURES:
        return wrong(f"it has more than {_MOST_SIGNATURES} signatures: they are not verified")
    kinds = {SIGNATURES[kind] for kind, _, _ in layout.tlvs if kind in SIGNATURES}
    if not any(spoken(key).startswith(kind) for kind in kinds):
        return wrong(f"it is signed by {' and '.join(sorted(kinds))}, and the public key given is {spoken(key)}")
    return _by_imgtool(data[: layout.end], key)


def _named_key(data: bytes, layout: Layout, key: PublicKey) -> Verification | None:
    """What the image says of its key, where that is another one: it names all keys by which it is signed."""
    ours = _as_mcuboot_has_it(key)
    hashes = layout.values(data, KEY_HASH)
    named = [value == hashlib.new(_HASHES.get(len(value), "sha256"), ours).digest() for value in hashes]
    full = layout.values(data, PUBLIC_KEY)
    if any(named) or ours in full or not (hashes or full):
        return None
    theirs = hashes[0] if hashes else hashlib.sha256(full[0]).digest()
    own = hashlib.new(_HASHES.get(len(theirs), "sha256"), ours).hexdigest()
    return Verification(
        state=SignatureState.WRONG,
        other_key=True,
        why=f"it names the key {theirs.hex()[:16]}…, and the public key given is {own[:16]}… ({spoken(key)}): it was signed by"
        " another",
    )


def _as_mcuboot_has_it(key: PublicKey) -> bytes:
    """The octets that the bootloader holds and hashes: PKCS #1 of an RSA key, else SubjectPublicKeyInfo (imgtool, keys)."""
    layout = (
        serialization.PublicFormat.PKCS1
        if isinstance(key, rsa.RSAPublicKey)
        else serialization.PublicFormat.SubjectPublicKeyInfo
    )
    return key.public_bytes(serialization.Encoding.DER, layout)


def _by_imgtool(data: bytes, key: PublicKey) -> Verification:
    image, keys = _imgtool()
    with tempfile.TemporaryDirectory(prefix="fuota-") as folder:
        path = Path(folder) / "image.bin"  # it reads files only, and takes .hex for another format
        path.write_bytes(data)
        try:
            result, *_ = image.Image.verify(str(path), _imgtool_key(keys, key))
        except Exception:  # it promises nothing of what it raises for an image that it cannot follow
            return wrong("its signature cannot be read: it is damaged, or not of the public key that was given")
    return verified() if result is image.VerifyResult.OK else wrong()


def _imgtool_key(keys: Any, key: PublicKey) -> Any:
    if isinstance(key, rsa.RSAPublicKey):
        return keys.RSAPublic(key)
    if isinstance(key, ec.EllipticCurvePublicKey):
        return (keys.ECDSA256P1Public if key.curve.name == "secp256r1" else keys.ECDSA384P1Public)(key)
    return keys.Ed25519Public(key)


def _imgtool() -> tuple[Any, Any]:
    try:
        from imgtool import image, keys
    except ModuleNotFoundError:
        raise ParameterError(
            "to verify an MCUboot image takes the package 'imgtool': pip install 'fuota[mcuboot]'; without a public key all"
            " else of it is checked"
        ) from None
    return image, keys
