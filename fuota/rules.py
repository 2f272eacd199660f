"""Range checks with one wording: the rule, what was given, and the nearest legal value.

Every check returns the value, as a plain Python number, or raises `error` (ParameterError by default):

    redundancy must be 0 to 1, got 1.4 (nearest: 1)
"""

from __future__ import annotations

import math
import operator
from collections.abc import Collection
from difflib import get_close_matches
from typing import NoReturn, TypeVar

from fuota.errors import FuotaError, ParameterError

_LONGEST_SHOWN = 200
T = TypeVar("T")
Error = type[FuotaError]


def integer(
    name: str, value: object, low: int, high: int | None = None, *, error: Error = ParameterError, why: str = ""
) -> int:
    """Return `value` if it is a whole number from `low` to `high`, both included; `high` None means no upper limit.

    Integers of numpy are accepted, truth values and floats are not. why: source or reason of the range.
    """
    try:
        number = None if isinstance(value, bool) else operator.index(value)  # type: ignore[arg-type]
    except TypeError:
        number = None
    if number is None:
        refuse(name, f"a whole number, {_range_text(low, high)}", value, error=error, why=why)
    if number < low or (high is not None and number > high):
        nearest = low if high is None or number < low else high
        refuse(name, _range_text(low, high), number, nearest=nearest, error=error, why=why)
    return number


def optional_integer(
    name: str, value: object, low: int, high: int | None = None, *, error: Error = ParameterError
) -> int | None:
    """Return None for None, otherwise the same as `integer`."""
    return None if value is None else integer(name, value, low, high, error=error)


def real(name: str, value: object, low: float, high: float = math.inf, *, error: Error = ParameterError) -> float:
    """Return `value` if it is a number from `low` to `high`, both included. NaN is refused, infinity only if `high` is finite."""
    rule = _range_text(low, None if high == math.inf else high)
    if isinstance(value, bool) or not hasattr(value, "__float__"):
        refuse(name, f"a number, {rule}", value, error=error)
    try:
        number = float(value)
    except OverflowError:  # an integer beyond the range of floats
        number = math.inf if operator.index(value) > 0 else -math.inf  # type: ignore[arg-type]
    if math.isnan(number):
        refuse(name, rule, value, error=error)
    if not low <= number <= high:
        refuse(name, rule, value, nearest=f"{min(max(number, low), high):g}", error=error)
    return number


def probability(name: str, value: object, *, error: Error = ParameterError) -> float:
    """Return `value` if it is a probability or a share, 0 to 1."""
    return real(name, value, 0, 1, error=error)


def one_of(name: str, value: T, choices: Collection[T], *, error: Error = ParameterError) -> T:
    """Return `value` if it is among `choices`."""
    if value not in choices:
        names = [str(choice) for choice in choices]
        close = get_close_matches(str(value), names, n=1, cutoff=0.5)
        refuse(name, f"one of {', '.join(names)}", value, nearest=close[0] if close else None, error=error)
    return value


def exact_length(name: str, value: bytes, count: int, *, error: Error = ParameterError, why: str = "") -> bytes:
    """Return `value` if it has exactly `count` bytes. why: source or reason of the length."""
    if len(value) != count:
        reason = f" ({why})" if why else ""
        raise error(f"{name} must have {count} bytes{reason}, got {len(value)}")
    return value


def refuse(
    name: str, rule: str, value: object, *, nearest: object = None, error: Error = ParameterError, why: str = ""
) -> NoReturn:
    """Raise `error` in the wording of this module. `why`: source or reason of the rule, such as a clause."""
    reason = f" ({why})" if why else ""
    hint = "" if nearest is None else f" (nearest: {nearest})"
    raise error(f"{name} must be {rule}{reason}, got {shown(value)}{hint}")


def shown(value: object) -> str:
    """Return a value for a message, shortened."""
    try:
        text = repr(value)
    except ValueError:  # Python writes no integer of thousands of digits
        return "an integer of thousands of digits"
    return text if len(text) <= _LONGEST_SHOWN else f"{text[:_LONGEST_SHOWN]}..."


def _range_text(low: float, high: float | None) -> str:
    return f"{low} or more" if high is None else f"{low} to {high}"
