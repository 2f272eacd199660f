"""Command `fuota sandbox serve`: its first messages, and its options."""

from __future__ import annotations

import json
import signal

import pytest
import requests

from fuota.errors import ServerFault
from fuota.network import SenraClient

APP, OTHER = "AAAAAAAAAAAAAA01", "AAAAAAAAAAAAAA02"
NEW, KEY = "AAAAAAAAAAAAAAA1", "0123456789ABCDEF0123456789ABCDEF"


@pytest.fixture
def sandbox_arguments(monkeypatch):
    """Arguments of the sandbox that the command makes; the sandbox does not run."""
    recorded = {}

    class Sandbox:
        def __init__(self, **arguments):
            recorded.update(arguments)
            raise KeyboardInterrupt

    monkeypatch.setattr("fuota.sandbox.Sandbox", Sandbox)
    return recorded


def test_every_option_reaches_the_sandbox(fuota, sandbox_arguments, tmp_path):
    fuota(
        *("sandbox", "serve", "--port", 0, "--region", "US915", "--speed", "max", "--app", APP, "--app", OTHER),
        *("--state", tmp_path / "s.json", "--fault", "5xx=0.5", "--fault", "stall=50", "--seed", 7),
        *("--devices", 4, "--loss", "0.1-0.2", "--burst", 3, "--version", 2, "--uplink-period", 5),
        *("--data-stream", "http://127.0.0.1:1/uplinks", "--no-batch", "--batch-delay", 9, "--duplicates", 2, "--rf"),
    )
    fleet, faults = sandbox_arguments.pop("fleet"), sandbox_arguments.pop("faults")
    assert sandbox_arguments == {
        "region": "US915",
        "speed": None,
        "app_euis": (APP, OTHER),
        "state": tmp_path / "s.json",
        "port": 0,
        "uplink_period_s": 5,
        "data_stream_url": "http://127.0.0.1:1/uplinks",
        "batch": False,
        "batch_delay_ms": 9,
        "duplicates": 2,
        "rf_data": True,
    }
    assert (fleet.devices, fleet.loss_low, fleet.loss_high, fleet.burst_frames) == (4, 0.1, 0.2, 3)
    assert (fleet.profile.version, fleet.seed) == (2, 7)
    assert (faults.server_error, faults.stall_at_pct, faults.seed) == (0.5, 50, 7)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (("--fault", "rain=1"), "got 'rain=1'"),
        (("--fault", "5xx=2"), "5xx must be 0 to 1"),
        (("--app", "AAAA"), "got 'AAAA'"),
        (("--app", APP, "--app", APP), "each once"),
        (("--state", "/nowhere/at/all.json"), "cannot be written"),
    ],
)
def test_wrong_option_gives_one_line(fuota, options, words):
    result = fuota("sandbox", "serve", "--port", 0, "--devices", 1, *options)
    assert result.code != 0
    assert words in result.complaint


@pytest.fixture(scope="module")
def serving(start):
    """A sandbox as a process, and its first event."""
    process = start(
        *("sandbox", "serve", "--port", 0, "--json", "--devices", 1, "--speed", 1000, "--app", APP, "--app", OTHER)
    )
    return process, json.loads(process.stdout.readline())


@pytest.mark.slow
def test_start_shows_the_keys_and_every_new_token(serving):
    process, event = serving
    assert event["app_eui"] == APP
    roles = [(key["app_eui"], key["role"]) for key in event["keys"]]
    names = ["Device", "FUOTA", "Onboarding", "Read Access", "Full Access"]
    assert roles == [(app_eui, name) for app_eui in (APP, OTHER) for name in names]
    key = next(key["key"] for key in event["keys"] if (key["app_eui"], key["role"]) == (OTHER, "Onboarding"))
    devices = SenraClient(event["url"], key).devices
    task = devices.register([{"dev_eui": NEW, "app_key": KEY}], token=event["token"])
    assert devices.task(task, poll_ms=5).succeeded
    shown = json.loads(process.stdout.readline())
    assert shown["event"] == "token"
    assert shown["token"] != event["token"]


@pytest.mark.slow
def test_faults_appear_in_http_answers(start):
    process = start("sandbox", "serve", "--port", 0, "--json", "--devices", 1, "--fault", "5xx=0.5", "--seed", 3)
    event = json.loads(process.stdout.readline())
    client = SenraClient(event["url"], event["keys"][4]["key"], retries=0)
    failed = 0
    for _ in range(20):
        try:
            client.downlinks.clear(event["dev_euis"][0])
        except ServerFault:
            failed += 1
    assert 4 < failed < 16


@pytest.mark.slow
def test_state_survives_a_kill(start, tmp_path):
    options = (
        "sandbox",
        "serve",
        "--port",
        0,
        "--json",
        "--devices",
        1,
        "--speed",
        "max",
        "--state",
        tmp_path / "s.json",
    )
    first = start(*options)
    event = json.loads(first.stdout.readline())
    devices = SenraClient(event["url"], event["keys"][4]["key"]).devices
    assert devices.task(devices.register([{"dev_eui": NEW, "app_key": KEY}], token=event["token"]), poll_ms=5).succeeded
    first.send_signal(signal.SIGKILL)
    first.wait()
    event = json.loads(start(*options).stdout.readline())
    with requests.Session() as session:
        session.trust_env = False
        answer = session.get(
            f"{event['url']}/rest/integration/device/csvExport",
            headers={"authorization": event["keys"][4]["key"]},
            params={"state": "REGISTERED", "fields": "devEui"},
            timeout=10,
        )
    assert answer.text == f"Dev EUI\n{NEW}\n"


def test_help_has_the_default_applications_and_faults_of_the_sandbox(fuota):
    from fuota.sandbox import SANDBOX_APP_EUI, SANDBOX_SECOND_APP_EUI
    from fuota.sandbox.server.faults import FAULT_WORDS

    words = " ".join(fuota("sandbox", "serve", "--help").out.split())
    assert f"[default: {SANDBOX_APP_EUI}, {SANDBOX_SECOND_APP_EUI}]" in words
    assert FAULT_WORDS.replace(" ", "") in words.replace(" ", "")
