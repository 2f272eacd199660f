"""What came of verifying a signature."""

from __future__ import annotations

from dataclasses import dataclass

from fuota.image.description import SignatureState


@dataclass(frozen=True, slots=True, kw_only=True)
class Verification:
    """`state`: VERIFIED, WRONG, or PRESENT where it cannot be told. `why`: for people, empty where it is verified.

    `other_key`: the image names the key by which it is signed, and it is not the one that was given.
    """

    state: SignatureState
    why: str = ""
    other_key: bool = False


def verified() -> Verification:
    """The signature is of the key, and what is sent is what was signed."""
    return Verification(state=SignatureState.VERIFIED)


def wrong(why: str = "its signature is not of the public key that was given, or it was changed since") -> Verification:
    """The signature is not of the key."""
    return Verification(state=SignatureState.WRONG, why=why)


def not_verified(why: str) -> Verification:
    """Whether it is cannot be told."""
    return Verification(state=SignatureState.PRESENT, why=f"it is signed, but not verified: {why}")
