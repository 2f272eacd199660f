"""Folders for compiled code, which is executed when it is loaded: only this user may be able to change them.

A folder is used if this user or root owns it and each folder above it, and if nobody else can write in it. Otherwise, as for root
with the home of another user, a temporary folder serves for the process. A stored file has a SHA-256: a file that a power cut
damaged is dropped, and its content is compiled again.
"""

from __future__ import annotations

import atexit
import contextlib
import hashlib
import os
import shutil
import stat
import tempfile
from functools import cache
from pathlib import Path

from platformdirs import user_cache_path

from fuota import files
from fuota.errors import StorageError

_OTHERS_WRITE = stat.S_IWGRP | stat.S_IWOTH
_DIGEST_BYTES = hashlib.sha256().digest_size


def cache_folder(root: Path | None, *names: str) -> Path:
    """Return the folder `names` below `root`, made if it is missing, or a temporary folder if others could change it.

    root: None is the cache folder of the user. The last of `names` is a folder of fuota alone: if others could write in one of the
    folders `names`, its content is dropped, and nothing else.
    """
    base = user_cache_path("fuota", appauthor=False) if root is None else root
    folder = base.joinpath(*names)
    with contextlib.suppress(OSError):
        if all(_is_safe(parent) for path in (base, base.resolve()) for parent in (path, *path.parents)):
            for depth in range(1, len(names) + 1):
                _make_private(base.joinpath(*names[:depth]), *names[depth : depth + 1])
            with tempfile.TemporaryFile(dir=folder):
                return folder
    return _temporary_folder(names[0])


def store(path: Path, content: bytes) -> None:
    """Store a file in a folder of `cache_folder`, with its SHA-256, on disk when this returns. Raises StorageError."""
    files.write_whole(path, hashlib.sha256(content).digest() + content, what="the cache", mode=files.PRIVATE)


def load(path: Path) -> bytes | None:
    """Return the content of a stored file; None if there is none, or if it is damaged or of another user: then it is deleted."""
    try:
        with path.open("rb") as file:
            content = file.read() if _is_own(os.fstat(file.fileno())) else b""
    except FileNotFoundError:
        return None
    except OSError:
        content = b""
    if len(content) > _DIGEST_BYTES and hashlib.sha256(content[_DIGEST_BYTES:]).digest() == content[:_DIGEST_BYTES]:
        return content[_DIGEST_BYTES:]
    with contextlib.suppress(OSError):
        path.unlink()
    return None


def _is_safe(folder: Path) -> bool:
    """Return whether no other user but root can replace what is in a folder, as far as it exists.

    A group with the number of the user counts as the user: many systems give each user such a group.
    """
    if os.name != "posix" or not folder.exists():
        return True
    facts = folder.stat()
    others = facts.st_mode & stat.S_IWOTH or (facts.st_mode & stat.S_IWGRP and facts.st_gid not in (0, os.geteuid()))
    return facts.st_uid in (0, os.geteuid()) and (not others or bool(facts.st_mode & stat.S_ISVTX))


def _is_own(facts: os.stat_result) -> bool:
    return os.name != "posix" or (facts.st_uid == os.geteuid() and not facts.st_mode & stat.S_IWOTH)


def _make_private(folder: Path, *child: str) -> None:
    """Make a folder that only its owner can change. Raises OSError if somebody else owns it.

    child: the next folder on the way, which may have been planted if others could write in `folder`. Without it, `folder` is the
    last folder, and all of its content may have been planted.
    """
    if not folder.exists():
        with contextlib.suppress(FileExistsError):  # another process made it
            folder.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            folder.mkdir(mode=0o700)
    facts = folder.lstat()
    if os.name != "posix":
        return
    if not stat.S_ISDIR(facts.st_mode) or facts.st_uid != os.geteuid():
        raise PermissionError(f"{folder} belongs to somebody else, or is not a folder")
    if facts.st_mode & _OTHERS_WRITE:
        folder.chmod(stat.S_IMODE(facts.st_mode) & ~_OTHERS_WRITE if child else 0o700)
        for path in [folder.joinpath(*child)] if child else list(folder.iterdir()):
            _remove(path)


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path, ignore_errors=True)
    else:
        path.unlink(missing_ok=True)


@cache
def _temporary_folder(name: str) -> Path:
    """Return a folder for this process, which is removed at its end."""
    try:
        folder = tempfile.mkdtemp(prefix=f"fuota-{name}-")
    except OSError as error:
        raise StorageError(f"no folder can be made for compiled code: {error.strerror or error}") from None
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return Path(folder)
