"""Result of the verification of a signature."""

from __future__ import annotations

from dataclasses import dataclass

from fuota.image.description import SignatureState


@dataclass(frozen=True, slots=True, kw_only=True)
class Verification:
    """Result of the verification of a signature.

    state: VERIFIED, WRONG, PRESENT if the signature cannot be verified, or BODY_NOT_READABLE if it is by the key over the hash that
    the image states, and the content is encrypted, so that this hash cannot be compared.
    why: the reason in words; empty if the signature is verified.
    other_key: whether the image names its signing key and that key is not the public key.
    which: the signature that is verified, if the image has several.
    """

    state: SignatureState
    why: str = ""
    other_key: bool = False
    which: str = ""


def verified(which: str = "") -> Verification:
    """Return the result for a signature by the public key over the content that is sent; `which` names it among several."""
    return Verification(state=SignatureState.VERIFIED, which=which)


def body_not_readable(why: str) -> Verification:
    """Return the result for a signature by the public key over a hash of encrypted content, for the reason `why`."""
    return Verification(state=SignatureState.BODY_NOT_READABLE, why=f"its signature is by this key, but {why}")


def wrong(why: str = "its signature does not match the public key, or it was changed after signing") -> Verification:
    """Return the result for a signature that does not belong to the public key and the content."""
    return Verification(state=SignatureState.WRONG, why=why)


def only_mac(kind: str) -> Verification:
    """Return the result for an image with a MAC of this kind instead of a signature."""
    why = f"it has a MAC ({kind}) instead of a signature: only a device with the secret key can verify it"
    return Verification(state=SignatureState.PRESENT, why=why)


def not_verified(why: str) -> Verification:
    """Return the result for a signature that cannot be verified, for the reason `why`."""
    return Verification(state=SignatureState.PRESENT, why=f"it is signed, but not verified: {why}")
