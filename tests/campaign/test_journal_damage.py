"""Damaged journals: no damage is read as content, and what is whole can be saved."""

from __future__ import annotations

import random
import shutil
import sqlite3
from contextlib import closing, suppress

import pytest

from fuota.campaign import CampaignState, Journal, check_journal, salvage_journal, verdict_of
from fuota.device import IMAGE_REPORT_FPORT, ImageReport
from fuota.errors import FuotaError, ParameterError, StorageError
from fuota.network import Uplink

SHA256 = "ab" * 32
DEVICES = [f"{number:016X}" for number in range(1, 41)]


def report(dev_eui: str, number: int) -> Uplink:
    payload = ImageReport(sha256=bytes.fromhex(SHA256)).to_bytes()
    return Uplink(dev_eui=dev_eui, port=IMAGE_REPORT_FPORT, pdu=payload, join_id=1, seqno=number)


@pytest.fixture
def folder(tmp_path, journal, new_campaign):
    """Write a journal with two campaigns and 80 uplinks, and close it."""
    for _ in range(2):
        campaign = new_campaign(dev_euis=DEVICES)
        for number, dev_eui in enumerate(DEVICES):
            journal.store_uplinks([report(dev_eui, number)])
        journal.note(campaign.id, "launched", {"job_id": "job"})
        journal.set_state(campaign.id, CampaignState.FINISHED, job_id="job")
    verdict_of(journal, campaign)
    journal.close()
    return tmp_path / "state"


def content(folder) -> list[object]:
    """Return all that a user sees of a journal."""
    with closing(Journal(folder)) as journal:
        return [
            (campaign, journal.history(campaign.id), journal.uplinks(campaign), verdict_of(journal, campaign))
            for campaign in journal.campaigns()
        ]


def change(folder, statement: str, *values: object) -> None:
    with closing(sqlite3.connect(folder / "journal.sqlite")) as db:
        db.execute(statement, values)
        db.commit()


# --- damage is seen


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE campaign SET state = 'refused' WHERE nr = 1",
        "UPDATE campaign SET facts = '{}' WHERE nr = 2",
        "UPDATE history SET detail = '{}' WHERE nr = 1",
        "UPDATE uplink SET pdu = x'00' WHERE seq = 3",
        "UPDATE uplink SET dev = 2 WHERE seq = 3",
        "DELETE FROM uplink WHERE seq = 50",
        "DELETE FROM history WHERE nr = 2",
        "UPDATE device SET dev_eui = 'FFFFFFFFFFFFFFFF' WHERE dev = 1",
        "UPDATE body SET raw = x'7B7D' WHERE nr = 7",
        "UPDATE member SET report = '{}' WHERE dev = 1",
    ],
)
def test_changed_row_is_never_read_as_content(folder, statement):
    change(folder, statement)
    with pytest.raises(StorageError, match="is damaged"):
        content(folder)
    if "member" not in statement:  # it follows from the other tables
        assert check_journal(folder).problems


def test_whole_journal_has_no_problem(folder):
    check = check_journal(folder)
    assert check.problems == ()
    assert check.rows == {"campaign": 2, "history": 2, "device": 40, "body": 80, "uplink": 80}


def test_any_damage_ends_in_the_same_content_or_a_storage_error(folder, tmp_path):
    pristine, whole = content(folder), (folder / "journal.sqlite").read_bytes()
    rng = random.Random(17)
    endings = {"same": 0, "refused": 0}
    for number in range(150):
        damaged = bytearray(whole)
        for _ in range(rng.choice((1, 1, 4, 40))):
            damaged[rng.randrange(len(damaged))] ^= 1 << rng.randrange(8)
        if number % 5 == 0:
            del damaged[rng.randrange(len(damaged)) :]
        case = tmp_path / str(number)
        case.mkdir()
        (case / "journal.sqlite").write_bytes(damaged)
        with suppress(StorageError):
            assert content(case) == pristine
            endings["same"] += 1
            continue
        endings["refused"] += 1
    assert min(endings.values()) > 10


def test_lost_rows_of_reports_are_computed_again(folder):
    pristine = content(folder)
    change(folder, "DELETE FROM member WHERE dev > 3")
    assert content(folder) == pristine


# --- what is whole can be saved


def test_salvage_of_a_whole_journal_keeps_everything(folder, tmp_path):
    saved = salvage_journal(folder, tmp_path / "saved")
    assert saved.problems == ()
    assert content(tmp_path / "saved") == content(folder)


@pytest.mark.parametrize(
    ("statement", "lost"),
    [
        ("UPDATE uplink SET pdu = x'00' WHERE seq = 3", 0),
        ("DELETE FROM device WHERE dev = 1", 0),
        ("UPDATE body SET raw = x'7B7D' WHERE nr = 7", 0),
        ("DELETE FROM uplink WHERE seq IN (3, 4, 70)", 0),
        ("DELETE FROM body WHERE nr IN (1, 2, 60)", 0),
    ],
)
def test_uplinks_are_saved_from_their_rows_or_from_their_bodies(folder, tmp_path, statement, lost):
    verdicts = [row[3] for row in content(folder)]
    change(folder, statement)
    saved = salvage_journal(folder, tmp_path / "saved")
    assert saved.problems
    assert saved.rows["uplink"] == 80 - lost
    assert [row[3] for row in content(tmp_path / "saved")] == verdicts


def test_lost_uplinks_do_not_move_others_into_another_campaign(folder, tmp_path):
    change(folder, "DELETE FROM uplink WHERE seq <= 10")
    change(folder, "DELETE FROM body WHERE nr <= 10")
    salvage_journal(folder, tmp_path / "saved")
    with closing(Journal(tmp_path / "saved")) as journal:
        second, first = journal.campaigns()
        assert (journal.count_uplinks(first), journal.count_uplinks(second)) == (30, 40)


def test_damaged_pages_cost_only_their_rows(folder, tmp_path):
    data = bytearray((folder / "journal.sqlite").read_bytes())
    page_bytes = int.from_bytes(data[16:18], "big")
    rng = random.Random(3)
    saved_rows = []
    for number in range(12):
        damaged = bytearray(data)
        start = page_bytes * rng.randrange(1, len(data) // page_bytes)
        damaged[start : start + page_bytes] = bytes(page_bytes)
        case = tmp_path / str(number)
        case.mkdir()
        (case / "journal.sqlite").write_bytes(damaged)
        try:
            saved_rows.append(salvage_journal(case, case / "saved").rows["uplink"])
            content(case / "saved")
        except FuotaError:
            saved_rows.append(0)
    assert max(saved_rows) == 80
    assert sum(rows > 0 for rows in saved_rows) >= 8


def test_salvage_does_not_change_the_damaged_file(folder, tmp_path):
    change(folder, "UPDATE uplink SET pdu = x'00' WHERE seq = 3")
    before = (folder / "journal.sqlite").read_bytes()
    salvage_journal(folder, tmp_path / "saved")
    check_journal(folder)
    assert (folder / "journal.sqlite").read_bytes() == before


def test_salvage_does_not_write_into_another_journal(folder, tmp_path):
    shutil.copytree(folder, tmp_path / "other")
    with pytest.raises(ParameterError, match="no journal"):
        salvage_journal(folder, tmp_path / "other")


def test_folder_without_a_journal_is_named(tmp_path):
    with pytest.raises(StorageError, match="has no journal"):
        check_journal(tmp_path)


@pytest.mark.parametrize("lost", [1, 2, 3])
def test_campaigns_that_are_missing_at_the_end_are_noticed(tmp_path, lost):
    facts = {
        "image_name": "a",
        "image_sha256": "ab" * 32,
        "image_bytes": 5,
        "dev_euis": [],
        "request": {},
        "expected": {},
    }
    with closing(Journal(tmp_path / "state")) as journal:
        for _ in range(3):
            journal.open_campaign(server="http://x", app_eui="A" * 16, facts=facts)
    with closing(sqlite3.connect(tmp_path / "state" / "journal.sqlite")) as db:
        db.execute("DELETE FROM campaign WHERE nr > ?", (3 - lost,))
        db.commit()
    with pytest.raises(StorageError, match=f"{lost} campaigns more or fewer"):
        Journal(tmp_path / "state")
    problems = check_journal(tmp_path / "state").problems
    assert any(f"{lost} campaigns are missing" in problem for problem in problems)
    salvage_journal(tmp_path / "state", tmp_path / "saved")
    with closing(Journal(tmp_path / "saved")) as saved:
        assert len(saved.campaigns()) == 3 - lost
