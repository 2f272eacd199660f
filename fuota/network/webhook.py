"""A minimal receiver of the data stream."""

from __future__ import annotations

import asyncio
import ipaddress
import re
import secrets
import time
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse, PlainTextResponse, Response
from starlette.requests import ClientDisconnect

from fuota.errors import ParameterError
from fuota.network.connections import Connections
from fuota.network.group_commit import GroupCommit
from fuota.network.stream_body import StreamBody, read_body

TOKEN_HEADER = "x-fuota-token"  # noqa: S105 - the name of the header, not a token
MAX_HEADER_BYTES = 16_384
"""Longest request line with all headers of a request to the receiver."""
_READ_TIMEOUT_S = 30
_MAX_READING_BYTES = 64_000_000
"""Limit of the sum of all bodies that are being read."""


@dataclass(slots=True, kw_only=True)
class ReceiverCounts:
    """Counts of a receiver since its start.

    stored, refused: notifications. answers: number of answers to POST /uplinks by HTTP status.
    stored_at_s: time of the last stored body in s since 1970, None before the first.
    """

    stored: int = 0
    refused: int = 0
    answers: Counter[int] = field(default_factory=Counter)
    stored_at_s: float | None = None


def create_receiver(
    store: Callable[[list[StreamBody]], None],
    *,
    token: str | None = None,
    max_body_bytes: int = 1_000_000,
    max_waiting: int = 50_000,
    counts: ReceiverCounts | None = None,
    connections: Connections | None = None,
) -> FastAPI:
    """Return an application that accepts POST /uplinks with one notification or a batch, and answers GET /metrics.

    store: called with bodies before their requests are acknowledged, in a thread, one call at a time. Bodies that arrive during a
        call are stored together by the next. An exception is logged and answered with 500, so that the server may send again; if
        several bodies were stored together, each is then tried alone. A body is stored as it came, with its usable notifications.
    token: text that the header x-fuota-token must have. None requires no token; then only application/json is accepted, for a host
        name of this machine and without a foreign Origin: otherwise any page in a browser on this machine could post.
    counts: where the receiver counts. connections: connections of the server, for the metrics.
    max_body_bytes: a longer body is read only up to this length. max_waiting: most uplinks that may wait to be stored.

    The answer is 200 when the body is stored, and names how many notifications were refused; 400 if none of them can be used; 403
    for a wrong token and for a request that a web page may have sent; 408 for a body that takes more than 30 s; 413 for a body and
    431 for a header that is too long; 415 for another content type without a token; 500 if the body cannot be stored; 503 if too
    much is waiting.
    Raises ParameterError for a token that no header can carry.
    """
    if token is not None and not re.fullmatch(r"[!-~]+", token):
        raise ParameterError("token must be visible ASCII without spaces, and not empty; None requires no token")
    commit = GroupCommit(store, max_waiting=max_waiting)
    bodies = _Bodies(max_body_bytes=max_body_bytes)
    counts = counts or ReceiverCounts()

    async def receive(request: Request) -> Response:
        try:
            _check_header(request)
            _check_sender(request.headers, token)
            answer = await _keep(commit, await bodies.read(request), counts)
        except _Refused as refused:
            answer = _answer(refused.status, str(refused))
        except ClientDisconnect:
            answer = _answer(400, "the body was cut off")  # nobody receives this answer, but there is no traceback
        counts.answers[answer.status_code] += 1
        return answer

    async def metrics(request: Request) -> Response:
        try:
            _check_token(request.headers, token)
        except _Refused as refused:
            return _answer(refused.status, str(refused))
        return PlainTextResponse(_metrics(counts, commit, connections))

    app = FastAPI(docs_url=None, redoc_url=None, openapi_url=None)
    app.add_route("/uplinks", receive, methods=["POST"])
    app.add_route("/metrics", metrics, methods=["GET"])
    return app


def _is_token(text: str, token: str) -> bool:
    return secrets.compare_digest(text.encode(), token.encode())  # in constant time


def _check_header(request: Request) -> None:
    if sum(len(name) + len(value) for name, value in request.headers.raw) > MAX_HEADER_BYTES:
        raise _Refused(431, f"the header is longer than {MAX_HEADER_BYTES} bytes")


def _check_token(headers: Mapping[str, str], token: str | None) -> None:
    if token is not None and not _is_token(headers.get(TOKEN_HEADER, ""), token):
        raise _Refused(403, f"the header {TOKEN_HEADER} does not have the token")


def _check_sender(headers: Mapping[str, str], token: str | None) -> None:
    """Raise _Refused for a wrong token. Without a token, raise it for a request that a web page may have sent.

    A browser lets any page post other content types than application/json without asking first, and a name of the attacker that
    points to this machine makes the page one of the same origin.
    """
    _check_token(headers, token)
    if token is not None:
        return
    if headers.get("content-type", "").partition(";")[0].strip().lower() != "application/json":
        raise _Refused(415, "the content type must be application/json")
    host, origin = headers.get("host", ""), headers.get("origin")
    if not _is_this_machine(host):
        raise _Refused(403, "without a token, the header Host must name this machine, such as localhost")
    if origin is not None and origin.partition("://")[2].lower() != host.lower():  # any text may come
        raise _Refused(403, "without a token, requests of web pages are refused (header Origin)")


def _is_this_machine(host: str) -> bool:
    """Return whether a Host header is localhost or a loopback address."""
    try:
        name = urlsplit(f"//{host}").hostname or ""
        return name == "localhost" or ipaddress.ip_address(name).is_loopback
    except ValueError:
        return False


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


async def _keep(commit: GroupCommit, raw: bytes, counts: ReceiverCounts) -> Response:
    body = read_body(raw)
    if not commit.has_room(body.size):
        raise _Refused(503, "too many notifications wait to be stored: send this one again later")
    if not await commit.keep(body):
        raise _Refused(500, "the uplinks could not be stored")
    counts.stored += len(body.uplinks)
    counts.refused += len(body.refusals)
    counts.stored_at_s = time.time()
    refused = f", refused {len(body.refusals)}: {body.refusals[0].reason}" if body.refusals else ""
    if not body.uplinks and body.refusals:
        raise _Refused(400, body.refusals[0].reason)
    return _answer(200, f"stored {len(body.uplinks)}{refused}")


def _answer(status: int, message: str) -> Response:
    # Where the body was not read to its end, the rest still arrives: the connection cannot be used again.
    unread = status in {403, 408, 413, 415, 431, 503}
    return JSONResponse({"message": message}, status_code=status, headers={"connection": "close"} if unread else None)


def _metrics(counts: ReceiverCounts, commit: GroupCommit, connections: Connections | None) -> str:
    """Return the counts in the text format of Prometheus, version 0.0.4."""
    samples: list[tuple[str, str, float]] = [
        ("counter", "fuota_uplinks_stored_total", counts.stored),
        ("counter", "fuota_notifications_refused_total", counts.refused),
        ("gauge", "fuota_notifications_waiting", commit.waiting),
        ("gauge", "fuota_storage_failing", commit.fails),
        ("gauge", "fuota_last_stored_timestamp_seconds", counts.stored_at_s or 0),
    ]
    if connections is not None:
        samples += [
            ("gauge", "fuota_connections", connections.open),
            ("counter", "fuota_connections_dropped_total", connections.dropped),
            ("counter", "fuota_connections_late_total", connections.late),
        ]
    lines = [f"# TYPE {name} {kind}\n{name} {value + 0:.16g}\n" for kind, name, value in samples]
    lines.append("# TYPE fuota_requests_total counter\n")
    lines += [
        f'fuota_requests_total{{status="{status}"}} {number}\n' for status, number in sorted(counts.answers.items())
    ]
    return "".join(lines)
