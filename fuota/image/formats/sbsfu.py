"""ST X-CUBE-SBSFU images (.sfb; UM2262): a header with version, tag and signature, and a body that is usually encrypted."""

from __future__ import annotations

import hashlib
import struct

from fuota.findings import error, note
from fuota.image.description import Description, Digest, ImageFormat, Part, SignatureState
from fuota.image.requirements import ImageRequirements

FORMAT = ImageFormat.SBSFU

_HEADER = struct.Struct("<4sHHIII32s32s16s28s64s")
_PREFIXES = (b"SFU1", b"SFU2", b"SFU3", b"SFUM")
SIGNED_BYTES = 128
"""Number of bytes before the ECDSA P-256 signature at 0x80, which covers them."""
SIGNATURE_BYTES = 64


def recognises(data: bytes) -> bool:
    """Return whether the data begins with SFU1, SFU2, SFU3 or SFUM."""
    return data.startswith(_PREFIXES)


def describe(data: bytes, requirements: ImageRequirements) -> Description:
    """Describe version and sizes of the header. The tag is the SHA-256 of the firmware, checked if the body is not encrypted."""
    header_bytes = requirements.sbsfu_header_bytes
    if len(data) < max(_HEADER.size, header_bytes):
        message = f"it has {len(data)} bytes, but its header alone has {header_bytes}: it was cut off"
        return Description(format=FORMAT, findings=(error("structure", message),))
    _, protocol, version, size, _, partial_size, tag, *_ = _HEADER.unpack_from(data)
    body = data[header_bytes:]
    firmware_bytes = partial_size if partial_size and partial_size == len(body) else size
    matches = hashlib.sha256(body[:firmware_bytes]).digest() == tag
    findings = [note("sbsfu-protocol", f"protocol version {protocol}, header assumed to have {header_bytes} bytes")]
    if len(body) < firmware_bytes:
        message = f"its header states {firmware_bytes} bytes of firmware, but there are {len(body)}: it was cut off"
        findings.append(error("structure", message))
    elif (trailing := len(body) - firmware_bytes) >= 16 or body[firmware_bytes:].strip(b"\xff\0"):
        findings.append(error("trailing", f"{trailing} unexpected bytes follow the firmware"))
    return Description(
        format=FORMAT,
        parts=(
            Part(name="header", offset=0, size=header_bytes),
            Part(name="firmware", offset=header_bytes, size=len(body)),
        ),
        version=str(version),
        digests=(Digest(algorithm="sha256", value=tag.hex(), covers="firmware", matches=matches or None),),
        signature=SignatureState.PRESENT,
        encrypted=not matches,
        image_bytes=size,
        findings=tuple(findings),
    )
