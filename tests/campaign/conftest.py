"""A scripted FUOTA server over HTTP, a journal, and a clock that only the tests advance."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest

from fuota.campaign import Journal
from fuota.network import SenraClient

KEY = "AK2:0123456789abcdefghijABCDEFGHIJ0123456789"
APP = "AAAAAAAAAAAAAA01"
JOB = f"MCastXferJobReq:{APP}"
SHA256 = "ab" * 32
CUT = None
"""Instead of an answer, the connection is closed."""


@dataclass(frozen=True, kw_only=True)
class Request:
    """A request that the server received."""

    method: str
    call: str
    query: dict[str, str]
    body: bytes = field(repr=False)


class FuotaServer:
    """Server that answers each call by its own script; the last answer of a script is repeated.

    An answer is a JSON object (status 200), an HTTP status, a text (status 200), CUT, a pair of status and headers, or a function
    that returns an answer.
    """

    def __init__(self) -> None:
        self.requests: list[Request] = []
        self._scripts: dict[str, list[Any]] = {}
        script = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                script.serve(self)

            do_POST = do_GET  # noqa: N815 - the standard library's spelling

            def log_message(self, *args: Any) -> None:
                pass

        self._http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._http.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._http.server_port}"
        self._thread = threading.Thread(target=self._http.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
        self._thread.start()

    def play(self, call: str, *answers: Any) -> None:
        self._scripts[call] = list(answers)

    def job(self, state: str = "Running", pct: int = 0, **more: Any) -> dict[str, Any]:
        """Return the status of a job, as mcastStatus reports it."""
        return {"jobId": JOB, "state": state, "startTime": 1000, "endTime": 0, "pctDone": pct} | more

    def posts(self) -> list[Request]:
        return [request for request in self.requests if request.method == "POST"]

    def serve(self, handler: BaseHTTPRequestHandler) -> None:
        url = urlsplit(handler.path)
        body = handler.rfile.read(int(handler.headers.get("content-length", 0)))
        call = url.path.rpartition("/")[2]
        self.requests.append(Request(method=handler.command, call=call, query=dict(parse_qsl(url.query)), body=body))
        script = self._scripts.get(call, [404])
        answer = script.pop(0) if len(script) > 1 else script[0]
        answer = answer() if callable(answer) else answer
        if answer is not CUT:
            self._send(handler, answer)

    def _send(self, handler: BaseHTTPRequestHandler, answer: Any) -> None:
        answer, headers = answer if isinstance(answer, tuple) else (answer, {})
        status = answer if isinstance(answer, int) else 200
        content = json.dumps({"message": f"scripted {answer}"} if isinstance(answer, int) else answer).encode()
        content = answer.encode() if isinstance(answer, str) else content
        handler.send_response(status)
        for name, value in headers.items():
            handler.send_header(name, value)
        handler.send_header("Content-Length", str(len(content)))
        handler.end_headers()
        handler.wfile.write(content)

    def stop(self) -> None:
        self._http.shutdown()
        self._http.server_close()
        self._thread.join()


class Clock:
    """Wall clock and monotonic clock, in milliseconds."""

    def __init__(self) -> None:
        self.now_ms = 1_700_000_000_000

    def sleep_ms(self, pause_ms: int) -> None:
        self.now_ms += pause_ms

    def time_ns(self) -> int:
        return self.now_ms * 1_000_000


@pytest.fixture
def clock(monkeypatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(time, "time_ns", clock.time_ns)
    monkeypatch.setattr(time, "monotonic_ns", clock.time_ns)
    return clock


@pytest.fixture
def server():
    started = FuotaServer()
    yield started
    started.stop()


@pytest.fixture
def client(server) -> SenraClient:
    return SenraClient(server.url, KEY, backoff_ms=0)


@pytest.fixture
def journal(tmp_path):
    opened = Journal(tmp_path / "state")
    yield opened
    opened.close()


@pytest.fixture
def new_campaign(journal) -> Callable[..., Any]:
    """Return a function that records a campaign in the journal; every fact has a default."""

    def record(
        *, app_eui: str = APP, server: str = "http://127.0.0.1:1", journal: Journal = journal, **facts: Any
    ) -> Any:
        usual = {
            "image_name": "app.bin",
            "image_sha256": SHA256,
            "image_bytes": 500,
            "dev_euis": ["0000000000000001", "0000000000000002"],
            "request": {"fragPkgVer": "1"},
            "expected": {"nb_frag": 10, "airtime_us": 1, "frames": 15},
        }
        return journal.open_campaign(server=server, app_eui=app_eui, facts=usual | facts)

    return record
