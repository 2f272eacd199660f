"""Compiling loops with numba, and where the compiled code is kept.

Compiled code is kept in the user's cache folder, or in `NUMBA_CACHE_DIR`, in a folder named after the sources of all kernels:
numba's own key covers the file of a function, but not the functions that are inlined into it. Within that folder a file is named
after the kinds of arguments, the processor and the version of numba, so machines and processes may share it. `fuota.caches` decides
whether the folder is safe, and drops damaged files: numba itself would stop at a damaged file.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import pickle
import re
import shutil
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any, ParamSpec, TypeVar, cast

import numba
from numba import config, njit
from numba.core.serialize import dumps

from fuota import caches
from fuota.errors import StorageError

P = ParamSpec("P")
R = TypeVar("R")

KEPT_FOLDERS = 4
"""Number of cache folders kept for earlier versions of the sources."""
_FORMAT = 2
"""Version of the files in the cache."""
_FOLDER_NAME = re.compile(r"[0-9a-f]{16}")


def kernel(function: Callable[P, R]) -> Callable[P, R]:
    """Compile a function over arrays at its first call for each kind of argument. It runs without the GIL."""
    before = config.CACHE_DIR  # type: ignore[attr-defined]
    config.CACHE_DIR = str(_cache_folder())  # type: ignore[attr-defined]
    try:
        dispatcher = njit(cache=True, nogil=True, error_model="numpy")(function)
    finally:
        config.CACHE_DIR = before  # type: ignore[attr-defined]
    if (numba_cache := getattr(dispatcher, "_cache", None)) is not None:  # None if the compiler is switched off
        numba_cache._cache_file = _CheckedFiles(f"{function.__module__}.{numba_cache._impl.filename_base}")
    return cast("Callable[P, R]", dispatcher)


def inlined(function: Callable[P, R]) -> Callable[P, R]:
    """Inline a part of a kernel: passing an array to a function counts references, some 10 ns each."""
    return cast("Callable[P, R]", njit(inline="always")(function))


class _CheckedFiles:
    """Compiled code of one kernel, in place of `numba.core.caching.IndexDataCacheFile`: a file for each key, with a checksum.

    name: module, function, line, and version of Python.
    """

    def __init__(self, name: str) -> None:
        self._name = name

    def load(self, key: object) -> Any:
        """Return what was stored for a key, or None."""
        content = caches.load(self._path(key))
        return None if content is None else pickle.loads(content)  # noqa: S301 - our own file, unchanged

    def save(self, key: object, data: object) -> None:
        """Store what numba makes of a function for a key; without a place on disk, the next process compiles again."""
        with contextlib.suppress(StorageError):
            caches.store(self._path(key), dumps(data))  # type: ignore[no-untyped-call]

    def flush(self) -> None:
        """Forget what is stored."""
        for path in _cache_folder().glob(f"{self._name}.*.kernel"):
            path.unlink(missing_ok=True)

    def _path(self, key: object) -> Path:
        digest = hashlib.sha256(repr((numba.__version__, key)).encode()).hexdigest()[:32]
        return _cache_folder() / f"{self._name}.{digest}.kernel"


@cache
def _cache_folder() -> Path:
    root = os.environ.get("NUMBA_CACHE_DIR")
    base, name = None if root is None else Path(root), _fingerprint()
    folder = caches.cache_folder(base, "kernels", name)
    if folder.name == name:
        _remove_old(folder.parent)
    return folder


def _fingerprint() -> str:
    """Return the hash of all kernel sources, and of BOUNDSCHECK, which changes the code but not numba's key."""
    package = Path(__file__).parent
    sources = sorted(package.glob("**/kernels*")) + sorted(package.glob("**/kernels/*.py"))
    digest = hashlib.sha256(f"{_FORMAT} {config.BOUNDSCHECK}".encode())  # type: ignore[attr-defined]
    for source in sources:
        if source.suffix == ".py":
            digest.update(source.read_bytes())
    return digest.hexdigest()[:16]


def _remove_old(base: Path) -> None:
    """Remove the folders of earlier versions; whatever has another name is not ours."""
    with contextlib.suppress(OSError):
        ours = [path for path in base.iterdir() if _FOLDER_NAME.fullmatch(path.name) and path.lstat().st_mode & 0o40000]
        ours.sort(key=lambda folder: folder.stat().st_mtime, reverse=True)
        for old in ours[KEPT_FOLDERS:]:
            shutil.rmtree(old, ignore_errors=True)
