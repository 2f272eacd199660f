"""Patches of JojoDiff, which devices apply with janpatch: a list of operations, without a header and without a magic number.

An operation is ESC and a code. EQL copies bytes of the base, DEL skips them, BKT steps back in the base; a length follows the code.
MOD and INS write the bytes that follow the code, and MOD skips as many bytes of the base. The bytes end before the next operation;
ESC ESC stands for one ESC. JojoDiff 0.8.3 and later leave out the code of MOD after EQL, DEL and BKT.
Sources: JojoDiff 0.8.1 and 0.8.5 (JOutBin.cpp, jpatch.cpp, JPatcht.cpp), janpatch (janpatch.h).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple

from fuota.errors import ImageError
from fuota.findings import Finding, error, note, warning
from fuota.image.description import Description, ImageFormat, Part
from fuota.image.requirements import MAX_BLOCK_BYTES, ImageRequirements

FORMAT = ImageFormat.JOJODIFF_PATCH

_ESC = b"\xa7"
_ESC_CODE = _ESC[0]
_MIN_OPERATIONS = 2


BKT, EQL, DEL, INS, MOD = range(0xA2, 0xA7)
"""Codes of the operations, after ESC."""
_WRITING = (EQL, INS, MOD)
"""Operations that add to the target."""


class Step(NamedTuple):
    """An operation.

    operation: its code. size: bytes that it copies, skips or writes. position: offset in the base before it. start, end: range of
    its data or length in the patch. is_stated: whether it has a code.
    """

    operation: int
    size: int
    position: int
    start: int
    end: int
    is_stated: bool


class CutOffError(ImageError):
    """Raised at the end of the data, inside an operation."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Summary:
    """Sums over the operations of a patch.

    operations: number of operations with a code. copied_bytes: bytes of the base that the target has. base_bytes: length that the
    base must have. target_bytes: length of the target. omits_mod: whether an operation has no code. is_cut_off: whether the last
    operation is incomplete.
    """

    operations: int
    copied_bytes: int
    base_bytes: int
    target_bytes: int
    omits_mod: bool
    is_cut_off: bool


def recognises(data: bytes) -> bool:
    """Return whether the data is a list of operations to its last byte.

    There is no magic number. So at least two operations must have a code, and one of them must copy bytes of the base. In a list
    that is cut off, or that omits MOD, random bytes could be operations: such a patch must also copy more bytes than it has. No
    session carries a patch of more than MAX_BLOCK_BYTES.
    """
    if data[:1] != _ESC or not 2 <= len(data) <= MAX_BLOCK_BYTES or not BKT <= data[1] <= MOD:
        return False
    try:
        summary = summarise(data)
    except ImageError:
        return False
    is_doubtful = summary.is_cut_off or summary.omits_mod
    return summary.operations >= _MIN_OPERATIONS and summary.copied_bytes > (len(data) if is_doubtful else 0)


def describe(data: bytes, _requirements: ImageRequirements) -> Description:
    """Describe the lengths that the patch needs and makes."""
    summary = summarise(data)
    return Description(
        format=FORMAT,
        parts=(Part(name="patch", offset=0, size=len(data)),),
        image_bytes=summary.target_bytes,
        findings=findings(summary),
    )


def findings(summary: Summary, base_bytes: int | None = None) -> tuple[Finding, ...]:
    """Return the findings about a patch. base_bytes: length of its base, if it is known."""
    base = f"of at least {summary.base_bytes}" if base_bytes is None else f"of {base_bytes}"
    output = [note("patch", f"a JojoDiff patch for a base {base} bytes; it makes {summary.target_bytes} bytes")]
    if summary.is_cut_off:
        output.append(error("structure", "its last operation is incomplete: it was cut off"))
    if base_bytes is not None and summary.base_bytes > base_bytes:
        message = (
            f"it copies up to byte {summary.base_bytes} of its base, but it states that its base has {base_bytes} bytes"
        )
        output.append(error("structure", message))
    if summary.omits_mod:
        output.append(
            warning(
                "patch-unsupported",
                "it omits the operation MOD, as JojoDiff 0.8.3 and later do, but janpatch refuses such a patch: make it with"
                " JojoDiff 0.8.1, unless the device has another program",
            )
        )
    return tuple(output)


@lru_cache(maxsize=1)  # an image is recognised, described and applied one after the other
def summarise(data: bytes) -> Summary:
    """Return the sums over all operations. Raises ImageError for operations that no patch has."""
    operations = copied = base_bytes = target_bytes = 0
    omits_mod = is_cut_off = False
    try:
        for operation, size, position, _, _, is_stated in steps(data):
            operations += is_stated
            omits_mod |= not is_stated
            if operation == EQL:
                copied += size
                base_bytes = max(base_bytes, position + size)
            if operation in _WRITING:
                target_bytes += size
    except CutOffError:
        is_cut_off = True
    if target_bytes == 0:
        raise ImageError("it makes no image")
    return Summary(
        operations=operations,
        copied_bytes=copied,
        base_bytes=base_bytes,
        target_bytes=target_bytes,
        omits_mod=omits_mod,
        is_cut_off=is_cut_off,
    )


def apply(base: bytes, data: bytes) -> bytes:
    """Return the image that the patch makes from its base. Raises ImageError if the patch is damaged or reads beyond the base."""
    target = bytearray()
    for operation, size, position, start, end, _ in steps(data):
        if operation == EQL:
            if position + size > len(base):
                raise ImageError(
                    f"it copies bytes {position} to {position + size - 1} of its base, but this base has {len(base)} bytes: it is"
                    " for another base"
                )
            target += base[position : position + size]
        elif operation in _WRITING:
            target += data[start:end].replace(_ESC + _ESC, _ESC)
    return bytes(target)


def steps(data: bytes) -> Iterator[Step]:
    """Yield all operations.

    Raises CutOffError at the end of a list that was cut off. Raises ImageError for an impossible length, for a step back before the
    base, and for a target that no session of TS004 carries, because a few operations could fill all memory.
    """
    offset = position = target_bytes = 0
    end = len(data)
    while offset < end:
        is_stated = data[offset] == _ESC_CODE and offset + 1 < end and BKT <= data[offset + 1] <= MOD
        operation, start = (data[offset + 1], offset + 2) if is_stated else (MOD, offset)
        size, offset = _content(data, start) if operation >= INS else _length(data, start)
        if operation in _WRITING:
            target_bytes += size
        if target_bytes > MAX_BLOCK_BYTES:
            raise ImageError(
                f"it makes more than {MAX_BLOCK_BYTES} bytes, which is too large for an image of a LoRaWAN device"
            )
        yield Step(operation, size, position, start, offset, is_stated)
        if operation == BKT:
            position -= size
        elif operation != INS:
            position += size
        if position < 0:
            raise ImageError(f"it steps back to {-position} bytes before the start of its base")


def _content(data: bytes, start: int) -> tuple[int, int]:
    """Return the number of bytes that MOD or INS writes, and the offset of the next operation. ESC ESC is one byte."""
    offset, pairs = start, 0
    while (escape := data.find(_ESC, offset)) >= 0:
        if escape + 1 == len(data):
            raise CutOffError("it ends inside an escape")
        following = data[escape + 1]
        if BKT <= following <= MOD:
            return escape - start - pairs, escape
        pairs += following == _ESC_CODE
        offset = escape + 2
    return len(data) - start - pairs, len(data)


def _length(data: bytes, offset: int) -> tuple[int, int]:
    """Return a length and the offset after it: 1 to 252 in one byte; after 252, 253 or 254 in one, two or four more bytes."""
    first = data[offset] if offset < len(data) else 252
    if first < 252:
        return first + 1, offset + 1
    if first > 254:
        raise ImageError("it has a length of 64 bits, which devices do not read")
    size = {252: 1, 253: 2, 254: 4}[first]
    encoded = data[offset + 1 : offset + 1 + size]
    if len(encoded) < size:
        raise CutOffError("it ends inside a length")
    return int.from_bytes(encoded, "big") + (253 if first == 252 else 0), offset + 1 + size
