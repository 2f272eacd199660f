"""Checks of a call of a public function: the names of its parameters, and the kinds of their values.

mypy finds the same mistakes before a program runs. These checks report them in our words when it runs without mypy:

    plan has no parameter 'data_rat' (did you mean 'data_rate'?)
    data_rate must be a whole number or None, got '5'
"""

from __future__ import annotations

import inspect
import numbers
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from functools import cached_property, wraps
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
    parameters = _Parameters(function.__name__, function)

    @wraps(function)
    def call(*args: P.args, **kwargs: P.kwargs) -> R:
        parameters.check(args, kwargs)
        return function(*args, **kwargs)

    return call


def checked_init(kind: type[T]) -> type[T]:
    """Return the class `kind`, raising ParameterError if it is constructed with parameters that do not fit."""
    construct = kind.__init__
    parameters = _Parameters(kind.__name__, construct)

    @wraps(construct)
    def check_and_construct(self: T, *args: object, **kwargs: object) -> None:
        parameters.check((self, *args), kwargs)
        construct(self, *args, **kwargs)

    setattr(kind, "__init__", check_and_construct)  # noqa: B010 - mypy refuses an assignment to __init__
    return kind


class _Parameters:
    """Parameters of a function, and their check.

    name: name in messages. function: the function; variable keywords must be an unpacked TypedDict, whose names are then known.
    """

    def __init__(self, name: str, function: Callable[..., object]) -> None:
        parameters = inspect.signature(function).parameters.values()
        self._name, self._function = name, function
        self._positional = [p.name for p in parameters if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)]
        self._required = [p.name for p in parameters if p.default is p.empty and p.kind != p.VAR_KEYWORD]
        self._unpacked = next((p.name for p in parameters if p.kind == p.VAR_KEYWORD), None)

    def check(self, args: tuple[object, ...], kwargs: Mapping[str, object]) -> None:
        """Raise ParameterError for a name, a number of arguments or a kind of value that does not fit."""
        values = dict(zip(self._positional, args, strict=False))
        if len(args) > len(self._positional):
            raise ParameterError(f"{self._name} takes {len(self._positional)} positional arguments, got {len(args)}")
        for name in kwargs:
            if name not in self._hints:
                raise ParameterError(f"{self._name} has no parameter {name!r} ({self._suggestion(name)})")
            if name in values:
                raise ParameterError(f"{self._name} must get {name} once, got it twice")
        values.update(kwargs)
        for name in self._required:
            if name not in values:
                raise ParameterError(f"{self._name} needs the parameter {name!r}")
        kinds = self._kinds
        for name, value in values.items():
            if name in kinds and type(value) not in kinds[name].exact:
                kinds[name].check(name, value)

    @cached_property
    def _hints(self) -> dict[str, Any]:
        """Type hint of each parameter; read at the first call, when all names of the module exist."""
        hints: dict[str, Any] = dict.fromkeys(inspect.signature(self._function).parameters)
        try:
            hints |= get_type_hints(self._function)
            if self._unpacked is not None:
                (keywords,) = get_args(hints.pop(self._unpacked))
                hints |= get_type_hints(keywords)
        except NameError:  # a type that is imported for type checkers only
            pass
        hints.pop("return", None)
        return hints

    @cached_property
    def _kinds(self) -> dict[str, _Kinds]:
        kinds = {name: _kinds_of(hint) for name, hint in self._hints.items()}
        return {name: kind for name, kind in kinds.items() if kind is not None}

    def _suggestion(self, name: str) -> str:
        close = get_close_matches(name, list(self._hints), n=1, cutoff=0.5)
        return f"did you mean {close[0]!r}?" if close else f"known: {', '.join(self._hints)}"


@dataclass(frozen=True, slots=True)
class _Kinds:
    """Types that a parameter accepts. exact: the types of its hint. accepted: these, and their equivalents."""

    exact: frozenset[type]
    accepted: tuple[type, ...]
    words: str

    def check(self, name: str, value: object) -> None:
        """Raise ParameterError unless `value` is of an accepted kind. A truth value is not a number."""
        if not isinstance(value, self.accepted) or (isinstance(value, bool) and self.exact & {int, float}):
            raise ParameterError(f"{name} must be {self.words}, got {_shown(name, value)}")


def _shown(parameter: str, value: object) -> str:
    """Return the value for a message, only its type if it may hold a secret, such as a key."""
    if value is None or (isinstance(value, int | float | str | bytes) and not _SECRET.search(parameter)):
        text = repr(value)
        return text if len(text) <= _LONGEST_SHOWN else f"{text[:_LONGEST_SHOWN]}..."
    return f"a value of type {type(value).__name__}"


def _kinds_of(hint: Any) -> _Kinds | None:
    members = get_args(hint) if get_origin(hint) in (Union, UnionType) else (hint,)
    if not all(isinstance(member, type) and not getattr(member, "_is_protocol", False) for member in members):
        return None
    accepted = [kind for member in members for kind in (member, *_ACCEPTED.get(member, ()))]
    words = [KIND_NAMES.get(member, f"a {member.__name__}") for member in members]
    return _Kinds(frozenset(members), tuple(accepted), " or ".join(words))
