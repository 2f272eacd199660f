"""An SQLite file whose transactions are on disk when they return, and whose errors are StorageErrors."""

from __future__ import annotations

import os
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from fuota import files
from fuota.errors import StorageError

BUSY_TIMEOUT_S = 30
"""Time to wait for another process that writes."""
_ADVICE = {
    sqlite3.SQLITE_FULL: "the disk is full: free some space; what was stored before is kept",
    sqlite3.SQLITE_BUSY: f"another program has used it for {BUSY_TIMEOUT_S} s: close that program, then try again",
    sqlite3.SQLITE_CORRUPT: "it is damaged: `fuota journal check` shows the damage, `fuota journal salvage` saves the rest",
    sqlite3.SQLITE_NOTADB: "it is damaged, or it is not a journal: name another folder (--state-dir, FUOTA_STATE_DIR)",
}
_OTHER_ADVICE = "name a folder that you can write to (--state-dir, FUOTA_STATE_DIR)"

Value = str | int | bytes | None
"""Value of a column."""


class Database:
    """A connection to one file, for several threads.

    Write-ahead logging with synchronous=FULL: each commit ends with one fdatasync of the log, and readers never stop a writer
    (https://www.sqlite.org/wal.html). If the file system cannot do this, for example on a network share, the classic journal is
    used with synchronous=EXTRA, which also syncs the folder after the journal file is deleted: with FULL, a power cut can bring
    the deleted file back, and SQLite then undoes the last transaction.

    Raises StorageError if the file cannot be opened.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._lock = threading.RLock()
        with self._errors():
            files.make_private_folder(path.parent)
            _create_private(path)
            self._db = self._connect()

    def close(self) -> None:
        """Close the file."""
        self._db.close()

    def read(self, query: str, *values: Value) -> list[sqlite3.Row]:
        """Return the rows of a query. Raises StorageError."""
        with self._lock, self._errors():
            return self._db.execute(query, values).fetchall()

    def count(self, table: str) -> int:
        """Return the number of rows of a table. Raises StorageError."""
        (row,) = self.read(f"SELECT COUNT(*) AS rows FROM {table}")  # noqa: S608 - ours
        return int(row["rows"])

    @contextmanager
    def writing(self) -> Iterator[sqlite3.Connection]:
        """Run the block in a transaction that is on disk when the block has ended, or undone if it raises."""
        with self._lock, self._errors():
            self._db.execute("BEGIN IMMEDIATE")
            try:
                yield self._db
                self._db.execute("COMMIT")
            except BaseException:
                self._undo()
                raise

    def _undo(self) -> None:
        """End the transaction. The error that is on its way says why, so no second error may hide it."""
        with suppress(sqlite3.Error):
            if self._db.in_transaction:  # SQLite itself undoes some failed transactions
                self._db.execute("ROLLBACK")
        if self._db.in_transaction:  # a transaction that stays open would lock out everybody
            with suppress(sqlite3.Error):
                self._db.close()
            self._db = self._connect()

    def _connect(self) -> sqlite3.Connection:
        db = sqlite3.connect(self.path, check_same_thread=False, isolation_level=None, timeout=BUSY_TIMEOUT_S)
        try:
            db.row_factory = sqlite3.Row
            db.text_factory = text_from
            db.execute("PRAGMA synchronous = EXTRA")  # also while the mode changes
            if _uses_write_ahead_log(db):
                db.execute("PRAGMA synchronous = FULL")
        except BaseException:
            db.close()
            raise
        return db

    @contextmanager
    def _errors(self) -> Iterator[None]:
        try:
            yield
        except UnicodeDecodeError as error:  # Python cannot read the message of SQLite, which quotes a damaged text
            raise StorageError(f"the journal {self.path} cannot be used: {_ADVICE[sqlite3.SQLITE_CORRUPT]}") from error
        except OSError as error:
            raise StorageError(
                f"the journal {self.path} cannot be used: {error.strerror or error}; {_OTHER_ADVICE}"
            ) from error
        except sqlite3.Error as error:
            code = getattr(error, "sqlite_errorcode", 0) & 0xFF  # the higher bits say more about the same error
            reason = _ADVICE.get(code, f"{error}; {_OTHER_ADVICE}")
            raise StorageError(f"the journal {self.path} cannot be used: {reason}") from error


def _uses_write_ahead_log(db: sqlite3.Connection) -> bool:
    try:
        (mode,) = db.execute("PRAGMA journal_mode = WAL").fetchone()
    except sqlite3.OperationalError as error:
        if (
            error.sqlite_errorcode & 0xFF == sqlite3.SQLITE_BUSY
        ):  # a reader of an old fuota: it stays in the classic mode for now
            return False
        raise
    return str(mode) == "wal"


def text_from(value: bytes) -> str:
    """Return a text, also a damaged text, which its checksum then shows."""
    return value.decode("utf-8", "surrogateescape")


def _create_private(path: Path) -> None:
    """Create the file so that only its owner can read it. SQLite gives its other files the same mode."""
    os.close(os.open(path, os.O_RDWR | os.O_CREAT, files.PRIVATE))
    if path.stat().st_mode & 0o077 and path.stat().st_uid == os.geteuid():
        path.chmod(files.PRIVATE)  # made by an older version
