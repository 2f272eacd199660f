"""Faults on request, so that a client meets them in the sandbox before it meets them in the field."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Awaitable, Callable, Iterable, MutableMapping
from dataclasses import dataclass
from typing import Any, Self

from fuota import rules
from fuota.calls import checked_init
from fuota.errors import ParameterError

Message = MutableMapping[str, Any]
"""A message of ASGI."""
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
AsgiApp = Callable[[Message, Receive, Send], Awaitable[None]]

MAX_LATENCY_MS = 600_000
MAX_RESTART_S = 86_400
MAX_STALL_PCT = 99
FAULT_WORDS = (
    "latency=MS, 5xx=SHARE, lost-answer=SHARE, drop-notification=SHARE, repeat-notification=SHARE, stall=PERCENT,"
    " restart=SECOND:SECONDS"
)
"""Texts that `Faults.parse` accepts, for help texts."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Restart:
    """A restart of the server: it is away for `for_s` seconds, from `at_s` seconds of real time after its start."""

    at_s: int
    for_s: int


@checked_init
@dataclass(frozen=True, slots=True, kw_only=True)
class Faults:
    """Faults that the sandbox produces on request; by default none. The same seed and the same requests meet the same faults.

    latency_ms: delay of every answer, in real time. server_error: share of requests answered 500, 502 or 503 before anything is
    done. lost_answer: share of requests that are carried out and whose connection is then closed without an answer.
    drop_notification, repeat_notification: share of uplinks that the data stream never posts, or posts twice. stall_at_pct:
    percentage at which a transfer stops for good while its state stays "Running"; None for never. restart: while it lasts,
    connections are closed without an answer and nothing is done. seed: random seed.

    Raises ParameterError.
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
        rules.integer("latency_ms", self.latency_ms, 0, MAX_LATENCY_MS)
        for name in ("server_error", "lost_answer", "drop_notification", "repeat_notification"):
            rules.probability(name, getattr(self, name))
        rules.optional_integer("stall_at_pct", self.stall_at_pct, 0, MAX_STALL_PCT)

    @classmethod
    def parse(cls, texts: Iterable[str], *, seed: int = 1) -> Self:
        """Return the faults for texts of the command line, such as "5xx=0.1" (see `FAULT_WORDS`).

        Raises ParameterError for an unknown fault, a fault given twice, or a wrong value.
        """
        values: dict[str, Any] = {}
        for text in texts:
            word, _, value = text.strip().partition("=")
            if word not in _READERS:
                rules.refuse("fault", f"one of {FAULT_WORDS}", text)
            name, read = _READERS[word]
            if name in values:
                raise ParameterError(f"fault {word!r} is given twice: give each fault once")
            try:
                values[name] = read(word, value)
            except ParameterError as error:
                raise ParameterError(f"fault {text!r}: {error}") from None
        return cls(**values, seed=seed)

    def middleware(self, app: AsgiApp, *, now_s: Callable[[], float] = time.monotonic) -> AsgiApp:
        """Return `app` with the faults that are visible in HTTP. The time of `restart` counts from now. now_s: real time."""
        if not (self.latency_ms or self.server_error or self.lost_answer or self.restart):
            return app
        draws = random.Random(f"http {self.seed}")  # noqa: S311 - not used for secrets
        begun_s = now_s()

        async def app_with_faults(scope: Message, receive: Receive, send: Send) -> None:
            if scope["type"] != "http":
                await app(scope, receive, send)
                return
            await asyncio.sleep(self.latency_ms / 1000)
            if self._is_away(now_s() - begun_s):
                await _hang_up(receive, send)
            elif draws.random() < self.server_error:
                await _fail(draws.choice(tuple(_FAILURES)), receive, send)
            elif draws.random() < self.lost_answer:
                await app(scope, receive, _drop_message)
                await _hang_up(receive, send)
            else:
                await app(scope, receive, send)

        return app_with_faults

    def _is_away(self, second: float) -> bool:
        return self.restart is not None and 0 <= second - self.restart.at_s < self.restart.for_s


async def _drop_message(_message: Message) -> None:
    """Drop an answer."""


async def _hang_up(receive: Receive, send: Send) -> None:
    """Close the connection without an answer."""
    # ASGI has no message for it. The `send` of uvicorn is a method of the request's cycle, which holds the transport.
    send.__self__.transport.abort()  # type: ignore[attr-defined]
    while (await receive())["type"] != "http.disconnect":
        pass  # if we returned before the server notices, it would send its own answer


_FAILURES = {
    500: (b"application/json", b'{"responseMsg":"Server is busy","statusCode":500}'),
    502: (b"text/html", b"<html><body><h1>502 Bad Gateway</h1></body></html>"),
    503: (b"application/json", b'{"responseMsg":"Service unavailable","statusCode":503}'),
}


async def _fail(status: int, receive: Receive, send: Send) -> None:
    while (await receive()).get("more_body"):
        pass  # if we answered before the end of its body, a client might see a broken pipe instead of the status
    media_type, body = _FAILURES[status]
    headers = [(b"content-type", media_type), (b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})


# Readers take the fault's name and the text of its value. They raise ParameterError.


def _share(word: str, text: str) -> float:
    try:
        share = float(text)
    except ValueError:
        rules.refuse(word, "a share from 0 to 1, such as 0.1", text)
    return rules.probability(word, share)


def _whole_number(name: str, text: str, low: int, high: int) -> int:
    if not (text.isascii() and text.isdecimal() and len(text) < 10):
        rules.refuse(name, f"a whole number, {low} to {high}", text)
    return rules.integer(name, int(text), low, high)


def _latency_ms(word: str, text: str) -> int:
    return _whole_number(word, text, 0, MAX_LATENCY_MS)


def _percentage(word: str, text: str) -> int:
    return _whole_number(word, text, 0, MAX_STALL_PCT)


def _restart(word: str, text: str) -> Restart:
    second, _, duration = text.partition(":")
    if not duration:
        rules.refuse(word, "a second and a number of seconds, such as 120:5", text)
    return Restart(
        at_s=_whole_number(f"second of {word}", second, 0, MAX_RESTART_S),
        for_s=_whole_number(f"duration of {word}", duration, 1, MAX_RESTART_S),
    )


_READERS: dict[str, tuple[str, Callable[[str, str], object]]] = {
    "latency": ("latency_ms", _latency_ms),
    "5xx": ("server_error", _share),
    "lost-answer": ("lost_answer", _share),
    "drop-notification": ("drop_notification", _share),
    "repeat-notification": ("repeat_notification", _share),
    "stall": ("stall_at_pct", _percentage),
    "restart": ("restart", _restart),
}
"""Name of the field and reader of each fault."""
