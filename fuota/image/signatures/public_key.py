"""Public keys in PEM or DER, and verification of ECDSA and Ed25519 signatures by them."""

from __future__ import annotations

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature, encode_dss_signature

from fuota.errors import ParameterError

PublicKey = rsa.RSAPublicKey | ec.EllipticCurvePublicKey | ed25519.Ed25519PublicKey

_CURVES: dict[str, tuple[hashes.HashAlgorithm, int]] = {
    "secp192r1": (hashes.SHA256(), 24),
    "secp256r1": (hashes.SHA256(), 32),
    "secp384r1": (hashes.SHA384(), 48),
}
"""Hash used with each curve, and bytes in each half of a signature (FIPS 186-5, RFC 9053 §2.1; P-192 as espsecure uses it)."""
USUAL_CURVES = ("secp256r1", "secp384r1")
"""Curves that every format but ESP32 secure boot is limited to."""


def load_public_key(content: bytes, *, curves: tuple[str, ...] = USUAL_CURVES) -> PublicKey:
    """Return the RSA, ECDSA (on one of the curves) or Ed25519 key in PEM or DER. Raises ParameterError for anything else."""
    if b"PRIVATE KEY" in content:
        raise ParameterError(
            "public_key is a private key: verification needs only the public key (openssl pkey -in KEY -pubout); keep the private"
            " key elsewhere"
        )
    load = serialization.load_pem_public_key if b"-----BEGIN" in content else serialization.load_der_public_key
    try:
        key = load(content)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        raise ParameterError(
            f"public_key must be a public key in PEM or DER (openssl pkey -in KEY -pubout), got {len(content)} other bytes"
        ) from None
    if isinstance(key, ec.EllipticCurvePublicKey) and key.curve.name not in curves:
        raise ParameterError(
            f"the curve of an ECDSA public key must be one of {', '.join(curves)}, got {key.curve.name}"
        )
    if not isinstance(key, PublicKey):
        raise ParameterError(f"public_key must be an RSA, ECDSA or Ed25519 key, got {type(key).__name__}")
    return key


def key_kind(key: PublicKey) -> str:
    """Return the kind of the key in words, such as "ECDSA on secp256r1"."""
    if isinstance(key, rsa.RSAPublicKey):
        return f"RSA-{key.key_size}"
    return "Ed25519" if isinstance(key, ed25519.Ed25519PublicKey) else f"ECDSA on {key.curve.name}"


def ecdsa_in_der(signature: bytes, key: ec.EllipticCurvePublicKey) -> bytes:
    """Return an ECDSA signature in DER (X9.62). r and s as two integers, as COSE and PKCS #11 write them, are converted."""
    size = _CURVES[key.curve.name][1]
    if len(signature) != 2 * size:
        return signature
    return encode_dss_signature(int.from_bytes(signature[:size], "big"), int.from_bytes(signature[size:], "big"))


def signature_kinds(signature: bytes) -> tuple[str, ...]:
    """Return the kinds of key, as `key_kind` names them, that can have made a signature of this form; empty if none is known.

    r and s of P-256 and Ed25519 signatures both have 64 bytes, so their form does not tell them apart. In DER, a number of more
    than 33 bytes cannot be of P-256, while short numbers may be of either curve.
    """
    p256, p384 = "ECDSA on secp256r1", "ECDSA on secp384r1"
    if len(signature) in (64, 96):
        return (p256, "Ed25519") if len(signature) == 64 else (p384,)
    try:
        r, s = decode_dss_signature(signature)
    except ValueError:
        sizes = {256: "RSA-2048", 384: "RSA-3072", 512: "RSA-4096"}
        return (sizes[len(signature)],) if len(signature) in sizes else ()
    return (p384,) if max(r, s) >> 256 else (p256, p384)


def is_signature(key: PublicKey, signature: bytes, signed: bytes) -> bool:
    """Return whether `signature` is a signature over the bytes `signed` by the ECDSA or Ed25519 key.

    False for an RSA key, because its padding is not stated here.
    """
    try:
        if isinstance(key, ed25519.Ed25519PublicKey):
            key.verify(signature, signed)
        elif isinstance(key, ec.EllipticCurvePublicKey):
            key.verify(ecdsa_in_der(signature, key), signed, ec.ECDSA(_CURVES[key.curve.name][0]))
        else:
            return False
    except (InvalidSignature, ValueError):
        return False
    return True
