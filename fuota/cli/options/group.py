"""Option groups: several options of a command, passed to it as one frozen dataclass."""

from __future__ import annotations

from dataclasses import fields
from functools import wraps
from typing import TYPE_CHECKING

from fuota.cli.help import CommandFunction, Decorator

if TYPE_CHECKING:
    from _typeshed import DataclassInstance


def option_group(name: str, kind: type[DataclassInstance], *options: Decorator) -> Decorator:
    """Return a decorator that adds `options` to a command and passes their values as one parameter.

    name: the parameter. kind: a dataclass with a field for the parameter name of each option; it checks the values itself.
    """
    names = [field.name for field in fields(kind)]

    def decorate(command: CommandFunction) -> CommandFunction:
        @wraps(command)
        def with_group(**values: object) -> int:
            group = kind(**{field: values.pop(field) for field in names})
            return command(**values, **{name: group})

        decorated: CommandFunction = with_group
        for option in reversed(options):
            decorated = option(decorated)
        return decorated

    return decorate
