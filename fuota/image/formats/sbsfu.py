"""ST X-CUBE-SBSFU images (.sfb), as prepareimage.py writes them (UM2262; se_def_metadata.h of X-CUBE-SBSFU 2 and STM32CubeWL 1).

A header, 0xFF up to the start of the firmware, and the firmware. The header states sizes and hashes, but neither the scheme of
the encryption nor where the firmware begins: most projects set 512, 1024, 2048 or 4096 bytes (SFU_IMG_IMAGE_OFFSET). Both follow
from the content.
"""

from __future__ import annotations

import hashlib
import struct
from dataclasses import dataclass
from enum import StrEnum

from fuota.findings import Finding, error, note
from fuota.image.content import is_surely_clear
from fuota.image.description import Description, Digest, ImageFormat, Part, SignatureState
from fuota.image.requirements import ImageRequirements

FORMAT = ImageFormat.SBSFU

_PREFIXES = (b"SFU1", b"SFU2", b"SFU3", b"SFUM")
_START = struct.Struct("<4sHHIII")
_ECDSA = struct.Struct("<32s32s16s28s64s")
"""The tags (SHA-256), the initialization vector, reserved bytes and the signature of the header, after the sizes."""
SIGNED_BYTES = 128
"""Number of bytes before the ECDSA P-256 signature at 0x80, which covers them."""
SIGNATURE_BYTES = 64
SHORT_HEADER_BYTES, LONG_HEADER_BYTES = 192, 320
"""Length of the header, without and with the states of the image and the fingerprint of the image before it."""
_STATE_BYTES = 96
"""Bytes of the states of the image at the end of the short header: 0xFF in a new image."""
_GCM_RESERVED = slice(0x40, 0xB0)
"""Reserved bytes in a header of the scheme AES-GCM, whose tags have 16 bytes; in other headers, hashes and a signature are here."""
_BLOCK_BYTES = 16
"""Block of AES: an encrypted firmware has a multiple of it."""
_ALIGN_BYTES = 512
"""An offset of a firmware is a multiple of this, or the length of the header: a vector table of a Cortex-M4 needs 512."""


class Scheme(StrEnum):
    """Protection of the firmware (SECBOOT_CRYPTO_SCHEME)."""

    CLEAR = "signed, not encrypted"
    AES_CBC = "signed and encrypted with AES-CBC"
    AES_GCM = "AES-GCM"


@dataclass(frozen=True, slots=True, kw_only=True)
class Layout:
    """Header of an image, and where its firmware is.

    version: version of the firmware. protocol: version of the header. firmware_bytes: length of the whole firmware on the device.
    sent_bytes: length of the firmware in the file, less for a partial image. partial_offset: its place in the whole firmware.
    body: offset of the firmware in the file. tag: SHA-256 of the firmware in the file before encryption; None for AES-GCM.
    problem: the finding that the sizes of header and file do not agree, or None.
    """

    version: int
    protocol: int
    firmware_bytes: int
    sent_bytes: int
    partial_offset: int
    body: int
    tag: bytes | None
    problem: Finding | None

    @property
    def is_partial(self) -> bool:
        """Whether the file holds a part of the firmware."""
        return self.sent_bytes != self.firmware_bytes or self.partial_offset != 0


def recognises(data: bytes) -> bool:
    """Return whether the data begins with SFU1, SFU2, SFU3 or SFUM."""
    return data.startswith(_PREFIXES)


def describe(data: bytes, requirements: ImageRequirements) -> Description:
    """Describe version, sizes and scheme. The tag is the SHA-256 of the firmware, checked if the firmware is not encrypted."""
    header_bytes = requirements.sbsfu_header_bytes
    if len(data) < max(SHORT_HEADER_BYTES, header_bytes or 0):
        least = header_bytes or SHORT_HEADER_BYTES
        message = f"it has {len(data)} bytes, but its header alone has {least}: it was cut off"
        return Description(format=FORMAT, findings=(error("structure", message),))
    layout = read_layout(data, header_bytes)
    firmware = data[layout.body : layout.body + layout.sent_bytes]
    is_in_place = layout.problem is None or layout.problem.code != "structure"
    matches = is_in_place and layout.tag is not None and hashlib.sha256(firmware).digest() == layout.tag
    scheme = _scheme(data, layout, firmware, matches=matches)
    return Description(
        format=FORMAT,
        parts=(
            Part(name="header", offset=0, size=layout.body),
            Part(name="firmware", offset=layout.body, size=len(data) - layout.body),
        ),
        version=str(layout.version),
        digests=_digests(layout, scheme, matches=matches),
        signature=SignatureState.PRESENT,
        mac="AES-GCM" if scheme is Scheme.AES_GCM else "",
        encrypted=scheme is not Scheme.CLEAR,
        image_bytes=layout.firmware_bytes,
        findings=tuple(_findings(layout, scheme, matches=matches)),
    )


def read_layout(data: bytes, header_bytes: int | None) -> Layout:
    """Return the header and the place of the firmware.

    data: 192 bytes or more. header_bytes: offset of the firmware, None to find it.
    """
    _, protocol, version, size, partial_offset, partial_bytes = _START.unpack_from(data)
    tag, partial_tag, *_ = _ECDSA.unpack_from(data, _START.size)
    sent_bytes = partial_bytes or size  # older tools write 0 for a whole image
    is_partial = sent_bytes != size or partial_offset != 0
    sent_tag = partial_tag if is_partial else tag
    body, problem = (
        _find_body(data, sent_bytes, sent_tag) if header_bytes is None else _at(data, header_bytes, sent_bytes)
    )
    return Layout(
        version=version,
        protocol=protocol,
        firmware_bytes=size,
        sent_bytes=sent_bytes,
        partial_offset=partial_offset,
        body=body,
        tag=None if is_gcm(data) else sent_tag,
        problem=problem,
    )


def is_gcm(data: bytes) -> bool:
    """Return whether the header has the layout of AES-GCM: its reserved bytes are all 0, or all 0xFF."""
    reserved = data[_GCM_RESERVED]
    return not reserved.strip(b"\0") or not reserved.strip(b"\xff")


def _find_body(data: bytes, sent_bytes: int, tag: bytes) -> tuple[int, Finding | None]:
    """Return the offset of the firmware: what lies before the last `sent_bytes` bytes of the file is the header and 0xFF."""
    padded_bytes = -(-sent_bytes // _BLOCK_BYTES) * _BLOCK_BYTES
    for size in (sent_bytes, padded_bytes):
        body = len(data) - size
        if _is_header(data, body) and _is_start(data, body, sent_bytes, tag):
            return body, None
    body, problem = _at(data, _last_filler_end(data), sent_bytes)
    if problem is None and not _is_place(body):
        message = (
            f"its firmware begins at byte {body}, where no device looks for it: bytes before it were lost or added"
        )
        problem = error("structure", message)
    return body, problem


def _is_place(body: int) -> bool:
    """Return whether a firmware may begin at this offset."""
    return body % _ALIGN_BYTES == 0 or body in (SHORT_HEADER_BYTES, LONG_HEADER_BYTES)


def _is_header(data: bytes, body: int) -> bool:
    """Return whether the bytes before `body` are a header of either length and 0xFF."""
    if body < SHORT_HEADER_BYTES or data[SHORT_HEADER_BYTES : min(body, SHORT_HEADER_BYTES + _STATE_BYTES)].strip(
        b"\xff"
    ):
        return False
    if body <= SHORT_HEADER_BYTES + _STATE_BYTES:
        return True
    after_short = not data[SHORT_HEADER_BYTES:body].strip(b"\xff")
    return after_short or (body >= LONG_HEADER_BYTES and not data[LONG_HEADER_BYTES:body].strip(b"\xff"))


def _is_start(data: bytes, body: int, sent_bytes: int, tag: bytes) -> bool:
    """Return whether a firmware may begin at `body`. If bytes were lost or added, it would begin at another place.

    If it does not match its hash, the file may also have been cut off, so that the firmware seems to begin in the 0xFF before it.
    """
    if not _is_place(body):
        return False
    matches = hashlib.sha256(data[body : body + sent_bytes]).digest() == tag
    return matches or bool(data[body : body + _BLOCK_BYTES].strip(b"\xff"))


def _last_filler_end(data: bytes) -> int:
    """Return the offset at which the 0xFF behind the header ends, for a file whose sizes do not agree."""
    start = LONG_HEADER_BYTES if len(data) > LONG_HEADER_BYTES else SHORT_HEADER_BYTES
    if data[SHORT_HEADER_BYTES : SHORT_HEADER_BYTES + _STATE_BYTES].strip(b"\xff"):
        start = SHORT_HEADER_BYTES
    filler = len(data) - start - len(data[start:].lstrip(b"\xff"))
    return start + filler


def _at(data: bytes, body: int, sent_bytes: int) -> tuple[int, Finding | None]:
    """Return the offset `body`, and the finding about the length of what follows it."""
    follow = len(data) - body
    if follow < sent_bytes:
        return body, error(
            "structure", f"its header states {sent_bytes} bytes of firmware, but there are {follow}: it was cut off"
        )
    trailing = data[body + sent_bytes :]
    if len(trailing) >= _BLOCK_BYTES or trailing.strip(b"\xff\0"):
        return body, error("trailing", f"{len(trailing)} unexpected bytes follow the firmware")
    return body, None


def _scheme(data: bytes, layout: Layout, firmware: bytes, *, matches: bool) -> Scheme:
    """Return the scheme. A firmware that does not match its hash is encrypted, unless it cannot be: then it is damaged."""
    if layout.tag is None:
        return Scheme.AES_GCM
    vector = data[0x54:0x64]
    is_unused = not vector.strip(b"\0") or not vector.strip(
        b"\xff"
    )  # the scheme without encryption reserves these bytes
    return Scheme.CLEAR if matches or is_unused or is_surely_clear(firmware) else Scheme.AES_CBC


def _digests(layout: Layout, scheme: Scheme, *, matches: bool) -> tuple[Digest, ...]:
    if layout.tag is None:
        return ()
    covers = "partial firmware" if layout.is_partial else "firmware"
    known = matches if scheme is Scheme.CLEAR else None
    return (Digest(algorithm="sha256", value=layout.tag.hex(), covers=covers, matches=known),)


def _findings(layout: Layout, scheme: Scheme, *, matches: bool) -> list[Finding]:
    findings = [
        note("sbsfu-protocol", f"protocol version {layout.protocol}, {scheme}, firmware at byte {layout.body}"),
    ]
    if layout.problem is not None:
        findings.append(layout.problem)
    elif scheme is Scheme.CLEAR and not matches:
        findings.append(error("hash", "the SHA-256 in its header does not match its firmware: it is damaged"))
    if layout.is_partial:
        findings.append(
            note(
                "sbsfu-partial",
                f"it is a partial image: {layout.sent_bytes} bytes at offset {layout.partial_offset} of a firmware of"
                f" {layout.firmware_bytes} bytes; the device must run the image that it was made from, and the header does not"
                " name that image",
            )
        )
    return findings
