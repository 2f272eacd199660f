"""Uplinks and refused notifications in files, one JSON object per line."""

from __future__ import annotations

import errno
import json
import os
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path

from fuota import files
from fuota.network.stream_body import StreamBody

MAX_REFUSED_BYTES = 16_000_000
"""Limit for a file of refused notifications."""


class UplinkFile:
    """File that uplinks are appended to, in a folder that exists. Raises StorageError if it cannot be written.

    A line that a crash has cut off is ended first, so that the next uplink begins on a new line.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        if not path.parent.is_dir():
            reason = OSError(errno.ENOENT, os.strerror(errno.ENOENT))
            raise files.not_writable("the uplink file", path, reason)
        files.append(path, b"\n" if _has_open_line(path) else b"", what="the uplink file")

    def store_bodies(self, bodies: Iterable[StreamBody]) -> None:
        """Append the usable notifications; all of them are on disk when this returns. Raises StorageError."""
        lines = "".join(f"{json.dumps(uplink.to_json())}\n" for body in bodies for _, uplink in body.uplinks)
        files.append(self.path, lines.encode(), what="the uplink file")


class RefusedFile:
    """File of notifications that could not be used, one JSON object per line: time, reason, and the body as it came.

    path: the file, which is created with the first line and is readable by its owner only. It does not grow above
    MAX_REFUSED_BYTES, because a sender may post anything.
    """

    def __init__(self, path: Path) -> None:
        self.path = path

    def store_bodies(self, bodies: Iterable[StreamBody]) -> None:
        """Append a line for each body with a refused notification. Raises StorageError."""
        lines = "".join(_refused_line(body) for body in bodies if body.refusals).encode()
        size = self.path.stat().st_size if self.path.exists() else 0
        if lines and size + len(lines) <= MAX_REFUSED_BYTES:
            files.append(self.path, lines, what="the file of refused notifications", mode=files.PRIVATE)


def _refused_line(body: StreamBody) -> str:
    fields = {
        "at": datetime.now(UTC).isoformat(timespec="milliseconds"),
        "reasons": [refusal.reason for refusal in body.refusals],
        "body": body.raw.decode("utf-8", "backslashreplace"),
    }
    return json.dumps(fields) + "\n"


def _has_open_line(path: Path) -> bool:
    """Return whether the last line of the file does not end."""
    try:
        with path.open("rb") as file:
            if file.seek(0, os.SEEK_END) == 0:
                return False
            file.seek(-1, os.SEEK_END)
            return file.read(1) != b"\n"
    except FileNotFoundError:
        return False
    except OSError as error:
        raise files.not_writable("the uplink file", path, error) from None
