"""The public key by which an image is verified, as users have it: PEM or DER."""

from __future__ import annotations

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature

from fuota.errors import ParameterError

PublicKey = rsa.RSAPublicKey | ec.EllipticCurvePublicKey | ed25519.Ed25519PublicKey

_CURVES: dict[str, tuple[hashes.HashAlgorithm, int]] = {
    "secp256r1": (hashes.SHA256(), 32),
    "secp384r1": (hashes.SHA384(), 48),
}
"""The hash that goes with each curve, and the octets of each half of a signature (FIPS 186-5, RFC 9053 §2.1)."""


def load_public_key(octets: bytes) -> PublicKey:
    """RSA, ECDSA (P-256, P-384) or Ed25519, in PEM or DER. Raises ParameterError for anything else."""
    if b"PRIVATE KEY" in octets:
        raise ParameterError(
            "a private key was given: a signature is verified by the public one (openssl pkey -in KEY -pubout); keep that one away"
        )
    load = serialization.load_pem_public_key if b"-----BEGIN" in octets else serialization.load_der_public_key
    try:
        key = load(octets)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        raise ParameterError(
            f"{len(octets)} bytes were given as a public key: they are none, in PEM or DER (openssl pkey -in KEY -pubout)"
        ) from None
    if isinstance(key, ec.EllipticCurvePublicKey) and key.curve.name not in _CURVES:
        raise ParameterError(f"a public key on the curve {key.curve.name} was given: there are {', '.join(_CURVES)}")
    if not isinstance(key, PublicKey):
        raise ParameterError("a public key of another kind was given: there are RSA, ECDSA and Ed25519")
    return key


def spoken(key: PublicKey) -> str:
    """Its kind in words."""
    if isinstance(key, rsa.RSAPublicKey):
        return f"RSA-{key.key_size}"
    return "Ed25519" if isinstance(key, ed25519.Ed25519PublicKey) else f"ECDSA on {key.curve.name}"


def curve_hash(key: ec.EllipticCurvePublicKey) -> hashes.HashAlgorithm:
    """The hash that goes with its curve."""
    return _CURVES[key.curve.name][0]


def der_of(signature: bytes, key: ec.EllipticCurvePublicKey) -> bytes:
    """An ECDSA signature as X9.62 writes it; r and s one after the other, as COSE and PKCS #11 write them, are put into DER."""
    size = _CURVES[key.curve.name][1]
    if len(signature) != 2 * size:
        return signature
    return encode_dss_signature(int.from_bytes(signature[:size], "big"), int.from_bytes(signature[size:], "big"))


def is_signature(key: PublicKey, signature: bytes, signed: bytes) -> bool:
    """Whether `signature` of `signed` is of the key, ECDSA or Ed25519; never of an RSA key, whose padding nothing here names."""
    try:
        if isinstance(key, ed25519.Ed25519PublicKey):
            key.verify(signature, signed)
        elif isinstance(key, ec.EllipticCurvePublicKey):
            key.verify(der_of(signature, key), signed, ec.ECDSA(curve_hash(key)))
        else:
            return False
    except (InvalidSignature, ValueError):
        return False
    return True
