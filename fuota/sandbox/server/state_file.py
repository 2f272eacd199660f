"""A state file: the books of a sandbox on disk, whole at any moment, so that a kill loses nothing that was answered.

Its first line is the whole books. Each further line has anew what changes often: downlinks, token, tasks; the last one counts. A
line that a kill has cut short was not answered for, and is left out.
"""

from __future__ import annotations

import contextlib
import json
import logging
import os
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

from fuota.errors import StorageError
from fuota.sandbox.server.saved_state import Books

MOST_APPENDED_BYTES = 16_000_000
"""Then the file is written anew."""
_log = logging.getLogger(__name__)


def load_books(path: Path) -> Books:
    """What the file holds; empty books where there is no file yet. Raises StorageError."""
    try:
        text = path.read_bytes()
    except FileNotFoundError:
        return Books()
    except OSError as error:
        raise StorageError(f"the state file {path} cannot be read: {error.strerror}") from None
    try:
        return Books.from_json(_merged(text))
    except StorageError as error:
        raise StorageError(f"the state file {path} cannot be used: {error}") from None


def _merged(text: bytes) -> dict[str, Any]:
    """The lines that are whole, later ones over earlier ones; nothing where they are no lines of a state."""
    lines = text.splitlines(keepends=True)
    if lines and not lines[-1].endswith(b"\n"):
        lines.pop()
    merged: dict[str, Any] = {}
    try:
        for line in lines:
            merged |= json.loads(line)
    except (ValueError, TypeError, RecursionError):
        return {}
    return merged


def write_whole(path: Path, text: bytes) -> None:
    """Put a new file in the place of the old one in one step, readable by its owner only. Raises StorageError."""
    beside = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        with open(os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        beside.replace(path)
    except OSError as error:
        with contextlib.suppress(OSError):
            beside.unlink()  # on a full disk most of all
        raise StorageError(f"the state file {path} cannot be written: {error.strerror}") from None


def append(path: Path, text: bytes) -> None:
    """Add to a file that is there. Raises StorageError."""
    try:
        with open(os.open(path, os.O_WRONLY | os.O_APPEND), "ab") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
    except OSError as error:
        raise StorageError(f"the state file {path} cannot be written: {error.strerror}") from None


class StateFile:
    """Writes the books, as `snapshot` gives them, in a thread of its own; `snapshot(False)` is without the devices.

    `settle` waits until what has happened so far is on disk; many who wait share one writing.
    """

    def __init__(self, path: Path, snapshot: Callable[[bool], dict[str, Any]]) -> None:
        self._path, self._snapshot = path, snapshot
        self._changed = threading.Condition()
        self._wanted = self._tried = self._written = 0
        self._whole = self._closing = False
        self._appended_bytes = 0
        self._thread = threading.Thread(target=self._run, name="fuota-sandbox-state", daemon=True)

    def start(self) -> None:
        """Write the books once, and then whenever they are wanted. Raises StorageError where that does not work."""
        self._write(whole=True)
        self._thread.start()

    def changed(self) -> None:
        """Devices have changed; returns at once."""
        with self._changed:
            self._want(whole=True)

    def settle(self, *, devices: bool) -> None:
        """Return once the books are on disk as they are now, with `devices` if they have changed.

        Raises StorageError where that did not work.
        """
        with self._changed:
            mine = self._want(whole=devices)
            self._changed.wait_for(lambda: self._tried >= mine)
            if self._written < mine:
                raise StorageError("the state could not be saved: the log tells why")

    def stop(self) -> None:
        """Write the books a last time, and end."""
        with self._changed:
            self._closing = True
            self._want(whole=True)
        self._thread.join()

    def _want(self, *, whole: bool) -> int:
        self._wanted += 1
        self._whole |= whole
        self._changed.notify_all()
        return self._wanted

    def _run(self) -> None:
        closing = False
        while not closing:
            with self._changed:
                self._changed.wait_for(lambda: self._wanted > self._tried)
                wanted, whole, closing = self._wanted, self._whole, self._closing
                self._whole = False
            written = self._try(whole=whole)
            with self._changed:
                self._tried = wanted
                self._written = wanted if written else self._written
                self._whole |= not written
                self._changed.notify_all()

    def _try(self, *, whole: bool) -> bool:
        try:
            self._write(whole=whole)
        except StorageError as error:
            _log.error("%s", error)
            return False
        except Exception:  # whatever it is, those who wait must not wait for ever
            _log.exception("the state could not be written")
            return False
        return True

    def _write(self, *, whole: bool) -> None:
        whole |= self._appended_bytes > MOST_APPENDED_BYTES
        line = json.dumps(self._snapshot(whole)).encode() + b"\n"
        if whole:
            write_whole(self._path, line)
            self._appended_bytes = 0
        else:
            append(self._path, line)
            self._appended_bytes += len(line)
