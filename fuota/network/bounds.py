"""Bounds on what a server may answer: a total time for each attempt, and a limit for the decoded length.

The timeouts of a socket hold for one read, so a byte every few seconds would keep a caller for ever; and a few kB of gzip can stand
for gigabytes.
"""

from __future__ import annotations

import contextlib
import socket
import threading
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from requests.adapters import HTTPAdapter
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.util import Retry

if TYPE_CHECKING:
    from collections.abc import Mapping
    from types import TracebackType
    from typing import Self

    import requests
    from urllib3.connectionpool import ConnectionPool
    from urllib3.response import BaseHTTPResponse, HTTPResponse

MAX_ANSWER_BYTES = 16_000_000
"""Limit for the length of an answer, decoded."""
BLOCK_BYTES = 64 * 1024
_DECODED = ("", "identity", "gzip", "x-gzip", "deflate")


class AnswerTooLongError(ValueError):
    """The answer is longer than its limit, or is encoded in a way that was not asked for."""


class Deadline:
    """Total time for one attempt of a call: its connection is shut down when the time is over.

    total_s: time in s from the connection, or from the last call of `renew`, to the end of the answer.
    cause: the error to report once the time is over, None before.
    """

    def __init__(self, total_s: float) -> None:
        self._total_s = total_s
        self._timer: threading.Timer | None = None
        self._connection: socket.socket | None = None
        self.cause: TimeoutError | None = None

    def watch(self, connection: socket.socket) -> None:
        """Start the time for a new connection. TLS takes the socket away, so a duplicate of it is kept."""
        self.stop()
        self.cause = None
        self._connection = connection.dup()
        self.renew()

    def renew(self) -> None:
        """Start the time again, after a part of a long answer has arrived."""
        if self._timer is not None:
            self._timer.cancel()
        self._timer = threading.Timer(self._total_s, self._shut_down)
        self._timer.daemon = True
        self._timer.start()

    def check(self) -> None:
        """Raise TimeoutError if the time is over."""
        if self.cause is not None:
            raise self.cause

    def stop(self) -> None:
        """Stop the time."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer.join()
        if self._connection is not None:
            self._connection.close()
        self._timer = self._connection = None

    def _shut_down(self) -> None:
        self.cause = TimeoutError(f"the answer was not complete after {self._total_s:g} s")
        connection = self._connection
        if connection is not None:
            with contextlib.suppress(OSError):  # it was closed meanwhile
                connection.shutdown(socket.SHUT_RDWR)


class BoundedAdapter(HTTPAdapter):
    """Transport of requests whose connections have a deadline."""

    def __init__(self, deadline: Deadline, *, max_retries: Retry | int) -> None:
        self._pools = _pools_with(deadline)
        super().__init__(max_retries=max_retries)

    def init_poolmanager(self, *args: Any, **options: Any) -> None:
        """Create the pools of direct connections."""
        super().init_poolmanager(*args, **options)
        self.poolmanager.pool_classes_by_scheme = self._pools

    def proxy_manager_for(self, *args: Any, **options: Any) -> Any:
        """Return the pools of connections through a proxy."""
        manager = super().proxy_manager_for(*args, **options)
        manager.pool_classes_by_scheme = self._pools
        return manager


class BoundedRetry(Retry):
    """Repetition that does not read the body of the answer it repeats: it may be endless."""

    def increment(
        self,
        method: str | None = None,
        url: str | None = None,
        response: BaseHTTPResponse | None = None,
        error: Exception | None = None,
        _pool: ConnectionPool | None = None,
        _stacktrace: TracebackType | None = None,
    ) -> Self:
        """Return the next repetition; its connection is a new one. Raises MaxRetryError after the last."""
        repetition = super().increment(method, url, response, error, _pool, _stacktrace)
        if response is not None:
            response.close()
        return repetition


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """Answer of a server. status: of HTTP. headers: by name in any case. body: decoded."""

    status: int
    headers: Mapping[str, str]
    body: bytes = field(repr=False)


def answer_of(response: requests.Response) -> Answer:
    """Return the whole answer. Raises AnswerTooLongError, and what reading from a connection raises."""
    body = bytearray()
    for block in blocks_of(response):
        body += block
        if len(body) > MAX_ANSWER_BYTES:
            raise AnswerTooLongError(f"the answer is longer than {MAX_ANSWER_BYTES} bytes")
    return Answer(status=response.status_code, headers=response.headers, body=bytes(body))


def blocks_of(response: requests.Response) -> Iterator[bytes]:
    """Yield the decoded body in blocks of `BLOCK_BYTES` at most. Raises AnswerTooLongError for an unknown encoding."""
    encoding = response.headers.get("Content-Encoding", "").strip().lower()
    if encoding not in _DECODED:
        raise AnswerTooLongError(f"the answer is encoded as {encoding[:40]!r}, which was not asked for")
    if encoding in ("", "identity"):
        yield from _raw_blocks(response)
        return
    yield from _unzipped(_raw_blocks(response), zlib.MAX_WBITS | 32)  # zlib finds out whether it is gzip or zlib


def _raw_blocks(response: requests.Response) -> Iterator[bytes]:
    while block := response.raw.read(BLOCK_BYTES, decode_content=False):
        yield block


def _unzipped(blocks: Iterator[bytes], wbits: int) -> Iterator[bytes]:
    unpacker = zlib.decompressobj(wbits)
    try:
        for block in blocks:
            packed = block
            while packed or unpacker.unconsumed_tail:
                unpacked = unpacker.decompress(packed or unpacker.unconsumed_tail, BLOCK_BYTES)
                packed = unpacker.unconsumed_tail
                if unpacked:
                    yield unpacked
                if unpacker.eof:
                    return
                if not packed and not unpacked:
                    break
    except zlib.error as error:
        raise AnswerTooLongError(f"the answer is not the gzip that it says: {error}") from None
    if not unpacker.eof:
        raise AnswerTooLongError("the answer ends inside its gzip")


def _pools_with(deadline: Deadline) -> dict[str, type[HTTPConnectionPool]]:
    class Bounded(HTTPConnection):
        def _new_conn(self) -> socket.socket:
            connection = super()._new_conn()
            deadline.watch(connection)
            return connection

        def getresponse(self) -> HTTPResponse:  # type: ignore[override]
            """Return the answer. Raises TimeoutError: a header that was cut off would look complete."""
            response = super().getresponse()
            if deadline.cause is not None:
                response.close()
                raise deadline.cause
            return response

    class BoundedTls(Bounded, HTTPSConnection):
        pass

    class PlainPool(HTTPConnectionPool):
        ConnectionCls = Bounded

    class TlsPool(HTTPSConnectionPool):
        ConnectionCls = BoundedTls

    return {"http": PlainPool, "https": TlsPool}
