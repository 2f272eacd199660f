"""Padding of an MCUboot image to its slot, as imgtool writes it (--pad, --confirm; MCUboot, "Bootloader", image trailer)."""

from __future__ import annotations

_MAGIC = bytes.fromhex("77c295f360d2ef7f3552500f2cb67980")
"""Last bytes of a slot whose flash writes 8 bytes at a time, or fewer."""
_ALIGNED_MAGIC = bytes.fromhex("2de15d29410b8d77679c110f1f8a")
"""Last bytes of other slots, after the write size as 16 bits, little-endian."""
_MAGIC_BYTES = 16
_DEFAULT_ALIGN = 8
_FIELDS = 6
"""Fields of the trailer before the magic: image_ok, copy_done, swap_info, swap_size, and two keys."""
_FLAGS = bytes(range(1, 5))
"""Values of these fields in an image that waits for an update: set, or the kind of swap."""


def is_padding(trailing: bytes) -> bool:
    """Return whether the bytes behind an image are erased flash, optionally with the trailer that marks a pending update.

    Flash is erased to 0xFF, on some devices (STM32L0, STM32L1) to 0.
    """
    body, align = _without_magic(trailing)
    if align is None:
        return _is_erased(body)
    magic_fill = -(-_MAGIC_BYTES // align) * align - _MAGIC_BYTES
    fields_bytes = magic_fill + max(_FIELDS * align, 128)
    erased = body[:-fields_bytes] + body[-fields_bytes:].translate(None, _FLAGS)
    return _is_erased(erased)


def _without_magic(trailing: bytes) -> tuple[bytes, int | None]:
    """Return the bytes before the magic, and the write size that it states; None if there is no magic."""
    if trailing.endswith(_MAGIC):
        return trailing[:-_MAGIC_BYTES], _DEFAULT_ALIGN
    if trailing.endswith(_ALIGNED_MAGIC) and len(trailing) >= _MAGIC_BYTES:
        align = int.from_bytes(trailing[-_MAGIC_BYTES:][:2], "little")
        if align > _DEFAULT_ALIGN and align & (align - 1) == 0:
            return trailing[:-_MAGIC_BYTES], align
    return trailing, None


def _is_erased(data: bytes) -> bool:
    return not data.strip(b"\xff") or not data.strip(b"\0")
