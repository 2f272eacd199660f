"""Writing files so that a crash, a full disk or a second process leaves a whole file."""

from __future__ import annotations

import errno
import os
import secrets
import stat
from pathlib import Path
from typing import IO

from fuota.errors import StorageError

PRIVATE = 0o600
"""Mode of files that only their owner may read."""
SHARED = 0o666
"""Mode of other files, before the umask."""
MAX_INPUT_BYTES = 256 * 1024 * 1024
"""Limit for the length of an input; a pipe or a device such as /dev/zero may never end."""


def write_whole(path: Path, content: bytes, *, what: str, mode: int = SHARED) -> None:
    """Replace the file at `path` by `content` in one step, on disk when this returns.

    what: name of the file in the message, such as "the plan". A symbolic link is followed. Raises StorageError, and leaves the
    old file, if the content cannot be written or if `path` is something other than a regular file.
    """
    target = Path(os.path.realpath(path))
    temporary = target.with_name(f".fuota-{secrets.token_hex(8)}")
    try:
        _require_regular(target)
        try:
            with open(os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode), "wb") as file:
                write_durably(file, content)
            temporary.replace(target)
            sync_folder(target.parent)
        except OSError:
            temporary.unlink(missing_ok=True)
            raise
    except OSError as error:
        raise not_writable(what, path, error) from None


def read_whole(source: Path | IO[bytes], *, what: str, limit_bytes: int = MAX_INPUT_BYTES) -> bytes:
    """Return the content of a file, or of an open file in binary mode.

    what: name of the file in the message. Raises OSError, and StorageError for more than `limit_bytes`.
    """
    if isinstance(source, Path):
        with source.open("rb") as file:
            content = file.read(limit_bytes + 1)
    else:
        content = source.read(limit_bytes + 1)
    if len(content) > limit_bytes:
        raise StorageError(f"{what} has more than {limit_bytes} bytes: too much for this kind of file")
    return content


def write_durably(file: IO[bytes], content: bytes) -> None:
    """Write `content` and return when it is on disk. Raises OSError."""
    file.write(content)
    file.flush()
    os.fsync(file.fileno())


def append(path: Path, content: bytes, *, what: str, mode: int = SHARED) -> None:
    """Append `content` to the file at `path`, on disk when this returns; file and folder are created if they are missing.

    what: name of the file in the message. Raises StorageError.
    """
    try:
        make_private_folder(path.parent)
        is_new = not path.exists()
        with open(os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, mode), "ab") as file:
            write_durably(file, content)
        if is_new:
            sync_folder(path.parent)
    except OSError as error:
        raise not_writable(what, path, error) from None


def make_private_folder(path: Path) -> None:
    """Make a folder that only its owner can read, if it does not exist, and have its name on disk when this returns.

    Raises OSError.
    """
    for folder in reversed([path, *path.parents]):
        if not folder.exists():
            folder.mkdir(mode=0o700, exist_ok=True)
            sync_folder(folder.parent)


def sync_folder(path: Path) -> None:
    """Return when the names in a folder are on disk: a power cut can otherwise take away a new file. Raises OSError."""
    if os.name == "nt":  # folders cannot be opened
        return
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    except OSError as error:
        if error.errno not in (errno.EINVAL, errno.ENOTSUP):  # some network file systems cannot
            raise
    finally:
        os.close(descriptor)


def not_writable(what: str, path: Path, error: OSError) -> StorageError:
    """Return the StorageError for a file that cannot be written."""
    return StorageError(f"{what} {path} cannot be written: {error.strerror or error}")


def _require_regular(path: Path) -> None:
    if path.exists() and not stat.S_ISREG(path.stat().st_mode):
        raise OSError("it exists and is not a regular file; use another name")
