"""The journal: campaigns, their history and the uplinks of devices. A crash or a power cut loses nothing.

One SQLite file holds all campaigns of a user. Every write is one transaction that is on disk when the call returns. Each row has a
checksum, so damage is reported and never read as content. No key or other secret is written: the journal receives none.
"""

from __future__ import annotations

import json
import sqlite3
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from fuota.campaign.journal import schema
from fuota.campaign.journal.campaigns import Campaign, CampaignRow, CampaignState, campaign_from
from fuota.campaign.journal.database import Database, Value
from fuota.campaign.journal.rows import Tables, insert, replace
from fuota.campaign.journal.uplink_rows import DeviceMessage, UplinkWriter, message_from
from fuota.errors import ParameterError
from fuota.network import Uplink
from fuota.network.stream_body import StreamBody, read_body

FILE_NAME = "journal.sqlite"
"""Name of the file in its folder."""
_RUNNING = (CampaignState.INTENDED, CampaignState.LAUNCHED)


class Journal:
    """Campaigns of one user, in the file `journal.sqlite` of `folder`. Raises StorageError if it cannot be written or read."""

    def __init__(self, folder: Path) -> None:
        self._database = Database(folder / FILE_NAME)
        self._tables = Tables(self._database)
        self._numbers: dict[str, int] = {}
        try:
            schema.create(self._database)
        except BaseException:
            self._database.close()
            raise

    @property
    def path(self) -> Path:
        """Path of the file."""
        return self._database.path

    def close(self) -> None:
        """Close the file."""
        self._database.close()

    # Campaigns

    def open_campaign(self, *, server: str, app_eui: str, facts: Mapping[str, object]) -> Campaign:
        """Record a new campaign as intended and return it.

        server: URL of the server. facts: the fields of Campaign from `image_name` on.
        """
        now = _now_ms()
        with self._database.writing() as db:
            (nr,) = db.execute("SELECT COALESCE(MAX(nr), 0) + 1 FROM campaign").fetchone()
            (after_seq,) = db.execute("SELECT COALESCE(MAX(seq), 0) FROM uplink").fetchone()
            campaign_id = _free_id(db, now)
            state, text = CampaignState.INTENDED.value, json.dumps(dict(facts))
            insert(db, "campaign", nr, campaign_id, now, state, server, app_eui, None, text, after_seq, 0, None)
            schema.record_campaign_count(db)
        return self.campaign(campaign_id)

    def campaign(self, campaign_id: str) -> Campaign:
        """Return the campaign with this id. Raises ParameterError, with the latest ids, if there is no such campaign."""
        return self._row(campaign_id).campaign

    def campaigns(self) -> list[Campaign]:
        """Return all campaigns, the latest first."""
        return [row.campaign for row in self._campaign_rows("ORDER BY nr DESC")]

    def set_state(self, campaign_id: str, state: CampaignState, *, job_id: str | None = None) -> Campaign:
        """Set the state of a campaign and return the campaign. job_id: None keeps the job id that is recorded."""
        self._change(campaign_id, state=state.value, **({} if job_id is None else {"job_id": job_id}))
        return self.campaign(campaign_id)

    def is_over(self, campaign: Campaign) -> bool:
        """Return whether the job of the campaign has ended, or another job replaced it (a server has one job per application)."""
        return campaign.state not in _RUNNING or self._next_nr(self._row(campaign.id)) is not None

    def conclude(self, campaign_id: str, verdict: Mapping[str, object]) -> None:
        """Record the verdict of a campaign that is over. verdict: for later reading, such as the number of devices by outcome."""
        self._change(campaign_id, verdict=json.dumps(dict(verdict)))

    def conclusion(self, campaign_id: str) -> dict[str, Any] | None:
        """Return the recorded verdict of a campaign, or None if it has none."""
        self.campaign(campaign_id)
        (row,) = self._tables.checked("campaign", "WHERE id = ?", campaign_id)
        return None if row["verdict"] is None else dict(json.loads(row["verdict"]))

    # History

    def note(self, campaign_id: str, what: str, detail: Mapping[str, object]) -> None:
        """Add an event to the history of a campaign. what: name of the event. detail: its fields."""
        campaign_nr = self._row(campaign_id).nr
        with self._database.writing() as db:
            (nr,) = db.execute("SELECT COALESCE(MAX(nr), 0) + 1 FROM history").fetchone()
            insert(db, "history", nr, campaign_id, _now_ms(), what, json.dumps(dict(detail)))
            (events,) = db.execute("SELECT events FROM campaign WHERE nr = ?", (campaign_nr,)).fetchone()
            _update_campaign(db, campaign_nr, events=events + 1)

    def history(self, campaign_id: str) -> list[dict[str, Any]]:
        """Return the events of a campaign in order, each with `at_ms`, `what` and its fields."""
        rows = self._tables.checked("history", "WHERE campaign = ? ORDER BY nr", campaign_id)
        if len(rows) != self._row(campaign_id).events:
            raise self._tables.damaged("history", f"of {campaign_id}")
        return [{"at_ms": row["at_ms"], "what": row["what"], **json.loads(row["detail"])} for row in rows]

    # Uplinks

    def store_bodies(self, bodies: Iterable[StreamBody]) -> None:
        """Store bodies of the data stream as they came, and their usable notifications, of any campaign.

        All of them are on disk when this returns, or none if it raises.
        """
        now = _now_ms()
        with self._database.writing() as db:
            writer = UplinkWriter(db, self._numbers)
            writer.write(now, bodies)
        self._numbers |= writer.new

    def store_uplinks(self, uplinks: Iterable[Uplink]) -> None:
        """Store uplinks of any campaign. All of them are on disk when this returns, or none if it raises."""
        self.store_bodies([StreamBody.of(list(uplinks))])

    def uplinks(self, campaign: Campaign) -> list[Uplink]:
        """Return the uplinks that arrived during the campaign, in order of arrival, read again from the stored bodies."""
        return list(self._uplinks_between(*self._span(campaign)))

    def messages(self, campaign: Campaign, *, dev_euis: Sequence[str] | None = None) -> list[DeviceMessage]:
        """Return the messages of devices that arrived during the campaign, in order of arrival.

        dev_euis: the devices; None is all devices. Uplinks belong to a campaign from its start to the start of the next campaign of
        the same application. The order of the rows decides, not a clock.
        """
        after_seq, upto_seq = self._span(campaign)
        if dev_euis is None:
            rows = self._tables.checked("uplink", "WHERE seq > ? AND seq <= ? ORDER BY seq", after_seq, upto_seq)
            self._require_all(len(rows), after_seq, upto_seq)
            return self._messages_from(rows)
        known = {eui: dev for dev, eui in self._dev_euis().items()}
        condition = "WHERE dev = ? AND seq > ? AND seq <= ? ORDER BY seq"
        return self._messages_from(
            [
                row
                for dev_eui in dev_euis
                if dev_eui in known
                for row in self._tables.checked("uplink", condition, known[dev_eui], after_seq, upto_seq)
            ]
        )

    def devices_after(self, campaign: Campaign, seq: int) -> set[str]:
        """Return the devices with uplinks in this campaign after the uplink `seq`."""
        after_seq, upto_seq = self._span(campaign)
        query = "SELECT DISTINCT dev FROM uplink WHERE seq > ? AND seq <= ?"
        known = self._dev_euis()
        return {known[dev] for (dev,) in self._database.read(query, max(seq, after_seq), upto_seq)}

    def count_uplinks(self, campaign: Campaign) -> int:
        """Return the number of uplinks that `uplinks` would return. It takes the same time for any number."""
        after_seq, upto_seq = self._span(campaign)
        return upto_seq - after_seq

    # Projection

    def projection(self, campaign: Campaign, basis: str) -> tuple[int, dict[str, str]]:
        """Return what was stored by `project`: the number of the last uplink that counts, and a report for each device.

        basis: all that the reports depend on besides the uplinks. Reports with another basis are out of date and not returned.
        """
        row = self._row(campaign.id)
        stored = self._tables.checked("projection", "WHERE campaign = ?", row.nr)
        if not stored or stored[0]["basis"] != basis:
            return row.after_seq, {}
        known = self._dev_euis()
        members = self._tables.checked("member", "WHERE campaign = ? ORDER BY dev", row.nr)
        if len(members) != stored[0]["members"]:  # rows are lost: the uplinks give them again
            return row.after_seq, {}
        return stored[0]["upto_seq"], {known[member["dev"]]: member["report"] for member in members}

    def project(self, campaign: Campaign, basis: str, *, upto_seq: int, reports: Mapping[str, str]) -> None:
        """Store the reports of devices that follow from the uplinks up to `upto_seq`. Reports with another basis are dropped."""
        row = self._row(campaign.id)
        numbers = {eui: dev for dev, eui in self._dev_euis().items()}
        with self._database.writing() as db:
            old = db.execute("SELECT basis FROM projection WHERE campaign = ?", (row.nr,)).fetchone()
            if old is not None and old[0] != basis:
                db.execute("DELETE FROM member WHERE campaign = ?", (row.nr,))
            for dev_eui, report in reports.items():
                replace(db, "member", row.nr, numbers[dev_eui], report)
            (members,) = db.execute("SELECT COUNT(*) FROM member WHERE campaign = ?", (row.nr,)).fetchone()
            replace(db, "projection", row.nr, basis, upto_seq, members)

    def until_seq(self, campaign: Campaign) -> int | None:
        """Return the number of the last uplink of a campaign that another campaign followed; None if more uplinks may come."""
        return None if self._next_nr(self._row(campaign.id)) is None else self.last_seq(campaign)

    def last_seq(self, campaign: Campaign) -> int:
        """Return the number of the last uplink of the campaign; if there is none, the number of the last uplink before it."""
        return self._span(campaign)[1]

    # Rows

    def _span(self, campaign: Campaign) -> tuple[int, int]:
        """Return the numbers of the last uplink before the campaign and of the last uplink in it."""
        row = self._row(campaign.id)
        next_nr = self._next_nr(row)
        if next_nr is not None:
            (following,) = self._campaign_rows("WHERE nr = ?", next_nr)
            return row.after_seq, following.after_seq
        (last,) = self._database.read("SELECT COALESCE(MAX(seq), 0) AS seq FROM uplink")
        return row.after_seq, max(last["seq"], row.after_seq)

    def _next_nr(self, row: CampaignRow) -> int | None:
        """Return the number of the next campaign of the same application, or None.

        A refused campaign sent nothing, so it does not count. A campaign on another server counts once this one is concluded: the
        virtual devices of every sandbox have the same EUIs.
        """
        campaign = row.campaign
        (following,) = self._database.read(
            "SELECT MIN(nr) AS nr FROM campaign WHERE nr > ? AND app_eui = ? AND state != ? AND (server = ? OR ?)",
            row.nr,
            campaign.app_eui,
            CampaignState.REFUSED.value,
            campaign.server,
            int(row.concluded),
        )
        return None if following["nr"] is None else int(following["nr"])

    def _row(self, campaign_id: str) -> CampaignRow:
        rows = self._campaign_rows("WHERE id = ?", campaign_id)
        if not rows:
            recent = ", ".join(row.campaign.id for row in self._campaign_rows("ORDER BY nr DESC LIMIT 3")) or "none yet"
            raise ParameterError(f"campaign {campaign_id!r} is not in {self.path}; the latest campaigns: {recent}")
        return rows[0]

    def _campaign_rows(self, condition: str, *values: Value) -> list[CampaignRow]:
        return [self._campaign_row(row) for row in self._tables.checked("campaign", condition, *values)]

    def _campaign_row(self, row: sqlite3.Row) -> CampaignRow:
        try:
            campaign = campaign_from(row)
        except (ValueError, KeyError, TypeError) as error:
            raise self._tables.damaged("campaign", row["nr"]) from error
        return CampaignRow(
            nr=row["nr"],
            campaign=campaign,
            after_seq=row["after_seq"],
            events=row["events"],
            concluded=row["verdict"] is not None,
        )

    def _change(self, campaign_id: str, **changes: str) -> None:
        """Change columns of a campaign, with its checksum."""
        nr = self._row(campaign_id).nr
        with self._database.writing() as db:
            _update_campaign(db, nr, **changes)

    def _messages_from(self, rows: Iterable[sqlite3.Row]) -> list[DeviceMessage]:
        known = self._dev_euis()
        try:
            return [message_from(row, known) for row in rows]
        except KeyError as error:
            raise self._tables.damaged("device", error.args[0]) from error

    def _uplinks_between(self, after_seq: int, upto_seq: int) -> Iterator[Uplink]:
        rows = self._tables.checked("uplink", "WHERE seq > ? AND seq <= ? ORDER BY seq", after_seq, upto_seq)
        self._require_all(len(rows), after_seq, upto_seq)
        read: dict[int, dict[int, Uplink]] = {}
        for row in rows:
            if row["body"] not in read:
                bodies = self._tables.checked("body", "WHERE nr = ?", row["body"])
                read = {row["body"]: dict(read_body(bodies[0]["raw"]).uplinks if bodies else ())}
            if (uplink := read[row["body"]].get(row["position"])) is None:
                raise self._tables.damaged("body", row["body"])
            yield uplink

    def _dev_euis(self) -> dict[int, str]:
        return {row["dev"]: row["dev_eui"] for row in self._tables.checked("device", "")}

    def _require_all(self, count: int, after_seq: int, upto_seq: int) -> None:
        """Raise StorageError if rows are missing: the numbers of uplinks have no gaps."""
        if count != upto_seq - after_seq:
            raise self._tables.damaged("uplink", f"{after_seq + 1} to {upto_seq}")


def _update_campaign(db: sqlite3.Connection, nr: int, **changes: Value) -> None:
    """Change columns of a campaign, with its checksum."""
    row = db.execute("SELECT * FROM campaign WHERE nr = ?", (nr,)).fetchone()
    columns = {**dict(row), **changes}
    del columns["sum"]
    replace(db, "campaign", *columns.values())


def _free_id(db: sqlite3.Connection, now_ms: int) -> str:
    """Return date and time, which sort, with a number if another campaign began in the same second."""
    stem = time.strftime("%Y%m%d-%H%M%S", time.localtime(now_ms / 1000))
    used = {row["id"] for row in db.execute("SELECT id FROM campaign WHERE id LIKE ?", (stem + "%",))}
    number = 1
    while (candidate := stem if number == 1 else f"{stem}-{number}") in used:
        number += 1
    return candidate


def _now_ms() -> int:
    return time.time_ns() // 1_000_000
