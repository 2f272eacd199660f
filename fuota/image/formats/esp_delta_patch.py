"""Patches of Espressif's component esp_delta_ota: a header of 64 bytes with a hash of the base, and a detools patch.

Sources: idf-extra-components, esp_delta_ota 1.1.4: esp_delta_ota_patch_gen.py writes the header; main.c of the example
https_delta_ota compares the hash with esp_partition_get_sha256(); CMakeLists.txt leaves only heatshrink in detools' C library.
"""

from __future__ import annotations

import hashlib
import struct
from collections.abc import Iterator

from fuota.errors import ImageError
from fuota.findings import Finding, error, note, warning
from fuota.image.description import Description, ImageFormat, Part
from fuota.image.formats import detools_patch, esp_app
from fuota.image.formats.detools_header import SEQUENTIAL, read_header
from fuota.image.formats.esp_layout import read_digests, read_layout
from fuota.image.formats.streams import HEATSHRINK_SIZES, heatshrink_sizes
from fuota.image.requirements import ImageRequirements

FORMAT = ImageFormat.ESP_DELTA_PATCH

HEADER_BYTES = 64
_HEADER = struct.Struct("<I32s28s")
assert _HEADER.size == HEADER_BYTES  # noqa: S101 - checks this file, not its input
_MAGIC = 0xFCCDDE10


def recognises(data: bytes) -> bool:
    """Return whether the data begins with the magic number."""
    return data.startswith(_MAGIC.to_bytes(4, "little"))


def describe(data: bytes, requirements: ImageRequirements) -> Description:
    """Describe the detools patch behind the header."""
    if len(data) <= HEADER_BYTES:
        message = f"it has {len(data)} bytes, its header alone has {HEADER_BYTES}: it was cut off"
        return Description(format=FORMAT, findings=(error("structure", message),))
    payload = data[HEADER_BYTES:]
    parts = (
        Part(name="header", offset=0, size=HEADER_BYTES),
        Part(name="patch", offset=HEADER_BYTES, size=len(payload)),
    )
    try:
        patch = detools_patch.describe(payload, requirements)
    except ImageError as exc:
        return Description(format=FORMAT, parts=parts, findings=(_unreadable(payload, exc),))
    return Description(
        format=FORMAT,
        parts=parts,
        image_bytes=patch.image_bytes,
        findings=tuple(_findings(payload, patch.findings, base_hash(data))),
    )


def base_hash(data: bytes) -> str:
    """Return the hash of the base that the header states, hexadecimal."""
    return bytes(_HEADER.unpack_from(data)[1]).hex()


def check_base(data: bytes, base: bytes) -> tuple[Finding, ...]:
    """Return a finding if the hash in the header is of the base, but not the hash that ESP-IDF computes.

    esp_partition_get_sha256() returns the SHA-256 inside an application that has one, and the SHA-256 of the whole image otherwise
    (bootloader_common.h). Raises ImageError if the patch is for another base.
    """
    stated, of_file, inside = base_hash(data), hashlib.sha256(base).hexdigest(), _hash_inside(base)
    if stated == (inside or of_file):
        return ()
    if stated != of_file:
        known = of_file if inside is None else inside
        raise ImageError(f"its header is for a base with the SHA-256 {stated[:16]}…, but this base has {known[:16]}…")
    return (
        warning(
            "patch-unsupported",
            "its header has the SHA-256 of the whole base file, but esp_partition_get_sha256() returns the SHA-256 inside the"
            " application: a device that compares these refuses the patch; make it with esp_delta_ota_patch_gen.py",
        ),
    )


def _hash_inside(base: bytes) -> str | None:
    """Return the SHA-256 that an ESP32 application has inside; None if it has none, or if the base is something else.

    Raises ImageError if the application does not match it, because ESP-IDF compares them first.
    """
    if not esp_app.recognises(base):
        return None
    try:
        digests = read_digests(base, read_layout(base))
    except ImageError:
        return None
    digest = next((digest for digest in digests if digest.algorithm == "sha256"), None)
    if digest is not None and not digest.matches:
        raise ImageError("this base is damaged: the SHA-256 inside the application is wrong")
    return None if digest is None else digest.value


def _unreadable(payload: bytes, reason: ImageError) -> Finding:
    if detools_patch.needs_package(payload):
        return warning("patch-unchecked", f"what follows its header cannot be checked: {reason}")
    return error("structure", f"what follows its header is not a patch of detools: {reason}")


def _findings(payload: bytes, findings: tuple[Finding, ...], base_sha256: str) -> Iterator[Finding]:
    """Yield the findings about the detools patch, with the base of the header.

    The component applies less than detools' C library, so its own finding replaces the finding about that library.
    """
    for finding in findings:
        if finding.code == "patch":
            yield note("patch", f"{finding.message} from a base with the SHA-256 {base_sha256[:16]}…")
        elif finding.code != "patch-unsupported":
            yield finding
    header = read_header(payload)
    is_supported = header.kind == SEQUENTIAL and header.compression_name == "heatshrink"
    if not is_supported or heatshrink_sizes(payload[header.end :]) != HEATSHRINK_SIZES:
        yield warning(
            "patch-unsupported",
            "esp_delta_ota applies only sequential patches with heatshrink, window 8 and lookahead 7: make the patch with"
            " esp_delta_ota_patch_gen.py",
        )
