"""Option groups: several options of a command, given to it as one frozen dataclass."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import fields
from functools import wraps
from typing import Any, TypeVar

R = TypeVar("R")


def option_group(
    name: str, kind: type[Any], *options: Callable[[Callable[..., R]], Callable[..., R]]
) -> Callable[[Callable[..., R]], Callable[..., R]]:
    """Return a decorator that adds `options` to a command and passes their values as one parameter.

    name: the parameter. kind: a dataclass with a field for the parameter name of each option; it checks the values itself.
    """
    names = [field.name for field in fields(kind)]

    def decorate(command: Callable[..., R]) -> Callable[..., R]:
        @wraps(command)
        def with_group(**values: Any) -> R:
            group = kind(**{field: values.pop(field) for field in names})
            return command(**values, **{name: group})

        for option in reversed(options):
            with_group = option(with_group)
        return with_group

    return decorate
