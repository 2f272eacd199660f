"""Compiling loops with numba, and where the compiled code is kept.

Compiled code is kept in the user's cache folder, or in `NUMBA_CACHE_DIR`, in a folder named after the sources of all kernels:
numba's own key covers the file of a function, but not the functions that are inlined into it. Within that folder numba keys by
processor and by its own version and replaces whole files, so machines and processes may share it. If no such folder can be
written, a temporary folder serves for the process.
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
"""Number of cache folders kept for earlier versions of the sources."""


def kernel(function: Callable[P, R]) -> Callable[P, R]:
    """Compile a function over arrays at its first call for each kind of argument. It runs without the GIL."""
    before = config.CACHE_DIR  # type: ignore[attr-defined]
    config.CACHE_DIR = _cache_folder()  # type: ignore[attr-defined]
    try:
        return cast("Callable[P, R]", njit(cache=True, nogil=True, error_model="numpy")(function))
    finally:
        config.CACHE_DIR = before  # type: ignore[attr-defined]


def inlined(function: Callable[P, R]) -> Callable[P, R]:
    """Inline a part of a kernel: passing an array to a function counts references, some 10 ns each."""
    return cast("Callable[P, R]", njit(inline="always")(function))


@cache
def _cache_folder() -> str:
    base = Path(os.environ.get("NUMBA_CACHE_DIR") or user_cache_path("fuota", appauthor=False)) / "kernels"
    folder = base / _fingerprint()
    try:
        if not folder.exists():
            folder.mkdir(parents=True)
            _remove_old(base)
        with tempfile.TemporaryFile(dir=folder):
            return str(folder)
    except OSError:
        temporary = tempfile.mkdtemp(prefix="fuota-kernels-")
        atexit.register(shutil.rmtree, temporary, ignore_errors=True)
        return temporary


def _fingerprint() -> str:
    """Return the hash of all kernel sources, and of BOUNDSCHECK, which changes the code but not numba's key."""
    package = Path(__file__).parent
    sources = sorted(package.glob("**/kernels*")) + sorted(package.glob("**/kernels/*.py"))
    digest = hashlib.sha256(str(config.BOUNDSCHECK).encode())  # type: ignore[attr-defined]
    for source in sources:
        if source.suffix == ".py":
            digest.update(source.read_bytes())
    return digest.hexdigest()[:16]


def _remove_old(base: Path) -> None:
    folders = sorted(base.iterdir(), key=lambda folder: folder.stat().st_mtime, reverse=True)
    for old in folders[KEPT_FOLDERS:]:
        shutil.rmtree(old, ignore_errors=True)
