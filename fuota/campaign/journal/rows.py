"""Rows with checksums. SQLite checks the structure of its file, but not the values in it."""

from __future__ import annotations

import sqlite3
import zlib
from collections.abc import Iterable, Sequence

from fuota.campaign.journal.database import Database, Value
from fuota.errors import StorageError

COLUMNS = {
    "campaign": "nr, id, created_ms, state, server, app_eui, job_id, facts, after_seq, events, verdict, sum",
    "history": "nr, campaign, at_ms, what, detail, sum",
    "device": "dev, dev_eui, sum",
    "body": "nr, at_ms, raw, sum",
    "uplink": "seq, dev, body, position, port, join_id, seqno, sent_us, app_eui, tags, pdu, sum",
    "projection": "campaign, basis, upto_seq, members, sum",
    "member": "campaign, dev, report, sum",
}
"""Columns of each table, in the order of the checksum, which is the last column."""


class Tables:
    """Reads rows of a database, and compares each with its checksum."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def checked(self, table: str, condition: str, *values: Value) -> list[sqlite3.Row]:
        """Return the rows of `table` that meet `condition`. Raises StorageError for the first row with a wrong checksum."""
        rows = self._database.read(f"SELECT {COLUMNS[table]} FROM {table} {condition}", *values)  # noqa: S608 - ours
        for row in rows:
            if not is_whole(table, tuple(row)):
                raise self.damaged(table, row[0])
        return rows

    def damaged(self, table: str, row: object) -> StorageError:
        """Return the StorageError for a damaged row."""
        return StorageError(
            f"the journal {self._database.path} is damaged (table {table}, row {row}): `fuota journal check` shows the damage,"
            " `fuota journal salvage` saves the rest"
        )


def insert(db: sqlite3.Connection, table: str, *values: Value) -> None:
    """Insert a row with its checksum. values: in the order of the columns, without the checksum."""
    insert_all(db, table, [values])


def insert_all(db: sqlite3.Connection, table: str, rows: Iterable[Sequence[Value]]) -> None:
    """Insert rows with their checksums."""
    marks = ", ".join("?" * (COLUMNS[table].count(",") + 1))
    values = ((*row, checksum(table, *row)) for row in rows)
    db.executemany(f"INSERT INTO {table} VALUES ({marks})", values)  # noqa: S608 - ours


def replace(db: sqlite3.Connection, table: str, *values: Value) -> None:
    """Insert a row with its checksum, in place of the row with the same key."""
    marks = ", ".join("?" * (len(values) + 1))
    db.execute(f"INSERT OR REPLACE INTO {table} VALUES ({marks})", (*values, checksum(table, *values)))  # noqa: S608 - ours


def checksum(table: str, *values: Value) -> int:
    """Return the CRC-32 of a row of `table`: all its values, in the order of the columns."""
    return zlib.crc32(repr((table, *values)).encode("utf-8"))


def is_whole(table: str, row: tuple[Value, ...]) -> bool:
    """Return whether the last value of a row is the checksum of the values before it."""
    return len(row) > 0 and row[-1] == checksum(table, *row[:-1])
