"""Keys and kinds in the JSON of a plan file. The ranges are checked by the dataclasses of the plan themselves."""

from __future__ import annotations

from dataclasses import fields
from typing import Any

from fuota import rules
from fuota.errors import ParameterError

LARGEST = 2**62
"""Upper limit of sizes and times: they are counted with 64 bits."""
_SHOWN_CHARACTERS = 40


def exact_object(kind: type, values: object, name: str) -> dict[str, Any]:
    """Return `values` if it is an object with exactly the fields of the dataclass `kind`.

    name: name of the object in messages. Raises ParameterError.
    """
    if not isinstance(values, dict):
        rules.refuse(name, "an object", _shortened(values))
    known = {field.name for field in fields(kind)}
    for key in sorted(known ^ values.keys()):
        problem = "lacks the key" if key in known else "has the unknown key"
        raise ParameterError(f"{name} {problem} {_shortened(key)}")
    return dict(values)


def items(values: object, name: str) -> tuple[Any, ...]:
    """Return the items of a list. Raises ParameterError if `values` is not a list."""
    if not isinstance(values, list | tuple):
        rules.refuse(name, "a list", _shortened(values))
    return tuple(values)


def text(name: str, value: object) -> str:
    """Return `value` if it is a text. Raises ParameterError."""
    if not isinstance(value, str):
        rules.refuse(name, "a text", _shortened(value))
    return value


def _shortened(value: object) -> str:
    return f"{value!r:.{_SHOWN_CHARACTERS}}"
