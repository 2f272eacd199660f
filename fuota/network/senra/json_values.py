"""Values of the members of an answer. A value of an unexpected type is never an error."""

from __future__ import annotations

import math
from collections.abc import Mapping
from decimal import Decimal, InvalidOperation

from fuota.network.eui import canonical_eui

# No frequency, count or time of the API comes near this. It stops numbers such as 1e300 before they fill the memory.
_LARGEST = 1 << 63


def text_of(value: object) -> str:
    """Return a member as text, "" if it is absent."""
    return "" if value is None else str(value)


def optional_text(value: object) -> str | None:
    """Return a member as text, None if it is absent."""
    return None if value is None else str(value)


def floor_of(value: object) -> int | None:
    """Return a number, or a number in a text, rounded down, because 99.9 % is not 100 %; None for any other value."""
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    try:
        return math.floor(float(value)) if isinstance(value, str) else math.floor(value)
    except (ValueError, OverflowError):
        return None


def nearest_integer(value: object, scale: int = 1) -> int | None:
    """Return `scale` times a number, or a number in a text, rounded to the nearest whole number; None for any other value."""
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    try:
        number = Decimal(str(value).strip())  # 868.1 MHz is 868100000 Hz, which 868.1 * 1e6 in floats is not
    except InvalidOperation:
        return None
    return round(number * scale) if number.is_finite() and abs(number) < _LARGEST else None


def eui_or_text(value: object) -> str | None:
    """Return an EUI as 16 upper-case hex digits, any other value as text, None if it is absent."""
    return canonical_eui(value) or optional_text(value)


def member_names(answer: Mapping[str, object]) -> str:
    """Return the names of an answer's members for a message."""
    return ", ".join(sorted(answer)) or "no members"
