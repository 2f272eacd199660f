"""Checks of a call of a public function: the names of its parameters, and the kinds of their values.

mypy finds the same mistakes before a program runs. These checks report them in our words when it runs without mypy:

    plan has no parameter 'data_rat' (did you mean 'data_rate'?)
    data_rate must be a whole number or None, got '5'
"""

from __future__ import annotations

import inspect
import numbers
import re
from collections.abc import Callable, Collection, Mapping
from difflib import get_close_matches
from functools import cache, wraps
from pathlib import Path
from types import NoneType, UnionType
from typing import Any, ParamSpec, TypeVar, Union, get_args, get_origin, get_type_hints

from fuota.errors import ParameterError

P = ParamSpec("P")
R = TypeVar("R")
T = TypeVar("T")

KIND_NAMES: Mapping[object, str] = {
    int: "a whole number",
    float: "a number",
    bool: "true or false",
    str: "a text",
    bytes: "bytes",
    Path: "a path",
    NoneType: "None",
}
_ACCEPTED: Mapping[object, tuple[type, ...]] = {
    int: (numbers.Integral,),
    float: (numbers.Real,),
    bytes: (bytes, bytearray, memoryview),
}
"""Types accepted for a hint, besides the hint itself: the numbers of numpy, and views of bytes."""

_LONGEST_SHOWN = 100
_SECRET = re.compile("key|token|url")
"""Part of the names of parameters whose values no message shows."""


def checked_call(function: Callable[P, R]) -> Callable[P, R]:
    """Return `function`, raising ParameterError for a call that does not fit its parameters.

    Names are checked, and the values of parameters whose type hint is a class or a union of classes. Other hints, such as
    protocols and containers with item types, are left to the function. The signature stays visible to editors.
    """
    signature = inspect.signature(function)

    @wraps(function)
    def checked(*args: P.args, **kwargs: P.kwargs) -> R:
        _check(function.__name__, function, signature, args, kwargs)
        return function(*args, **kwargs)

    return checked


def checked_init(kind: type[T]) -> type[T]:
    """Return the class `kind`, raising ParameterError if it is constructed with parameters that do not fit."""
    construct = kind.__init__
    signature = inspect.signature(construct)

    @wraps(construct)
    def checked(self: T, *args: object, **kwargs: object) -> None:
        _check(kind.__name__, construct, signature, (self, *args), kwargs)
        construct(self, *args, **kwargs)

    setattr(kind, "__init__", checked)  # noqa: B010 - mypy refuses an assignment to __init__
    return kind


def _check(
    name: str,
    function: Callable[..., object],
    signature: inspect.Signature,
    args: tuple[object, ...],
    kwargs: Mapping[str, object],
) -> None:
    try:
        bound = signature.bind(*args, **kwargs)
    except TypeError as error:
        raise ParameterError(_misfit(name, list(signature.parameters), kwargs, error)) from None
    kinds = _kinds(function)
    for parameter, value in bound.arguments.items():
        accepted, words = kinds.get(parameter, ((), ""))
        if words and (not isinstance(value, accepted) or _is_bool_for_a_number(value, accepted)):
            raise ParameterError(f"{parameter} must be {words}, got {_shown(parameter, value)}")


def _shown(parameter: str, value: object) -> str:
    """Return the value for a message, only its type if it may hold a secret, such as a key."""
    if value is None or (isinstance(value, int | float | str | bytes) and not _SECRET.search(parameter)):
        text = repr(value)
        return text if len(text) <= _LONGEST_SHOWN else f"{text[:_LONGEST_SHOWN]}..."
    return f"a value of type {type(value).__name__}"


def _is_bool_for_a_number(value: object, accepted: tuple[type, ...]) -> bool:
    return isinstance(value, bool) and bool not in accepted and (int in accepted or float in accepted)


def _misfit(function: str, known: list[str], names: Collection[str], error: TypeError) -> str:
    for name in names:
        if name not in known:
            close = get_close_matches(name, known, n=1, cutoff=0.5)
            hint = f"did you mean {close[0]!r}?" if close else f"known: {', '.join(known)}"
            return f"{function} has no parameter {name!r} ({hint})"
    return f"{function}: {error}"


@cache
def _kinds(function: Callable[..., object]) -> dict[str, tuple[tuple[type, ...], str]]:
    """Return for each parameter that can be checked the accepted types and their names in a message."""
    try:
        hints = get_type_hints(function)
    except NameError:  # a type that is imported for type checkers only
        return {}
    return {name: kinds for name, hint in hints.items() if name != "return" and (kinds := _accepted(hint)) is not None}


def _accepted(hint: Any) -> tuple[tuple[type, ...], str] | None:
    members = get_args(hint) if get_origin(hint) in (Union, UnionType) else (hint,)
    if not all(isinstance(member, type) and not getattr(member, "_is_protocol", False) for member in members):
        return None
    accepted = [kind for member in members for kind in (member, *_ACCEPTED.get(member, ()))]
    words = [KIND_NAMES.get(member, f"a {member.__name__}") for member in members]
    return tuple(accepted), " or ".join(words)
