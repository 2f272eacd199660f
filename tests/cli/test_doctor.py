from __future__ import annotations

import threading
import time
from email.utils import formatdate
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from fuota.network.background import BackgroundServer
from fuota.network.webhook import create_receiver
from fuota.sandbox import SANDBOX_APP_EUI, Sandbox

KEY = "AK2:zyxwvutsrqponmlkjihgfedcba9876543210ZYXW"
APP = "AAAAAAAAAAAAAA01"
KEYS = ("key: mcastStatus", "key: mcast/status", "key: device/status", "key: device/csvExport")


@pytest.fixture
def doctor(fuota, monkeypatch):
    """Return a function that runs `fuota doctor --json` and returns the result and the checks by name."""
    monkeypatch.setenv("FUOTA_API_KEY", KEY)

    def run(*arguments):
        result = fuota("doctor", *arguments, "--json")
        assert KEY not in result.out + result.err
        return result, {event["name"]: event for event in result.events if event["event"] == "check"}

    return run


@pytest.fixture
def server(http_server):
    """URL of a server; its statuses (404 by default) and answers by the call; and the requests that it received."""
    statuses, answers, requests = {}, {}, []

    def reply(method, path, headers, body):
        name = path.partition("/rest/integration/")[2].partition("?")[0]
        requests.append((method, name))
        return statuses.get(name, 404), answers.get(name, {"message": "nobody of that name"})

    return http_server(reply), statuses, answers, requests


def states(checks):
    return {name: check["state"] for name, check in checks.items()}


def test_a_machine_passes_without_a_server(doctor):
    result, checks = doctor()
    assert result.code == 0
    assert "FAIL" not in states(checks).values()
    assert (checks["engine"]["state"], checks["journal"]["state"]) == ("OK", "OK")
    assert "sandbox inside the process" in checks["server"]["found"]
    assert result.event("doctor")["ok"] is True


def test_the_output_for_people_has_a_table_and_counts(fuota):
    result = fuota("doctor")
    assert result.code == 0
    assert any(line.startswith("OK") and "engine" in line for line in result.out.splitlines())
    assert "0 failures" in result.err


def test_a_real_sandbox_passes(fuota):
    with Sandbox(speed=None) as sandbox:
        result = fuota("doctor", "--server", sandbox.url, "--app-eui", SANDBOX_APP_EUI, "--json")
        checks = {event["name"]: event for event in result.events if event["event"] == "check"}
    assert result.code == 0
    assert (checks["key: mcastStatus"]["state"], checks["application"]["state"]) == ("OK", "OK")
    assert "from the sandbox itself" in checks["API key"]["found"]


def test_only_gets_are_sent_for_every_role(doctor, server):
    url, _, _, requests = server
    result, checks = doctor("--server", url, "--app-eui", APP)
    assert result.code == 0
    assert {method for method, _ in requests} == {"GET"}
    assert {name for _, name in requests} == {"mcastStatus", "mcast/status", "device/status", "device/csvExport"}
    assert {checks[key]["state"] for key in KEYS} == {"OK"}


@pytest.mark.parametrize(
    ("call", "status", "state", "code"),
    [
        ("mcastStatus", 403, "FAIL", 4),
        ("mcastStatus", 401, "FAIL", 4),
        ("mcastStatus", 500, "FAIL", 5),
        ("mcastStatus", 301, "FAIL", 5),
        ("mcastStatus", 400, "OK", 0),
        ("device/csvExport", 403, "WARN", 0),
        ("mcast/status", 403, "WARN", 0),
        ("device/status", 503, "WARN", 0),
    ],
)
def test_a_refused_call_fails_if_a_campaign_needs_it(doctor, server, call, status, state, code):
    url, statuses, _, _ = server
    statuses[call] = status
    result, checks = doctor("--server", url)
    assert (result.code, checks[f"key: {call}"]["state"]) == (code, state)
    assert bool(checks[f"key: {call}"]["advice"]) == (state != "OK")


def test_a_refusal_is_reported_once(doctor, server):
    """The check that needs the refused call is left out."""
    url, statuses, _, _ = server
    statuses["mcastStatus"] = 403
    _, checks = doctor("--server", url, "--app-eui", APP)
    assert "application" not in checks


def test_a_key_that_every_call_refuses_is_one_failure(doctor, server):
    url, statuses, _, _ = server
    statuses.update(dict.fromkeys(["mcastStatus", "mcast/status", "device/status", "device/csvExport"], 403))
    result, checks = doctor("--server", url, "--app-eui", APP)
    assert (result.code, checks["key"]["state"], checks["key"]["found"]) == (
        4,
        "FAIL",
        "refused (403) by every call that only reads",
    )
    assert not [name for name in checks if name.startswith("key: ")]


@pytest.mark.parametrize(("word", "state"), [("Running", "WARN"), ("Done", "OK"), ("Cancelled", "OK")])
def test_a_running_job_is_a_warning(doctor, server, word, state):
    url, statuses, answers, _ = server
    statuses["mcastStatus"] = 200
    answers["mcastStatus"] = {"jobId": f"MCastXferJobReq:{APP}", "state": word, "pctDone": 40}
    _, checks = doctor("--server", url, "--app-eui", APP)
    assert (checks["application"]["state"], word in checks["application"]["found"]) == (state, True)


@pytest.fixture
def server_of():
    """Return a function that starts a server with this Date header, which answers 404."""
    servers = []

    def start(date):
        class Handler(BaseHTTPRequestHandler):
            def do_GET(self):
                self.send_response_only(404)
                self.send_header("Date", date)
                self.send_header("Content-Length", "0")
                self.end_headers()

        servers.append(ThreadingHTTPServer(("127.0.0.1", 0), Handler))
        threading.Thread(target=servers[-1].serve_forever, kwargs={"poll_interval": 0.01}).start()
        return f"http://127.0.0.1:{servers[-1].server_port}"

    yield start
    for server in servers:
        server.shutdown()
        server.server_close()


@pytest.mark.parametrize(
    ("ahead_s", "state", "word"),
    [(0, "OK", "within"), (30, "WARN", "ahead"), (-30, "WARN", "behind"), (4000, "FAIL", "")],
)
def test_the_clocks_are_compared(doctor, server_of, ahead_s, state, word):
    _, checks = doctor("--server", server_of(formatdate(time.time() - ahead_s, usegmt=True)))
    assert (checks["clock"]["state"], word in checks["clock"]["found"]) == (state, True)


@pytest.mark.parametrize("date", ["", "yesterday", "Mon, 99 Nov 2026 12:00:00 GMT"])
def test_a_server_without_a_valid_date_is_a_warning(doctor, server_of, date):
    _, checks = doctor("--server", server_of(date))
    assert checks["clock"]["state"] == "WARN"


def test_an_unreachable_server_has_the_exit_code_of_the_network(doctor, closed_port):
    result, checks = doctor("--server", f"http://127.0.0.1:{closed_port}")
    assert (result.code, checks["server"]["state"]) == (5, "FAIL")
    assert "clock" not in checks


def test_a_missing_key_has_the_exit_code_of_the_key(fuota):
    result = fuota("doctor", "--server", "https://api.invalid", "--json")
    assert result.code == 4
    assert "no API key" in result.out


def test_a_broken_configuration_and_a_journal_that_cannot_be_written_fail(fuota, monkeypatch, tmp_path):
    path = tmp_path / "config.toml"
    path.write_text("[servers.x]")
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("FUOTA_CONFIG", str(path))
    result = fuota("doctor", "--state-dir", tmp_path / "file" / "below", "--json")
    failed = {event["name"] for event in result.events if event.get("state") == "FAIL"}
    assert (result.code, failed) == (2, {"journal", "configuration"})


@pytest.mark.parametrize(("token", "state", "code"), [("s3cret", "OK", 0), ("wrong", "FAIL", 4), (None, "FAIL", 4)])
def test_a_receiver_receives_an_empty_batch(doctor, monkeypatch, token, state, code):
    stored = []
    if token:
        monkeypatch.setenv("FUOTA_LISTEN_TOKEN", token)
    with BackgroundServer(create_receiver(stored.extend, token="s3cret")) as receiver:
        result, checks = doctor("--webhook", f"{receiver.url}/uplinks")
    assert (result.code, checks["data stream"]["state"]) == (code, state)
    assert not any(body.uplinks for body in stored)
    assert "s3cret" not in result.out + result.err


def test_a_receiver_is_called_with_the_query_of_its_url(doctor, http_server):
    requests = []

    def reply(_method, path, _headers, body):
        requests.append((path, body))
        return 200, {}

    result, _ = doctor("--webhook", f"{http_server(reply)}/in?device=all&x=")
    assert (result.code, requests) == (0, [("/in?device=all&x=", b"[]")])


@pytest.mark.parametrize(
    "url", ["http://127.0.0.1:{port}/uplinks", "http://192.0.2.1/uplinks", "uplinks", "http://[::1"]
)
def test_an_unreachable_receiver_fails(doctor, closed_port, url):
    result, checks = doctor("--webhook", url.format(port=closed_port))
    assert (result.code in {2, 5}, checks["data stream"]["state"]) == (True, "FAIL")
