"""A server that runs an ASGI application in the background."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import socket
import ssl
import threading
import time
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import uvicorn
from starlette.types import ASGIApp

from fuota import rules
from fuota.errors import IncompleteError, NetworkError, ParameterError
from fuota.network.connections import HEADER_DEADLINE_S, Connections, protocol_with

MAX_REQUEST_LINE_BYTES = 2_000_000
"""Longest request line of a background server: the EUIs of some 100,000 devices."""
_START_TIMEOUT_S = 10
_STOP_TIMEOUT_S = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerCertificate:
    """Certificate of a server, and its private key.

    cert: PEM file with the certificate, followed by the certificates of its authorities. key: PEM file with the private key,
    without a password; None if `cert` has it too. Raises ParameterError if the files cannot be read or do not belong
    together.
    """

    cert: Path
    key: Path | None = None

    def __post_init__(self) -> None:
        for path in filter(None, (self.cert, self.key)):
            if path.exists() and not path.is_file():
                raise ParameterError(f"a certificate and its key must be regular files, got {path}")
        try:
            ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(self.cert, self.key, password=_no_password)
        except FileNotFoundError as error:
            raise ParameterError(f"the certificate or its key cannot be read: {error.strerror}") from None
        except (OSError, ValueError) as error:  # ssl.SSLError is an OSError
            names = f"{self.cert}" if self.key is None else f"{self.cert} and {self.key}"
            raise ParameterError(
                f"{names} must be a certificate and its private key without a password, in PEM: {error}"
            ) from None


def _no_password() -> str:
    raise ValueError("the key has a password")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Running:
    server: uvicorn.Server
    thread: threading.Thread
    listener: socket.socket
    url: str


class BackgroundServer:
    """Runs an ASGI application in a daemon thread. It is also a context manager.

    app: such as the result of `create_receiver`. host: address to listen on. port: 0 to 65535, 0 for any free port.
    tls: certificate of an HTTPS server; None serves HTTP. max_header_bytes: longest request line with all headers.
    connections: where connections are counted and limited; None makes a new one.
    Raises ParameterError for the port.
    """

    def __init__(
        self,
        app: ASGIApp,
        *,
        host: str = "127.0.0.1",
        port: int = 0,
        tls: ServerCertificate | None = None,
        max_header_bytes: int = MAX_REQUEST_LINE_BYTES + 65_536,
        connections: Connections | None = None,
    ) -> None:
        self._host, self._port = host, rules.integer("port", port, 0, 65535)
        self._tls = tls
        self._config = uvicorn.Config(
            app,
            log_level="warning",
            log_config=None,
            access_log=False,
            http=protocol_with(connections or Connections()),
            ws="none",
            h11_max_incomplete_event_size=max_header_bytes,
            timeout_graceful_shutdown=_STOP_TIMEOUT_S,
            ssl_certfile=None if tls is None else tls.cert,
            ssl_keyfile=None if tls is None else tls.key,
        )
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
        self._running = running = self._launch()
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

    def _launch(self) -> _Running:
        listener = _listener(self._host, self._port)
        scheme = "http" if self._tls is None else "https"
        url = f"{scheme}://{self._host}:{listener.getsockname()[1]}"
        server = uvicorn.Server(self._config)  # outside the main thread it does not change the signal handlers
        thread = threading.Thread(target=_serve, args=(server, listener), name=f"fuota server {url}", daemon=True)
        thread.start()
        return _Running(server=server, thread=thread, listener=listener, url=url)

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, exc: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()


class _Loop(asyncio.SelectorEventLoop):
    """Event loop that limits the time of a TLS handshake, like the time of a header."""

    async def create_server(self, *args: Any, **options: Any) -> asyncio.Server:
        if options.get("ssl") is not None:
            options["ssl_handshake_timeout"] = HEADER_DEADLINE_S
        return await super().create_server(*args, **options)


def _serve(server: uvicorn.Server, listener: socket.socket) -> None:
    # uvicorn raises SystemExit if the application fails to start; start() reports it.
    with contextlib.suppress(SystemExit), asyncio.Runner(loop_factory=_Loop) as runner:
        runner.run(server.serve(sockets=[listener]))


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
