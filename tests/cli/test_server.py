"""Commands on a server: `fuota sandbox serve` as a process, and commands as processes if they receive signals."""

from __future__ import annotations

import contextlib
import json
import os
import pty
import queue
import select
import signal
import subprocess
import time
from dataclasses import dataclass

import pytest

from fuota.campaign import Journal
from fuota.errors import NotFoundError
from fuota.network import SenraClient
from fuota.sandbox import SANDBOX_API_KEY

APP = "02000000F0A00001"
JOB = f"MCastXferJobReq:{APP}"
LONGEST_S = 30
CTRL_D = "\x04"
LAUNCH = ("--app-eui", APP, "--region", "EU868", "--tag", "sandbox", "--start-delay", 1, "-d", 5)


@dataclass(frozen=True, kw_only=True)
class Served:
    process: subprocess.Popen[str]
    url: str
    dev_euis: list[str]


@pytest.fixture(scope="module")
def serve(start):
    """Return a function that starts a sandbox and returns it when it serves."""

    def served(*options: object) -> Served:
        process = start("sandbox", "serve", "--port", 0, "--json", "--devices", 3, "--loss", 0, *options)
        serving = json.loads(process.stdout.readline())
        return Served(process=process, url=serving["url"], dev_euis=serving["dev_euis"])

    return served


@pytest.fixture(scope="module")
def slow_sandbox(serve) -> Served:
    """Sandbox that needs minutes for the sample image, and begins at once."""
    return serve("--speed", 5)


@pytest.fixture
def slow(slow_sandbox):
    """The slow sandbox, without a running job before and after the test."""
    yield slow_sandbox
    with contextlib.suppress(NotFoundError):
        SenraClient(slow_sandbox.url, SANDBOX_API_KEY).transfers.cancel(job_id=JOB)


@pytest.fixture
def launched(fuota, slow, sample) -> str:
    """Id of a campaign that runs in the slow sandbox."""
    result = fuota("launch", sample, "--server", slow.url, *LAUNCH, "--detach", "--json")
    assert result.code == 0
    assert [event["event"] for event in result.events] == ["launched"]
    return result.event("launched")["campaign"]


def states(tmp_path, campaign_id: str) -> tuple[str, str]:
    """Return the states of the campaign in the journal and of the job at the server."""
    journal = Journal(tmp_path / "state")
    campaign = journal.campaign(campaign_id)
    journal.close()
    return str(campaign.state), SenraClient(campaign.server, SANDBOX_API_KEY).transfers.status(app_eui=APP).state


def until(stream, word: str) -> str:
    """Return the first line with this word."""
    for line in stream:
        if word in line:
            return line
    raise AssertionError(f"{word!r} never came")


# --- a sandbox that is done at once


def test_a_launch_on_a_server_receives_reports_and_is_done(fuota, serve, sample, closed_port):
    listen = f"127.0.0.1:{closed_port}"
    server = serve("--speed", "max", "--data-stream", f"http://{listen}/uplinks")
    devices = [word for dev_eui in server.dev_euis for word in ("--dev-eui", dev_eui)]
    where = ("--server", server.url, "--app-eui", APP, "--region", "EU868", *devices)
    result = fuota("launch", sample, *where, "--listen", listen, "--poll", 0.05, "--reports", LONGEST_S, "--json")
    assert result.code == 0
    assert (result.event("verdict")["counts"]["updated"], result.event("verdict")["targeted"]) == (3, 3)
    assert f"receiving uplinks at http://{listen}/uplinks" in result.err

    status = fuota("transfer", "status", "--app-eui", APP, "--server", server.url)
    assert (status.code, status.err) == (0, "")
    assert status.out.startswith(f"{JOB}: Done 100 %, Sent ")

    again = fuota("launch", sample, "--server", server.url, *LAUNCH)
    assert again.code == 8, "without a receiver, nothing proves what arrived"
    assert "no device has reported" in again.err
    assert "devices were named by tag" in again.out


@pytest.mark.slow
def test_with_tags_the_devices_are_those_that_reported(fuota, serve, sample, closed_port):
    listen = f"127.0.0.1:{closed_port}"
    server = serve("--speed", "max", "--data-stream", f"http://{listen}/uplinks", "--no-batch")
    watching = ("--listen", listen, "--poll", 0.05, "--reports", 1)
    unhurried = (*LAUNCH, "--start-delay", 300)  # Every device sends an uplink in this time, and is set up.
    result = fuota("launch", sample, "--server", server.url, *unhurried, *watching, "--json")
    assert result.code == 8, "the number of devices is unknown"
    assert result.event("verdict")["population_known"] is False
    devices = [event for event in result.events if event["event"] == "device"]
    assert {device["dev_eui"] for device in devices} == set(server.dev_euis)
    assert {device["outcome"] for device in devices} == {"updated"}


@pytest.mark.slow
def test_uplinks_without_the_token_are_refused(fuota, serve, sample, closed_port, monkeypatch):
    listen = f"127.0.0.1:{closed_port}"
    server = serve("--speed", "max", "--data-stream", f"http://{listen}/uplinks")  # without a token
    monkeypatch.setenv("FUOTA_LISTEN_TOKEN", "let-me-in")
    watching = ("--listen", listen, "--poll", 0.05, "--reports", 0.5)
    result = fuota("launch", sample, "--server", server.url, *LAUNCH, *watching)
    assert result.code == 8
    assert "let-me-in" not in result.out + result.err


# --- a sandbox that takes its time


@pytest.mark.slow
def test_transfer_start_status_and_cancel(fuota, slow, sample):
    raw = ("--server", slow.url)
    target = ("--app-eui", APP, "--tag", "sandbox", "--start-delay", 1)
    started = fuota("transfer", "start", sample, *raw, *target, "--json")
    assert started.code == 0
    assert (started.event("started")["jobId"], started.event("started")["statusCode"]) == (JOB, 200)
    assert started.event("started")["responseMsg"] == "MCastXferJobReq job starting in: 00:00:01"

    busy = fuota("transfer", "start", sample, *raw, *target)
    assert (busy.code, busy.out) == (3, "")
    assert "one job per Application" in busy.complaint

    status = fuota("transfer", "status", "--job-id", JOB, *raw, "--json").event("status")
    assert (status["jobId"], status["state"] in ("Queued", "Running"), status["pctDone"] < 50) == (JOB, True, True)

    partly = fuota("transfer", "cancel", "--app-eui", APP, "--dev-eui", slow.dev_euis[0], *raw)
    assert (partly.code, partly.out) == (0, f"{JOB}: MCastXferJobReq job cancelled for 1 devices.\n")
    assert fuota("transfer", "status", "--app-eui", APP, *raw, "--json").event("status")["state"] != "Cancelled"

    whole = fuota("transfer", "cancel", "--job-id", JOB, *raw)
    assert (whole.code, whole.out) == (0, f"{JOB}: MCastXferJobReq job cancelled.\n")
    assert fuota("transfer", "status", "--app-eui", APP, *raw).out.startswith(f"{JOB}: Cancelled")

    nobody = fuota("transfer", "status", "--app-eui", APP[::-1], *raw, "--json")
    assert (nobody.code, nobody.event("error")["code"]) == (5, 5)
    for wrong in (["status"], ["status", "--job-id", "a", "--app-eui", APP], ["cancel"], ["start", sample]):
        assert fuota("transfer", *wrong, *raw).code == 2


@pytest.mark.slow
def test_a_second_launch_is_refused_while_a_job_runs(fuota, slow, sample, launched):
    result = fuota("launch", sample, "--server", slow.url, *LAUNCH)
    assert result.code == 3
    assert f"`fuota watch {launched}` finds out" in result.complaint
    again = fuota("launch", sample, "--server", slow.url, *LAUNCH, "--again")
    assert again.code == 3
    assert f"fuota transfer cancel --job-id {JOB}" in again.complaint


def test_a_cancelled_campaign_is_stopped(fuota, tmp_path, launched):
    cancelled = fuota("cancel", launched, "--json")
    assert cancelled.code == 0
    assert cancelled.events == [{"event": "cancelled", "campaign": launched, "job_id": JOB}]
    assert states(tmp_path, launched) == ("cancelled", "Cancelled")
    assert fuota("watch", launched).code == 7
    twice = fuota("cancel", launched)
    assert twice.code == 2
    assert f"campaign {launched} is over (cancelled)" in twice.complaint


def test_a_job_cancelled_by_somebody_else_is_stopped(fuota, tmp_path, slow, sample):
    later = (*LAUNCH, "--start-delay", 3000)
    launched = fuota("launch", sample, "--server", slow.url, *later, "--detach", "--json").event("launched")
    fuota("transfer", "cancel", "--job-id", JOB, "--server", slow.url)
    watched = fuota("watch", launched["campaign"], "--server", slow.url, "--json")
    assert watched.code == 7
    assert (watched.event("verdict")["state"], watched.event("verdict")["run_ms"]) == ("cancelled", None)
    assert states(tmp_path, launched["campaign"]) == ("cancelled", "Cancelled")


@pytest.mark.slow
def test_a_server_that_is_killed_during_a_watch_is_one_line(serve, start, fuota, sample):
    sandbox = serve("--speed", 5)
    launched = fuota("launch", sample, "--server", sandbox.url, *LAUNCH, "--detach", "--json").event("launched")[
        "campaign"
    ]
    watcher = start("watch", launched, "--poll", 0.05, "--outage", 0, "--json")
    until(watcher.stdout, "Running")
    sandbox.process.kill()
    out, err = watcher.communicate(timeout=LONGEST_S)
    assert watcher.returncode == 5
    (line,) = err.splitlines()
    assert line.startswith("fuota: GET /rest/integration/mcastStatus: no answer from ")
    assert json.loads(out.splitlines()[-1]) == {"event": "error", "code": 5, "message": line.removeprefix("fuota: ")}
    assert fuota("watch", launched, "--outage", 0, "--poll", 0.05).code == 5, "the campaign can be watched again"


@pytest.mark.slow
def test_ctrl_c_without_a_terminal_leaves_the_job_running(launched, start, tmp_path):
    watcher = start("watch", launched, "--poll", 0.05)
    assert until(watcher.stderr, "running").endswith("%, 0 uplinks\n"), "plain lines in a pipe"
    watcher.send_signal(signal.SIGINT)
    _, err = watcher.communicate(timeout=LONGEST_S)
    assert watcher.returncode == 8
    assert f"`fuota watch {launched}` watches it again, `fuota cancel {launched}` ends it" in err
    assert "Leave the job" not in err
    assert "Traceback" not in err
    assert states(tmp_path, launched) == ("launched", "Running")


class Terminal:
    """A pseudo-terminal with a process on it."""

    def __init__(self, start, *arguments: object) -> None:
        self._ours, theirs = pty.openpty()
        self.process = start(*arguments, stdin=theirs, stdout=theirs, stderr=theirs)
        os.close(theirs)
        self._octets = b""

    @property
    def shown(self) -> str:
        return self._octets.decode(errors="replace")

    def until(self, word: str) -> None:
        """Read until this is shown."""
        deadline = time.monotonic() + LONGEST_S
        while word not in self.shown:
            self._read(deadline)

    def type(self, text: str) -> None:
        os.write(self._ours, text.encode())

    def ended(self) -> int:
        """Read what is left, so that it can end; its exit code."""
        deadline = time.monotonic() + LONGEST_S
        with contextlib.suppress(OSError, EOFError):  # Linux says EIO where the other end has closed
            while True:
                self._read(deadline)
        os.close(self._ours)
        return self.process.wait(LONGEST_S)

    def _read(self, deadline: float) -> None:
        ready, _, _ = select.select([self._ours], [], [], deadline - time.monotonic())
        assert ready, f"there it stands: {self.shown!r}"
        if not (octets := os.read(self._ours, 4096)):
            raise EOFError
        self._octets += octets


@pytest.mark.slow
@pytest.mark.parametrize(
    ("answer", "code", "left"),
    [
        ("cancel\n", 7, ("cancelled", "Cancelled")),
        ("\n", 8, ("launched", "Running")),
        (CTRL_D, 8, ("launched", "Running")),
    ],
)
def test_ctrl_c_on_a_terminal_asks_whether_to_cancel(launched, start, tmp_path, answer, code, left):
    terminal = Terminal(start, "watch", launched, "--poll", 0.05)
    terminal.until("Running")
    terminal.until("%")
    assert "━" in terminal.shown, "a bar on a terminal"
    terminal.process.send_signal(signal.SIGINT)
    terminal.until("Leave the job running, or cancel it? (leave, cancel) [leave]:")
    terminal.type(answer)
    assert terminal.ended() == code
    assert "Traceback" not in terminal.shown
    assert states(tmp_path, launched) == left


@pytest.mark.slow
@pytest.mark.parametrize(("answer", "code"), [("n\n", 7), ("\n", 7), ("y\n", 0)])
def test_on_a_terminal_a_launch_on_a_server_is_confirmed(slow, start, fuota, sample, answer, code):
    terminal = Terminal(start, "launch", sample, "--server", slow.url, *LAUNCH, "--detach")
    terminal.until(f"Launch on {slow.url}? [y/N]:")
    terminal.type(answer)
    assert terminal.ended() == code
    status = fuota("transfer", "status", "--app-eui", APP, "--server", slow.url)
    assert any(word in status.out for word in ("Queued", "Running")) == (code == 0)


# --- the sandbox itself


@pytest.mark.slow
@pytest.mark.parametrize(("option", "form"), [("--batch", list), ("--no-batch", dict)])
def test_uplinks_are_posted_as_arrays_or_as_objects(serve, fuota, sample, http_server, option, form):
    bodies: queue.SimpleQueue[bytes] = queue.SimpleQueue()

    def reply(method, path, headers, body):
        bodies.put(body)
        return 200, {}

    sandbox = serve("--speed", "max", "--data-stream", f"{http_server(reply)}/uplinks", option)
    fuota("launch", sample, "--server", sandbox.url, *LAUNCH, "--detach")
    assert isinstance(json.loads(bodies.get(timeout=LONGEST_S)), form)


@pytest.mark.slow
def test_the_sandbox_shows_its_url_and_ends_with_ctrl_c(start):
    sandbox = start("sandbox", "serve", "--port", 0, "--devices", 2)
    assert f"application {APP}, 2 devices with tag 'sandbox'" in until(sandbox.stderr, "sandbox at http://127.0.0.1:")
    until(sandbox.stderr, "Ctrl-C ends it")
    sandbox.send_signal(signal.SIGINT)
    out, err = sandbox.communicate(timeout=LONGEST_S)
    assert (sandbox.returncode, out, err) == (0, "", "sandbox closed\n")


def test_a_port_in_use_is_exit_code_5(fuota, http_server):
    port = http_server(lambda *_: (200, {})).rpartition(":")[2]
    result = fuota("sandbox", "serve", "--port", port, "--devices", 1, "--json")
    assert (result.code, result.event("error")["code"]) == (5, 5)
    assert f"port {port} on 127.0.0.1 is in use" in result.complaint
