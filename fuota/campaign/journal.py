"""Record of campaigns, their events and the uplinks of devices. A crash loses nothing.

One SQLite file holds all campaigns of a user. Every write is one transaction that is on disk when the call returns
(synchronous=FULL). No key or other secret is written: the journal receives none.
"""

from __future__ import annotations

import json
import sqlite3
import threading
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any

from fuota.errors import ParameterError, StorageError
from fuota.network import Uplink, parse_uplinks

_SCHEMA_VERSION = 1
_SCHEMA = """
CREATE TABLE campaign (
    id TEXT PRIMARY KEY,
    created_ms INTEGER NOT NULL,
    state TEXT NOT NULL,
    server TEXT NOT NULL,
    app_eui TEXT NOT NULL,
    job_id TEXT,
    facts TEXT NOT NULL
) STRICT;
CREATE TABLE event (campaign TEXT NOT NULL, at_ms INTEGER NOT NULL, what TEXT NOT NULL, detail TEXT NOT NULL) STRICT;
CREATE TABLE uplink (at_ms INTEGER NOT NULL, body TEXT NOT NULL) STRICT;
CREATE INDEX uplink_time ON uplink (at_ms);
"""

_UPLINKS_OF = "FROM uplink WHERE at_ms >= ? AND at_ms < ?"
_FOREVER_MS = 2**62


class CampaignState(StrEnum):
    """State of a campaign, as far as we know."""

    INTENDED = "intended"
    """It is written down; whether the server has it is unknown."""
    LAUNCHED = "launched"
    """The server has it."""
    FINISHED = "finished"
    """The server says that it has ended."""
    CANCELLED = "cancelled"
    """It was cancelled, by us or by somebody else."""
    REFUSED = "refused"
    """The server did not accept it, or was never reached."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Campaign:
    """Update of a set of devices with one image.

    dev_euis: empty if the devices were named by tags. request: query of mcastTransfer. expected: what the transfer needs on
    air, see `Expected`. before: identity of the last job of the application before the launch, see `status.identity`.
    target_sha256: for a patch, SHA-256 of the image that it makes, which devices report.
    """

    id: str
    created_ms: int
    state: CampaignState
    server: str
    app_eui: str
    job_id: str | None
    image_name: str
    image_sha256: str
    image_bytes: int
    dev_euis: tuple[str, ...]
    request: Mapping[str, str]
    expected: Mapping[str, int]
    before: Mapping[str, object] | None
    target_sha256: str | None = None

    def to_json(self) -> dict[str, object]:
        """Return a flat object."""
        return {name: getattr(self, name) for name in self.__slots__}


_FACTS = ("image_name", "image_sha256", "image_bytes", "dev_euis", "request", "expected")


class Journal:
    """Campaigns of one user, in a file in `folder`. Raises StorageError if the file cannot be written or read."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / "journal.sqlite"
        self._lock = threading.RLock()
        with _storage_errors(self.path):
            folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            self._db = sqlite3.connect(self.path, check_same_thread=False, isolation_level=None, timeout=30)
            self._db.row_factory = sqlite3.Row
            try:
                self._db.execute("PRAGMA synchronous = FULL")
                self._create()
            except BaseException:
                self._db.close()
                raise

    def close(self) -> None:
        """Close the file."""
        self._db.close()

    def open_campaign(self, *, server: str, app_eui: str, facts: Mapping[str, object]) -> Campaign:
        """Record a new campaign as intended and return it.

        server: URL of the server. facts: the fields of Campaign from `image_name` on.
        """
        now = _now_ms()
        with self._writing():
            campaign_id = self._free_id(now)
            self._db.execute(
                "INSERT INTO campaign VALUES (?, ?, ?, ?, ?, NULL, ?)",
                (campaign_id, now, CampaignState.INTENDED, server, app_eui, json.dumps(dict(facts))),
            )
        return self.campaign(campaign_id)

    def campaign(self, campaign_id: str) -> Campaign:
        """Return the campaign with this id. Raises ParameterError, with the latest ids, if there is no such campaign."""
        campaigns = self._campaigns("WHERE id = ?", campaign_id)
        if not campaigns:
            recent = ", ".join(campaign.id for campaign in self.campaigns()[:3]) or "none yet"
            raise ParameterError(f"campaign {campaign_id!r} is not in {self.path}; the latest campaigns: {recent}")
        return campaigns[0]

    def campaigns(self) -> list[Campaign]:
        """Return all campaigns, the latest first."""
        return self._campaigns("ORDER BY created_ms DESC, id DESC")

    def set_state(self, campaign_id: str, state: CampaignState, *, job_id: str | None = None) -> Campaign:
        """Set the state of a campaign and return the campaign. job_id: None keeps the job id that is recorded."""
        with self._writing():
            self._db.execute(
                "UPDATE campaign SET state = ?, job_id = COALESCE(?, job_id) WHERE id = ?", (state, job_id, campaign_id)
            )
        return self.campaign(campaign_id)

    def is_over(self, campaign: Campaign) -> bool:
        """Return whether the job of the campaign has ended, or another job replaced it (a server has one job per application)."""
        running = campaign.state in {CampaignState.INTENDED, CampaignState.LAUNCHED}
        return not running or self._span(campaign)[1] < _FOREVER_MS

    def note(self, campaign_id: str, what: str, detail: Mapping[str, object]) -> None:
        """Add an event to the history of a campaign. what: name of the event. detail: its fields."""
        with self._writing():
            line = (campaign_id, _now_ms(), what, json.dumps(dict(detail)))
            self._db.execute("INSERT INTO event VALUES (?, ?, ?, ?)", line)

    def history(self, campaign_id: str) -> list[dict[str, Any]]:
        """Return the events of a campaign in order, each with `at_ms`, `what` and its fields."""
        rows = self._read("SELECT at_ms, what, detail FROM event WHERE campaign = ? ORDER BY rowid", campaign_id)
        return [{"at_ms": row["at_ms"], "what": row["what"], **json.loads(row["detail"])} for row in rows]

    def store_uplinks(self, uplinks: Iterable[Uplink]) -> None:
        """Store uplinks of any campaign. All of them are on disk when this returns, or none if it raises."""
        now = _now_ms()
        with self._writing():
            rows = [(now, json.dumps(uplink.to_json())) for uplink in uplinks]
            self._db.executemany("INSERT INTO uplink VALUES (?, ?)", rows)

    def uplinks(self, campaign: Campaign) -> list[Uplink]:
        """Return the uplinks that arrived between the start of the campaign and the start of the next campaign, in order.

        The next campaign is the next one of the same application.
        """
        rows = self._read(f"SELECT body {_UPLINKS_OF} ORDER BY rowid", *self._span(campaign))
        return [uplink for row in rows for uplink in parse_uplinks(json.loads(row["body"]))]

    def count_uplinks(self, campaign: Campaign) -> int:
        """Return the number of uplinks that `uplinks` would return."""
        return int(self._read(f"SELECT COUNT(*) AS n {_UPLINKS_OF}", *self._span(campaign))[0]["n"])

    def _span(self, campaign: Campaign) -> tuple[int, int]:
        """Return the times in ms at which this campaign and the next campaign of the same application began.

        A refused campaign sent nothing, so it does not count as the next campaign.
        """
        row = self._read(
            "SELECT MIN(created_ms) AS next FROM campaign WHERE server = ? AND app_eui = ? AND created_ms > ? AND state != ?",
            campaign.server,
            campaign.app_eui,
            campaign.created_ms,
            CampaignState.REFUSED,
        )[0]
        return campaign.created_ms, row["next"] or _FOREVER_MS

    def _campaigns(self, where: str, *values: str | int) -> list[Campaign]:
        return [_as_campaign(row) for row in self._read(f"SELECT * FROM campaign {where}", *values)]  # noqa: S608 - ours

    def _read(self, query: str, *values: str | int) -> list[sqlite3.Row]:
        with self._lock, _storage_errors(self.path):
            return self._db.execute(query, values).fetchall()

    @contextmanager
    def _writing(self) -> Iterator[None]:
        with self._lock, _storage_errors(self.path):
            self._db.execute("BEGIN IMMEDIATE")
            try:
                yield
            except BaseException:
                self._db.execute("ROLLBACK")
                raise
            self._db.execute("COMMIT")

    def _create(self) -> None:
        with self._writing():
            (version,) = self._db.execute("PRAGMA user_version").fetchone()
            if version == 0:
                for statement in filter(str.strip, _SCHEMA.split(";")):
                    self._db.execute(statement)
                self._db.execute(f"PRAGMA user_version = {_SCHEMA_VERSION}")
        if version > _SCHEMA_VERSION:
            raise StorageError(
                f"{self.path} was written by a newer fuota (schema {version}; this one reads {_SCHEMA_VERSION})"
            )

    def _free_id(self, now_ms: int) -> str:
        """Return date and time, which sort, with a number if another campaign began in the same second."""
        stem = time.strftime("%Y%m%d-%H%M%S", time.localtime(now_ms / 1000))
        used = {row["id"] for row in self._db.execute("SELECT id FROM campaign WHERE id LIKE ?", (stem + "%",))}
        number = 1
        while (candidate := stem if number == 1 else f"{stem}-{number}") in used:
            number += 1
        return candidate


def _as_campaign(row: sqlite3.Row) -> Campaign:
    facts = json.loads(row["facts"])
    facts["dev_euis"] = tuple(facts["dev_euis"])
    return Campaign(
        id=row["id"],
        created_ms=row["created_ms"],
        state=CampaignState(row["state"]),
        server=row["server"],
        app_eui=row["app_eui"],
        job_id=row["job_id"],
        before=facts.get("before"),
        target_sha256=facts.get("target_sha256"),
        **{name: facts[name] for name in _FACTS},
    )


@contextmanager
def _storage_errors(path: Path) -> Iterator[None]:
    try:
        yield
    except (OSError, sqlite3.Error) as error:
        reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        raise StorageError(
            f"the journal {path} cannot be used: {reason}; name a folder that you can write to (--state-dir, FUOTA_STATE_DIR)"
        ) from error


def _now_ms() -> int:
    return time.time_ns() // 1_000_000
