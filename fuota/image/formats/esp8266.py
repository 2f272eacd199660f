"""ESP8266 images, recognised only to say that fuota does not read them (esptool 5.6, `ESP8266ROMFirmwareImage` and after).

Version 1 begins with E9 and has no extended header. Version 2 begins with EA 04, a segment of flash, then an image of version 1.
The images of ESP8266_RTOS_SDK have the extended header of an ESP32 image.
"""

from __future__ import annotations

import struct

from fuota.findings import error, warning
from fuota.image.description import Description, ImageFormat, Part
from fuota.image.requirements import ImageRequirements

FORMAT = ImageFormat.RAW

_HEADER, _SEGMENT = struct.Struct("<BBBBI"), struct.Struct("<II")
_EXTENDED_HEADER_BYTES = 16
_V1, _V2, _V2_SEGMENTS, _MAX_SEGMENTS = 0xE9, 0xEA, 4, 16
_INSTRUCTION_RAM = (0x4010_0000, 0x4011_0000)
_MEMORY = ((0x3FFE_8000, 0x4000_0000), _INSTRUCTION_RAM, (0x4020_0000, 0x4030_0000))
"""RAM for data, RAM for instructions, where every image is entered, and flash. An ESP32 is never entered at such an address."""


def recognises(data: bytes) -> bool:
    """Return whether the data begins with an image whose entry point and segments are in the memory of an ESP8266."""
    if len(data) < _HEADER.size or not _enters_ram(data, 0):
        return False
    if data[0] == _V1:
        return _has_segments(data, 0, 0) or _has_segments(data, 0, _EXTENDED_HEADER_BYTES)
    if data[0] != _V2 or data[1] != _V2_SEGMENTS or len(data) < _HEADER.size + _SEGMENT.size:
        return False
    _, size = _SEGMENT.unpack_from(data, _HEADER.size)
    second = _HEADER.size + _SEGMENT.size + size
    return data[second : second + 1] == bytes([_V1]) and _has_segments(data, second, 0)


def describe(data: bytes, requirements: ImageRequirements) -> Description:
    """Describe one part, with the finding that fuota does not read this format: an error unless the profile accepts raw images."""
    severity = warning if FORMAT.value in requirements.formats else error
    return Description(
        format=FORMAT,
        hardware="ESP8266",
        parts=(Part(name="ESP8266 image", offset=0, size=len(data)),),
        findings=(
            severity(
                "unsupported",
                "it is an image for an ESP8266, which is not supported: fuota checks neither its checksum nor its segments; send it"
                ' only if your device takes it (formats = ["raw"] in its profile), and not to an ESP32',
            ),
        ),
    )


def _enters_ram(data: bytes, offset: int) -> bool:
    low, high = _INSTRUCTION_RAM
    return low <= int(_HEADER.unpack_from(data, offset)[4]) < high


def _has_segments(data: bytes, start: int, extended_header_bytes: int) -> bool:
    """Return whether all segments that the header at `start` counts are in the file and in the memory of an ESP8266."""
    if start + _HEADER.size > len(data) or not 1 <= data[start + 1] <= _MAX_SEGMENTS:
        return False
    offset = start + _HEADER.size + extended_header_bytes
    for _ in range(data[start + 1]):
        if offset + _SEGMENT.size > len(data):
            return False
        address, size = _SEGMENT.unpack_from(data, offset)
        offset += _SEGMENT.size + size
        if offset > len(data) or not any(low <= address < high for low, high in _MEMORY):
            return False
    return True
