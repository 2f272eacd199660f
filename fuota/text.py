"""Text for people: names from outside made safe to print, and counts with their noun."""

from __future__ import annotations


def printable(text: object) -> str:
    """Return `text` in one line that moves no cursor: every character that is not printable is escaped.

    For all that comes from outside, such as the name of a file.
    """
    characters = str(text)
    return "".join(char if char.isprintable() else char.encode("unicode_escape").decode() for char in characters)


def counted(count: int, noun: str) -> str:
    """Return the number with its noun, such as "1 fragment" or "13 fragments"."""
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"


def without_surrogates(value: object) -> object:
    """Return a JSON value in which U+FFFD replaces each lone surrogate: no file, database or terminal can take one."""
    if isinstance(value, str):
        return value.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
    if isinstance(value, dict):
        return {without_surrogates(name): without_surrogates(member) for name, member in value.items()}
    if isinstance(value, list):
        return [without_surrogates(item) for item in value]
    return value
