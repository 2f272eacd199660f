"""The signature of a SUIT envelope: a COSE_Sign1 (RFC 9052 §4.2, §4.4) of the digest, which is the manifest's."""

from __future__ import annotations

from typing import Any

import cbor2
from cryptography.hazmat.primitives.asymmetric import ec

from fuota.errors import ImageError
from fuota.image.formats.suit import Envelope, decoded, envelope, is_bound
from fuota.image.public_key import PublicKey, is_signature, spoken
from fuota.image.verification import Verification, not_verified, verified, wrong

_SIGN1_TAG = 18
_ALGORITHM = 1
_ALGORITHMS = {-7: "secp256r1", -9: "secp256r1", -35: "secp384r1", -51: "secp384r1", -8: "Ed25519", -19: "Ed25519"}
"""ES256, ES384 and EdDSA of RFC 9053 §2, and what RFC 9864 calls them."""

_MOST_SIGNATURES = 16
"""That are tried."""


def verify_suit(data: bytes, key: PublicKey) -> Verification:
    """Whether one of its signatures is of the key. Of a manifest only what it binds by a digest is signed."""
    found = envelope(data)
    if not is_bound(found):
        return wrong("its digests are not those of its manifest and its payloads: it was changed since it was signed")
    states = [_verified(found, one, key) for one in found.signatures[:_MOST_SIGNATURES]]
    known = [state for state in states if state is not None]
    if any(known):
        return verified()
    if not known and states:
        return not_verified("its signatures are of algorithms that are not known here (ES256, ES384, EdDSA are)")
    return wrong()


def _verified(found: Envelope, signature: bytes, key: PublicKey) -> bool | None:
    """None for an algorithm that is not known."""
    try:
        protected, payload, octets = _sign1(signature)
        header = decoded(protected) if protected else {}
    except ImageError:
        return False
    algorithm = header.get(_ALGORITHM) if isinstance(header, dict) else None
    if not isinstance(algorithm, int) or algorithm not in _ALGORITHMS:
        return None
    if payload not in (None, found.digest_octets) or _ALGORITHMS[algorithm] != _algorithm_of(key):
        return False
    signed = cbor2.dumps(["Signature1", protected, b"", found.digest_octets])
    return is_signature(key, octets, signed)


def _sign1(signature: bytes) -> tuple[bytes, Any, bytes]:
    """Protected header, payload (None: it lies elsewhere) and signature. Raises ImageError for what is no COSE_Sign1."""
    value = decoded(signature)
    value = value.value if isinstance(value, cbor2.CBORTag) and value.tag == _SIGN1_TAG else value
    match value:
        case [bytes(protected), _, payload, bytes(octets)]:
            return protected, payload, octets
    raise ImageError("a signature is no COSE_Sign1")


def _algorithm_of(key: PublicKey) -> str:
    return key.curve.name if isinstance(key, ec.EllipticCurvePublicKey) else spoken(key)
