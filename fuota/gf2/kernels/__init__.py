"""The hot loops over GF(2), jitted by numba. Their meaning is written in `fuota.gf2.naive`, the layout of words in `layout`.

Compiled code is kept on disk in a folder of the user's cache, or of `NUMBA_CACHE_DIR`, that is named after the sources of all
kernels: numba itself looks only at the file of a function, not at those of the functions pasted into it. Within the folder
numba keys it by processor and by its own version, and replaces files as a whole, so machines and processes may share it.
Where no such folder can be written, a temporary one serves for the process.
"""

from __future__ import annotations

import atexit
import hashlib
import os
import shutil
import tempfile
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import ParamSpec, TypeVar, cast

from numba import config, njit
from platformdirs import user_cache_path

P = ParamSpec("P")
R = TypeVar("R")

KEPT_FOLDERS = 4
"""Of earlier states of the sources, for those who go back and forth."""


def kernel(function: Callable[P, R]) -> Callable[P, R]:
    """A function over arrays, compiled at its first call for each kind of argument, and run without the GIL."""
    before = config.CACHE_DIR  # type: ignore[attr-defined]
    config.CACHE_DIR = _cache_folder()  # type: ignore[attr-defined]
    try:
        return cast("Callable[P, R]", njit(cache=True, nogil=True, error_model="numpy")(function))
    finally:
        config.CACHE_DIR = before  # type: ignore[attr-defined]


def inlined(function: Callable[P, R]) -> Callable[P, R]:
    """A part of kernels that is pasted into them: handing arrays on to a function would count references, some 10 ns each."""
    return cast("Callable[P, R]", njit(inline="always")(function))


@cache
def _cache_folder() -> str:
    base = Path(os.environ.get("NUMBA_CACHE_DIR") or user_cache_path("fuota", appauthor=False)) / "kernels"
    folder = base / _fingerprint()
    try:
        if not folder.exists():
            folder.mkdir(parents=True)
            _forget_old(base)
        with tempfile.TemporaryFile(dir=folder):
            return str(folder)
    except OSError:
        temporary = tempfile.mkdtemp(prefix="fuota-kernels-")
        atexit.register(shutil.rmtree, temporary, ignore_errors=True)
        return temporary


def _fingerprint() -> str:
    """Of the sources of all kernels, and of the one setting of numba's that changes code without changing its key."""
    package = Path(__file__).parents[2]
    sources = sorted(package.glob("**/kernels*")) + sorted(package.glob("**/kernels/*.py"))
    digest = hashlib.sha256(str(config.BOUNDSCHECK).encode())  # type: ignore[attr-defined]
    for source in sources:
        if source.suffix == ".py":
            digest.update(source.read_bytes())
    return digest.hexdigest()[:16]


def _forget_old(base: Path) -> None:
    folders = sorted(base.iterdir(), key=lambda folder: folder.stat().st_mtime, reverse=True)
    for old in folders[KEPT_FOLDERS:]:
        shutil.rmtree(old, ignore_errors=True)
