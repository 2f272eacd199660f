"""Compile the decoder that devices run (native/) as a library for this machine, once.

The library is stored in the user's cache folder, see `fuota.caches`. Its name contains a hash of the sources, the flags and the
compiler, so that a change of any of them compiles it again.
"""

from __future__ import annotations

import hashlib
import os
import shlex
import shutil
import subprocess
import tempfile
from pathlib import Path

from fuota import caches, files
from fuota.errors import StorageError

SOURCES = ("fuota_frag.c", "host/memory.c")
HEADERS = ("fuota_frag.h", "host/memory.h")
FLAGS = ("-std=c99", "-O2", "-fPIC", "-shared", "-DFUOTA_FRAG_CHECKS")
COMPILERS = ("cc", "gcc", "clang")


def source_folder() -> Path:
    """Return native/ in the checkout or in the installed package. Raises StorageError if there is none."""
    package = Path(__file__).parents[1]
    for folder in (package.parent / "native", package / "native"):
        if all((folder / name).is_file() for name in (*SOURCES, *HEADERS)):
            return folder
    raise StorageError(
        f"the C sources of the decoder are neither beside nor inside the package in {package}: install fuota again"
    )


def compiler() -> list[str]:
    """Return the C compiler as the start of a command: $CC, else cc, gcc or clang. Raises StorageError if there is none."""
    try:
        chosen = shlex.split(os.environ.get("CC", ""))
    except ValueError as error:
        raise StorageError(f"$CC is not a command: {error}, got {os.environ['CC']!r}") from None
    for command in [chosen] if chosen else [[name] for name in COMPILERS]:
        if shutil.which(command[0]):
            return command
    names = f"{chosen[0]!r} ($CC)" if chosen else ", ".join(COMPILERS)
    raise StorageError(
        f"no C compiler was found ({names}): the decoder in C is compiled on first use; install gcc or clang, or set CC. The"
        " decoder in Python needs no compiler"
    )


def library() -> Path:
    """Return the path of the shared library, compiled if it is not in the cache yet. Raises StorageError."""
    sources, command = source_folder(), [*compiler(), *FLAGS]
    folder = caches.cache_folder(None, "native")
    stored = folder / f"fuota_frag-{_fingerprint(sources, command)}.stored"
    content = caches.load(stored)
    if content is None:
        content = _compile(command, [sources / name for name in SOURCES])
        caches.store(stored, content)
    return _loadable(stored.with_suffix(".so"), content)


def _loadable(path: Path, content: bytes) -> Path:
    """Return the library as a file that the system can load: loading a damaged file would end the process."""
    try:
        if not path.is_file() or path.read_bytes() != content:
            files.write_whole(path, content, what="the compiled decoder", mode=0o700)
    except OSError as error:
        raise StorageError(f"the compiled decoder {path} cannot be used: {error.strerror}") from None
    return path


def _fingerprint(folder: Path, command: list[str]) -> str:
    digest = hashlib.sha256("\0".join(command).encode())
    digest.update(_run([command[0], "--version"]))
    for name in (*SOURCES, *HEADERS):
        digest.update((folder / name).read_bytes())
    return digest.hexdigest()[:16]


def _compile(command: list[str], sources: list[Path]) -> bytes:
    """Return the compiled library."""
    try:
        with tempfile.TemporaryDirectory() as folder:
            library_file = Path(folder) / "fuota_frag.so"
            _run([*command, "-o", str(library_file), *map(str, sources)])
            return library_file.read_bytes()
    except OSError as error:
        raise StorageError(f"the decoder cannot be compiled in {tempfile.gettempdir()}: {error.strerror}") from None


def _run(command: list[str]) -> bytes:
    try:
        return subprocess.run(command, check=True, capture_output=True, timeout=120).stdout  # noqa: S603 - no shell
    except subprocess.CalledProcessError as error:
        words = (error.stderr or error.stdout).decode(errors="replace").strip()
        raise StorageError(
            f"{command[0]} could not compile the decoder: {words or f'status {error.returncode}'}"
        ) from None
    except (OSError, subprocess.TimeoutExpired) as error:
        raise StorageError(f"the C compiler {command[0]!r} cannot be run: {error}") from None
