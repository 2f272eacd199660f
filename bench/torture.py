"""Kills, damage and attacks, counted: `make torture` writes the figures into docs/reliability.md.

TORTURE=10 repeats everything ten times as often. A failed promise ends the run with a message and exit code 1.
"""

from __future__ import annotations

import contextlib
import itertools
import json
import os
import random
import re
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import requests
from markdown import table, write_between_markers

from fuota.campaign import Journal, check_journal
from fuota.sandbox import SANDBOX_API_KEY, SANDBOX_APP_EUI

ROOT = Path(__file__).parents[1]
RELIABILITY = ROOT / "docs" / "reliability.md"
PROGRAM = Path(sys.executable).parent / "fuota"
TIMES = float(os.environ.get("TORTURE", "1"))
LAUNCHES, RECEIVER_KILLS, MUTANTS = int(12 * TIMES), int(8 * TIMES), 0.1 * TIMES
LONGEST_S = 90
SENDERS, BATCH = 6, 20
SEED = 18


class Broken(Exception):  # noqa: N818 - a promise, not an error
    """A promise was not kept."""


@dataclass(slots=True, kw_only=True)
class Tally:
    """Counts of a run. acknowledged: uplinks that were answered 200. posts: number of launches that reached the server."""

    kills: int = 0
    campaigns: int = 0
    acknowledged: int = 0
    codes: dict[int, int] = field(default_factory=dict)


def fuota(*arguments: object) -> subprocess.Popen[str]:
    environment = os.environ | {"FUOTA_API_KEY": SANDBOX_API_KEY}
    words = [str(PROGRAM), *map(str, arguments)]
    return subprocess.Popen(words, env=environment, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class Relay:
    """HTTP server that passes each request on, and records the answers. target: base URL, or None while nobody answers."""

    def __init__(self, target: str | None = None) -> None:
        self.target = target
        self.answers: list[tuple[str, str, bytes, int]] = []  # method, path, body, status
        relay = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                relay.pass_on(self)

            do_POST = do_GET  # noqa: N815 - the standard library's spelling

            def log_message(self, *_arguments: object) -> None:
                pass

        self._http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._http.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._http.server_port}"
        threading.Thread(target=self._http.serve_forever, daemon=True).start()

    def pass_on(self, handler: BaseHTTPRequestHandler) -> None:
        body = handler.rfile.read(int(handler.headers.get("content-length", 0)))
        headers = {name: value for name, value in handler.headers.items() if name.lower() != "host"}
        status, content = 503, b"{}"
        with contextlib.suppress(requests.RequestException):
            answer = requests.request(
                handler.command, f"{self.target}{handler.path}", data=body, headers=headers, timeout=20
            )
            status, content = answer.status_code, answer.content
        self.answers.append((handler.command, handler.path, body, status))
        with contextlib.suppress(OSError):  # the sender was killed
            handler.send_response(status)
            handler.send_header("Content-Length", str(len(content)))
            handler.end_headers()
            handler.wfile.write(content)

    def stop(self) -> None:
        self._http.shutdown()
        self._http.server_close()


def notifications(body: bytes) -> list[dict[str, object]]:
    content = json.loads(body)
    return content if isinstance(content, list) else [content]


def identity(notification: dict[str, object]) -> tuple[object, object, object]:
    return (notification["devEui"], notification.get("joinId"), notification.get("seqno"))


def stored_uplinks(folder: Path) -> set[tuple[object, object, object]]:
    with contextlib.closing(Journal(folder)) as journal:
        return {
            (uplink.dev_eui, uplink.join_id, uplink.seqno)
            for campaign in journal.campaigns()
            for uplink in journal.uplinks(campaign)
        }


# --- kill -9 of launch and watch


def kill_launches(image: Path, tally: Tally, source: random.Random) -> None:
    for number in range(LAUNCHES):
        with tempfile.TemporaryDirectory() as folder, _sandbox() as (api, stream):
            _one_launch(image, Path(folder) / "state", api, stream, tally, source)
        print(f"launch {number + 1} of {LAUNCHES}: {tally.kills} kills", flush=True)


@contextlib.contextmanager
def _sandbox() -> Iterator[tuple[Relay, Relay]]:
    stream = Relay()
    serving = fuota(
        *("sandbox", "serve", "--port", 0, "--json", "--devices", 6, "--loss", "0-0.2", "--speed", 60),
        *("--data-stream", f"{stream.url}/uplinks"),
    )
    api = Relay(json.loads(serving.stdout.readline())["url"])
    try:
        yield api, stream
    finally:
        serving.kill()
        serving.communicate()
        api.stop()
        stream.stop()


def _one_launch(image: Path, state: Path, api: Relay, stream: Relay, tally: Tally, source: random.Random) -> None:
    """Launch, kill at random moments, watch again, and compare the journal with what was acknowledged."""
    port = free_port()
    stream.target = f"http://127.0.0.1:{port}"
    receiving = ("--listen", f"127.0.0.1:{port}", "--state-dir", state, "--poll", 0.2, "--reports", 3)
    devices = ("--app-eui", SANDBOX_APP_EUI, "--tag", "sandbox", "--expect", 6)
    radio = ("--region", "EU868", "-d", 5, "--start-delay", 60)
    command: tuple[object, ...] = ("launch", image, "--server", api.url, *devices, *radio, "-y", *receiving)
    for kill in itertools.count():
        process = fuota(*command)
        if kill < source.randrange(1, 4):
            time.sleep(source.uniform(0.3, 7))
            process.send_signal(signal.SIGKILL)
            tally.kills += process.poll() is None
            _, errors = process.communicate()
        else:
            _, errors = process.communicate(timeout=LONGEST_S)
        if "Traceback" in errors:
            raise Broken(f"a traceback: {errors}")
        posts = sum("mcastTransfer" in path for method, path, _, _ in api.answers if method == "POST")
        campaigns = _campaigns(state)
        if posts > len(campaigns):
            raise Broken(f"{posts} launches were posted for {len(campaigns)} campaigns")
        if process.returncode >= 0:
            tally.codes[process.returncode] = tally.codes.get(process.returncode, 0) + 1
            break
        if campaigns:
            command = ("watch", campaigns[0], *receiving)
    tally.campaigns += 1
    _compare(state, stream, tally)


def _campaigns(state: Path) -> list[str]:
    if not state.exists():
        return []
    with contextlib.closing(Journal(state)) as journal:
        return [campaign.id for campaign in journal.campaigns()]


def _compare(state: Path, stream: Relay, tally: Tally) -> None:
    accepted = [body for _, path, body, status in stream.answers if path == "/uplinks" and status == 200]
    acknowledged = {identity(item) for body in accepted for item in notifications(body)}
    tally.acknowledged += len(acknowledged)
    check = check_journal(state)
    if check.problems:
        raise Broken(f"the journal is damaged: {check.problems}")
    with contextlib.closing(Journal(state)) as journal:
        (campaign,) = journal.campaigns()[-1:]
        before = campaign is not None
    if before and (lost := acknowledged - stored_uplinks(state)):
        raise Broken(f"{len(lost)} acknowledged uplinks are not in the journal, such as {next(iter(lost))}")


# --- kill -9 of the receiver under load


def kill_receiver(tally: Tally, source: random.Random) -> None:
    with tempfile.TemporaryDirectory() as folder:
        state, port = Path(folder) / "state", free_port()
        with contextlib.closing(Journal(state)) as journal:
            facts = {"image_name": "x", "image_sha256": "ab" * 32, "image_bytes": 1, "dev_euis": []}
            facts |= {"request": {"fragPkgVer": "1"}, "expected": {}}
            journal.open_campaign(server="http://127.0.0.1:1", app_eui=SANDBOX_APP_EUI, facts=facts)
        acknowledged: list[int] = []
        numbers, ended = itertools.count(1), threading.Event()
        senders = [
            threading.Thread(target=_send, args=(port, numbers, acknowledged, ended), daemon=True)
            for _ in range(SENDERS)
        ]
        for sender in senders:
            sender.start()
        for _ in range(RECEIVER_KILLS):
            receiver = fuota("uplinks", "listen", "--listen", f"127.0.0.1:{port}", "--state-dir", state, "--json")
            receiver.stdout.readline()
            threading.Thread(target=receiver.stdout.read, daemon=True).start()
            time.sleep(source.uniform(0.5, 2.5))
            receiver.kill()
            receiver.wait()
            tally.kills += 1
        ended.set()
        for sender in senders:
            sender.join()
        stored = {seqno for _, _, seqno in stored_uplinks(state)}
        if lost := set(acknowledged) - stored:
            raise Broken(f"the receiver lost {len(lost)} acknowledged uplinks")
        tally.acknowledged += len(acknowledged)


def _send(port: int, numbers: Iterator[int], acknowledged: list[int], ended: threading.Event) -> None:
    while not ended.is_set():
        batch = [next(numbers) for _ in range(BATCH)]
        body = [
            {"devEui": f"{number % 500:016X}", "port": 201, "pdu": "0108", "joinId": 1, "seqno": number}
            for number in batch
        ]
        try:
            answer = requests.post(f"http://127.0.0.1:{port}/uplinks", json=body, timeout=10)
        except requests.RequestException:
            time.sleep(0.02)
        else:
            if answer.status_code == 200:
                acknowledged += batch


# --- damage and attacks, as tests


def run_tests(*arguments: str, **environment: str) -> int:
    """Run tests, and return how many passed."""
    command = [sys.executable, "-m", "pytest", "-q", "-m", "slow", "-n", "auto", "--dist", "worksteal", *arguments]
    done = subprocess.run(command, env=os.environ | environment, cwd=ROOT, capture_output=True, text=True, check=False)
    if done.returncode:
        raise Broken(done.stdout[-3_000:])
    passed = re.search(r"(\d+) passed", done.stdout)
    return int(passed[1]) if passed else done.stdout.count(".")


def main() -> int:
    source, launches, receiver = random.Random(SEED), Tally(), Tally()
    begun = time.monotonic()
    steps: list[Callable[[], object]] = [
        lambda: kill_launches(_image(source), launches, source),
        lambda: kill_receiver(receiver, source),
        lambda: run_tests("tests/verification/test_mutants.py", FUOTA_MUTANTS=str(MUTANTS)),
        lambda: run_tests("tests/network/test_connections.py", "tests/network/test_bounds.py"),
    ]
    try:
        for step in steps:
            step()
    except Broken as broken:
        print(f"torture: {broken}", file=sys.stderr)
        return 1
    codes = ", ".join(f"{count} with {code}" for code, count in sorted(launches.codes.items()))
    rows = [
        (
            "`kill -9` of `launch` and `watch` at random moments",
            f"{launches.kills} kills, {launches.campaigns} campaigns",
            f"{launches.acknowledged} acknowledged uplinks, none lost; no launch posted twice; exit codes: {codes}",
        ),
        (
            "`kill -9` of `uplinks listen` under load",
            f"{receiver.kills} kills",
            f"{receiver.acknowledged} acknowledged uplinks, none lost",
        ),
        ("damaged files, of 15 kinds", f"{15 * int(5_000 * MUTANTS)} files", "no foreign exception, none over 1 s"),
        (
            "damaged journals: opened, checked, salvaged",
            f"{4 * int(1_000 * MUTANTS)} journals",
            "no foreign exception, none over 1 s",
        ),
        ("damaged answers of the server", f"{4 * int(5_000 * MUTANTS)} answers", "no foreign exception, none over 1 s"),
        (
            "half-open connections and headers of 1.9 MB, for 25 s",
            "600 connections, 300 of them with large headers",
            "every genuine request stored",
        ),
    ]
    minutes = (time.monotonic() - begun) / 60
    lines = [*table(("what", "number", "result"), rows), f"Measured in {minutes:.0f} minutes by `make torture`."]
    write_between_markers(RELIABILITY, "torture", lines)
    print("\n".join(lines))
    return 0


def _image(source: random.Random) -> Path:
    path = Path(tempfile.mkdtemp()) / "image.bin"
    path.write_bytes(source.randbytes(1_500))
    return path


if __name__ == "__main__":
    sys.exit(main())
