"""From what a linker or a programmer writes to the octets that a device takes."""

from __future__ import annotations

from collections.abc import Callable

from fuota.errors import ImageError
from fuota.image.description import ImageFormat
from fuota.image.firmware import FirmwareImage
from fuota.image.segments import Segment, binary, within


def convert(image: FirmwareImage, *, fill: int = 0xFF, address_range: tuple[int, int] | None = None) -> FirmwareImage:
    """The binary in a HEX, S-record, ELF or UF2 file, from its lowest address on; an MCUboot image without the padding of its slot;
    any other image as it is.

    `fill`: octet for gaps. `address_range`: only what lies from the first address to below the second. The result is opened anew,
    so a binary that is an image of another format, such as MCUboot's, is known as that. Raises ImageError for what cannot be right.
    """
    segments = _segments_in(image.format)
    if segments is None and image.format is not ImageFormat.MCUBOOT:
        return image
    try:
        if segments is None:
            data = _stripped(image.data)
        else:
            found = segments(image.data)
            data = binary(found if address_range is None else within(found, *address_range), fill=fill)
    except ImageError as exc:
        raise ImageError(f"{image.name}: {exc}") from None
    return FirmwareImage(data=data, name=image.name, requirements=image.requirements)


def _stripped(data: bytes) -> bytes:
    from fuota.image.formats.mcuboot import stripped

    return stripped(data)


def _segments_in(image_format: ImageFormat) -> Callable[[bytes], tuple[Segment, ...]] | None:
    from fuota.image.formats import elf, intel_hex, s_record, uf2  # their libraries are slow to import

    readers = {reader.FORMAT: reader.segments for reader in (intel_hex, s_record, elf, uf2)}
    return readers.get(image_format)
