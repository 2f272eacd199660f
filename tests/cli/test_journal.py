"""fuota journal: check a journal, and save what is whole in a damaged journal."""

from __future__ import annotations

import sqlite3
from contextlib import closing

import pytest

from fuota.campaign import Journal
from fuota.network import Uplink


@pytest.fixture
def folder(tmp_path):
    """Write a journal with a campaign and two uplinks."""
    folder = tmp_path / "state"
    facts = {
        "image_name": "app.bin",
        "image_sha256": "ab" * 32,
        "image_bytes": 500,
        "dev_euis": ["0000000000000001"],
        "request": {"fragPkgVer": "1"},
        "expected": {"nb_frag": 10, "airtime_us": 1, "frames": 15},
    }
    with closing(Journal(folder)) as journal:
        journal.open_campaign(server="http://127.0.0.1:1", app_eui="AAAAAAAAAAAAAA01", facts=facts)
        journal.store_uplinks([Uplink(dev_eui="0000000000000001", seqno=number) for number in (1, 2)])
    return folder


def damage(folder):
    with closing(sqlite3.connect(folder / "journal.sqlite")) as db:
        db.execute("UPDATE uplink SET pdu = x'00' WHERE seq = 2")
        db.commit()


def test_whole_journal(fuota, folder):
    result = fuota("journal", "check", "--state-dir", folder)
    assert result.code == 0
    assert "1 campaign, 2 uplinks" in result.out
    assert "is whole" in result.err


def test_damage_is_shown_and_saved_around(fuota, folder, tmp_path):
    damage(folder)
    check = fuota("journal", "check", "--state-dir", folder)
    assert check.code == 3
    assert "table uplink: 1 rows have a wrong checksum (2)" in check.out
    assert "fuota journal salvage" in check.err

    saved = fuota("journal", "salvage", tmp_path / "saved", "--state-dir", folder)
    assert saved.code == 3
    assert "1 campaign, 2 uplinks" in saved.out, "the uplink is read again from the body of its request"
    assert fuota("journal", "check", "--state-dir", tmp_path / "saved").code == 0


def test_no_journal(fuota, tmp_path):
    result = fuota("journal", "check", "--state-dir", tmp_path)
    assert (result.code, "has no journal" in result.err) == (2, True)


def test_saving_into_a_folder_with_a_journal_is_refused(fuota, folder):
    result = fuota("journal", "salvage", folder, "--state-dir", folder)
    assert (result.code, "no journal" in result.err) == (2, True)
