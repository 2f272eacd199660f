"""Whether an image may be sent: every check that needs no more than the image, what the device takes, and a public key.

Codes are stable; docs/images.md lists them all.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from fuota.errors import ParameterError
from fuota.findings import Finding, Findings, error, note, warning
from fuota.image.content import Filler, entropy, filler, is_blank
from fuota.image.description import ImageFormat, SignatureState
from fuota.image.firmware import FirmwareImage
from fuota.image.requirements import MAX_BLOCK_BYTES
from fuota.image.verification import Verification
from fuota.image.versions import is_newer

CONTAINERS = frozenset({ImageFormat.INTEL_HEX, ImageFormat.S_RECORD, ImageFormat.ELF, ImageFormat.UF2})
"""What `convert` makes a binary of."""
PATCHES = frozenset({ImageFormat.DETOOLS_PATCH, ImageFormat.BSDIFF_PATCH})

FILLER_SHARE = 0.05
"""From this share of filler on it is worth doing something about it."""
RANDOM_BITS = 7.9
"""Bits per octet above which octets are encrypted or compressed: code of a Cortex-M has 6 to 7.3."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ImageCheck:
    """What came out for one image. `signature`: as far as the key that was given tells. `ok`: nothing forbids sending it.

    `entropy_bits` per octet, None for a short image; `filler_bytes`: octets of long runs of 0xFF or zero.
    """

    image: FirmwareImage
    signature: SignatureState
    findings: Findings
    entropy_bits: float | None
    filler_bytes: int

    @property
    def ok(self) -> bool:
        """Whether there is no error."""
        return self.findings.ok


def check(image: FirmwareImage, *, public_key: bytes | None = None, signature: bytes | None = None) -> ImageCheck:
    """Check an image against the requirements with which it was opened. A bad image is a finding, never an exception.

    `public_key`: PEM or DER, by which its signature is verified; `signature`: one that lies beside the image (ECDSA or Ed25519)
    and is verified in place of that inside. Raises ParameterError for what is no public key or signature.
    """
    stated = _signature(image, public_key, signature)
    found, waste, bits = [*image.findings], None, None
    for one in _CHECKS:
        found += one(image)
    if image.format not in CONTAINERS or signature is not None:
        found += _signed(image, stated, asked=image.requirements.signed, with_key=public_key is not None)
    if image.format not in CONTAINERS:  # of which the binary inside is asked, once it is converted
        waste, bits = filler(image.data), entropy(image.data[: 4 * MAX_BLOCK_BYTES])
        found += [*_filler(image, waste), *_random(image, bits)]
    found = [one for one in found if not _is_wanted_container(one, image)]
    return ImageCheck(
        image=image,
        signature=stated.state,
        findings=by_gravity(found),
        entropy_bits=bits,
        filler_bytes=waste.size if waste else 0,
    )


def on_air_bytes(image: FirmwareImage) -> int:
    """How many octets would be sent: those of the file, or of the binary that a container holds."""
    return image.description.converts_to_bytes or len(image.data)


def by_gravity(findings: Iterable[Finding]) -> Findings:
    """Errors first, notes last."""
    order = ("error", "warning", "note")
    return Findings(tuple(sorted(findings, key=lambda one: order.index(one.severity.value))))


def _is_wanted_container(finding: Finding, image: FirmwareImage) -> bool:
    """A bootloader that reads HEX itself says so in its profile."""
    return finding.code == "not-binary" and image.format.value in image.requirements.formats


# The signature


def _signature(image: FirmwareImage, public_key: bytes | None, signature: bytes | None) -> Verification:
    stated = image.description.signature
    if public_key is None and signature is not None:
        raise ParameterError("a signature was given and no public key: say by which it is to be verified")
    if public_key is None or (signature is None and stated is not SignatureState.PRESENT):
        return Verification(state=stated, why="it is signed, but by whom is not known: say the public key")
    from fuota.image.signature import verify, verify_detached  # cryptography is slow to import

    return verify(image, public_key) if signature is None else verify_detached(image, public_key, signature)


def _signed(image: FirmwareImage, stated: Verification, *, asked: bool, with_key: bool) -> Iterator[Finding]:
    """The hash of an image is no signature: whoever changes the one can change the other. A key asks for a signature too."""
    severity, state = error if asked or with_key else warning, stated.state
    if stated.other_key:
        yield error("other-key", stated.why)
    elif state is SignatureState.WRONG:
        yield error("signature", stated.why)
    elif state is SignatureState.PRESENT:
        yield severity("signature-not-verified", stated.why)
    elif state is SignatureState.HASH_ONLY:
        yield severity(
            "hash-only",
            "it carries a hash and no signature: that shows damage, but anybody can make such an image; sign it",
        )
    elif state is SignatureState.NONE and (asked or with_key):
        patch = (
            "; it is a patch: say its base (--base), and what it makes is verified" if image.format in PATCHES else ""
        )
        yield error("unsigned", f"it is not signed, and only a signed image is asked for{patch}")


# What it is and whether it fits


def _format(image: FirmwareImage) -> Iterator[Finding]:
    wanted = image.requirements.formats
    if wanted and image.format.value not in wanted and image.format not in CONTAINERS:
        yield error(
            "wrong-format", f"it is {image.format.value}, and the device takes {' or '.join(wanted)}: {_mend(wanted)}"
        )


def _mend(wanted: tuple[str, ...]) -> str:
    """What makes an image of a wanted format; none of these is made here."""
    tools = {
        "mcuboot": "`imgtool sign` wraps a binary",
        "esp-app": "`esptool elf2image` makes it",
        "sbsfu": "ST's prepareimage makes it",
        "suit": "your SUIT tool makes it",
        "detools-patch": "`fuota image delta` makes it",
    }
    return next((tools[one] for one in wanted if one in tools), "choose the file that the build made for the device")


def _empty(image: FirmwareImage) -> Iterator[Finding]:
    if not image.data:
        yield error("empty", "it has no bytes: there is nothing to send")
    elif is_blank(image.data):
        yield error(
            "blank", f"all its {len(image.data)} bytes are 0x{image.data[0]:02X}: it is erased memory, no image"
        )


def _size(image: FirmwareImage) -> Iterator[Finding]:
    requirements, size = image.requirements, on_air_bytes(image)
    slot, session = requirements.slot_bytes, requirements.max_block_bytes
    if slot is not None and size > slot:
        yield error("slot", f"it has {size} bytes, the slot of the device {slot}: {size - slot} too many")
    if session is not None and size > session and session != slot:
        yield error(
            "session",
            f"it has {size} bytes, and one session of the device carries {session} (NbFrag x FragSize, TS004):"
            f" {size - session} too many{_smaller(image)}",
        )
    if size > MAX_BLOCK_BYTES:
        yield error(
            "too-large",
            f"it has {size} bytes, and no session of TS004 carries more than {MAX_BLOCK_BYTES} (16383 fragments of 255)",
        )
    made, room = image.description.image_bytes, requirements.flash_bytes or slot
    if image.format in PATCHES and made is not None and room is not None and made > room:
        yield error("flash", f"it makes an image of {made} bytes, and the device has {room} for it")


def _smaller(image: FirmwareImage) -> str:
    return "" if image.format in PATCHES else "; a delta may fit (fuota image delta)"


def _address(image: FirmwareImage) -> Iterator[Finding]:
    requirements, extent = image.requirements, image.description.address_range
    if requirements.flash_start is None or extent is None:
        return
    low, high = requirements.flash_start, requirements.flash_start + (requirements.flash_bytes or 2**32)
    if extent[0] < low or extent[1] > high:
        yield error(
            "address",
            f"it lies at 0x{extent[0]:08X} to 0x{extent[1]:08X}, the flash of the device at 0x{low:08X} to 0x{high:08X}: it was"
            " linked for another one",
        )


def _hardware(image: FirmwareImage) -> Iterator[Finding]:
    wanted, stated = image.requirements.hardware, image.description.hardware
    if wanted is None:
        return
    if stated is None or image.format is ImageFormat.ELF:  # which names a family of processors, no hardware
        yield warning("hardware-unknown", f"it does not say what hardware it is for; the device is {wanted}")
    elif stated.casefold() != wanted.casefold():
        yield error("hardware", f"it is for {stated}, the device is {wanted}")


# Version


def _version(image: FirmwareImage) -> Iterator[Finding]:
    running, stated = image.requirements.running_version, image.version
    if running is None:
        return
    if stated is None:
        yield note("version-unknown", f"it states no version to compare with {running}, which runs")
    elif stated == running:
        yield warning("same-version", f"it is version {stated}, which runs already")
    elif (newer := is_newer(stated, running)) is None:
        yield note(
            "version-unknown", f"whether its version {stated!r} is above {running!r}, which runs, cannot be told"
        )
    elif not newer and image.requirements.downgrade:
        yield note("downgrade", f"it is version {stated}, below {running}, which runs: that is allowed")
    elif not newer:
        yield error(
            "downgrade",
            f"it is version {stated}, below {running}, which runs: a bootloader may refuse it; if it is meant, say so",
        )


# Patches


def _base(image: FirmwareImage) -> Iterator[Finding]:
    if image.format not in PATCHES:
        return
    wanted, stated = image.requirements.base_sha256, image.description.base_sha256
    if wanted is None:
        yield warning("base-unknown", "it is a patch, and what image the devices run is not known: say the base of it")
    elif stated is not None and stated != wanted:
        yield error(
            "base",
            f"it is a patch for the image {stated[:16]}…, and the devices run {wanted[:16]}…: it would ruin them",
        )


# Content


def _filler(image: FirmwareImage, waste: Filler | None) -> Iterator[Finding]:
    if waste is None or is_blank(image.data):
        return
    share = waste.size / len(image.data)
    yield (warning if share >= FILLER_SHARE else note)(
        "filler",
        f"{waste.size} of {len(image.data)} bytes are 0xFF or zeros in long runs, {share:.1%} of its airtime; the longest has"
        f" {waste.longest} bytes, at offset {waste.offset}",
    )


def _random(image: FirmwareImage, bits: float | None) -> Iterator[Finding]:
    if image.description.encrypted:
        yield note("encrypted", "it is encrypted: what is inside cannot be checked without its key")
    elif bits is not None and bits >= RANDOM_BITS and image.format is ImageFormat.RAW:
        yield note(
            "random", f"its bytes look random ({bits:.2f} bits of 8): it is encrypted or compressed, or not firmware"
        )


def _container(image: FirmwareImage) -> Iterator[Finding]:
    """TS004 says nothing of where an image ends, and version 1 does not prove that it is whole."""
    if image.format is not ImageFormat.RAW or is_blank(image.data):
        return
    wanted = ImageFormat.RAW.value in image.requirements.formats
    yield (note if wanted else warning)(
        "no-container",
        "a raw binary carries neither length nor version nor hash nor signature, and TS004 pads the last fragment with zeros:"
        " have the build wrap it in what your bootloader knows (MCUboot: imgtool sign; STM32: SBSFU; ESP32: esptool; else SUIT)",
    )


_CHECKS: tuple[Callable[[FirmwareImage], Iterator[Finding]], ...] = (
    _empty,
    _format,
    _size,
    _address,
    _hardware,
    _version,
    _base,
    _container,
)
