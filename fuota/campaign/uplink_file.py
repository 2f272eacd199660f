"""Uplinks in a file, one JSON object per line."""

from __future__ import annotations

import errno
import json
import os
from collections.abc import Iterable
from pathlib import Path

from fuota import files
from fuota.network import Uplink


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

    def store(self, uplinks: Iterable[Uplink]) -> None:
        """Append uplinks; all of them are on disk when this returns. Raises StorageError."""
        lines = "".join(f"{json.dumps(uplink.to_json())}\n" for uplink in uplinks)
        files.append(self.path, lines.encode(), what="the uplink file")


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
