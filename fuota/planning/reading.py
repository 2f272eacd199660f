"""Plain values, as of a JSON file, back into the dataclasses of a plan: every key, kind and range is checked."""

from __future__ import annotations

from dataclasses import fields, is_dataclass
from enum import Enum
from types import NoneType
from typing import Any, Literal, get_args, get_origin, get_type_hints

from fuota.fragmentation import MAX_FRAGMENT_NUMBER

_KINDS = {int: "a whole number", float: "a number", bool: "true or false", str: "a text"}
_OTHERS = {int: (0, 2**62), float: (0, 1)}
"""No number of a plan is negative, and those that are not whole are shares."""
_RANGES = {
    "size": (1, 2**62),
    "data_rate": (0, 15),
    "frequency_hz": (1, 10**11),
    "channel": (0, 255),
    "frag_size": (1, 255),
    "nb_frag": (1, MAX_FRAGMENT_NUMBER),
    "nb_coded": (0, MAX_FRAGMENT_NUMBER),
    "padding": (0, 254),
    "version": (1, 2),
    "time_on_air_us": (1, 2**62),
    "interval_us": (1, 2**62),
    "frames_per_hour": (1, 2**62),
    "address": (0, 2**32 - 1),
    "periodicity": (0, 7),
    "first_beacon_s": (0, 2**32 - 1),
    "start_delay_s": (1, 2**32 - 1),
    "session_timeout": (0, 15),
    "devices": (1, 2**62),
}


def read(kind: Any, value: Any, name: str) -> Any:
    """The value as that kind: a dataclass (from an object with exactly its fields), a tuple of one kind, an enumeration,
    octets in hexadecimal, a number in the range of its `name`, a text, or one of these or None. Raises TypeError, ValueError.
    """
    parts = [part for part in get_args(kind) if part is not NoneType]
    if get_origin(kind) is Literal:
        return _one_of(parts, value, name)
    if get_origin(kind) is tuple:
        return _several(parts[0], value, name)
    if parts:
        return None if value is None else read(parts[0], value, name)
    if is_dataclass(kind):
        return _object(kind, value, name)
    return _octets(value, name) if kind is bytes else _plain(kind, value, name)


def _object(kind: Any, value: Any, name: str) -> Any:
    known = {one.name for one in fields(kind)}
    if not isinstance(value, dict):
        raise TypeError(f"{name} is {_shown(value)}: it must be an object")
    for other in sorted(known ^ value.keys()):
        raise TypeError(f"{name} {'lacks' if other in known else 'has no'} {_shown(other)}")
    hints = get_type_hints(kind)
    return kind(**{key: read(hints[key], one, key) for key, one in value.items()})


def _several(kind: Any, value: Any, name: str) -> tuple[Any, ...]:
    if not isinstance(value, list | tuple) or (name == "frequency_hz" and not value):
        raise TypeError(f"{name} is {_shown(value)}: it must be a list")
    return tuple(read(kind, one, name) for one in value)


def _one_of(choices: list[Any], value: Any, name: str) -> Any:
    if not isinstance(value, str) or value not in choices:
        raise ValueError(f"{name} is {_shown(value)}: it must be one of {', '.join(choices)}")
    return value


def _octets(value: Any, name: str) -> bytes:
    octets = bytes.fromhex(_plain(str, value, name))
    if len(octets) != 4:
        raise ValueError(f"{name} is {_shown(value)}: it must be 4 octets in hexadecimal")
    return octets


def _plain(kind: Any, value: Any, name: str) -> Any:
    if issubclass(kind, Enum):
        return kind(_one_of([one.value for one in kind], value, name))
    allowed = int | float if kind is float else kind
    if not isinstance(value, allowed) or (isinstance(value, bool) and kind is not bool):
        raise TypeError(f"{name} is {_shown(value)}: it must be {_KINDS[kind]}")
    if kind in _OTHERS:
        low, high = _RANGES.get(name, _OTHERS[kind])
        if not low <= value <= high:
            raise ValueError(f"{name} is {_shown(value)}: it must be {low} to {high}")
    return value


def _shown(value: Any) -> str:
    return f"{value!r:.40}"
