"""Application of a patch to its base, as the device does it, for every format of patches."""

from __future__ import annotations

import io
from collections.abc import Callable
from importlib import import_module
from types import ModuleType

from fuota.errors import ImageError, ParameterError
from fuota.image.description import ImageFormat

_NO_PATCH = "it makes no image from this base: it is not a patch of detools, bsdiff, JojoDiff or esp_delta_ota"


def apply_patch(base: bytes, patch: bytes) -> bytes:
    """Return the image that a patch makes from its base. A patch in a block of mbed-signed makes the firmware without manifest.

    Raises ImageError if the patch is damaged or for another base, ParameterError if its package is not installed.
    """
    appliers: dict[ImageFormat, Callable[[bytes, bytes], bytes]] = {
        ImageFormat.BSDIFF_PATCH: _apply_bsdiff,
        ImageFormat.JOJODIFF_PATCH: _apply_jojodiff,
        ImageFormat.MBED_SIGNED: _apply_mbed_signed,
        ImageFormat.ESP_DELTA_PATCH: _apply_esp_delta,
        ImageFormat.DETOOLS_PATCH: _apply_detools,
    }
    from fuota.image.formats import reader_of  # the libraries of the readers are slow to import

    apply = appliers.get(reader_of(patch).FORMAT, _refuse)
    try:
        image = apply(base, patch)
    except (ImageError, ParameterError):
        raise
    except Exception as exc:  # these parsers do not say what they raise for damaged input
        raise ImageError(
            f"the patch cannot be applied to this base ({type(exc).__name__}: {str(exc)[:100]}): it is damaged, or for another base"
        ) from None
    if not image:
        raise ImageError("it makes no image from this base: it is not a patch")
    return image


def package(name: str) -> ModuleType:
    """Return a package of the extra `delta`. Raises ParameterError if it is not installed."""
    try:
        return import_module(name)
    except ModuleNotFoundError:
        raise ParameterError(f"patches need the package {name!r}: pip install 'fuota[delta]'") from None


def _refuse(_base: bytes, patch: bytes) -> bytes:
    """Raise ImageError with the reason why this is not a patch."""
    from fuota.image.formats import reader_of
    from fuota.image.formats.detools_header import NotDetoolsError
    from fuota.image.formats.detools_patch import read_patch

    image_format = reader_of(patch).FORMAT
    if image_format is not ImageFormat.RAW:
        raise ImageError(f"it is {image_format}, not a patch: a base is only for patches")
    try:
        read_patch(patch)
    except NotDetoolsError:
        pass
    except ImageError as reason:
        raise ImageError(f"{_NO_PATCH}; if it is one of detools, it is damaged: {reason}") from None
    raise ImageError(_NO_PATCH)


def _apply_bsdiff(base: bytes, patch: bytes) -> bytes:
    from fuota.image.formats import bsdiff_patch

    bsdiff_patch.checked_target_bytes(patch)
    if not patch.startswith(bsdiff_patch.BSDIFF40):
        raise ImageError("fuota cannot apply ENDSLEY/BSDIFF43 patches, only BSDIFF40 and detools")
    return bytes(package("bsdiff4").patch(base, patch))


def _apply_jojodiff(base: bytes, patch: bytes) -> bytes:
    from fuota.image.formats import jojodiff_patch

    return jojodiff_patch.apply(base, patch)


def _apply_mbed_signed(base: bytes, patch: bytes) -> bytes:
    """Apply the patch before the manifest. The base may be a block of mbed-signed too: the device runs its firmware."""
    from fuota.image.formats import jojodiff_patch, mbed_signed

    manifest = mbed_signed.read_manifest(patch)
    if manifest is None or not manifest.is_patch:
        raise ImageError("its manifest says that it is a whole image, not a patch: a base is only for patches")
    firmware = mbed_signed.firmware(base) if len(base) != manifest.old_bytes else base
    if len(firmware) != manifest.old_bytes:
        raise ImageError(
            f"its manifest says that its base has {manifest.old_bytes} bytes, but this base has {len(firmware)}: it is for another"
            " base"
        )
    return jojodiff_patch.apply(firmware, mbed_signed.body(patch))


def _apply_esp_delta(base: bytes, patch: bytes) -> bytes:
    from fuota.image.formats import esp_delta_patch

    if len(patch) <= esp_delta_patch.HEADER_BYTES:
        raise ImageError("it ends inside its header: it was cut off")
    esp_delta_patch.check_base(patch, base)
    return _apply_detools(base, patch[esp_delta_patch.HEADER_BYTES :])


def _apply_detools(base: bytes, patch: bytes) -> bytes:
    """Apply a patch after a check of its pieces, because detools applies any patch and may fill all memory."""
    from fuota.image.formats.detools_header import HDIFFPATCH, IN_PLACE
    from fuota.image.formats.detools_patch import read_patch

    header, content = read_patch(patch)
    if content.damage is not None:
        raise ImageError(f"the patch cannot be applied: {content.damage.message}")
    if header.kind == HDIFFPATCH:
        raise ImageError("fuota cannot apply patches of detools' type hdiffpatch, and neither can detools' C library")
    if header.kind == IN_PLACE and content.data_format is not None:
        raise ImageError("detools cannot apply an in-place patch with a data format")
    detools = package("detools")
    if header.kind != IN_PLACE:
        target = io.BytesIO()
        detools.apply_patch(io.BytesIO(base), io.BytesIO(patch), target)
        return target.getvalue()
    memory_bytes, base_bytes = header.memory_bytes or 0, header.base_bytes or 0
    if len(base) != base_bytes:
        raise ImageError(
            f"the patch is for a base of {base_bytes} bytes in a memory of {memory_bytes}, got a base of {len(base)} bytes"
        )
    flash = io.BytesIO(base.ljust(memory_bytes, b"\xff"))
    detools.apply_patch_in_place(flash, io.BytesIO(patch))
    return flash.getvalue()[: header.target_bytes]
