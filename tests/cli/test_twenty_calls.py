"""All twenty calls of the API, from the command line to a sandbox with its devices."""

from __future__ import annotations

import json
import time

import pytest

from fuota.sandbox import FleetRecipe, Sandbox
from fuota.sandbox.server.access import Role

NEW = [f"123000000000AB{number:02X}" for number in range(5)]
AES = "123AAAAAAAAAAAAAAAA000000000ABC0"
CSV = "devEui,appKey\n" + "".join(f"{eui},{AES}\n" for eui in NEW)


@pytest.fixture(scope="module")
def sandbox():
    with Sandbox(fleet=FleetRecipe(devices=4, loss_high=0.0), speed=600) as running:
        yield running


@pytest.fixture(scope="module")
def fleet(sandbox):
    """EUIs of the devices that the sandbox starts with."""
    return [f"02000000F007A00{number}" for number in range(1, 5)]


@pytest.fixture
def run(fuota, sandbox, monkeypatch):
    """Function that runs a command for the first application of the sandbox, and checks its exit code."""
    monkeypatch.setenv("FUOTA_SERVER", sandbox.url)

    def runs(*arguments, stdin="", code=0):
        result = fuota(*arguments, "--json", stdin=stdin.encode())
        assert result.code == code, result.err
        return result

    return runs


def states(run, *arguments):
    """Return the exported fields of each device, keyed by its EUI."""
    fields = ("--field", "devEui,state,tags,fwVer,contract")
    return {event["devEui"]: event for event in run("device", "export", *fields, *arguments).events}


def wait_until_joined(run, dev_eui):
    """Wait until the device has joined, which takes a short time on the clock of the sandbox."""
    deadline_s = time.monotonic() + 20
    while states(run, "--dev-eui", dev_eui)[dev_eui]["state"] != "JOINED":
        assert time.monotonic() < deadline_s, f"{dev_eui} does not join"
        time.sleep(0.02)


def test_device_is_registered_activated_updated_deactivated_and_moved(run, sandbox, monkeypatch):
    monkeypatch.setenv("FUOTA_REGISTRATION_TOKEN", sandbox.token)
    assert run("device", "register", "-", "--tag", "new", stdin=CSV).event("result")["devices"] == {"done": 5}
    assert {states(run)[eui]["state"] for eui in NEW} == {"REGISTERED"}

    euis = "\n".join([*NEW[:3], "0" * 15 + "1"])
    partly = run("device", "activate", "-", "--chunk", 2, stdin=euis, code=6)
    assert partly.event("result")["devices"] == {"done": 3, "failed": 1}
    assert partly.event("device")["dev_eui"] == "0" * 15 + "1"
    assert run("device", "activate-one", NEW[3], "--lat", 1, "--tag", "one").event("activated")["message"]

    wait_until_joined(run, NEW[0])
    update = ("--app-eui", sandbox.app_eui, "--tag", "late", "--tags-operation", "APPEND", "--fw-ver", "1.1.0")
    run("device", "update", "--dev-eui", NEW[0], *update)
    assert states(run, "--dev-eui", NEW[0])[NEW[0]]["tags"] == ["new", "late"]
    assert states(run, "--dev-eui", NEW[0])[NEW[0]]["fwVer"] == "1.1.0"

    run("device", "deactivate", "--dev-eui", NEW[0])
    assert list(states(run, "--state", "DEACTIVATED")) == [NEW[0]]

    other = sandbox.app_euis[1]
    monkeypatch.setenv("FUOTA_TO_API_KEY", sandbox.key(Role.FULL_ACCESS, other))
    where = ("--from-app-eui", sandbox.app_eui, "--to-app-eui", other, "--contract-id", 1)
    run("device", "transfer", "--dev-eui", NEW[1], *where)
    assert NEW[1] not in states(run)

    task = run("device", "task", f"DevTransferJobReq:{sandbox.app_eui}-{other}").event("task")
    assert (task["state"], task["result"]["stats"]["errors"]) == ("DONE_SUC", 0)


def test_wrong_token_is_refused(run, sandbox, monkeypatch):
    monkeypatch.setenv("FUOTA_REGISTRATION_TOKEN", f"{(int(sandbox.token) + 1) % 1_000_000:06d}")
    assert "token" in run("device", "register", "-", stdin=CSV, code=4).complaint


def test_downlinks_are_sent_and_cleared(run, fleet):
    first, second = fleet[:2]
    assert run("downlink", "send", first, "0102", "--port", 10).event("queued")["msgId"]
    messages = json.dumps(
        [{"dev_eui": first, "pdu": "01"}, {"dev_eui": second, "pdu": "02"}, {"dev_eui": "0" * 16, "pdu": "03"}]
    )
    sent = run("downlink", "send", "--messages", "-", "--port", 10, stdin=messages, code=6).events
    assert [event["fate"] for event in sent] == ["done", "done", "failed"]
    run("downlink", "clear", first, "--all")
    run("downlink", "clear", "--all", "--dev-file", "-", stdin=f"{first}\n{second}\n")
    address = run("device", "export", "--field", "devAddr", "--dev-eui", first).event("device")["devAddr"]
    run("downlink", "multicast", address, "0102", "--gateway", first)


def test_group_is_set_up_changed_and_deleted(run, sandbox, fleet):
    application = ("--app-eui", sandbox.app_eui)
    group = run("group", "setup", *application, "--dev-file", "-", stdin=fleet[0]).event("group")
    target = (group["mcAddr"], *application)
    added = run("group", "add", *target, "--dev-eui", fleet[1]).event("group")
    assert {member["devEui"] for member in added["devs"]} == set(fleet[:2])
    assert run("group", "send", *target, "0102", "--port", 10).event("queued")["msgId"]
    removed = run("group", "remove", *target, "--dev-eui", fleet[1]).event("group")
    assert {member["devEui"]: member["state"] for member in removed["devs"]}.get(fleet[1]) in (
        None,
        "Closing",
    )
    assert run("group", "status", *target).event("group")["mcAddr"] == group["mcAddr"]
    run("group", "delete", *target)
    assert run("group", "status", "00000000", *application, code=5).complaint


def test_transfer_is_started_shown_and_cancelled(run, sandbox, fleet, sample):
    start = ("--app-eui", sandbox.app_eui, "--dev-file", "-", "--start-delay", 6000, "--class", "C")
    job = run("transfer", "start", sample, *start, stdin="\n".join(fleet)).event("started")["jobId"]
    assert run("transfer", "status", "--job-id", job, "--other-spelling", "jobID").event("status")["jobId"] == job
    assert run("transfer", "status", "--app-eui", sandbox.app_eui).event("status")["jobId"] == job
    run("transfer", "cancel", "--job-id", job)


@pytest.fixture
def slow_sandbox(monkeypatch):
    """Sandbox whose clock is so slow that a busy machine asks for a result before the server forgets it, after 15 minutes."""
    with Sandbox(fleet=FleetRecipe(devices=4, loss_high=0.0), speed=10) as running:
        monkeypatch.setenv("FUOTA_SERVER", running.url)
        monkeypatch.setenv("FUOTA_REGISTRATION_TOKEN", running.token)
        yield running


@pytest.mark.slow
def test_ten_thousand_devices_are_registered_and_activated(run, slow_sandbox, tmp_path):
    """They are registered in one task, because a token is valid once, and activated in ten tasks."""
    euis = [f"2{number:015X}" for number in range(10_000)]
    (tmp_path / "many.csv").write_text("devEui,appKey\n" + "".join(f"{eui},{AES}\n" for eui in euis))
    assert run("device", "register", tmp_path / "many.csv").event("result")["devices"] == {"done": 10_000}
    activated = run("device", "activate", tmp_path / "many.csv", "--results", tmp_path / "results.jsonl")
    assert activated.event("result")["devices"] == {"done": 10_000}
    lines = [json.loads(line) for line in (tmp_path / "results.jsonl").read_text().splitlines()]
    assert [line["chunk"] for line in lines if line["event"] == "ended"] == list(range(1, 11))
    assert [device["dev_eui"] for line in lines if line["event"] == "ended" for device in line["devices"]] == euis
