"""Verification of a signature in an image, by the rules of its format, or of a signature beside the image."""

from __future__ import annotations

import base64
import binascii

from cryptography.hazmat.primitives.asymmetric import ec, rsa

from fuota.errors import ParameterError
from fuota.image.description import ImageFormat
from fuota.image.firmware import FirmwareImage
from fuota.image.signatures.public_key import PublicKey, is_signature, key_kind, load_public_key, signature_kinds
from fuota.image.signatures.verification import Verification, body_not_readable, not_verified, only_mac, verified, wrong

MAX_SIGNATURE_BYTES = 512
"""Limit for a signature file: more than any signature here, also in base64, has."""


def verify_embedded(image: FirmwareImage, public_key: bytes) -> Verification:
    """Return whether the signature in the image is by the key and covers the content.

    public_key: PEM or DER. Raises ParameterError if it is not a public key.
    """
    if image.format is ImageFormat.ESP_APP:
        from fuota.image.signatures.esp import CURVES, verify_esp

        return verify_esp(image.data, load_public_key(public_key, curves=CURVES))
    key = load_public_key(public_key)
    if image.format is ImageFormat.MCUBOOT:
        from fuota.image.signatures.mcuboot import verify_mcuboot

        return verify_mcuboot(image.data, key)
    if image.format is ImageFormat.SUIT:
        from fuota.image.signatures.suit import verify_suit

        return verify_suit(image.data, key)
    if image.format is ImageFormat.SBSFU:
        return _verify_sbsfu(image, key)
    if image.format is ImageFormat.MBED_SIGNED:
        return _verify_mbed_signed(image, key)
    return not_verified(f"fuota does not verify the signature of {image.format}; use the format's own tool")


def verify_detached(image: FirmwareImage, public_key: bytes, signature: bytes) -> Verification:
    """Return whether a signature beside the image is by the key and covers all bytes of the image.

    public_key: PEM or DER of an ECDSA or Ed25519 key.
    signature: ECDSA in DER, or r and s one after the other, over the SHA-256 (P-256) or SHA-384 (P-384); or Ed25519 over the
    image itself; or the base64 of either.
    Raises ParameterError if either is something else.
    """
    key = load_public_key(public_key)
    if isinstance(key, rsa.RSAPublicKey):
        raise ParameterError(
            f"public_key must be ECDSA or Ed25519 for a signature beside the image, got {key_kind(key)}"
        )
    content = _decode_signature(signature)
    if is_signature(key, content, image.data):
        return verified()
    kinds = signature_kinds(content)
    if kinds and key_kind(key) not in kinds:
        return wrong(
            f"the signature beside the image is of another kind than the public key: {len(content)} bytes of"
            f" {' or '.join(kinds)}, but the public key is {key_kind(key)}"
        )
    return wrong()


def _decode_signature(signature: bytes) -> bytes:
    if not 0 < len(signature) <= MAX_SIGNATURE_BYTES:
        raise ParameterError(
            f"a signature must have 64 to 104 bytes (ECDSA) or 64 bytes (Ed25519), or be the base64 of them, got {len(signature)}"
            " bytes"
        )
    try:
        return base64.b64decode(b"".join(signature.split()), validate=True)
    except (binascii.Error, ValueError):
        return signature


def _verify_sbsfu(image: FirmwareImage, key: PublicKey) -> Verification:
    """Verify ECDSA P-256, as r and s, over the head of the header, which holds the SHA-256 of the firmware before encryption."""
    from fuota.image.formats.sbsfu import SIGNATURE_BYTES, SIGNED_BYTES

    if image.description.mac:
        return only_mac(image.description.mac)
    if not isinstance(key, ec.EllipticCurvePublicKey) or key.curve.name != "secp256r1":
        return wrong(f"it is signed with ECDSA on secp256r1, but the public key is {key_kind(key)}")
    signature = image.data[SIGNED_BYTES : SIGNED_BYTES + SIGNATURE_BYTES]
    if not is_signature(key, signature, image.data[:SIGNED_BYTES]):
        return wrong()
    if any(digest.matches is False for digest in image.description.digests):
        return wrong("its firmware does not match the hash in its signed header")
    if image.description.encrypted:
        return body_not_readable("its firmware is encrypted, so the hash in its header cannot be compared")
    return verified()


def _verify_mbed_signed(image: FirmwareImage, key: PublicKey) -> Verification:
    """Verify ECDSA in DER over the firmware before the manifest."""
    from fuota.image.formats.mbed_signed import MANIFEST_BYTES, read_manifest

    manifest = read_manifest(image.data)
    if manifest is None or manifest.is_patch:
        return not_verified(
            "it is a patch, and its signature covers the image that the device makes with it; name its base (--base)"
        )
    if not isinstance(key, ec.EllipticCurvePublicKey):
        return wrong(f"it is signed with ECDSA, but the public key is {key_kind(key)}")
    return verified() if is_signature(key, manifest.signature, image.data[:-MANIFEST_BYTES]) else wrong()
