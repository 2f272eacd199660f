"""The hot loops over GF(2), jitted by numba. Their meaning is written in `fuota.gf2.naive`, the layout of words in `layout`.

Compiled code is kept on disk by numba: beside the source where that can be written, else in the user's cache folder, else, so
that nothing fails where neither can be, in a temporary folder. `NUMBA_CACHE_DIR` names another. numba keys it by processor and
by its own version, and replaces files as a whole, so several machines and processes may share a folder.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from typing import ParamSpec, TypeVar, cast

from numba import config, njit

P = ParamSpec("P")
R = TypeVar("R")


def kernel(function: Callable[P, R]) -> Callable[P, R]:
    """A function over arrays, compiled at its first call for each kind of argument, and run without the GIL."""
    jit = njit(cache=True, nogil=True, error_model="numpy")
    try:
        jitted = jit(function)
    except RuntimeError:  # numba found no folder that it may write to
        config.CACHE_DIR = tempfile.mkdtemp(prefix="fuota-kernels-")  # type: ignore[attr-defined]
        jitted = jit(function)
    return cast("Callable[P, R]", jitted)


def inlined(function: Callable[P, R]) -> Callable[P, R]:
    """A part of kernels that is pasted into them: handing arrays on to a function would count references, some 10 ns each."""
    return cast("Callable[P, R]", njit(inline="always")(function))
