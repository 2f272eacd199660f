"""A scripted HTTP server: it sends the answers of a script in order, and keeps the requests."""

from __future__ import annotations

import json
import socket
import threading
from collections import deque
from dataclasses import dataclass, field
from email import message_from_bytes
from email.message import Message
from email.policy import HTTP
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest


@dataclass(frozen=True, kw_only=True)
class Received:
    method: str
    path: str
    query_text: str
    headers: Message
    body: bytes

    @property
    def query(self) -> dict[str, str]:
        pairs = parse_qsl(self.query_text, keep_blank_values=True, strict_parsing=bool(self.query_text))
        assert len({name for name, _ in pairs}) == len(pairs), "a parameter was sent twice"
        return dict(pairs)

    @property
    def parts(self) -> list[Message]:
        head = f"Content-Type: {self.headers['content-type']}\r\n\r\n".encode()
        return list(message_from_bytes(head + self.body, policy=HTTP).iter_parts())


@dataclass(frozen=True, kw_only=True)
class Answer:
    status: int = 200
    body: bytes = b"{}"
    headers: dict[str, str] = field(default_factory=dict)
    does: str = "answer"  # or "hang": no answer; "reset": closes without an answer; "cut": closes within the body


class ScriptedServer:
    def __init__(self) -> None:
        self.received: list[Received] = []
        self.released = threading.Event()
        self._script: deque[Answer] = deque()
        script = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                script.serve(self)

            do_POST = do_GET  # noqa: N815 - the standard library's spelling

            def log_message(self, *args: Any) -> None:
                pass

        self.http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.http.daemon_threads = True
        self.port = self.http.server_port
        self.url = f"http://127.0.0.1:{self.port}"
        self._thread = threading.Thread(target=self.http.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
        self._thread.start()

    def play(self, body: Any = None, *, status: int = 200, does: str = "answer", **headers: str) -> None:
        """Add an answer to the script; after its end the answer is 200 {}."""
        content = body if isinstance(body, bytes) else json.dumps({} if body is None else body).encode()
        self._script.append(Answer(status=status, body=content, headers=headers, does=does))

    def serve(self, handler: BaseHTTPRequestHandler) -> None:
        url = urlsplit(handler.path)
        body = handler.rfile.read(int(handler.headers.get("content-length", 0)))
        self.received.append(
            Received(method=handler.command, path=url.path, query_text=url.query, headers=handler.headers, body=body)
        )
        answer = self._script.popleft() if self._script else Answer()
        if answer.does == "hang":
            self.released.wait(10)
        if answer.does not in ("hang", "reset"):
            self._send(handler, answer)

    def _send(self, handler: BaseHTTPRequestHandler, answer: Answer) -> None:
        handler.send_response(answer.status)
        for name, value in answer.headers.items():
            handler.send_header(name.replace("_", "-"), value)
        handler.send_header("Content-Length", str(len(answer.body)))
        handler.end_headers()
        handler.wfile.write(answer.body[: len(answer.body) // 2] if answer.does == "cut" else answer.body)

    def stop(self) -> None:
        self.released.set()
        self.http.shutdown()
        self.http.server_close()
        self._thread.join()


@pytest.fixture
def server():
    scripted = ScriptedServer()
    yield scripted
    scripted.stop()


@pytest.fixture
def free_port() -> int:
    """Port of 127.0.0.1 on which nothing listens."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.fixture
def no_proxies(monkeypatch) -> None:
    """Environment without variables for proxies and certificates."""
    for name in ("http_proxy", "https_proxy", "all_proxy", "no_proxy", "requests_ca_bundle", "curl_ca_bundle"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)
