"""Whether an image is signed by the public key that was given: each format in its own way, or by a signature beside the image."""

from __future__ import annotations

import base64
import binascii

from cryptography.hazmat.primitives.asymmetric import ec, rsa

from fuota.errors import ParameterError
from fuota.image.description import ImageFormat
from fuota.image.firmware import FirmwareImage
from fuota.image.public_key import PublicKey, is_signature, load_public_key, spoken
from fuota.image.verification import Verification, not_verified, verified, wrong

MAX_SIGNATURE_BYTES = 512
"""More than any signature here, or the base64 of one, can have."""


def verify(image: FirmwareImage, public_key: bytes) -> Verification:
    """Whether the signature in the image is of the key (PEM or DER), and the image what was signed.

    Raises ParameterError for what is no public key, and for an MCUboot image where the package imgtool is not installed.
    """
    key = load_public_key(public_key)
    if image.format is ImageFormat.MCUBOOT:
        from fuota.image.mcuboot_signature import verify_mcuboot

        return verify_mcuboot(image.data, key)
    if image.format is ImageFormat.SUIT:
        from fuota.image.suit_signature import verify_suit

        return verify_suit(image.data, key)
    if image.format is ImageFormat.SBSFU:
        return _sbsfu(image, key)
    if image.format is ImageFormat.MBED_SIGNED:
        return _mbed_signed(image, key)
    return not_verified(f"the signature of {image.format} is not verified here: its own tool does (espsecure)")


def verify_detached(image: FirmwareImage, public_key: bytes, signature: bytes) -> Verification:
    """Whether a signature that lies beside the image is of the key and of all its octets.

    `signature`: ECDSA in DER or as r and s one after the other, of the SHA-256 (P-256) or SHA-384 (P-384); or Ed25519, of the
    octets themselves; or the base64 of either. Raises ParameterError for what is no public key of these, or no signature.
    """
    key = load_public_key(public_key)
    if isinstance(key, rsa.RSAPublicKey):
        raise ParameterError(f"{spoken(key)} was given: a signature beside the image is of ECDSA or Ed25519")
    return verified() if is_signature(key, _decoded(signature), image.data) else wrong()


def _decoded(signature: bytes) -> bytes:
    if not 0 < len(signature) <= MAX_SIGNATURE_BYTES:
        raise ParameterError(
            f"{len(signature)} bytes were given as a signature: ECDSA has 64 to 104, Ed25519 64, or the base64 of them"
        )
    try:
        return base64.b64decode(b"".join(signature.split()), validate=True)
    except (binascii.Error, ValueError):
        return signature


def _sbsfu(image: FirmwareImage, key: PublicKey) -> Verification:
    """ECDSA P-256, as r and s, over the head of the header; that holds the SHA-256 of the firmware before it was encrypted."""
    from fuota.image.formats.sbsfu import SIGNATURE_BYTES, SIGNED_BYTES

    if not isinstance(key, ec.EllipticCurvePublicKey) or key.curve.name != "secp256r1":
        return wrong(f"it is signed by ECDSA on secp256r1, and the public key given is {spoken(key)}")
    signature = image.data[SIGNED_BYTES : SIGNED_BYTES + SIGNATURE_BYTES]
    if not is_signature(key, signature, image.data[:SIGNED_BYTES]):
        return wrong()
    if image.description.encrypted:
        return not_verified(
            "its header is signed by the public key that was given, but its firmware is encrypted: whether that is what was signed"
            " cannot be told"
        )
    return verified()


def _mbed_signed(image: FirmwareImage, key: PublicKey) -> Verification:
    """ECDSA in DER, over the firmware before the manifest."""
    from fuota.image.formats.mbed_signed import MANIFEST_BYTES, manifest

    found = manifest(image.data)
    if found is None or found.is_patch:
        return not_verified("it is a patch, and its signature that of the image which it makes on the device")
    if not isinstance(key, ec.EllipticCurvePublicKey):
        return wrong(f"it is signed by ECDSA, and the public key given is {spoken(key)}")
    return verified() if is_signature(key, found.signature, image.data[:-MANIFEST_BYTES]) else wrong()
