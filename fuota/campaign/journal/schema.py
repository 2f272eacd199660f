"""Tables of the journal, and the migration of journals that older versions wrote."""

from __future__ import annotations

import json
import sqlite3
from collections import Counter

from fuota.campaign.journal.database import Database
from fuota.campaign.journal.rows import insert
from fuota.campaign.journal.uplink_rows import UplinkWriter
from fuota.errors import StorageError
from fuota.network.stream_body import read_body

VERSION = 2
_TABLES = """
CREATE TABLE campaign (
    nr INTEGER PRIMARY KEY,
    id TEXT NOT NULL UNIQUE,
    created_ms INTEGER NOT NULL,
    state TEXT NOT NULL,
    server TEXT NOT NULL,
    app_eui TEXT NOT NULL,
    job_id TEXT,
    facts TEXT NOT NULL,
    after_seq INTEGER NOT NULL,
    events INTEGER NOT NULL,
    verdict TEXT,
    sum INTEGER NOT NULL
) STRICT;
CREATE TABLE history (
    nr INTEGER PRIMARY KEY, campaign TEXT NOT NULL, at_ms INTEGER NOT NULL, what TEXT NOT NULL, detail TEXT NOT NULL,
    sum INTEGER NOT NULL
) STRICT;
CREATE TABLE device (dev INTEGER PRIMARY KEY, dev_eui TEXT NOT NULL UNIQUE, sum INTEGER NOT NULL) STRICT;
CREATE TABLE body (nr INTEGER PRIMARY KEY, at_ms INTEGER NOT NULL, raw BLOB NOT NULL, sum INTEGER NOT NULL) STRICT;
CREATE TABLE uplink (
    seq INTEGER PRIMARY KEY, dev INTEGER NOT NULL, body INTEGER NOT NULL, position INTEGER NOT NULL,
    port INTEGER, join_id INTEGER, seqno INTEGER, sent_us INTEGER, app_eui TEXT, tags TEXT, pdu BLOB NOT NULL, sum INTEGER NOT NULL
) STRICT;
CREATE INDEX uplink_of_device ON uplink (dev);
CREATE TABLE projection (
    campaign INTEGER PRIMARY KEY, basis TEXT NOT NULL, upto_seq INTEGER NOT NULL, members INTEGER NOT NULL, sum INTEGER NOT NULL
) STRICT;
CREATE TABLE member (
    campaign INTEGER NOT NULL, dev INTEGER NOT NULL, report TEXT NOT NULL, sum INTEGER NOT NULL, PRIMARY KEY (campaign, dev)
) STRICT, WITHOUT ROWID;
"""


def create(database: Database) -> None:
    """Create the tables in an empty file, or migrate a file of version 1. Raises StorageError if a newer fuota wrote the file."""
    with database.writing() as db:
        (version,) = db.execute("PRAGMA user_version").fetchone()
        if version > VERSION:
            raise StorageError(
                f"{database.path} was written by a newer fuota (schema {version}; this version reads {VERSION}): update fuota"
            )
        if version < VERSION:
            if version == 1:
                _rename_tables_of_version_1(db)
            create_tables(db)
            if version == 1:
                try:
                    _copy_version_1(db)
                except ValueError as error:
                    raise StorageError(
                        f"{database.path} of an older fuota is damaged: {error}; it was not changed"
                    ) from error
            db.execute(f"PRAGMA user_version = {VERSION}")
        if missing := missing_campaigns(db):
            raise StorageError(
                f"the journal {database.path} is damaged ({abs(missing)} campaigns more or fewer than recorded): `fuota journal"
                " check` shows the damage, `fuota journal salvage` saves the rest"
            )


def create_tables(db: sqlite3.Connection) -> None:
    """Create the tables. Raises sqlite3.Error."""
    for statement in filter(str.strip, _TABLES.split(";")):
        db.execute(statement)


def record_campaign_count(db: sqlite3.Connection) -> None:
    """Record the number of campaigns in the header of the file, as its application id.

    A damaged page can take away whole campaigns; the numbers that are left then have no gap.
    """
    (count,) = db.execute("SELECT COUNT(*) FROM campaign").fetchone()
    db.execute(f"PRAGMA application_id = {count}")


def missing_campaigns(db: sqlite3.Connection) -> int:
    """Return how many campaigns are missing; 0 for a file that does not record their number. Raises sqlite3.Error."""
    (recorded,) = db.execute("PRAGMA application_id").fetchone()
    (count,) = db.execute("SELECT COUNT(*) FROM campaign").fetchone()
    return int(recorded) - int(count) if recorded else 0


def _rename_tables_of_version_1(db: sqlite3.Connection) -> None:
    for table in ("campaign", "event", "uplink"):
        db.execute(f"ALTER TABLE {table} RENAME TO {table}_1")


def _copy_version_1(db: sqlite3.Connection) -> None:
    """Copy all rows. In version 1, an uplink belonged to a campaign by the local time of its arrival."""
    writer = UplinkWriter(db)
    arrivals_ms: list[int] = []
    for at_ms, body in db.execute("SELECT at_ms, body FROM uplink_1 ORDER BY rowid").fetchall():
        written = writer.write(at_ms, [read_body(body.encode("utf-8", "surrogateescape"))])
        arrivals_ms += [at_ms] * written
    events = db.execute("SELECT campaign, at_ms, what, detail FROM event_1 ORDER BY rowid").fetchall()
    counts = Counter(event[0] for event in events)
    campaigns = db.execute(
        "SELECT id, created_ms, state, server, app_eui, job_id, facts FROM campaign_1 ORDER BY created_ms, id"
    ).fetchall()
    for nr, row in enumerate(map(tuple, campaigns), 1):
        after_seq = next((seq for seq, at_ms in enumerate(arrivals_ms) if at_ms >= row[1]), len(arrivals_ms))
        insert(db, "campaign", nr, *row, after_seq, counts[row[0]], None)
    for nr, row in enumerate(map(tuple, events), 1):
        json.loads(row[3])  # damaged text must not get a checksum
        insert(db, "history", nr, *row)
    record_campaign_count(db)
    for table in ("campaign_1", "event_1", "uplink_1"):
        db.execute(f"DROP TABLE {table}")
