"""A minimal receiver of the data stream, and a server that runs it, or any other ASGI application, in the background."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import re
import secrets
import socket
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from types import TracebackType
from typing import Self

import uvicorn
from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse, Response
from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp
from uvicorn.protocols.http.h11_impl import H11Protocol

from fuota import rules
from fuota.errors import IncompleteError, NetworkError, ParameterError
from fuota.network.group_commit import GroupCommit
from fuota.network.stream_body import StreamBody, read_body

TOKEN_HEADER = "x-fuota-token"  # noqa: S105 - the name of the header, not a token
MAX_REQUEST_LINE_BYTES = 2_000_000
"""Longest request line of a background server: the EUIs of some 100,000 devices."""
_START_TIMEOUT_S = 10
_STOP_TIMEOUT_S = 5
_MAX_CONNECTIONS = 512
_READ_TIMEOUT_S = 30
_MAX_READING_BYTES = 64_000_000
"""Limit of the sum of all bodies that are being read."""


def create_receiver(
    store: Callable[[list[StreamBody]], None],
    *,
    token: str | None = None,
    max_body_bytes: int = 1_000_000,
    max_waiting: int = 50_000,
) -> FastAPI:
    """Return an application that accepts POST /uplinks with one notification or a batch.

    store: called with bodies before their requests are acknowledged, in a thread, one call at a time. Bodies that arrive during a
        call are stored together by the next. An exception is logged and answered with 500, so that the server may send again; if
        several bodies were stored together, each is then tried alone. A body is stored as it came, with its usable notifications.
    token: text that the header x-fuota-token must have; None requires no token.
    max_body_bytes: a longer body is read only up to this length. max_waiting: most uplinks that may wait to be stored.

    The answer is 200 when the body is stored, and names how many notifications were refused; 400 if none of them can be used; 403
    for a wrong token; 408 for a body that takes more than 30 s; 413 for a body that is too long; 500 if the body cannot be stored;
    503 if too much is waiting.
    Raises ParameterError for a token that no header can carry.
    """
    if token is not None and not re.fullmatch(r"[!-~]+", token):
        raise ParameterError("token must be visible ASCII without spaces, and not empty; None requires no token")
    commit = GroupCommit(store, max_waiting=max_waiting)
    bodies = _Bodies(max_body_bytes=max_body_bytes)

    async def receive(request: Request) -> Response:
        if token is not None and not _is_token(request.headers.get(TOKEN_HEADER, ""), token):
            return _answer(403, f"the header {TOKEN_HEADER} does not have the token")
        try:
            body = await bodies.read(request)
        except _Refused as refused:
            return _answer(refused.status, str(refused))
        except ClientDisconnect:
            return _answer(400, "the body was cut off")  # nobody receives this answer, but there is no traceback
        return await _keep(commit, body)

    app = FastAPI(docs_url=None, redoc_url=None, openapi_url=None)
    app.add_route("/uplinks", receive, methods=["POST"])
    return app


def _is_token(text: str, token: str) -> bool:
    return secrets.compare_digest(text.encode(), token.encode())  # in constant time


class _Refused(Exception):  # noqa: N818 - an answer, not an error
    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


class _Bodies:
    """Reads bodies, and limits the length of each body and of all bodies together."""

    def __init__(self, *, max_body_bytes: int) -> None:
        self._max_body_bytes = max_body_bytes
        self._left = max(_MAX_READING_BYTES, max_body_bytes)

    async def read(self, request: Request) -> bytes:
        """Return the body. Raises _Refused."""
        body = bytearray()
        try:
            async with asyncio.timeout(_READ_TIMEOUT_S):
                async for chunk in request.stream():
                    self._left -= len(chunk)
                    body += chunk
                    self._check(len(body))
        except TimeoutError:
            raise _Refused(408, f"the body did not arrive within {_READ_TIMEOUT_S} s") from None
        finally:
            self._left += len(body)
        return bytes(body)

    def _check(self, length: int) -> None:
        if length > self._max_body_bytes:
            raise _Refused(413, f"the body is longer than {self._max_body_bytes} bytes")
        if self._left < 0:
            raise _Refused(503, "too many notifications at once: send this one again later")


async def _keep(commit: GroupCommit, raw: bytes) -> Response:
    body = read_body(raw)
    if not commit.has_room(body.size):
        return _answer(503, "too many notifications wait to be stored: send this one again later")
    if not await commit.keep(body):
        return _answer(500, "the uplinks could not be stored")
    refused = f", refused {len(body.refusals)}: {body.refusals[0].reason}" if body.refusals else ""
    if not body.uplinks and body.refusals:
        return _answer(400, body.refusals[0].reason)
    return _answer(200, f"stored {len(body.uplinks)}{refused}")


def _answer(status: int, message: str) -> Response:
    # After these answers the rest of the body still arrives: the connection cannot be used again.
    return JSONResponse(
        {"message": message}, status_code=status, headers={"connection": "close"} if status in {408, 413, 503} else None
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Running:
    server: uvicorn.Server
    thread: threading.Thread
    listener: socket.socket
    url: str


class BackgroundServer:
    """Runs an ASGI application in a daemon thread. It is also a context manager.

    app: such as the result of `create_receiver`. host: address to listen on. port: 0 to 65535, 0 for any free port.
    Raises ParameterError for the port.
    """

    def __init__(self, app: ASGIApp, *, host: str = "127.0.0.1", port: int = 0) -> None:
        self._app, self._host, self._port = app, host, rules.integer("port", port, 0, 65535)
        self._running: _Running | None = None

    @property
    def url(self) -> str:
        """URL of the server, such as http://127.0.0.1:8380. Raises IncompleteError while the server does not run."""
        if self._running is None:
            raise IncompleteError("the server has no URL before start() and after stop()")
        return self._running.url

    def start(self) -> Self:
        """Start the server, and return when it accepts requests.

        Raises NetworkError if the port is in use or the application fails, ParameterError if the server runs already.
        """
        if self._running is not None:
            raise ParameterError(f"the server already runs at {self.url}")
        self._running = running = _launch(self._app, self._host, self._port)
        deadline = time.monotonic() + _START_TIMEOUT_S
        while not running.server.started:  # uvicorn sets a flag and offers no event
            if not running.thread.is_alive() or time.monotonic() > deadline:
                self.stop()
                raise NetworkError(f"the server at {running.url} did not start: its application failed while starting")
            time.sleep(0.005)
        return self

    def stop(self) -> None:
        """Finish the requests in progress and free the port. Stopping a server that does not run is not an error."""
        if self._running is None:
            return
        self._running.server.should_exit = True
        self._running.thread.join(2 * _STOP_TIMEOUT_S)
        self._running.listener.close()
        self._running = None

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, exc: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()


def _launch(app: ASGIApp, host: str, port: int) -> _Running:
    listener = _listener(host, port)
    url = f"http://{host}:{listener.getsockname()[1]}"
    config = uvicorn.Config(
        app,
        log_level="warning",
        log_config=None,
        access_log=False,
        http=_LimitedH11,
        h11_max_incomplete_event_size=MAX_REQUEST_LINE_BYTES + 65_536,
        timeout_graceful_shutdown=_STOP_TIMEOUT_S,
    )
    server = uvicorn.Server(config)  # outside the main thread it does not change the signal handlers
    thread = threading.Thread(target=_serve, args=(server, listener), name=f"fuota server {url}", daemon=True)
    thread.start()
    return _Running(server=server, thread=thread, listener=listener, url=url)


class _LimitedH11(H11Protocol):
    """HTTP connections with a limit on their number, so that they do not use up all open files of the process.

    They are counted when they are made: the event loop accepts many connections before it makes the first.
    """

    _refused = False

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        if len(self.connections) < _most_connections():
            super().connection_made(transport)
        else:
            self._refused = True
            transport.abort()

    def connection_lost(self, exc: Exception | None) -> None:
        if not self._refused:
            super().connection_lost(exc)


@cache
def _most_connections() -> int:
    """Return half of the number of files that this process may open, and 512 at most."""
    try:
        import resource
    except ImportError:  # Windows
        return _MAX_CONNECTIONS
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return _MAX_CONNECTIONS if soft == resource.RLIM_INFINITY else min(_MAX_CONNECTIONS, soft // 2)


def _serve(server: uvicorn.Server, listener: socket.socket) -> None:
    with contextlib.suppress(SystemExit):  # uvicorn raises it if the application fails to start; start() reports it
        server.run([listener])


def _listener(host: str, port: int) -> socket.socket:
    # With the protocol number; otherwise asyncio does not recognise TCP, and answers wait 40 ms for the acknowledgement of their
    # first half.
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # a port that was just freed can be used
        listener.bind((host, port))
    except OSError as exc:
        listener.close()
        raise NetworkError(_bind_message(host, port, exc)) from None
    return listener


def _bind_message(host: str, port: int, exc: OSError) -> str:
    if exc.errno == errno.EADDRINUSE:
        return f"port {port} on {host} is in use: stop the program that uses it, or give another port, or 0 for any free port"
    return (
        f"port {port} on {host} cannot be opened ({exc.strerror}): give another address or port, or 0 for any free port"
    )
