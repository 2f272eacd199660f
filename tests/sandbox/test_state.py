"""The state file: its content, that it is whole at any moment, and that it contains everything that was answered."""

from __future__ import annotations

import errno
import json
import os
import signal
import subprocess
import sys
import threading
import time

import pytest
import requests
from hypothesis import given
from hypothesis import strategies as st

from fuota import files
from fuota.errors import NetworkError, NotFoundError, StorageError
from fuota.network import SenraClient
from fuota.sandbox import SANDBOX_APP_EUI, FleetRecipe, Sandbox
from fuota.sandbox.server.saved_state import SavedState
from fuota.sandbox.server.state_file import StateFile, load_state

FIRST, NEW = "02000000F007A001", "AAAAAAAAAAAAAAA1"
KEY = "0123456789ABCDEF0123456789ABCDEF"
TASK = f"DevMgmtJobReq:{SANDBOX_APP_EUI}"


@pytest.fixture
def path(tmp_path):
    return tmp_path / "sandbox.json"


def sandbox(path, **options):
    return Sandbox(
        **({"fleet": FleetRecipe(devices=2), "speed": None, "state": path, "uplink_period_s": 86_400} | options)
    )


def client(running):
    return SenraClient(running.url, running.api_key, retries=0)


def test_the_next_sandbox_has_the_saved_state(path):
    with sandbox(path) as first:
        devices = client(first).devices
        row = {"dev_eui": NEW, "app_key": KEY, "tags": ["a", "b"], "lat": 1.5, "metadata": "m"}
        registered = devices.task(devices.register([row], token=first.token), poll_ms=5)
        updated = devices.task(devices.update([{"dev_eui": FIRST, "fw_ver": "9"}], app_eui=first.app_eui), poll_ms=5)
        msg_id = client(first).downlinks.send(NEW, b"\1\2", port=9).msg_id
        token = first.token
    with sandbox(path) as second:
        devices = client(second).devices
        assert devices.task_status(TASK).raw == registered.raw
        assert updated.succeeded
        records = {record["dev_eui"]: record for record in json.loads(path.read_text().splitlines()[0])["devices"]}
        assert (records[NEW]["state"], records[NEW]["tags"], records[NEW]["lat"]) == ("REGISTERED", ["a", "b"], 1.5)
        assert (records[FIRST]["fw_ver"], records[FIRST]["state"]) == ("9", "JOINED")
        assert second.token == token
        assert client(second).downlinks.clear(NEW).msg_ids == (msg_id,)
        assert client(second).downlinks.send(NEW, b"").msg_id > msg_id


def test_a_state_file_contains_keys_and_is_readable_by_its_owner_only(path):
    with sandbox(path) as running:
        devices = client(running).devices
        devices.task(devices.register([{"dev_eui": NEW, "app_key": KEY}], token=running.token), poll_ms=5)
    assert KEY.lower() in path.read_text()
    assert path.stat().st_mode & 0o777 == 0o600
    assert os.listdir(path.parent) == [path.name]


def test_a_running_task_is_reported_as_failed_by_the_next_sandbox(path):
    with sandbox(path, speed=0.001) as first:
        devices = client(first).devices
        devices.register([{"dev_eui": NEW, "app_key": KEY}], token=first.token)
        assert devices.task_status(TASK).state == "INITIAL"
    with sandbox(path) as second:
        status = client(second).devices.task_status(TASK)
        assert (status.state, status.errors) == ("DONE_FAIL", 1)
        assert status.messages == (
            "An internal server error occurred while registering Devices. 1 Devices were skipped.",
        )
        devices = client(second).devices
        with pytest.raises(NotFoundError):
            client(second).downlinks.send(NEW, b"")
        task = devices.register([{"dev_eui": NEW, "app_key": KEY}], token=second.token)
        assert devices.task(task, poll_ms=5).succeeded


def test_virtual_time_does_not_go_back(path):
    with sandbox(path, speed=100_000):
        time.sleep(0.05)  # an hour and more
    saved_us = json.loads(path.read_text())["now_us"]
    assert saved_us > time.time() * 1e6 + 3600e6
    with sandbox(path, speed=1):
        assert json.loads(path.read_text())["now_us"] >= saved_us


SCRIPT = """
import sys, time
from pathlib import Path
from fuota.sandbox import FleetRecipe, Sandbox
with Sandbox(fleet=FleetRecipe(devices=1), speed=None, uplink_period_s=86_400, state=Path(sys.argv[1])) as sandbox:
    print(sandbox.url, sandbox.api_key, sandbox.token, flush=True)
    time.sleep(60)
"""


@pytest.fixture
def killed(path):
    """Return a function that acts on a sandbox in a separate process, kills the process, and returns result and saved state."""

    def run(action):
        process = subprocess.Popen([sys.executable, "-c", SCRIPT, path], stdout=subprocess.PIPE, text=True)
        with process:
            url, key, token = process.stdout.readline().split()
            result = action(SenraClient(url, key, retries=0), token)
            process.send_signal(signal.SIGKILL)
        return result, load_state(path)

    return run


def register(client, token):
    return client.devices.task(client.devices.register([{"dev_eui": NEW, "app_key": KEY}], token=token), poll_ms=1)


def test_the_reported_work_of_a_task_survives_a_kill(killed):
    status, saved = killed(register)
    assert status.succeeded
    assert [record.dev_eui for record in saved.devices] == [FIRST, NEW]
    assert saved.tasks[0].done == status.raw


def test_answered_downlinks_survive_a_kill(killed):
    def send(client, token):
        register(client, token)
        return [client.downlinks.send(NEW, bytes([n]), port=9).msg_id for n in range(3)]

    queued, saved = killed(send)
    assert [downlink.msg_id for downlink in saved.downlinks] == queued
    assert saved.last_msg_id == queued[-1]


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "not the state of a sandbox"),
        (b"{", "not the state of a sandbox"),
        (b"[]", "not the state of a sandbox"),
        (b'{"format":"fuota sandbox state","version":2}\n', "not the state of a sandbox, version 1"),
        (b'{"format":"fuota sandbox state","version":1}\n', "damaged"),
        (b'{"format":"fuota sandbox state","version":1,"now_us":1,"devices":[{}],"downlinks":[]}\n', "damaged"),
    ],
)
def test_a_file_with_other_content_is_refused_and_not_changed(path, content, words):
    path.write_bytes(content)
    with pytest.raises(StorageError, match=words):
        sandbox(path)
    assert path.read_bytes() == content


@pytest.mark.slow
@given(st.recursive(st.none() | st.integers() | st.text(), lambda of: st.lists(of) | st.dictionaries(st.text(), of)))
def test_any_other_json_raises_storage_error_only(value):
    whole = {"format": "fuota sandbox state", "version": 1, "now_us": 1, "last_msg_id": 0}
    for name in ("devices", "downlinks", "token", "tasks"):
        whole[name] = value
    with pytest.raises(StorageError):
        SavedState.from_json(whole)


def test_a_missing_folder_is_reported_at_the_start(tmp_path):
    with pytest.raises(StorageError, match="cannot be written"), sandbox(tmp_path / "none" / "state.json"):
        pass


def test_a_port_in_use_leaves_the_state_file_unchanged(path):
    with sandbox(path) as running:
        before = path.read_bytes()
        port = int(running.url.rpartition(":")[2])
        with pytest.raises(NetworkError, match="in use"), sandbox(path, port=port):
            pass
        assert path.read_bytes() == before


def test_a_state_that_cannot_be_saved_is_answered_500_and_logged(tmp_path, caplog):
    folder = tmp_path / "gone"
    folder.mkdir()
    with sandbox(folder / "state.json") as running:
        (folder / "state.json").unlink()
        folder.rmdir()
        with requests.Session() as session:
            session.trust_env = False
            answer = session.post(
                f"{running.url}/rest/integration/device/sendmsg",
                params={"eui": FIRST, "pdu": ""},
                headers={"authorization": running.api_key},
                timeout=10,
            )
    assert (answer.status_code, answer.json()) == (
        500,
        {"message": "the state could not be saved: the log has the reason"},
    )
    assert "cannot be written" in caplog.text


def test_a_file_is_replaced_whole_or_not_at_all(path):
    files.write_whole(path, b"old", what="the state file", mode=files.PRIVATE)
    with pytest.raises(StorageError):
        files.write_whole(path / "below", b"new", what="the state file", mode=files.PRIVATE)
    assert path.read_bytes() == b"old"


def test_waiting_threads_share_one_writing(path):
    started, go, snapshots = threading.Event(), threading.Event(), []

    def snapshot(devices):
        snapshots.append(len(snapshots))
        if len(snapshots) == 2:
            started.set()
            assert go.wait(10)
        return {"n": len(snapshots), "devices": devices}

    file = StateFile(path, snapshot)
    file.start()
    waiting = [threading.Thread(target=file.settle, kwargs={"devices": False}) for _ in range(20)]
    waiting[0].start()
    assert started.wait(10)
    for thread in waiting[1:]:
        thread.start()
    go.set()
    for thread in waiting:
        thread.join(10)
    assert not any(thread.is_alive() for thread in waiting)
    assert len(snapshots) < 20
    assert json.loads(path.read_text().splitlines()[-1]) == {"n": len(snapshots), "devices": False}
    file.stop()
    assert json.loads(path.read_text()) == {"n": len(snapshots), "devices": True}


def test_a_line_cut_short_by_a_kill_is_ignored(path):
    with sandbox(path, speed=0.001) as running:
        for port in (7, 8):
            client(running).downlinks.send(FIRST, b"", port=port)
        text = path.read_bytes()
    lines = text.splitlines(keepends=True)
    assert len(lines) == 3
    for cut in range(len(lines[-1])):
        path.write_bytes(text[: len(text) - cut])
        ports = [downlink.port for downlink in load_state(path).downlinks]
        assert ports == ([7, 8] if cut == 0 else [7])


def test_a_file_that_has_grown_is_written_again(path, monkeypatch):
    monkeypatch.setattr("fuota.sandbox.server.state_file.MAX_APPENDED_BYTES", 100)
    file = StateFile(path, lambda devices: {"devices": devices, "filling": "x" * 60})
    file.start()
    for _ in range(5):
        file.settle(devices=False)
    assert [json.loads(line)["devices"] for line in path.read_text().splitlines()] == [True, False, False]
    file.stop()


def test_a_full_disk_leaves_the_old_file_and_no_temporary_file(tmp_path, monkeypatch):
    path = tmp_path / "state"
    files.write_whole(path, b"old", what="the state file", mode=files.PRIVATE)

    def full(_file):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("fuota.files.os.fsync", full)
    with pytest.raises(StorageError, match="No space left on device"):
        files.write_whole(path, b"new", what="the state file", mode=files.PRIVATE)
    assert [(entry.name, entry.read_bytes()) for entry in tmp_path.iterdir()] == [("state", b"old")]


def test_an_exception_in_the_snapshot_is_reported_to_waiting_threads(path, caplog):
    faults = [KeyError("ours")]

    def snapshot(devices):
        if started.is_set() and faults:
            raise faults.pop()
        return {}

    started, state = threading.Event(), StateFile(path, snapshot)
    state.start()
    started.set()
    with pytest.raises(StorageError, match="could not be saved"):
        state.settle(devices=False)
    assert "KeyError: 'ours'" in caplog.text
    state.settle(devices=False)
    state.stop()
