"""A state file: the books of a sandbox on disk, whole at any moment, so that a kill loses nothing that was answered."""

from __future__ import annotations

import json
import logging
import os
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

from fuota.errors import StorageError
from fuota.sandbox.books import Books

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
        saved = json.loads(text)
    except (ValueError, RecursionError):
        saved = None
    try:
        return Books.from_json(saved if isinstance(saved, dict) else {})
    except StorageError as error:
        raise StorageError(f"the state file {path} cannot be used: {error}") from None


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
        raise StorageError(f"the state file {path} cannot be written: {error.strerror}") from None


class StateFile:
    """Writes the books, as `snapshot` gives them, in a thread of its own.

    `settle` waits until what has happened so far is on disk; many who wait share one writing.
    """

    def __init__(self, path: Path, snapshot: Callable[[], dict[str, Any]]) -> None:
        self._path, self._snapshot = path, snapshot
        self._changed = threading.Condition()
        self._wanted = self._tried = self._written = 0
        self._closing = False
        self._thread = threading.Thread(target=self._run, name="fuota-sandbox-state", daemon=True)

    def start(self) -> None:
        """Write the books once, and then whenever they are wanted. Raises StorageError where that does not work."""
        self._write()
        self._thread.start()

    def changed(self) -> None:
        """The books have changed; returns at once."""
        with self._changed:
            self._wanted += 1
            self._changed.notify_all()

    def settle(self) -> None:
        """Return once the books, as they are now, are on disk. Raises StorageError where they could not be written."""
        with self._changed:
            self._wanted += 1
            mine = self._wanted
            self._changed.notify_all()
            self._changed.wait_for(lambda: self._tried >= mine)
            if self._written < mine:
                raise StorageError("the state could not be saved: the log tells why")

    def stop(self) -> None:
        """Write the books a last time, and end."""
        with self._changed:
            self._closing = True
            self._wanted += 1
            self._changed.notify_all()
        self._thread.join()

    def _run(self) -> None:
        closing = False
        while not closing:
            with self._changed:
                self._changed.wait_for(lambda: self._wanted > self._tried)
                wanted, closing = self._wanted, self._closing
            written = self._try()
            with self._changed:
                self._tried = wanted
                self._written = wanted if written else self._written
                self._changed.notify_all()

    def _try(self) -> bool:
        try:
            self._write()
        except StorageError as error:
            _log.error("%s", error)
            return False
        return True

    def _write(self) -> None:
        write_whole(self._path, json.dumps(self._snapshot()).encode())
