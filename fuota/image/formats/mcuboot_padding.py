"""Padding of an MCUboot image to its slot, as imgtool writes it (--pad, --confirm; MCUboot, "Bootloader", image trailer)."""

from __future__ import annotations

_MAGIC = bytes.fromhex("77c295f360d2ef7f3552500f2cb67980")
"""Last bytes of a slot whose flash writes 8 bytes at a time, or fewer."""
_ALIGNED_MAGIC = bytes.fromhex("2de15d29410b8d77679c110f1f8a")
"""Last bytes of other slots, after the write size as 16 bits, little-endian."""
_MAGIC_BYTES = 16
_DEFAULT_ALIGN = 8
_ALIGNS = frozenset({16, 32})
"""Write sizes of the second magic (imgtool 2, --max-align)."""
_FIELDS = 3
"""Fields before the magic that imgtool or a bootloader sets: image_ok, copy_done, swap_info. Each has the length of a write."""
_FLAGS = frozenset({1, 2, 3, 4})


def is_padding(trailing: bytes) -> bool:
    """Return whether the bytes behind an image are erased flash, optionally with the trailer that marks a pending update.

    Flash is erased to 0xFF, on some devices (STM32L0, STM32L1) to 0.
    """
    body, align = _without_magic(trailing)
    return _is_erased(body if align is None else _without_flags(body, align))


def _without_flags(body: bytes, align: int) -> bytes:
    """Return the bytes before the magic without the flags in the first byte of each field."""
    fill = -_MAGIC_BYTES % align
    output = bytearray(body)
    for number in range(1, _FIELDS + 1):
        place = len(body) - fill - number * align
        if place >= 0 and body[place] in _FLAGS:
            del output[place]
    return bytes(output)


def _without_magic(trailing: bytes) -> tuple[bytes, int | None]:
    """Return the bytes before the magic, and the write size that it states; None if there is no magic."""
    if trailing.endswith(_MAGIC):
        return trailing[:-_MAGIC_BYTES], _DEFAULT_ALIGN
    if trailing.endswith(_ALIGNED_MAGIC) and len(trailing) >= _MAGIC_BYTES:
        align = int.from_bytes(trailing[-_MAGIC_BYTES:][:2], "little")
        if align in _ALIGNS:
            return trailing[:-_MAGIC_BYTES], align
    return trailing, None


def _is_erased(data: bytes) -> bool:
    return not data.strip(b"\xff") or not data.strip(b"\0")
