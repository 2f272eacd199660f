"""Conversion of files that a linker or a programmer writes to the bytes that a device accepts."""

from __future__ import annotations

from collections.abc import Callable

from fuota import rules
from fuota.calls import checked_call
from fuota.errors import ImageError
from fuota.image.checks import CONTAINERS
from fuota.image.description import ImageFormat
from fuota.image.firmware import FirmwareImage
from fuota.image.segments import Segment, binary, within

_UNKNOWN = frozenset({"not-firmware", "raw-unknown", "raw-too-short"})
"""Findings about a raw file that is not known to be firmware."""


@checked_call
def convert(image: FirmwareImage, *, fill: int = 0xFF, address_range: tuple[int, int] | None = None) -> FirmwareImage:
    """Return the image as it is to be sent: a HEX, S-record, ELF or UF2 file as a binary.

    An MCUboot or ESP32 image is returned without padding, a dump of ESP32 flash as the application in it.

    image: an open image. An image of any other format is returned unchanged.
    fill: byte for gaps, 0 to 255. objcopy fills gaps with 0 by default.
    address_range: first address to take and the address after the last; by default from the lowest address to the highest.

    The result is a new image, so a binary in another format, such as MCUboot, is recognised as that format, and its padding is
    removed too. Raises ImageError if the file cannot be converted or if the result is a file that must be converted again,
    ParameterError for a wrong parameter.
    """
    rules.integer("fill", fill, 0, 255)
    _check_address_range(address_range)
    try:
        converted = _converted(image, fill, address_range)
        if image.format in CONTAINERS and any(finding.code == "slot-padding" for finding in converted.findings):
            converted = _converted(converted, fill, None)
    except ImageError as exc:
        raise ImageError(f"{image.name}: {exc}") from None
    return converted


def require_known_format(image: FirmwareImage) -> None:
    """Raise ImageError if the format of an image is not known: then nobody can say what the binary in it is."""
    problems = [finding.message for finding in image.findings if finding.code in _UNKNOWN]
    if image.format in (ImageFormat.RAW, ImageFormat.NOT_FIRMWARE) and problems:
        raise ImageError(f"{image.name}: nothing to convert: {problems[0]}")


def _check_address_range(address_range: object) -> None:
    if address_range is None:
        return
    if not isinstance(address_range, tuple) or len(address_range) != 2:
        rules.refuse("address_range", "a pair of addresses", address_range)
    for address in address_range:
        rules.integer("address_range", address, 0)


def _converted(image: FirmwareImage, fill: int, address_range: tuple[int, int] | None) -> FirmwareImage:
    """Return the image without its container or padding; an image that is sent as it is unchanged. Raises ImageError."""
    from fuota.image.formats import esp_app, esp_flash, mcuboot  # importing the package of formats is slow

    segments: tuple[Segment, ...] = ()
    if image.format is ImageFormat.MCUBOOT:
        data = mcuboot.without_slot_padding(image.data)
    elif image.format is ImageFormat.ESP_APP:
        data = esp_app.without_padding(image.data)
    elif image.format is ImageFormat.ESP_FLASH:
        data = esp_flash.application(image.data, address_range)
    elif (read_segments := _segment_reader(image.format)) is not None:
        segments = read_segments(image.data)
        segments = segments if address_range is None else within(segments, *address_range)
        data = binary(segments, fill=fill)
    else:
        return image
    converted = FirmwareImage(data=data, name=image.name, requirements=image.requirements)
    if converted.format in CONTAINERS:
        advice = "find out how it was built, and convert the inner file"
        if converted.format is ImageFormat.ESP_FLASH:
            start = segments[0].address if segments else 0
            advice = f"take one application out of it: {esp_flash.address_ranges(data, start)}"
        raise ImageError(f"its content is {converted.format} again, which no device takes: {advice}")
    return converted


def _segment_reader(image_format: ImageFormat) -> Callable[[bytes], tuple[Segment, ...]] | None:
    from fuota.image.formats import dfu, elf, intel_hex, s_record, ti_txt, uf2  # their libraries are slow to import

    readers = {reader.FORMAT: reader.segments for reader in (intel_hex, s_record, ti_txt, elf, uf2, dfu)}
    return readers.get(image_format)
