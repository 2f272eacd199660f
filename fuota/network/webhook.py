"""A minimal receiver of the data stream, and a server to run it (or any ASGI application) in the background."""

from __future__ import annotations

import contextlib
import errno
import logging
import re
import secrets
import socket
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Self

import uvicorn
from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse
from starlette.requests import ClientDisconnect

from fuota.errors import IncompleteError, MessageError, NetworkError, ParameterError
from fuota.network.uplinks import Uplink, parse_uplinks

TOKEN_HEADER = "x-fuota-token"  # noqa: S105 - the name of the header, not a token
MAX_REQUEST_LINE_BYTES = 2_000_000
"""Longest URL that a background server takes: the EUIs of some 100,000 devices."""
_START_TIMEOUT_S = 10
_STOP_TIMEOUT_S = 5

_log = logging.getLogger(__name__)


def create_receiver(
    on_uplinks: Callable[[list[Uplink], bytes], None],
    *,
    token: str | None = None,
    max_body_bytes: int = 1_000_000,
) -> FastAPI:
    """An application that takes POST /uplinks: one notification or a batch.

    on_uplinks: called with the uplinks and the body as posted, before the request is acknowledged, and never twice at the
        same time; other requests wait for it. Whatever it raises is logged and answered 500, so the server may send again.
    token: where given, required in the header x-fuota-token.
    max_body_bytes: a longer body is not read further than that.

    Answers 200 once stored; 400 for a body that is no notification, 401 for the token, 413 for too long a body, 500.
    Raises ParameterError for a token that no header can carry.
    """
    if token is not None and not re.fullmatch(r"[!-~]+", token):
        raise ParameterError(
            "token is empty, or holds a space or a character outside visible ASCII; None asks for none"
        )
    app = FastAPI(docs_url=None, redoc_url=None, openapi_url=None)

    async def receive(request: Request) -> JSONResponse:
        if token is not None and not _same(request.headers.get(TOKEN_HEADER, ""), token):
            return _answer(401, f"the header {TOKEN_HEADER} does not carry the token")
        try:
            body = await _read(request, max_body_bytes)
            if body is None:
                return _answer(413, f"the body is longer than {max_body_bytes} bytes")
            return _store(on_uplinks, body)
        except ClientDisconnect:
            return _answer(400, "the body was cut off")  # into the void, but no traceback either

    app.add_api_route("/uplinks", receive, methods=["POST"], response_model=None)
    return app


def _same(given: str, token: str) -> bool:
    return secrets.compare_digest(given.encode(), token.encode())  # in constant time


async def _read(request: Request, max_body_bytes: int) -> bytes | None:
    """The body, or None once it is known to be too long."""
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > max_body_bytes:
            return None
    return bytes(body)


def _store(on_uplinks: Callable[[list[Uplink], bytes], None], body: bytes) -> JSONResponse:
    try:
        uplinks = parse_uplinks(body)
    except MessageError as exc:
        return _answer(400, str(exc))
    try:
        on_uplinks(uplinks, body)
    except Exception:  # whatever it is, the receiver must go on and the sender must not take it for stored
        _log.exception("uplinks could not be stored")
        return _answer(500, "the uplinks could not be stored")
    return _answer(200, f"stored {len(uplinks)}")


def _answer(status: int, message: str) -> JSONResponse:
    # After 413 the rest of the body is still on the wire: the connection cannot be used again.
    return JSONResponse(
        {"message": message}, status_code=status, headers={"connection": "close"} if status == 413 else None
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Running:
    server: uvicorn.Server
    thread: threading.Thread
    listener: socket.socket
    url: str


class BackgroundServer:
    """Runs an ASGI application in a daemon thread; also as a context manager.

    app: such as the result of `create_receiver`. port: 0 takes any free one. Raises ParameterError for the port.
    """

    def __init__(self, app: Any, *, host: str = "127.0.0.1", port: int = 0) -> None:
        if not 0 <= port <= 65535:
            raise ParameterError(f"port is {port}: it must lie from 0 (any free one) to 65535")
        self._app, self._host, self._port = app, host, port
        self._running: _Running | None = None

    @property
    def url(self) -> str:
        """Such as http://127.0.0.1:8380. Raises IncompleteError while the server does not run."""
        if self._running is None:
            raise IncompleteError("the server has no URL before start() and after stop()")
        return self._running.url

    def start(self) -> Self:
        """Return once requests are accepted. Raises NetworkError where the port is taken or the application fails."""
        if self._running is not None:
            raise ParameterError(f"the server runs already, at {self.url}")
        self._running = running = _launch(self._app, self._host, self._port)
        deadline = time.monotonic() + _START_TIMEOUT_S
        while not running.server.started:  # uvicorn sets a flag and offers no event
            if not running.thread.is_alive() or time.monotonic() > deadline:
                self.stop()
                raise NetworkError(f"the server at {running.url} did not start: its application failed while starting")
            time.sleep(0.005)
        return self

    def stop(self) -> None:
        """Finish the requests under way and free the port. Stopping twice is no error."""
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


def _launch(app: Any, host: str, port: int) -> _Running:
    listener = _listener(host, port)
    url = f"http://{host}:{listener.getsockname()[1]}"
    config = uvicorn.Config(
        app,
        log_level="warning",
        log_config=None,
        access_log=False,
        http="h11",
        h11_max_incomplete_event_size=MAX_REQUEST_LINE_BYTES + 65_536,
        timeout_graceful_shutdown=_STOP_TIMEOUT_S,
    )
    server = uvicorn.Server(config)  # outside the main thread it leaves the signal handlers alone
    thread = threading.Thread(target=_serve, args=(server, listener), name=f"fuota server {url}", daemon=True)
    thread.start()
    return _Running(server=server, thread=thread, listener=listener, url=url)


def _serve(server: uvicorn.Server, listener: socket.socket) -> None:
    with contextlib.suppress(SystemExit):  # uvicorn's word for an application that failed to start; start() tells it
        server.run([listener])


def _listener(host: str, port: int) -> socket.socket:
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # a port just freed is free
        listener.bind((host, port))
    except OSError as exc:
        listener.close()
        raise NetworkError(_bind_message(host, port, exc)) from None
    return listener


def _bind_message(host: str, port: int, exc: OSError) -> str:
    if exc.errno == errno.EADDRINUSE:
        return f"port {port} on {host} is in use: stop what uses it, name another port, or 0 for any free one"
    return (
        f"port {port} on {host} cannot be opened ({exc.strerror}): name another address or port, or 0 for any free one"
    )
