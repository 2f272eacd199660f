"""A state file: the state of a sandbox on disk, whole at any moment, so that a kill loses nothing that was answered.

Its first line is the whole state. Each further line has the parts that change often: downlinks, token, tasks. The last line
counts. A line that a kill has cut short was not answered for, and is ignored.
"""

from __future__ import annotations

import errno
import json
import logging
import os
import threading
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from fuota import files
from fuota.errors import StorageError
from fuota.sandbox.server.saved_state import SavedState

MAX_APPENDED_BYTES = 16_000_000
"""Number of appended bytes after which the whole file is written again."""
_WHAT = "the state file"
_MAX_STATE_BYTES = 1024 * 1024 * 1024
_log = logging.getLogger(__name__)


def load_state(path: Path) -> SavedState:
    """Return the content of a state file, or an empty state if there is no file. Raises StorageError."""
    try:
        content = files.read_whole(path, what=f"{_WHAT} {path}", limit_bytes=_MAX_STATE_BYTES)
    except FileNotFoundError:
        return SavedState()
    except OSError as error:
        raise StorageError(f"{_WHAT} {path} cannot be read: {error.strerror}") from None
    try:
        return SavedState.from_json(_merged(content))
    except StorageError as error:
        raise StorageError(f"{_WHAT} {path} cannot be used: {error}") from None


def _merged(content: bytes) -> dict[str, Any]:
    """Return the whole lines merged, later lines over earlier lines; {} if a line is not a JSON object."""
    lines = content.splitlines(keepends=True)
    if lines and not lines[-1].endswith(b"\n"):
        lines.pop()
    merged: dict[str, Any] = {}
    try:
        for line in lines:
            merged |= json.loads(line)
    except (ValueError, TypeError, RecursionError):
        return {}
    return merged


class StateFile:
    """Writes the state of a sandbox in a separate thread.

    snapshot: returns the state; `snapshot(False)` leaves the devices out. `settle` waits until the present state is on disk.
    Several threads that wait share one writing.
    """

    def __init__(self, path: Path, snapshot: Callable[[bool], Mapping[str, object]]) -> None:
        self._path, self._snapshot = path, snapshot
        self._changed = threading.Condition()
        self._requested = self._tried = self._written = 0
        self._whole = self._closing = False
        self._appended_bytes = 0
        self._thread = threading.Thread(target=self._run, name="fuota-sandbox-state", daemon=True)

    def start(self) -> None:
        """Write the state once, and then at every request. Raises StorageError if the file cannot be written."""
        self._write(whole=True)
        self._thread.start()

    def note_change(self) -> None:
        """Request a writing, since devices have changed. Returns at once."""
        with self._changed:
            self._request(whole=True)

    def settle(self, *, devices: bool) -> None:
        """Return when the present state is on disk. devices: whether devices have changed.

        Raises StorageError if the state could not be written.
        """
        with self._changed:
            number = self._request(whole=devices)
            self._changed.wait_for(lambda: self._tried >= number)
            if self._written < number:
                raise StorageError("the state could not be saved: the log has the reason")

    def stop(self) -> None:
        """Write the state a last time, and end the thread."""
        with self._changed:
            self._closing = True
            self._request(whole=True)
        self._thread.join()

    def _request(self, *, whole: bool) -> int:
        self._requested += 1
        self._whole |= whole
        self._changed.notify_all()
        return self._requested

    def _run(self) -> None:
        closing = False
        while not closing:
            with self._changed:
                self._changed.wait_for(lambda: self._requested > self._tried)
                number, whole, closing = self._requested, self._whole, self._closing
                self._whole = False
            written = self._try_to_write(whole=whole)
            with self._changed:
                self._tried = number
                self._written = number if written else self._written
                self._whole |= not written
                self._changed.notify_all()

    def _try_to_write(self, *, whole: bool) -> bool:
        try:
            self._write(whole=whole)
        except StorageError as error:
            _log.error("%s", error)
            return False
        except Exception:  # after any fault, the threads that wait must not wait for ever
            _log.exception("the state could not be written")
            return False
        return True

    def _write(self, *, whole: bool) -> None:
        whole |= self._appended_bytes > MAX_APPENDED_BYTES
        line = json.dumps(self._snapshot(whole)).encode() + b"\n"
        if whole:
            files.write_whole(self._path, line, what=_WHAT, mode=files.PRIVATE)
            self._appended_bytes = 0
        else:
            self._require_file()
            files.append(self._path, line, what=_WHAT, mode=files.PRIVATE)
            self._appended_bytes += len(line)

    def _require_file(self) -> None:
        """Raise StorageError if the file was removed: a new file must begin with the whole state."""
        if not self._path.exists():
            missing = FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT))
            raise files.not_writable(_WHAT, self._path, missing)
