"""The journal keeps its content if the power fails, if a transaction fails, and if another program uses the file."""

from __future__ import annotations

import os
import shutil
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

from fuota.campaign import Journal
from fuota.errors import StorageError
from fuota.network import Uplink

COMPILER = shutil.which("gcc") or shutil.which("cc")
DEV = "0000000000000001"


def uplink(number: int) -> Uplink:
    return Uplink(dev_eui=DEV, port=201, pdu=bytes((number,)), seqno=number)


def numbers(journal, campaign) -> list[int | None]:
    return [uplink.seqno for uplink in journal.uplinks(campaign)]


# --- power cut


@pytest.fixture(scope="module")
def preloaded(tmp_path_factory):
    """Return the environment of a process whose syncs are counted and whose deleted SQLite files stay."""
    if COMPILER is None or sys.platform != "linux":
        pytest.skip("needs a C compiler and Linux: the test replaces calls of the C library")
    folder = tmp_path_factory.mktemp("preload")
    library = folder / "synced_calls.so"
    source = Path(__file__).with_name("synced_calls.c")
    subprocess.run([COMPILER, "-shared", "-fPIC", "-o", library, source, "-ldl"], check=True)
    return {**os.environ, "LD_PRELOAD": str(library), "SYNC_LOG": str(folder / "sync.log")}


def run(environment: dict[str, str], folder: Path, body: str, *, before: str = "") -> list[str]:
    """Run a program that writes to the journal until the power fails; return its syncs, as call and path.

    Files that were deleted come back if their folder was not synced after that.
    """
    log = Path(environment["SYNC_LOG"])
    log.unlink(missing_ok=True)
    script = f"""
import os
from pathlib import Path
from fuota.campaign import CampaignState, Journal
from fuota.network import Uplink
{before}
journal = Journal(Path({str(folder)!r}))
{body}
os._exit(9)
"""
    assert subprocess.run([sys.executable, "-c", script], env=environment, check=False).returncode == 9
    for deleted in folder.glob("*.deleted"):
        deleted.rename(deleted.with_suffix(""))
    return log.read_text().splitlines() if log.exists() else []


STORE = "journal.store_uplinks([Uplink(dev_eui='0000000000000001', seqno={})])"


def test_power_cut_after_each_commit_loses_nothing(preloaded, tmp_path, new_campaign, journal):
    campaign = new_campaign()
    journal.close()
    for number in range(1, 6):
        run(preloaded, tmp_path / "state", STORE.format(number))
        with closing(Journal(tmp_path / "state")) as after:
            assert numbers(after, campaign) == list(range(1, number + 1))


def test_power_cut_after_the_first_commit_of_a_new_journal_loses_nothing(preloaded, tmp_path):
    run(preloaded, tmp_path / "state", STORE.format(1))
    with closing(sqlite3.connect(tmp_path / "state" / "journal.sqlite")) as db:
        assert db.execute("SELECT COUNT(*) FROM uplink").fetchone() == (1,)


def test_power_cut_loses_nothing_without_write_ahead_log(preloaded, tmp_path):
    # A network file system may offer the classic mode only.
    folder = tmp_path / "state"
    Journal(folder).close()
    with closing(sqlite3.connect(folder / "journal.sqlite")) as db:
        db.execute("PRAGMA journal_mode = DELETE")
    classic = "import fuota.campaign.journal.database as database; database._uses_write_ahead_log = lambda db: False"
    run(preloaded, folder, STORE.format(1), before=classic)
    with closing(sqlite3.connect(folder / "journal.sqlite")) as db:
        assert db.execute("SELECT COUNT(*) FROM uplink").fetchone() == (1,)


def test_each_commit_is_synced(preloaded, tmp_path):
    folder = tmp_path / "state"
    run(preloaded, folder, "")
    once = run(preloaded, folder, STORE.format(1))
    many = run(preloaded, folder, "\n".join(STORE.format(number) for number in range(2, 23)))
    assert len(many) - len(once) >= 20, "one sync for each of the twenty further commits"


def test_names_of_new_files_and_folders_are_synced(preloaded, tmp_path):
    syncs = run(preloaded, tmp_path / "a" / "b", STORE.format(1))
    folders = {line.partition(" ")[2] for line in syncs}
    assert {str(tmp_path), str(tmp_path / "a"), str(tmp_path / "a" / "b")} <= folders


# --- failed transactions and other programs


def test_reader_that_stays_open_stops_nobody(journal, tmp_path, new_campaign):
    campaign = new_campaign()
    with closing(sqlite3.connect(journal.path)) as reader:
        reader.execute("BEGIN")
        reader.execute("SELECT * FROM uplink").fetchall()
        journal.store_uplinks([uplink(1)])
        with closing(Journal(tmp_path / "state")) as other:
            other.store_uplinks([uplink(2)])
    journal.store_uplinks([uplink(3)])
    assert numbers(journal, campaign) == [1, 2, 3]


def test_failed_commit_leaves_no_transaction_open(journal, tmp_path, new_campaign, monkeypatch):
    # In the classic mode of SQLite, a reader makes COMMIT fail. The next write must work once the reader is gone.
    campaign = new_campaign()
    journal.close()
    with closing(sqlite3.connect(tmp_path / "state" / "journal.sqlite")) as db:
        db.execute("PRAGMA journal_mode = DELETE")
    monkeypatch.setattr("fuota.campaign.journal.database.BUSY_TIMEOUT_S", 0.1)
    monkeypatch.setattr("fuota.campaign.journal.database._uses_write_ahead_log", lambda _: False)
    with closing(Journal(tmp_path / "state")) as classic:
        with closing(sqlite3.connect(classic.path, isolation_level=None)) as reader:
            reader.execute("BEGIN")
            reader.execute("SELECT * FROM campaign").fetchall()
            with pytest.raises(StorageError, match="another program"):
                classic.store_uplinks([uplink(1)])
        classic.store_uplinks([uplink(2)])
        assert numbers(classic, campaign) == [2]
        with closing(Journal(tmp_path / "state")) as other:
            other.store_uplinks([uplink(3)])


def test_full_disk_is_named_and_space_is_enough_to_go_on(journal, new_campaign):
    campaign = new_campaign()
    db = journal._database._db  # the limit of a connection stands for a full disk
    (pages,) = db.execute("PRAGMA page_count").fetchone()
    db.execute(f"PRAGMA max_page_count = {pages}")
    big = Uplink(dev_eui=DEV, seqno=1, metadata="x" * 100_000)
    with pytest.raises(StorageError, match="the disk is full"):
        journal.store_uplinks([big])
    db.execute("PRAGMA max_page_count = 1000000")
    journal.store_uplinks([uplink(2)])
    assert numbers(journal, campaign) == [2]


# --- modes


def test_files_are_readable_by_their_owner_only(journal, new_campaign):
    new_campaign()
    modes = {file.name: file.stat().st_mode & 0o777 for file in journal.path.parent.iterdir()}
    assert set(modes) >= {"journal.sqlite", "journal.sqlite-wal"}
    assert set(modes.values()) == {0o600}


def test_file_of_an_older_version_becomes_private(tmp_path):
    Journal(tmp_path).close()
    (tmp_path / "journal.sqlite").chmod(0o644)
    Journal(tmp_path).close()
    assert (tmp_path / "journal.sqlite").stat().st_mode & 0o777 == 0o600
