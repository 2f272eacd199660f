"""Signature of a SUIT envelope: a COSE_Sign1 or COSE_Sign (RFC 9052 §4) over the digest of the manifest."""

from __future__ import annotations

import cbor2
from cryptography.hazmat.primitives.asymmetric import ec

from fuota.errors import ImageError
from fuota.image.formats.suit import (
    Envelope,
    cose_algorithm,
    decode_cbor,
    is_bound,
    is_encrypted,
    mac_name,
    read_envelope,
)
from fuota.image.signatures.public_key import PublicKey, is_signature, key_kind
from fuota.image.signatures.verification import Verification, body_not_readable, not_verified, only_mac, verified, wrong

_SIGN1_TAG, _SIGN_TAG = 18, 98
_ALGORITHMS = {-7: "secp256r1", -9: "secp256r1", -35: "secp384r1", -51: "secp384r1", -8: "Ed25519", -19: "Ed25519"}
"""Keys of ES256, ES384 and EdDSA (RFC 9053 §2), and of the same algorithms in RFC 9864."""

_MAX_SIGNATURES = 16
"""Number of signatures that are tried."""


def verify_suit(data: bytes, key: PublicKey) -> Verification:
    """Return whether one of the signatures is by the key. Of the envelope, a signature covers what the manifest binds by digest."""
    envelope = read_envelope(data)
    if not is_bound(envelope):
        return wrong("its digests do not match its manifest and its payloads: it was changed after signing")
    blocks = envelope.signatures[:_MAX_SIGNATURES]
    results = [_is_signed(envelope, block, key) for block in blocks]
    if True in results:
        reason = "its payload is encrypted, so its digest cannot be compared"
        return body_not_readable(reason) if is_encrypted(envelope) else verified()
    if False in results or not results:
        return wrong()
    if names := sorted({name for block in blocks if (name := mac_name(block))}):
        return only_mac(", ".join(names))
    return not_verified("its signatures have unknown algorithms (known: ES256, ES384, EdDSA)")


def _is_signed(envelope: Envelope, signature: bytes, key: PublicKey) -> bool | None:
    """Return whether a signature in the block is by the key; None for a MAC, or if no algorithm is known."""
    if mac_name(signature):
        return None
    try:
        value = decode_cbor(signature)
    except ImageError:
        return False
    value = value.value if isinstance(value, cbor2.CBORTag) and value.tag in (_SIGN1_TAG, _SIGN_TAG) else value
    match value:
        case [bytes(protected), _, (None | bytes()) as payload, bytes(raw)]:
            context: list[object] = ["Signature1", protected]
            signers = [(protected, raw)]
        case [bytes(protected), _, (None | bytes()) as payload, [*entries]]:
            context, signers = ["Signature", protected], _signers(entries)
        case _:
            return False
    if payload not in (None, envelope.digest_cbor):
        return False
    results = [_is_by_key(context, signer, envelope.digest_cbor, key) for signer in signers[:_MAX_SIGNATURES]]
    return True in results or (None if set(results) == {None} else False)


def _signers(entries: list[object]) -> list[tuple[bytes, bytes]]:
    """Return protected header and signature of each COSE_Signature in a COSE_Sign."""
    signers = []
    for entry in entries:
        match entry:
            case [bytes(protected), _, bytes(raw)]:
                signers.append((protected, raw))
    return signers


def _is_by_key(context: list[object], signer: tuple[bytes, bytes], payload: bytes, key: PublicKey) -> bool | None:
    """Return whether a signature is by the key; None if its algorithm is unknown.

    context: start of the Sig_structure (RFC 9052 §4.4). signer: protected header and signature.
    """
    protected, raw = signer
    algorithm = cose_algorithm(protected)
    if algorithm not in _ALGORITHMS:
        return None
    if _ALGORITHMS[algorithm] != _key_name(key):
        return False
    own_header: list[object] = [protected] if context[0] == "Signature" else []
    return is_signature(key, raw, cbor2.dumps([*context, *own_header, b"", payload]))


def _key_name(key: PublicKey) -> str:
    return key.curve.name if isinstance(key, ec.EllipticCurvePublicKey) else key_kind(key)
