"""Device management tasks: the answer that starts one, and its status (reference, "Task Status API")."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Self
from urllib.parse import parse_qs, urlsplit

from fuota import rules
from fuota.errors import IncompleteError, MalformedAnswerError
from fuota.network.redaction import redact, redact_tree
from fuota.network.senra.transfer_answers import number_of, text_of

_OPEN = ("INITIAL", "QUEUED", "RUNNING")


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskRef:
    """A task that the server has taken on.

    request_id: what `task_status` asks by. status_url: as answered, never followed; "" where the server gave none.
    raw: the whole answer, secrets redacted.
    """

    request_id: str
    status_url: str
    raw: Mapping[str, Any] = field(repr=False, hash=False)

    @classmethod
    def from_answer(cls, answer: Mapping[str, Any], *, host: str, otherwise: str = "") -> Self:
        """Of an answer of `host`. otherwise: the request id of an answer without statusUrl.

        Raises MalformedAnswerError where there is no request id, or the URL is of another host.
        """
        raw = redact_tree(dict(answer))
        url = text_of(answer.get("statusUrl"))  # not of raw: an id of 32 hex digits would be taken for a key
        if not url and otherwise:
            return cls(request_id=otherwise, status_url="", raw=raw)
        try:
            parts = urlsplit(url)
            named, found = parts.hostname or host, parse_qs(parts.query).get("reqId", [""])[0]
        except ValueError:
            named, found = host, ""
        started = "The task was probably started"
        if not found or not found.isprintable() or " " in found:
            members = ", ".join(sorted(raw)) or "no members"
            raise MalformedAnswerError(
                f"the answer has no statusUrl with a reqId; it has {members}. {started}", status=200
            )
        if named != host.lower():
            raise MalformedAnswerError(
                f"the statusUrl is of the host {named}, the request went to {host}: it is not followed. {started}; if both "
                f"are the same service, ask task_status({found!r})",
                status=200,
            )
        return cls(request_id=found, status_url=redact(url), raw=raw)

    @property
    def message(self) -> str:
        """What the server said, "" where it said nothing."""
        return text_of(self.raw.get("message"))


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskStatus:
    """How a task stands.

    state: the server's word in capitals; INITIAL, QUEUED, RUNNING, DONE_SUC and DONE_FAIL are documented, others may come.
    pct_done: None where not given. summary, messages: the server's own, keys redacted; empty before the end.
    stats: counts by name. errors: how many went wrong, None where the server does not say.
    raw: the whole answer, secrets redacted.
    """

    state: str
    pct_done: int | None
    summary: str
    messages: tuple[str, ...]
    stats: Mapping[str, int] = field(hash=False)
    errors: int | None
    raw: Mapping[str, Any] = field(repr=False, hash=False)

    @classmethod
    def from_answer(cls, answer: Mapping[str, Any]) -> Self:
        """Raises MalformedAnswerError where no state is named."""
        raw = redact_tree(dict(answer))
        state = text_of(raw.get("state")).strip().upper()
        if not state:
            raise MalformedAnswerError(
                f"the answer names no state; it has {', '.join(sorted(raw)) or 'no members'}", status=200
            )
        result = raw.get("result")
        if not isinstance(result, dict):
            result = {"status": result}
        given, messages, summary = result.get("stats"), result.get("msgs"), text_of(result.get("status"))
        numbers = {name: number_of(value) for name, value in given.items()} if isinstance(given, dict) else {}
        stats = {name: number for name, number in numbers.items() if number is not None}
        return cls(
            state=state,
            pct_done=number_of(raw.get("pctDone")),
            summary=summary,
            messages=tuple(map(text_of, messages)) if isinstance(messages, list) else (),
            stats=stats,
            errors=stats["errors"] if "errors" in stats else _errors_of(summary),
            raw=raw,
        )

    @property
    def finished(self) -> bool:
        """Whether the task has ended: a state DONE_..., or one that is not documented at 100 %."""
        return self.state.startswith("DONE") or (self.state not in _OPEN and (self.pct_done or 0) >= 100)

    @property
    def succeeded(self) -> bool:
        """Whether it ended as DONE_SUC and no device went wrong: the reference shows DONE_SUC with an error as well."""
        return self.state == "DONE_SUC" and not self.errors


def _errors_of(summary: str) -> int | None:
    found = re.search(r"\bErrors: *(\d+)", summary)
    return int(found[1]) if found else None


def request_id_of(task: TaskRef | str) -> str:
    """The request id, of a reference or as given."""
    return task.request_id if isinstance(task, TaskRef) else task


@dataclass(frozen=True, slots=True, kw_only=True)
class Waiting:
    """How the end of a task is awaited: it is asked for every `poll_ms`, the first times sooner, for `timeout_s` at most.

    on_status: called with each status. on_result: called with the last one before it is returned, to store it: the server forgets
    it after 15 minutes. Raises ParameterError.
    """

    poll_ms: int = 1000
    timeout_s: int = 600
    on_status: Callable[[TaskStatus], object] | None = None
    on_result: Callable[[TaskStatus], object] | None = None
    sleep: Callable[[float], object] = time.sleep

    def __post_init__(self) -> None:
        rules.integer("poll_ms", self.poll_ms, 1)
        rules.integer("timeout_s", self.timeout_s, 0)

    def end_of(self, request_id: str, ask: Callable[[], TaskStatus]) -> TaskStatus:
        """The last status. Raises IncompleteError where the task has not ended in time; it goes on."""
        began_s, slept_s, pause_s = time.monotonic(), 0.0, self.poll_ms / 8000
        while not (status := self._told(ask())).finished:
            left_s = self.timeout_s - max(slept_s, time.monotonic() - began_s)
            if left_s <= 0:
                raise IncompleteError(_not_ended(request_id, status, self.timeout_s))
            self.sleep(min(pause_s, left_s))
            slept_s += min(pause_s, left_s)
            pause_s = min(2 * pause_s, self.poll_ms / 1000)
        if self.on_result is not None:
            self.on_result(status)
        return status

    def _told(self, status: TaskStatus) -> TaskStatus:
        if self.on_status is not None:
            self.on_status(status)
        return status


def _not_ended(request_id: str, status: TaskStatus, limit_s: int) -> str:
    progress = "" if status.pct_done is None else f", {status.pct_done} % done"
    return (
        f"the task {request_id} has not ended after {limit_s} s ({status.state}{progress}): it goes "
        "on at the server; ask again before starting another for the same application"
    )
