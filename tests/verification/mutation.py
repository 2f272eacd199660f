"""Damage to files, such as a broken disk, a bad editor or an attacker causes."""

from __future__ import annotations

import random

NASTY = (
    b"9" * 400,
    b"-1",
    b"1e999",
    b"NaN",
    b"Infinity",
    b"null",
    b"true",
    b"{}",
    b"[]",
    b'""',
    b'"\\ud800"',
    b"\x00",
    b"\xff\xfe",
    b"[" * 2_000,
    b'"' + b"x" * 5_000 + b'"',
    b"\xef\xbb\xbf",
    b"1_000",
    b"0x10",
    b"p10",
    "١٢".encode(),
    b",",
    b"\r",
    b"\n\n",
    b"'",
    b"1979-05-27T07:32:00Z",
)


def mutant(content: bytes, source: random.Random) -> bytes:
    """Return `content` with some damage: flipped bits, missing, repeated or exchanged parts, or values of another kind."""
    mutated = bytearray(content)
    for _ in range(source.choice((1, 1, 1, 2, 5))):
        start, end = _part(len(mutated), source)
        match source.randrange(7):
            case 0:
                for _ in range(source.choice((1, 4, 40))):
                    if mutated:
                        mutated[source.randrange(len(mutated))] ^= 1 << source.randrange(8)
            case 1:
                del mutated[start:end]
            case 2:
                del mutated[start:]
            case 3:
                mutated[end:end] = mutated[start:end]
            case 4:
                mutated[start:end] = bytes(end - start)
            case 5:
                mutated[start:end] = source.choice(NASTY)
            case _:
                _replace_value(mutated, source)
    return bytes(mutated)


def _part(length: int, source: random.Random) -> tuple[int, int]:
    start = source.randrange(length + 1)
    return start, min(length, start + source.choice((0, 1, 3, 20, 500)))


def _replace_value(mutated: bytearray, source: random.Random) -> None:
    """Replace what stands between two separators, such as a number or a text."""
    separators = [place for place, byte in enumerate(mutated) if byte in b",:=[]{}\n"]
    if len(separators) > 1:
        number = source.randrange(len(separators) - 1)
        mutated[separators[number] + 1 : separators[number + 1]] = source.choice(NASTY)
