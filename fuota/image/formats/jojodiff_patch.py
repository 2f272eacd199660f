"""Patches of JojoDiff, which devices apply with janpatch: a list of operations, without a header and without a magic number.

An operation is ESC and a code. EQL copies bytes of the base, DEL skips them, BKT steps back in the base; a length follows the code.
MOD and INS write the bytes that follow the code, and MOD skips as many bytes of the base. The bytes end before the next operation;
ESC ESC stands for one ESC. JojoDiff 0.8.3 and later leave out the code of MOD after EQL, DEL and BKT.
Sources: JojoDiff 0.8.1 and 0.8.5 (JOutBin.cpp, jpatch.cpp, JPatcht.cpp), janpatch (janpatch.h).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import IntEnum
from typing import NamedTuple

from fuota.errors import ImageError
from fuota.findings import Finding, error, note, warning
from fuota.image.description import Description, ImageFormat, Part
from fuota.image.requirements import MAX_BLOCK_BYTES, ImageRequirements

FORMAT = ImageFormat.JOJODIFF_PATCH

_ESC = b"\xa7"
_MIN_OPERATIONS = 2


class Operation(IntEnum):
    """Code of an operation, after ESC."""

    BKT = 0xA2
    EQL = 0xA3
    DEL = 0xA4
    INS = 0xA5
    MOD = 0xA6


_CODES = frozenset(Operation)


class Step(NamedTuple):
    """An operation.

    size: bytes that it copies, skips or writes. content: the bytes that it writes. is_stated: whether it has a code.
    """

    operation: Operation
    size: int
    content: bytes = b""
    is_stated: bool = True


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
    that is cut off, or that omits MOD, random bytes could be operations: such a patch must also copy more bytes than it has.
    """
    if data[:1] != _ESC or data[1:2] not in {bytes([code]) for code in _CODES}:
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


def summarise(data: bytes) -> Summary:
    """Return the sums over all operations. Raises ImageError for operations that no patch has."""
    operations = position = copied = base_bytes = target_bytes = 0
    omits_mod = is_cut_off = False
    try:
        for step in steps(data):
            position, written = moved(step, position), written_bytes(step)
            operations += step.is_stated
            omits_mod |= not step.is_stated
            if step.operation is Operation.EQL:
                copied, base_bytes = copied + step.size, max(base_bytes, position)
            target_bytes += written
            check_target_bytes(target_bytes)
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
    target, position = bytearray(), 0
    for step in steps(data):
        start, position = position, moved(step, position)
        check_target_bytes(len(target) + written_bytes(step))
        if step.operation is Operation.EQL:
            if position > len(base):
                raise ImageError(
                    f"it copies bytes {start} to {position - 1} of its base, but this base has {len(base)} bytes: it is for another"
                    " base"
                )
            target += base[start:position]
        target += step.content
    return bytes(target)


def check_target_bytes(size: int) -> None:
    """Raise ImageError for a target that no session of TS004 carries, because a few operations could fill all memory."""
    if size > MAX_BLOCK_BYTES:
        raise ImageError(
            f"it makes more than {MAX_BLOCK_BYTES} bytes, which is too large for an image of a LoRaWAN device"
        )


def moved(step: Step, position: int) -> int:
    """Return the position in the base after an operation. Raises ImageError for a position before the base."""
    if step.operation is Operation.INS:
        return position
    position += -step.size if step.operation is Operation.BKT else step.size
    if position < 0:
        raise ImageError(f"it steps back to {-position} bytes before the start of its base")
    return position


def written_bytes(step: Step) -> int:
    """Return the number of bytes that an operation adds to the target."""
    return 0 if step.operation in (Operation.DEL, Operation.BKT) else step.size


def steps(data: bytes) -> Iterator[Step]:
    """Yield all operations. Raises CutOffError at the end of a list that was cut off, ImageError for an impossible length."""
    offset = 0
    while offset < len(data):
        is_stated = data[offset] == _ESC[0] and data[offset + 1 : offset + 2] != b"" and data[offset + 1] in _CODES
        operation = Operation(data[offset + 1]) if is_stated else Operation.MOD
        offset += 2 if is_stated else 0
        if operation in (Operation.MOD, Operation.INS):
            content, offset = _content(data, offset)
            yield Step(operation, len(content), content, is_stated)
        else:
            size, offset = _length(data, offset)
            yield Step(operation, size)


def _content(data: bytes, offset: int) -> tuple[bytes, int]:
    """Return the bytes before the next operation, with each ESC ESC as one ESC, and the offset of that operation."""
    pieces: list[bytes] = []
    while (escape := data.find(_ESC, offset)) >= 0:
        pieces.append(data[offset:escape])
        following = data[escape + 1 : escape + 2]
        if not following:
            raise CutOffError("it ends inside an escape")
        if following[0] in _CODES:
            return b"".join(pieces), escape
        pieces.append(_ESC if following == _ESC else _ESC + following)
        offset = escape + 2
    pieces.append(data[offset:])
    return b"".join(pieces), len(data)


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
