"""Description of an image that has been read: the same values for every format."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from fuota.findings import Finding


class ImageFormat(StrEnum):
    """Format of an image file."""

    RAW = "raw"
    INTEL_HEX = "intel-hex"
    S_RECORD = "s-record"
    TI_TXT = "ti-txt"
    ELF = "elf"
    UF2 = "uf2"
    MCUBOOT = "mcuboot"
    ESP_APP = "esp-app"
    ESP_FLASH = "esp-flash"
    SBSFU = "sbsfu"
    MBED_SIGNED = "mbed-signed"
    SUIT = "suit"
    DETOOLS_PATCH = "detools-patch"
    BSDIFF_PATCH = "bsdiff-patch"
    JOJODIFF_PATCH = "jojodiff-patch"
    ESP_DELTA_PATCH = "esp-delta-patch"
    DFU = "dfu"
    NOT_FIRMWARE = "not-firmware"


PATCHES = frozenset(
    {
        ImageFormat.DETOOLS_PATCH,
        ImageFormat.BSDIFF_PATCH,
        ImageFormat.JOJODIFF_PATCH,
        ImageFormat.ESP_DELTA_PATCH,
    }
)
"""Formats that are patches, which the device applies to the image that it runs. mbed-signed holds a patch or a whole image."""


class SignatureState(StrEnum):
    """State of an image's signature. A hash is not a signature: a person who changes the image can change the hash."""

    NONE = "none"
    HASH_ONLY = "hash only"
    PRESENT = "present, not verified"
    BODY_NOT_READABLE = "signed, body not readable"
    VERIFIED = "verified"
    WRONG = "wrong"


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """A part of the file, or of the binary that a container holds.

    offset, size: position and length in bytes. address: load address; None if the format states none.
    """

    name: str
    offset: int
    size: int
    address: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Digest:
    """A hash or checksum that the file states.

    algorithm: such as "sha256". value: hexadecimal. covers: the parts that are hashed, in words.
    matches: whether the content has this digest; None if that cannot be checked.
    """

    algorithm: str
    value: str
    covers: str
    matches: bool | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Description:
    """Result of reading an image. A damaged image is described up to the damage, which is a finding.

    format: format of the image.
    parts: parts of the file, or of the binary in a container.
    version, hardware: as the format writes them; None if it states none.
    address_range: lowest address, and the address after the highest.
    in_ram: whether these addresses are in RAM, where the bootloader copies the image to.
    digests: hashes and checksums that the image states.
    signature: state of the signature.
    mac: kind of the MAC that the image has instead of a signature; empty if it has none. `signature` is then PRESENT.
    key_sha256: SHA-256 of the signing key as the image states it, hexadecimal.
    encrypted: whether the content is encrypted.
    holds_patch: whether a container that may hold a patch or a whole image (mbed-signed) holds a patch.
    base_sha256: SHA-256 of the image that a patch is for, hexadecimal, if the patch states it.
    image_bytes: length of the image on the device, if it differs from the length of the file.
    converts_to_bytes: for a container that no device accepts as it is (HEX, S-record, ELF, UF2), length of its binary.
    findings: findings of the reader.
    """

    format: ImageFormat
    parts: tuple[Part, ...] = ()
    version: str | None = None
    hardware: str | None = None
    address_range: tuple[int, int] | None = None
    in_ram: bool = False
    digests: tuple[Digest, ...] = ()
    signature: SignatureState = SignatureState.NONE
    mac: str = ""
    key_sha256: str | None = None
    encrypted: bool = False
    holds_patch: bool = False
    base_sha256: str | None = None
    image_bytes: int | None = None
    converts_to_bytes: int | None = None
    findings: tuple[Finding, ...] = ()

    @property
    def is_patch(self) -> bool:
        """Whether the device applies the content to the image that it runs."""
        return self.holds_patch or self.format in PATCHES

    def to_json(self) -> dict[str, object]:
        """Return the description, without the findings, as a tree of plain values."""
        return {
            **{name: getattr(self, name) for name in ("version", "hardware", "key_sha256", "encrypted", "base_sha256")},
            **{name: getattr(self, name) for name in ("image_bytes", "converts_to_bytes", "address_range")},
            "format": self.format.value,
            "signature": self.signature.value,
            "parts": [{name: getattr(part, name) for name in part.__slots__} for part in self.parts],
            "digests": [{name: getattr(digest, name) for name in digest.__slots__} for digest in self.digests],
        }
