"""Check of a journal, and what can be saved from a damaged journal."""

from __future__ import annotations

import shutil
import sqlite3
import tempfile
from collections import Counter
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from fuota.campaign.journal import schema
from fuota.campaign.journal.database import Database, text_from
from fuota.campaign.journal.record import FILE_NAME
from fuota.campaign.journal.rows import COLUMNS, insert, is_whole
from fuota.campaign.journal.uplink_rows import EPOCH, UplinkWriter
from fuota.errors import ParameterError, StorageError
from fuota.network import Uplink
from fuota.network.stream_body import StreamBody, read_body

_TABLES = ("campaign", "history", "device", "body", "uplink")
"""Tables to save. All other tables can be computed from these."""
_BLIND_ROWS = 1000
"""Row numbers to try after the last readable row of a table whose pages are damaged."""


@dataclass(frozen=True, slots=True, kw_only=True)
class JournalCheck:
    """Result of a check. problems: the damage, in words; empty for a whole journal. rows: number of whole rows of each table."""

    problems: tuple[str, ...]
    rows: dict[str, int]


def check_journal(folder: Path) -> JournalCheck:
    """Return the damage of the journal in `folder`: structure of the file, checksums of rows, gaps in their numbers.

    Nothing is changed. Raises StorageError if there is no journal or if it cannot be opened at all.
    """
    with _opened(folder) as db:
        problems, tables = list(_structure_problems(db)), {table: _read_table(db, table) for table in _TABLES}
        problems += _campaign_problems(db)
    for table, content in tables.items():
        problems += content.problems(table)
    problems += _history_problems(tables)
    return JournalCheck(problems=tuple(problems), rows={table: len(content.rows) for table, content in tables.items()})


def salvage_journal(folder: Path, target: Path) -> JournalCheck:
    """Write what is whole in the journal in `folder` to a new journal in the folder `target`; return the damage and what was saved.

    An uplink is saved if its row or the body of its request is whole. Nothing in `folder` is changed.
    Raises StorageError if there is no journal, if it cannot be opened at all or if the new journal cannot be written, and
    ParameterError if `target` has a journal already.
    """
    if (target / FILE_NAME).exists():
        raise ParameterError(f"the new folder must have no journal, got {target} (nearest: a new folder)")
    with _opened(folder) as db:
        tables = {table: _read_table(db, table) for table in _TABLES}
    with closing(Database(target / FILE_NAME)) as saved:
        schema.create(saved)
        with saved.writing() as new:
            last_seqs = _write_uplinks(new, tables)
            _write_campaigns(new, tables, last_seqs)
            schema.record_campaign_count(new)
        rows = {table: saved.count(table) for table in _TABLES}
    problems = [problem for table, content in tables.items() for problem in content.problems(table)]
    return JournalCheck(problems=tuple(problems), rows=rows)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Table:
    """Rows of a table. rows: whole rows, in the order of their numbers. damaged: numbers of rows with a wrong checksum.

    error: error of SQLite that ended the reading of the whole table, or "".
    """

    rows: tuple[sqlite3.Row, ...]
    damaged: tuple[int, ...]
    error: str

    def problems(self, table: str) -> list[str]:
        """Return the damage in words."""
        problems = [f"table {table}: {self.error}"] if self.error else []
        if self.damaged:
            shown = ", ".join(map(str, self.damaged[:5])) + (", …" if len(self.damaged) > 5 else "")
            problems.append(f"table {table}: {len(self.damaged)} rows have a wrong checksum ({shown})")
        numbers = {*self.damaged, *(int(row[0]) for row in self.rows)}
        if numbers and (lost := max(numbers) - len(numbers)) > 0:
            problems.append(f"table {table}: {lost} of {max(numbers)} rows are missing")
        return problems


@contextmanager
def _opened(folder: Path) -> Iterator[sqlite3.Connection]:
    """Open a copy of the journal, so that the damaged file is never changed."""
    path = folder / FILE_NAME
    if not path.is_file():
        raise StorageError(f"{folder} has no journal ({FILE_NAME}): name its folder (--state-dir)")
    with tempfile.TemporaryDirectory() as copies, _opening_errors(path):
        for suffix in ("", "-wal"):
            with suppress(FileNotFoundError):
                shutil.copyfile(f"{path}{suffix}", Path(copies) / (FILE_NAME + suffix))
        with closing(sqlite3.connect(Path(copies) / FILE_NAME)) as db:
            db.row_factory, db.text_factory = sqlite3.Row, text_from
            (version,) = db.execute("PRAGMA user_version").fetchone()
            if version != schema.VERSION:
                raise StorageError(
                    f"{path} has schema {version}, and this version of fuota checks schema {schema.VERSION}"
                )
            yield db


@contextmanager
def _opening_errors(path: Path) -> Iterator[None]:
    try:
        yield
    except (sqlite3.Error, OSError, UnicodeDecodeError) as error:
        raise StorageError(f"{path} cannot be opened: {error}; nothing in it can be saved") from error


def _structure_problems(db: sqlite3.Connection) -> Iterator[str]:
    try:
        for (line,) in db.execute("PRAGMA integrity_check"):
            if line != "ok":
                yield f"structure: {line}"
    except sqlite3.Error as error:
        yield f"structure: {error}"


def _campaign_problems(db: sqlite3.Connection) -> Iterator[str]:
    with suppress(sqlite3.Error):  # the table itself has named it
        if missing := schema.missing_campaigns(db):
            yield f"table campaign: {abs(missing)} campaigns {'are missing' if missing > 0 else 'are not recorded'}"


def _history_problems(tables: dict[str, _Table]) -> Iterator[str]:
    """Yield the campaigns whose history has not as many events as they state."""
    counts = Counter(row["campaign"] for row in tables["history"].rows)
    for campaign in tables["campaign"].rows:
        if (count := counts[campaign["id"]]) != campaign["events"]:
            yield f"campaign {campaign['id']}: {count} of {campaign['events']} events of its history are whole"


def _read_table(db: sqlite3.Connection, table: str) -> _Table:
    """Return all readable rows. If a page is damaged, each row is read alone, since other pages may be whole."""
    query = f"SELECT {COLUMNS[table]} FROM {table}"  # noqa: S608 - ours
    error = ""
    try:
        rows = db.execute(f"{query} ORDER BY rowid").fetchall()
    except sqlite3.Error as failure:
        error, rows = str(failure), list(_single_rows(db, query))
    whole = tuple(row for row in rows if is_whole(table, tuple(row)))
    damaged = tuple(int(row[0]) for row in rows if not is_whole(table, tuple(row)))
    return _Table(rows=whole, damaged=damaged, error=error)


def _single_rows(db: sqlite3.Connection, query: str) -> Iterator[sqlite3.Row]:
    number = last = 0
    while number < last + _BLIND_ROWS:
        number += 1
        with suppress(sqlite3.Error):
            if (row := db.execute(f"{query} WHERE rowid = ?", (number,)).fetchone()) is not None:
                last = number
                yield row


def _write_uplinks(db: sqlite3.Connection, tables: dict[str, _Table]) -> dict[int, int]:
    """Write all uplinks in their order. Return the new number of the last uplink in each body, by the old number of the body."""
    bodies, arrivals_ms = _bodies(tables)
    writer, seq = UplinkWriter(db), 0
    last_seqs = {}
    for number in sorted(bodies):
        seq += writer.write(arrivals_ms.get(number, 0), [bodies[number]])
        last_seqs[number] = seq
    return last_seqs


def _bodies(tables: dict[str, _Table]) -> tuple[dict[int, StreamBody], dict[int, int]]:
    """Return bodies and times of arrival by their numbers. The uplinks of a lost body come from their own rows."""
    bodies = {row["nr"]: read_body(row["raw"]) for row in tables["body"].rows}
    arrivals_ms = {row["nr"]: row["at_ms"] for row in tables["body"].rows}
    dev_euis = {row["dev"]: row["dev_eui"] for row in tables["device"].rows}
    orphans: dict[int, list[tuple[int, Uplink]]] = {}
    for row in tables["uplink"].rows:
        if row["body"] not in bodies and row["dev"] in dev_euis:
            orphans.setdefault(row["body"], []).append((row["position"], _uplink_from(row, dev_euis[row["dev"]])))
    for number, uplinks in orphans.items():
        raw = StreamBody.of([uplink for _, uplink in sorted(uplinks, key=lambda pair: pair[0])])
        bodies[number] = raw
    return bodies, arrivals_ms


def _uplink_from(row: sqlite3.Row, dev_eui: str) -> Uplink:
    txtime: datetime | None = None if row["sent_us"] is None else EPOCH + timedelta(microseconds=row["sent_us"])
    return Uplink(
        dev_eui=dev_eui,
        port=row["port"],
        join_id=row["join_id"],
        seqno=row["seqno"],
        txtime=txtime,
        app_eui=row["app_eui"],
        tags=tuple(row["tags"].split(",")) if row["tags"] else (),
        pdu=row["pdu"],
    )


def _write_campaigns(db: sqlite3.Connection, tables: dict[str, _Table], last_seqs: dict[int, int]) -> None:
    """Write campaigns and their history. If uplinks are lost, later uplinks get other numbers, and so do the spans of campaigns."""
    for row in tables["campaign"].rows:
        body = max((uplink["body"] for uplink in tables["uplink"].rows if uplink["seq"] <= row["after_seq"]), default=0)
        after_seq = max((seq for number, seq in last_seqs.items() if number <= body), default=0)
        events = sum(event["campaign"] == row["id"] for event in tables["history"].rows)
        values = {**dict(row), "after_seq": after_seq, "events": events}
        del values["sum"]
        insert(db, "campaign", *values.values())
    for nr, row in enumerate(tables["history"].rows, 1):
        insert(db, "history", nr, *tuple(row)[1:-1])
