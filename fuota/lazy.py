"""Public names that a package loads on first use, so that importing it stays fast.

Each such package has a stub file beside its `__init__.py`, which editors and type checkers read.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping, Sequence
from importlib import import_module
from typing import Any


def lazy_names(
    package: str, modules: Mapping[str, Sequence[str]]
) -> tuple[Callable[[str], Any], Callable[[], list[str]], list[str]]:
    """Return `__getattr__`, `__dir__` and `__all__` for a package.

    package: its full name. modules: names to load from each module or sub-package, keyed by the module's name within the package.
    The modules are attributes too. A loaded name is kept in the package, so that it is looked up once.
    """
    origins = {name: module for module, names in modules.items() for name in names}

    def load(name: str) -> Any:
        if name in origins:
            value = getattr(import_module(f"{package}.{origins[name]}"), name)
        elif name in modules:
            value = import_module(f"{package}.{name}")
        else:
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        setattr(sys.modules[package], name, value)
        return value

    def names() -> list[str]:
        return sorted({*vars(sys.modules[package]), *origins, *modules})

    return load, names, sorted(origins)
