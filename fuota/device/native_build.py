"""Compiles the decoder that devices run (native/) as a library for this machine, once.

It is kept in the user's cache folder under a name made of the sources, the flags and the compiler: a change of any compiles again.
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
    """native/, from the checkout or from the installed package. Raises StorageError."""
    package = Path(__file__).parents[1]
    for folder in (package.parent / "native", package / "native"):
        if all((folder / name).is_file() for name in (*SOURCES, *HEADERS)):
            return folder
    raise StorageError(
        f"the C sources of the decoder are neither beside nor inside the package in {package}: reinstall fuota"
    )


def compiler() -> list[str]:
    """The C compiler as the start of a command: $CC, else cc, gcc or clang. Raises StorageError where there is none."""
    named = shlex.split(os.environ.get("CC", ""))
    for command in [named] if named else [[name] for name in COMPILERS]:
        if shutil.which(command[0]):
            return command
    asked = f"{named[0]!r} ($CC)" if named else ", ".join(COMPILERS)
    raise StorageError(
        f"no C compiler was found ({asked}): the decoder in C is compiled on first use; install gcc or clang, or name one by CC."
        " The decoder in Python needs none"
    )


def library() -> Path:
    """The shared library, compiled if it is not in the cache yet. Raises StorageError."""
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
    """To a file of its own first: another process may be doing the same, and may be cut short."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=path.parent) as folder:
            made = Path(folder) / path.name
            _run([*command, "-o", str(made), *map(str, sources)])
            made.replace(path)
    except OSError as error:
        raise StorageError(f"the compiled decoder cannot be kept in {path.parent}: {error.strerror}") from None


def _run(command: list[str]) -> bytes:
    try:
        return subprocess.run(command, check=True, capture_output=True, timeout=120).stdout  # noqa: S603 - no shell
    except subprocess.CalledProcessError as error:
        words = (error.stderr or error.stdout).decode(errors="replace").strip()
        raise StorageError(
            f"{command[0]} could not compile the decoder: {words or f'status {error.returncode}'}"
        ) from None
    except (OSError, subprocess.TimeoutExpired) as error:
        raise StorageError(f"the C compiler {command[0]!r} does not run: {error}") from None
