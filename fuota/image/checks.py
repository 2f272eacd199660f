"""Checks of an image that need only the image, the requirements of the device, and a public key.

The codes of the findings are stable; docs/images.md lists all of them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from fuota.calls import checked_call
from fuota.errors import ParameterError
from fuota.findings import Finding, Findings, error, note, warning
from fuota.image.content import Filler, entropy, filler, is_blank
from fuota.image.description import ImageFormat, SignatureState
from fuota.image.firmware import FirmwareImage
from fuota.image.requirements import MAX_BLOCK_BYTES
from fuota.image.signatures.verification import Verification, only_mac
from fuota.image.versions import is_newer

CONTAINERS = frozenset(
    {
        ImageFormat.INTEL_HEX,
        ImageFormat.S_RECORD,
        ImageFormat.TI_TXT,
        ImageFormat.ELF,
        ImageFormat.UF2,
        ImageFormat.DFU,
        ImageFormat.ESP_FLASH,
    }
)
"""Formats that `convert` turns into a binary."""
FILLER_SHARE = 0.05
"""Share of filler from which the finding is a warning."""
RANDOM_BITS = 7.9
"""Bits per byte above which content is taken as encrypted or compressed: code of a Cortex-M has 6 to 7.3."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ImageCheck:
    """Result of the checks of one image.

    image: the image that was checked.
    signature: state of the signature, verified if there is a public key.
    findings: all findings, errors first.
    entropy_bits: bits per byte, 0 to 8; None for a short image.
    filler_bytes: bytes in long runs of 0xFF or zero.
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


@checked_call
def check(image: FirmwareImage, *, public_key: bytes | None = None, signature: bytes | None = None) -> ImageCheck:
    """Check an image against the requirements that it was opened with.

    image: an open image.
    public_key: PEM or DER of the key that verifies the signature.
    signature: a signature beside the image (ECDSA or Ed25519), which is verified instead of the signature in the image.

    A bad image gives findings, never an exception. Raises ParameterError if the key or the signature is not valid, or if there
    is a signature and no key.
    """
    verification = _verification(image, public_key, signature)
    findings, runs, bits = [*image.findings], None, None
    for check_one_aspect in _CHECKS:
        findings += check_one_aspect(image)
    if image.format not in CONTAINERS or signature is not None:
        required = image.requirements.signed or public_key is not None
        findings += _signature_findings(image, verification, required=required)
    if image.format not in CONTAINERS:  # the binary in a container is checked after its conversion
        runs, bits = filler(image.data), entropy(image.data[: 4 * MAX_BLOCK_BYTES])
        findings += [*_check_filler(image, runs), *_check_entropy(image, bits)]
    findings = [finding for finding in findings if not _is_accepted_container(finding, image)]
    return ImageCheck(
        image=image,
        signature=verification.state,
        findings=sorted_by_severity(findings),
        entropy_bits=bits,
        filler_bytes=runs.size if runs else 0,
    )


def on_air_bytes(image: FirmwareImage) -> int:
    """Return the number of bytes to send: the length of the file, or of the binary in a container."""
    return image.description.converts_to_bytes or len(image.data)


def sorted_by_severity(findings: Iterable[Finding]) -> Findings:
    """Return the findings with errors first and notes last, otherwise in the same order."""
    order = ("error", "warning", "note")
    return Findings(tuple(sorted(findings, key=lambda finding: order.index(finding.severity.value))))


def _is_accepted_container(finding: Finding, image: FirmwareImage) -> bool:
    """Return whether the finding is about a container that the profile accepts, because the bootloader reads HEX itself."""
    return finding.code == "not-binary" and image.format.value in image.requirements.formats


# The signature


def _verification(image: FirmwareImage, public_key: bytes | None, signature: bytes | None) -> Verification:
    state = image.description.signature
    if public_key is None and signature is not None:
        raise ParameterError("a signature needs a public key to verify it, got a signature without a public key")
    if public_key is None and image.description.mac:
        return only_mac(image.description.mac)
    if public_key is None or (signature is None and state is not SignatureState.PRESENT):
        return Verification(state=state, why="it is signed, but not verified: there is no public key")
    from fuota.image.signatures.verify import verify_detached, verify_embedded  # cryptography is slow to import

    return verify_embedded(image, public_key) if signature is None else verify_detached(image, public_key, signature)


def _signature_findings(image: FirmwareImage, verification: Verification, *, required: bool) -> Iterator[Finding]:
    """Yield the findings about the signature.

    required: whether the profile or a public key requires a signature. A hash is not a signature: a person who changes the image
    can change the hash.
    """
    severity, state = error if required else warning, verification.state
    if verification.other_key:
        yield error("other-key", verification.why)
    elif state is SignatureState.VERIFIED and verification.which:
        yield note("signature-block", f"it has several signatures, and by this key is {verification.which}")
    elif state is SignatureState.WRONG:
        yield error("signature", verification.why)
    elif state is SignatureState.PRESENT:
        yield severity("signature-not-verified", verification.why)
    elif state is SignatureState.BODY_NOT_READABLE:
        yield warning("body-not-readable", verification.why)
    elif state is SignatureState.HASH_ONLY:
        yield severity(
            "hash-only",
            "it has a hash but no signature: a hash shows damage, but anybody can make such an image; sign it",
        )
    elif state is SignatureState.NONE and required:
        patch = (
            "; it is a patch: name its base (--base), then the image that it makes is verified"
            if image.description.is_patch
            else ""
        )
        yield error("unsigned", f"it is not signed, and a signature is required{patch}")


# Format and size


def _check_format(image: FirmwareImage) -> Iterator[Finding]:
    accepted = image.requirements.formats
    if image.format is ImageFormat.NOT_FIRMWARE:  # its reader says what it is
        return
    if accepted and image.format.value not in accepted and image.format not in CONTAINERS:
        yield error(
            "wrong-format",
            f"it is {image.format.value}, but the device accepts only {' or '.join(accepted)}: {_remedy(accepted)}",
        )


def _remedy(accepted: tuple[str, ...]) -> str:
    """Return how to make an image in an accepted format. fuota makes only patches."""
    tools = {
        "mcuboot": "`imgtool sign` wraps a binary",
        "esp-app": "`esptool elf2image` makes it",
        "sbsfu": "ST's prepareimage makes it",
        "suit": "your SUIT tool makes it",
        "detools-patch": "`fuota image delta` makes it",
        "esp-delta-patch": "esp_delta_ota_patch_gen.py makes it",
        "jojodiff-patch": "jdiff makes it",
    }
    return next(
        (tools[name] for name in accepted if name in tools), "choose the file that the build made for the device"
    )


def _check_empty(image: FirmwareImage) -> Iterator[Finding]:
    if not image.data:
        yield error("empty", "it has no bytes: there is nothing to send")
    elif is_blank(image.data):
        yield error(
            "blank", f"all its {len(image.data)} bytes are 0x{image.data[0]:02X}: it is erased memory, not an image"
        )


def _check_size(image: FirmwareImage) -> Iterator[Finding]:
    requirements, size = image.requirements, on_air_bytes(image)
    slot, session = requirements.slot_bytes, requirements.max_block_bytes
    if slot is not None and size > slot:
        yield error("slot", f"it has {size} bytes, but the slot of the device has {slot}: {size - slot} too many")
    if session is not None and size > session and session != slot:
        yield error(
            "session",
            f"it has {size} bytes, but one session of the device carries {session} (NbFrag x FragSize, TS004):"
            f" {size - session} too many{_delta_advice(image)}",
        )
    if size > MAX_BLOCK_BYTES:
        yield error(
            "too-large",
            f"it has {size} bytes, but a session of TS004 carries at most {MAX_BLOCK_BYTES} (16383 fragments of 255)",
        )
    target_bytes, limit = image.description.image_bytes, requirements.flash_bytes or slot
    if target_bytes is not None and limit is not None and target_bytes > max(limit, size):
        yield error("flash", f"it makes an image of {target_bytes} bytes, but the device has {limit} for it")


def _delta_advice(image: FirmwareImage) -> str:
    return "" if image.description.is_patch else "; a delta may fit (fuota image delta)"


def _check_address(image: FirmwareImage) -> Iterator[Finding]:
    requirements, extent = image.requirements, image.description.address_range
    memory, start, size = "flash", requirements.flash_start, requirements.flash_bytes
    if image.description.in_ram:
        memory, start, size = "RAM", requirements.ram_start, requirements.ram_bytes
    if start is None or extent is None:
        return
    end = start + (size or 2**32)
    if extent[0] < start or extent[1] > end:
        yield error(
            "address",
            f"its addresses are 0x{extent[0]:08X} to 0x{extent[1]:08X}, but the {memory} of the device is 0x{start:08X} to"
            f" 0x{end:08X}: it was linked for another device",
        )


def _check_hardware(image: FirmwareImage) -> Iterator[Finding]:
    required, stated = image.requirements.hardware, image.description.hardware
    if required is None:
        return
    if stated is None or image.format is ImageFormat.ELF:  # an ELF file names a family of processors, not the hardware
        yield warning("hardware-unknown", f"it does not state its hardware; the device is {required}")
    elif stated.casefold() != required.casefold():
        yield error("hardware", f"it is for {stated}, but the device is {required}")


# Version


def _check_version(image: FirmwareImage) -> Iterator[Finding]:
    running, stated = image.requirements.running_version, image.version
    if running is None:
        return
    if stated is None:
        yield note("version-unknown", f"it states no version to compare with the running version {running}")
    elif stated == running:
        yield warning("same-version", f"it is version {stated}, which runs already")
    elif (newer := is_newer(stated, running)) is None:
        yield note("version-unknown", f"its version {stated!r} cannot be compared with the running version {running!r}")
    elif not newer and image.requirements.downgrade:
        yield note("downgrade", f"it is version {stated}, below the running version {running}: a downgrade is allowed")
    elif not newer:
        yield error(
            "downgrade",
            f"it is version {stated}, below the running version {running}, and a bootloader may refuse it: allow the downgrade if"
            " you want it",
        )


# Patches


def _check_base(image: FirmwareImage) -> Iterator[Finding]:
    if not image.description.is_patch:
        return
    running, stated = image.requirements.base_sha256, image.description.base_sha256
    if running is None:
        yield warning(
            "base-unknown", "it is a patch, and the image that the devices run is unknown: name the base of the patch"
        )
    elif stated is not None and stated != running:
        yield error(
            "base",
            f"it is a patch for the image {stated[:16]}…, but the devices run {running[:16]}…: they would make a broken image",
        )


# Content


def _check_filler(image: FirmwareImage, runs: Filler | None) -> Iterator[Finding]:
    if runs is None or is_blank(image.data):
        return
    share = runs.size / len(image.data)
    yield (warning if share >= FILLER_SHARE else note)(
        "filler",
        f"{runs.size} of {len(image.data)} bytes are 0xFF or zeros in long runs, {share:.1%} of its airtime; the longest run has"
        f" {runs.longest} bytes, at offset {runs.offset}",
    )


def _check_entropy(image: FirmwareImage, bits: float | None) -> Iterator[Finding]:
    if image.description.encrypted:
        yield note("encrypted", "it is encrypted: its content cannot be checked without the key")
    elif bits is not None and bits >= RANDOM_BITS and image.format is ImageFormat.RAW:
        yield note(
            "random",
            f"its bytes look random ({bits:.2f} of 8 bits): it is encrypted, compressed, or not firmware",
        )


def _check_container(image: FirmwareImage) -> Iterator[Finding]:
    """Yield a finding for a raw binary: TS004 does not state where an image ends, and version 1 does not prove that it is whole."""
    if image.format is not ImageFormat.RAW or is_blank(image.data):
        return
    accepted = ImageFormat.RAW.value in image.requirements.formats
    yield (note if accepted else warning)(
        "no-container",
        "a raw binary has no length, version, hash or signature, and TS004 pads the last fragment with zeros: let the build wrap it"
        " in a format that your bootloader knows (MCUboot: imgtool sign; STM32: SBSFU; ESP32: esptool; else SUIT)",
    )


_CHECKS: tuple[Callable[[FirmwareImage], Iterator[Finding]], ...] = (
    _check_empty,
    _check_format,
    _check_size,
    _check_address,
    _check_hardware,
    _check_version,
    _check_base,
    _check_container,
)
