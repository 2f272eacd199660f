"""What is known of an image once it has been read: the same values whatever its format."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from fuota.findings import Finding


class ImageFormat(StrEnum):
    """How an image is packed."""

    RAW = "raw"
    INTEL_HEX = "intel-hex"
    S_RECORD = "s-record"
    ELF = "elf"
    UF2 = "uf2"
    MCUBOOT = "mcuboot"
    ESP_APP = "esp-app"
    SBSFU = "sbsfu"
    MBED_SIGNED = "mbed-signed"
    SUIT = "suit"
    DETOOLS_PATCH = "detools-patch"
    BSDIFF_PATCH = "bsdiff-patch"


class SignatureState(StrEnum):
    """What is known of an image's signature. A hash is none: whoever changes the image can change the hash."""

    NONE = "none"
    HASH_ONLY = "hash only"
    PRESENT = "present, not verified"
    VERIFIED = "verified"
    WRONG = "wrong"


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """A piece of the file, or of the binary that a container holds: `size` octets from `offset`, loaded to `address` where the
    format says so.
    """

    name: str
    offset: int
    size: int
    address: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Digest:
    """A hash or checksum that the file states. `matches`: whether it is that of the content, None where that cannot be told."""

    algorithm: str
    value: str
    covers: str
    matches: bool | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Description:
    """What a reader found in an image. A damaged one is described as far as it goes, with findings that say where it stops.

    `version`, `hardware`: as the format writes them, None where it does not. `address_range`: lowest address and the one after the
    highest. `base_sha256`: of the image that a patch is for, hexadecimal, where the patch says. `image_bytes`: length of the image
    that comes out on the device, where it is not the file's.
    `converts_to_bytes`: for a container that no device takes as it is (HEX, S-record, ELF, UF2), length of its binary.
    """

    format: ImageFormat
    parts: tuple[Part, ...] = ()
    version: str | None = None
    hardware: str | None = None
    address_range: tuple[int, int] | None = None
    digests: tuple[Digest, ...] = ()
    signature: SignatureState = SignatureState.NONE
    key_sha256: str | None = None
    encrypted: bool = False
    base_sha256: str | None = None
    image_bytes: int | None = None
    converts_to_bytes: int | None = None
    findings: tuple[Finding, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """A tree of plain values."""
        return {
            **{name: getattr(self, name) for name in ("version", "hardware", "key_sha256", "encrypted", "base_sha256")},
            **{name: getattr(self, name) for name in ("image_bytes", "converts_to_bytes", "address_range")},
            "format": self.format.value,
            "signature": self.signature.value,
            "parts": [{name: getattr(part, name) for name in part.__slots__} for part in self.parts],
            "digests": [{name: getattr(digest, name) for name in digest.__slots__} for digest in self.digests],
        }
