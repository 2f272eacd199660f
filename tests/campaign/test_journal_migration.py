"""Journals that older versions wrote."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing

import pytest

from fuota.campaign import CampaignState, Journal, verdict_of
from fuota.errors import StorageError

SCHEMA_1 = """
CREATE TABLE campaign (
    id TEXT PRIMARY KEY, created_ms INTEGER NOT NULL, state TEXT NOT NULL, server TEXT NOT NULL, app_eui TEXT NOT NULL,
    job_id TEXT, facts TEXT NOT NULL
) STRICT;
CREATE TABLE event (campaign TEXT NOT NULL, at_ms INTEGER NOT NULL, what TEXT NOT NULL, detail TEXT NOT NULL) STRICT;
CREATE TABLE uplink (at_ms INTEGER NOT NULL, body TEXT NOT NULL) STRICT;
CREATE INDEX uplink_time ON uplink (at_ms);
PRAGMA user_version = 1;
"""
APP = "AAAAAAAAAAAAAA01"
DEV = "0000000000000001"
SHA256 = "ab" * 32
FACTS = {
    "image_name": "app.bin",
    "image_sha256": SHA256,
    "image_bytes": 500,
    "dev_euis": [DEV],
    "request": {"fragPkgVer": "1"},
    "expected": {"nb_frag": 10},
    "before": None,
    "target_sha256": None,
}


@pytest.fixture
def old_folder(tmp_path):
    """Write a journal of version 1: uplinks before, in and between two campaigns."""
    with closing(sqlite3.connect(tmp_path / "journal.sqlite")) as db:
        db.executescript(SCHEMA_1)
        for campaign_id, created_ms, state in (("first", 1000, "finished"), ("second", 3000, "launched")):
            row = (campaign_id, created_ms, state, "http://127.0.0.1:1", APP, "job", json.dumps(FACTS))
            db.execute("INSERT INTO campaign VALUES (?, ?, ?, ?, ?, ?, ?)", row)
        db.execute("INSERT INTO event VALUES ('first', 1000, 'launched', '{\"job_id\": \"job\"}')")
        for at_ms, seqno, pdu in (
            (500, 1, "00"),
            (1000, 2, "01" + "cd" * 32),
            (2999, 3, "01" + SHA256),
            (3000, 4, "00"),
        ):
            body = json.dumps({"devEui": DEV, "port": 10, "seqno": seqno, "joinId": 1, "pdu": pdu, "theirOwn": [1]})
            db.execute("INSERT INTO uplink VALUES (?, ?)", (at_ms, body))
        db.commit()
    return tmp_path


def test_journal_of_version_1_keeps_campaigns_history_and_uplinks(old_folder):
    with closing(Journal(old_folder)) as journal:
        second, first = journal.campaigns()
        assert (first.id, first.state, second.state) == ("first", CampaignState.FINISHED, CampaignState.LAUNCHED)
        assert journal.history("first") == [{"at_ms": 1000, "what": "launched", "job_id": "job"}]
        assert [uplink.seqno for uplink in journal.uplinks(first)] == [2, 3]
        assert [uplink.seqno for uplink in journal.uplinks(second)] == [4]
        assert journal.uplinks(first)[0].extra == {"theirOwn": [1]}
        assert verdict_of(journal, first).updated == 1


def test_migration_happens_once(old_folder):
    Journal(old_folder).close()
    with closing(Journal(old_folder)) as journal:
        assert len(journal.campaigns()) == 2
        assert journal.count_uplinks(journal.campaign("first")) == 2


def test_failed_migration_leaves_the_old_journal(old_folder):
    with closing(sqlite3.connect(old_folder / "journal.sqlite")) as db:
        db.execute("INSERT INTO event VALUES ('first', 2000, 'ended', 'not JSON')")
        db.commit()
    with pytest.raises(StorageError, match="of an older fuota is damaged"):
        Journal(old_folder)
    with closing(sqlite3.connect(old_folder / "journal.sqlite")) as db:
        assert db.execute("PRAGMA user_version").fetchone() == (1,)
        assert db.execute("SELECT COUNT(*) FROM uplink").fetchone() == (4,)
