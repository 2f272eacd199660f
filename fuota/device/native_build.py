"""Compile the decoder that devices run (native/) as a library for this machine, once.

The library is stored in the user's cache folder. Its name contains a hash of the sources, the flags and the compiler, so that a
change of any of them compiles it again.
"""

from __future__ import annotations

import hashlib
import os
import shlex
import shutil
import subprocess
import tempfile
from pathlib import Path

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
    chosen = shlex.split(os.environ.get("CC", ""))
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
    from platformdirs import user_cache_path

    folder, command = source_folder(), [*compiler(), *FLAGS]
    path = user_cache_path("fuota", appauthor=False) / "native" / f"fuota_frag-{_fingerprint(folder, command)}.so"
    if not path.is_file():
        _compile(command, [folder / name for name in SOURCES], path)
    return path


def _fingerprint(folder: Path, command: list[str]) -> str:
    digest = hashlib.sha256("\0".join(command).encode())
    digest.update(_run([command[0], "--version"]))
    for name in (*SOURCES, *HEADERS):
        digest.update((folder / name).read_bytes())
    return digest.hexdigest()[:16]


def _compile(command: list[str], sources: list[Path], path: Path) -> None:
    """Compile to a temporary file first, because another process may compile too and may be interrupted."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=path.parent) as folder:
            temporary = Path(folder) / path.name
            _run([*command, "-o", str(temporary), *map(str, sources)])
            temporary.replace(path)
    except OSError as error:
        raise StorageError(f"the compiled decoder cannot be stored in {path.parent}: {error.strerror}") from None


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
