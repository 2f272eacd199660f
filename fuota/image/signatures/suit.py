"""Signature of a SUIT envelope: a COSE_Sign1 (RFC 9052 §4.2, §4.4) over the digest of the manifest."""

from __future__ import annotations

import cbor2
from cryptography.hazmat.primitives.asymmetric import ec

from fuota.errors import ImageError
from fuota.image.formats.suit import Envelope, decode_cbor, is_bound, read_envelope
from fuota.image.signatures.public_key import PublicKey, is_signature, key_kind
from fuota.image.signatures.verification import Verification, not_verified, verified, wrong

_SIGN1_TAG = 18
_ALGORITHM = 1
_ALGORITHMS = {-7: "secp256r1", -9: "secp256r1", -35: "secp384r1", -51: "secp384r1", -8: "Ed25519", -19: "Ed25519"}
"""Keys of ES256, ES384 and EdDSA (RFC 9053 §2), and of the same algorithms in RFC 9864."""

_MAX_SIGNATURES = 16
"""Number of signatures that are tried."""


def verify_suit(data: bytes, key: PublicKey) -> Verification:
    """Return whether one of the signatures is by the key. Of the envelope, a signature covers what the manifest binds by digest."""
    envelope = read_envelope(data)
    if not is_bound(envelope):
        return wrong("its digests do not match its manifest and its payloads: it was changed after signing")
    results = [_is_signed(envelope, signature, key) for signature in envelope.signatures[:_MAX_SIGNATURES]]
    known_results = [result for result in results if result is not None]
    if any(known_results):
        return verified()
    if not known_results and results:
        return not_verified("its signatures have unknown algorithms (known: ES256, ES384, EdDSA)")
    return wrong()


def _is_signed(envelope: Envelope, signature: bytes, key: PublicKey) -> bool | None:
    """Return whether the signature is by the key; None if its algorithm is unknown."""
    try:
        protected, payload, raw_signature = _sign1(signature)
        header = decode_cbor(protected) if protected else {}
    except ImageError:
        return False
    algorithm = header.get(_ALGORITHM) if isinstance(header, dict) else None
    if not isinstance(algorithm, int) or algorithm not in _ALGORITHMS:
        return None
    if payload not in (None, envelope.digest_cbor) or _ALGORITHMS[algorithm] != _key_name(key):
        return False
    signed = cbor2.dumps(["Signature1", protected, b"", envelope.digest_cbor])
    return is_signature(key, raw_signature, signed)


def _sign1(signature: bytes) -> tuple[bytes, object, bytes]:
    """Return protected header, payload (None: detached) and signature of a COSE_Sign1. Raises ImageError for anything else."""
    value = decode_cbor(signature)
    value = value.value if isinstance(value, cbor2.CBORTag) and value.tag == _SIGN1_TAG else value
    match value:
        case [bytes(protected), _, payload, bytes(raw_signature)]:
            return protected, payload, raw_signature
    raise ImageError("a signature is not a COSE_Sign1")


def _key_name(key: PublicKey) -> str:
    return key.curve.name if isinstance(key, ec.EllipticCurvePublicKey) else key_kind(key)
