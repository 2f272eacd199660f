"""The journal: what it stores, for how long, and its errors."""

from __future__ import annotations

import json
import sqlite3
import subprocess
import sys
import threading

import pytest

from fuota.campaign import CampaignState, Journal
from fuota.errors import ParameterError, StorageError
from fuota.network import Uplink, parse_uplinks

APP = "AAAAAAAAAAAAAA01"
DEV = "0000000000000001"


def uplink(number: int) -> Uplink:
    return Uplink(dev_eui=DEV, port=201, pdu=bytes((number,)), seqno=number)


def numbers(journal, campaign) -> list[int | None]:
    return [uplink.seqno for uplink in journal.uplinks(campaign)]


# --- what survives


def test_everything_is_kept_when_the_journal_is_closed_and_opened(tmp_path, journal, new_campaign):
    campaign = new_campaign()
    journal.note(campaign.id, "launched", {"job_id": "job", "ümlaut": [1, None]})
    journal.store_uplinks([uplink(1), uplink(2)])
    campaign = journal.set_state(campaign.id, CampaignState.LAUNCHED, job_id="job")
    history, uplinks = journal.history(campaign.id), journal.uplinks(campaign)
    journal.close()

    again = Journal(tmp_path / "state")
    assert again.campaign(campaign.id) == campaign
    assert again.campaigns() == [campaign]
    assert again.history(campaign.id) == history
    assert again.uplinks(campaign) == uplinks
    again.close()

    assert (campaign.state, campaign.job_id, campaign.image_bytes) == ("launched", "job", 500)
    assert (campaign.dev_euis, campaign.request) == ((DEV, "0000000000000002"), {"fragPkgVer": "1"})
    assert [(event["what"], event["job_id"], event["ümlaut"]) for event in history] == [("launched", "job", [1, None])]
    assert [uplink.seqno for uplink in uplinks] == [1, 2]


def test_a_process_that_dies_loses_nothing(tmp_path, journal, new_campaign):
    campaign = new_campaign()
    script = f"""
import os
from pathlib import Path
from fuota.campaign import CampaignState, Journal
from fuota.network import Uplink
journal = Journal(Path({str(tmp_path / "state")!r}))
journal.store_uplinks([Uplink(dev_eui={DEV!r}, seqno=7)])
journal.note({campaign.id!r}, "launched", {{}})
journal.set_state({campaign.id!r}, CampaignState.LAUNCHED, job_id="theirs")
os._exit(9)
"""
    assert subprocess.run([sys.executable, "-c", script], check=False).returncode == 9
    assert journal.campaign(campaign.id).job_id == "theirs"
    assert numbers(journal, campaign) == [7]
    assert [event["what"] for event in journal.history(campaign.id)] == ["launched"]


def test_two_connections_and_several_threads_write_at_the_same_time(tmp_path, journal, new_campaign):
    campaign = new_campaign()
    other = Journal(tmp_path / "state")

    def store(into: Journal, first: int) -> None:
        for number in range(first, first + 15):
            into.store_uplinks([uplink(number)])

    threads = [threading.Thread(target=store, args=(into, 20 * i)) for i, into in enumerate((journal, other, journal))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    expected = {number for first in (0, 20, 40) for number in range(first, first + 15)}
    assert set(numbers(journal, campaign)) == set(numbers(other, campaign)) == expected
    assert journal.count_uplinks(campaign) == 45
    other.close()


def test_a_batch_of_uplinks_is_stored_whole_or_not_at_all(journal, new_campaign):
    campaign = new_campaign()

    def breaks_off():
        yield uplink(1)
        raise RuntimeError("in the middle")

    with pytest.raises(RuntimeError):
        journal.store_uplinks(breaks_off())
    assert numbers(journal, campaign) == []
    journal.store_uplinks([uplink(2)])
    assert numbers(journal, campaign) == [2]


def test_a_number_outside_json_does_not_affect_other_fields(journal, new_campaign):
    campaign = new_campaign()
    odd = parse_uplinks('{"devEui": "0000000000000001", "seqno": 1, "theirOwn": 1e999}')
    journal.store_uplinks([*odd, uplink(2)])
    assert numbers(journal, campaign) == [1, 2]


# --- campaigns


def test_campaigns_of_the_same_second_have_different_ids(journal, new_campaign, clock):
    ids = []
    for _ in range(3):
        ids.append(new_campaign().id)
        clock.now_ms += 1
    assert len(set(ids)) == 3
    assert len({campaign_id[:15] for campaign_id in ids}) == 1, "the clock should not have left the second"
    assert [campaign.id for campaign in journal.campaigns()] == ids[::-1]


def test_a_known_job_id_is_kept(journal, new_campaign):
    campaign = new_campaign()
    assert campaign.job_id is None
    journal.set_state(campaign.id, CampaignState.LAUNCHED, job_id="job")
    assert journal.set_state(campaign.id, CampaignState.FINISHED).job_id == "job"


def test_an_unknown_campaign_is_refused_with_the_latest_ids(journal, new_campaign, clock):
    with pytest.raises(ParameterError, match="none yet"):
        journal.campaign("20200101-000000")
    ids = []
    for _ in range(4):
        ids.append(new_campaign().id)
        clock.now_ms += 1000
    with pytest.raises(ParameterError, match=f"{ids[3]}, {ids[2]}, {ids[1]}$"):
        journal.campaign("20200101-000000")


def test_a_campaign_can_be_written_as_json(new_campaign):
    campaign = new_campaign()
    assert json.loads(json.dumps(campaign.to_json()))["dev_euis"] == list(campaign.dev_euis)
    assert set(campaign.to_json()) >= {"id", "state", "server", "app_eui", "job_id", "image_sha256", "expected"}


# --- uplinks of a campaign


def test_uplinks_belong_to_the_campaign_during_which_they_arrived(journal, new_campaign, clock):
    def store(number: int) -> None:
        clock.now_ms += 10
        journal.store_uplinks([uplink(number)])
        clock.now_ms += 10

    store(1)
    first = new_campaign()
    store(2)
    new_campaign(app_eui="AAAAAAAAAAAAAA02")  # Another application: the first campaign goes on.
    store(3)
    second = new_campaign()
    store(4)
    assert numbers(journal, first) == [2, 3]
    assert numbers(journal, second) == [4]
    assert (journal.count_uplinks(first), journal.count_uplinks(second)) == (2, 1)


def test_an_uplink_in_the_first_millisecond_counts(journal, new_campaign, clock):
    campaign = new_campaign()
    journal.store_uplinks([uplink(1)])
    assert numbers(journal, campaign) == [1]


def test_a_refused_campaign_takes_no_uplinks_from_the_one_before(journal, new_campaign, clock):
    running = new_campaign()
    clock.now_ms += 10
    journal.set_state(new_campaign().id, CampaignState.REFUSED)
    clock.now_ms += 10
    journal.store_uplinks([uplink(1)])
    assert numbers(journal, running) == [1]
    assert not journal.is_over(running)


@pytest.mark.parametrize(
    ("state", "over"),
    [("intended", False), ("launched", False), ("finished", True), ("cancelled", True), ("refused", True)],
)
def test_a_campaign_is_over_by_its_state(journal, new_campaign, state, over):
    assert journal.is_over(journal.set_state(new_campaign().id, CampaignState(state))) is over


def test_a_campaign_is_over_when_another_campaign_replaced_it(journal, new_campaign, clock):
    first = journal.set_state(new_campaign().id, CampaignState.LAUNCHED)
    clock.now_ms += 1
    second = new_campaign()
    assert journal.is_over(first)
    assert not journal.is_over(second)


# --- folders that cannot be used


def test_the_folder_is_readable_by_its_owner_only(tmp_path):
    Journal(tmp_path / "a" / "b").close()
    assert (tmp_path / "a" / "b").stat().st_mode & 0o777 == 0o700


def below_a_file(tmp_path):
    (tmp_path / "file").write_text("in the way")
    return tmp_path / "file" / "state"


def a_folder_where_the_file_should_be(tmp_path):
    (tmp_path / "state" / "journal.sqlite").mkdir(parents=True)
    return tmp_path / "state"


def something_else_where_the_file_should_be(tmp_path):
    (tmp_path / "journal.sqlite").write_bytes(b"this is no database, only some text that is long enough" * 20)
    return tmp_path


@pytest.mark.parametrize(
    "make", [below_a_file, a_folder_where_the_file_should_be, something_else_where_the_file_should_be]
)
def test_a_folder_that_cannot_be_used_is_named_in_one_line(tmp_path, make):
    folder = make(tmp_path)
    with pytest.raises(StorageError, match=r"--state-dir") as caught:
        Journal(folder)
    assert str(folder / "journal.sqlite") in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_journal_that_was_overwritten_raises_storage_errors(tmp_path, journal, new_campaign):
    new_campaign()
    journal.close()
    journal.path.write_bytes(b"overwritten by somebody" * 1000)
    with pytest.raises(StorageError, match="it is damaged"):
        Journal(tmp_path / "state")


def test_the_schema_of_a_newer_fuota_is_refused_and_not_changed(tmp_path):
    Journal(tmp_path).close()
    db = sqlite3.connect(tmp_path / "journal.sqlite")
    db.execute("PRAGMA user_version = 3")
    db.close()
    before = (tmp_path / "journal.sqlite").read_bytes()
    with pytest.raises(StorageError, match=r"newer fuota \(schema 3; this version reads 2\)"):
        Journal(tmp_path)
    assert (tmp_path / "journal.sqlite").read_bytes() == before
