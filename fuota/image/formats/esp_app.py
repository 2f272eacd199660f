"""ESP32 application images (ESP-IDF, "App Image Format"), with or without a signature of secure boot.

A bootloader has the same layout, so it is read here too, and refused.
"""

from __future__ import annotations

from collections.abc import Iterator

from fuota.errors import ImageError
from fuota.findings import Finding, error, warning
from fuota.image.description import Description, Digest, ImageFormat, SignatureState
from fuota.image.formats.esp_chips import chip_name
from fuota.image.formats.esp_layout import (
    Layout,
    chip_number,
    has_header,
    hides_segments,
    read_digests,
    read_layout,
)
from fuota.image.formats.esp_signature import (
    SECTOR_BYTES,
    SecureBoot,
    is_cut_sector,
    misplaced_sector,
    read_secure_boot,
    sector_offset,
    signature_digests,
)
from fuota.image.requirements import ImageRequirements

FORMAT = ImageFormat.ESP_APP


def recognises(data: bytes) -> bool:
    """Return whether the data begins with the header of an ESP32 image."""
    return has_header(data)


def describe(data: bytes, _requirements: ImageRequirements) -> Description:
    """Describe chip, segments, signature, and the version in the application descriptor, and check checksums and hashes."""
    hardware = chip_name(chip_number(data))
    try:
        layout = read_layout(data)
    except ImageError as exc:
        return Description(format=FORMAT, hardware=hardware, findings=(error("structure", str(exc)),))
    if hides_segments(data, layout):
        return _simple_boot(data, layout, hardware)
    boot = read_secure_boot(data, layout.end)
    digests = read_digests(data, layout)
    if boot is not None:
        digests += signature_digests(data, boot)
    return Description(
        format=FORMAT,
        parts=layout.segments + (() if boot is None else boot.parts),
        version=layout.version,
        hardware=hardware,
        digests=digests,
        signature=_signature_state(layout, boot),
        key_sha256=None if boot is None or not boot.blocks else boot.blocks[0].key_sha256,
        image_bytes=layout.end if boot is None else boot.end,
        findings=tuple(_findings(data, layout, boot, digests)),
    )


def image_end(data: bytes) -> int:
    """Return the offset of the byte after the image and its signature. Raises ImageError if the image is cut off."""
    end = read_layout(data).end
    boot = read_secure_boot(data, end)
    return end if boot is None else boot.end


def without_padding(data: bytes) -> bytes:
    """Return the image and its signature without the padding behind them. Raises ImageError if anything else follows."""
    end = image_end(data)
    if not _is_padding(data[end:]):
        raise ImageError(f"{len(data) - end} bytes follow the image that are not padding")
    return data[:end]


def _simple_boot(data: bytes, layout: Layout, hardware: str) -> Description:
    """Describe an image of `esptool elf2image --ram-only-header`, which has a checksum of the segments in RAM and no hash."""
    return Description(
        format=FORMAT,
        parts=layout.segments,
        hardware=hardware,
        digests=read_digests(data, layout),
        findings=(
            error(
                "bootloader",
                "its header counts only the segments in RAM (esptool --ram-only-header, Zephyr's simple boot): the chip starts it"
                " in place of a bootloader, and no update can replace it; build it for a bootloader (MCUboot, ESP-IDF)",
            ),
        ),
    )


def _signature_state(layout: Layout, boot: SecureBoot | None) -> SignatureState:
    if boot is not None:
        return SignatureState.PRESENT
    return SignatureState.HASH_ONLY if layout.has_hash else SignatureState.NONE


def _findings(data: bytes, layout: Layout, boot: SecureBoot | None, digests: tuple[Digest, ...]) -> Iterator[Finding]:
    for digest in digests:
        if digest.matches is False:
            yield error("hash", f"its {digest.algorithm} over {digest.covers} is wrong: it is damaged")
    if layout.is_bootloader:
        yield error(
            "bootloader",
            "it is a bootloader: all its segments are loaded to RAM, and it has no application descriptor; send the application"
            " (ESP-IDF: build/PROJECT.bin; PlatformIO: firmware.bin; Arduino: the .ino.bin without 'bootloader' in its name)",
        )
    elif layout.version is None:
        yield warning(
            "no-descriptor",
            "it has no application descriptor (0xABCD5432 at byte 32), which ESP-IDF and Arduino write into every application: make"
            " sure that it is an application, and that the device takes it without a version",
        )
    yield from _trailing_findings(data, layout, boot)


def _trailing_findings(data: bytes, layout: Layout, boot: SecureBoot | None) -> Iterator[Finding]:
    if boot is not None and not boot.is_filled:
        yield error("trailing", "the signature sector has unexpected bytes behind its signature blocks: it is damaged")
    end = layout.end if boot is None else boot.end
    if not (trailing := data[end:]):
        return
    if not _is_padding(trailing):
        yield _unexpected(data, layout, boot, len(trailing))
        return
    # Signing tools fill the sector, and it is cheap; more wastes airtime as the padding of an MCUboot slot does.
    fills_sector = len(trailing) < SECTOR_BYTES and len(data) % SECTOR_BYTES == 0
    yield (warning if fills_sector else error)(
        "slot-padding",
        f"{len(trailing)} of {len(data)} bytes are padding behind the image, which wastes airtime: remove it"
        " (fuota image convert)",
    )


def _unexpected(data: bytes, layout: Layout, boot: SecureBoot | None, count: int) -> Finding:
    """Return the finding about `count` bytes behind the image that are not padding, such as a signature in another place."""
    sector = sector_offset(layout.end)
    if boot is None and is_cut_sector(data[sector:]):
        end = sector + SECTOR_BYTES
        return error("structure", f"its signature ends at byte {end}, but the file has {len(data)}: it was cut off")
    place = misplaced_sector(data)
    if place is None:
        return error("trailing", f"{count} unexpected bytes follow the image")
    if boot is None:
        return error(
            "trailing",
            f"its signature sector is at byte {place}, but the bootloader looks for it at byte {sector}: sign the image as"
            " esptool made it, without more padding and with the padding of espsecure",
        )
    return error(
        "trailing",
        f"a second signature is at byte {place}, but the bootloader reads only the first, at byte {boot.signed_bytes}: sign the"
        " image before its first signature, or add a block to it (espsecure sign-data --append-signatures)",
    )


def _is_padding(trailing: bytes) -> bool:
    return not trailing.strip(b"\xff") or not any(trailing)
