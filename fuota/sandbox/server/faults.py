"""What goes wrong on purpose: a client that has met none of it in the sandbox meets it in the field."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Awaitable, Callable, Iterable, MutableMapping
from dataclasses import dataclass
from typing import Any, Self

from fuota.errors import ParameterError

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
AsgiApp = Callable[[Message, Receive, Send], Awaitable[None]]

LONGEST_LATENCY_MS = 600_000
LONGEST_RESTART_S = 86_400
FAULT_WORDS = (
    "latency=MS, 5xx=SHARE, lost-answer=SHARE, drop-notification=SHARE, repeat-notification=SHARE, stall=PERCENT,"
    " restart=SECOND:SECONDS"
)
"""What `Faults.parse` takes, for help texts."""

_BOUNDS = {
    "latency_ms": (0, LONGEST_LATENCY_MS),
    **dict.fromkeys(("server_error", "lost_answer", "drop_notification", "repeat_notification"), (0, 1)),
    "stall_at_pct": (0, 99),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Restart:
    """The server is away from `at_s` seconds of real time after its start, for `for_s` seconds."""

    at_s: int
    for_s: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Faults:
    """What the sandbox does wrong; by default nothing. The same `seed` and the same requests meet the same faults.

    latency_ms: every answer comes that much later, in real time.
    server_error: share of requests answered 500, 502 or 503 before anything is done.
    lost_answer: share of requests whose work is done and whose connection is then closed without an answer.
    drop_notification, repeat_notification: share of uplinks that the data stream never posts, or posts twice.
    stall_at_pct: a transfer stops for good at that percentage and goes on being called running.
    restart: while it lasts, connections are closed without an answer and nothing is done.

    Raises ParameterError for a value that cannot be.
    """

    latency_ms: int = 0
    server_error: float = 0
    lost_answer: float = 0
    drop_notification: float = 0
    repeat_notification: float = 0
    stall_at_pct: int | None = None
    restart: Restart | None = None
    seed: int = 1

    def __post_init__(self) -> None:
        for name, (low, high) in _BOUNDS.items():
            value = getattr(self, name)
            if value is not None and not low <= value <= high:
                nearest = high if value > high else low
                raise ParameterError(
                    f"{name} {value} was given: it lies from {low} to {high}; the nearest is {nearest}"
                )

    @classmethod
    def parse(cls, texts: Iterable[str], *, seed: int = 1) -> Self:
        """Faults as the command line gives them, such as "5xx=0.1" (see `FAULT_WORDS`).

        Raises ParameterError for a fault that is unknown or given twice, and for its value.
        """
        given: dict[str, Any] = {}
        for text in texts:
            word, _, value = text.strip().partition("=")
            if word not in _READERS:
                raise ParameterError(f"fault {text!r} was given: it is one of {FAULT_WORDS}")
            name, read = _READERS[word]
            if name in given:
                raise ParameterError(f"fault {word!r} was given twice: each may be given once")
            try:
                given[name] = read(value)
            except ParameterError as rule:
                raise ParameterError(f"fault {text!r} was given: {rule}") from None
        return cls(**given, seed=seed)

    def middleware(self, app: AsgiApp, *, now_s: Callable[[], float] = time.monotonic) -> AsgiApp:
        """`app` with the faults that HTTP shows. The clock of `restart` begins now."""
        if not (self.latency_ms or self.server_error or self.lost_answer or self.restart):
            return app
        draws = random.Random(f"http {self.seed}")  # noqa: S311 - chance, not secrecy
        began_s = now_s()

        async def faulty(scope: Message, receive: Receive, send: Send) -> None:
            if scope["type"] != "http":
                await app(scope, receive, send)
                return
            await asyncio.sleep(self.latency_ms / 1000)
            if self._is_away(now_s() - began_s):
                await _hang_up(receive, send)
            elif draws.random() < self.server_error:
                await _fail(draws.choice(tuple(_FAILURES)), receive, send)
            elif draws.random() < self.lost_answer:
                await app(scope, receive, _swallow)
                await _hang_up(receive, send)
            else:
                await app(scope, receive, send)

        return faulty

    def _is_away(self, second: float) -> bool:
        return self.restart is not None and 0 <= second - self.restart.at_s < self.restart.for_s


async def _swallow(_message: Message) -> None:
    """The answer that nobody gets."""


async def _hang_up(receive: Receive, send: Send) -> None:
    """Close the connection without an answer."""
    # ASGI has no word for it. The `send` of uvicorn is a method of the request's cycle, which holds the transport.
    send.__self__.transport.abort()  # type: ignore[attr-defined]
    while (await receive())["type"] != "http.disconnect":
        pass  # returning before the server has noticed, it would send an answer of its own


_FAILURES = {
    500: (b"application/json", b'{"responseMsg":"Server is busy","statusCode":500}'),
    502: (b"text/html", b"<html><body><h1>502 Bad Gateway</h1></body></html>"),
    503: (b"application/json", b'{"responseMsg":"Service unavailable","statusCode":503}'),
}


async def _fail(status: int, receive: Receive, send: Send) -> None:
    while (await receive()).get("more_body"):
        pass  # answered in the middle of its body, a client might see a broken pipe and not the status
    media_type, body = _FAILURES[status]
    headers = [(b"content-type", media_type), (b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})


# Readers take the fault's text and raise ParameterError with the rule.


def _share(text: str) -> float:
    try:
        if 0 <= (share := float(text)) <= 1:
            return share
    except ValueError:
        pass
    raise ParameterError(f"{text!r} must be a share from 0 to 1, such as 0.1")


def _whole(text: str, low: int, high: int) -> int:
    if text.isascii() and text.isdecimal() and len(text) < 10 and low <= int(text) <= high:
        return int(text)
    raise ParameterError(f"{text!r} must be a whole number from {low} to {high}")


def _latency_ms(text: str) -> int:
    return _whole(text, 0, LONGEST_LATENCY_MS)


def _percentage(text: str) -> int:
    return _whole(text, 0, 99)


def _restart(text: str) -> Restart:
    at, _, lasting = text.partition(":")
    if not lasting:
        raise ParameterError(f"{text!r} must be a second and for how many seconds, such as 120:5")
    return Restart(at_s=_whole(at, 0, LONGEST_RESTART_S), for_s=_whole(lasting, 1, LONGEST_RESTART_S))


_READERS: dict[str, tuple[str, Callable[[str], Any]]] = {
    "latency": ("latency_ms", _latency_ms),
    "5xx": ("server_error", _share),
    "lost-answer": ("lost_answer", _share),
    "drop-notification": ("drop_notification", _share),
    "repeat-notification": ("repeat_notification", _share),
    "stall": ("stall_at_pct", _percentage),
    "restart": ("restart", _restart),
}
