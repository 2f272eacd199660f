"""Device-management tasks: the answer that starts a task, its status, and waiting for its end (reference, "Task Status API")."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Self
from urllib.parse import parse_qs, urlsplit

from fuota import rules
from fuota.errors import IncompleteError, MalformedAnswerError
from fuota.network.redaction import redact, redact_object
from fuota.network.senra.json_values import floor_of, member_names, text_of

_RUNNING_STATES = ("INITIAL", "QUEUED", "RUNNING")


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskRef:
    """Reference to a task that the server has accepted.

    request_id: name of the task for `task_status`. status_url: from the answer, "" if the server gave none; never requested.
    raw: the whole answer, secrets redacted.
    """

    request_id: str
    status_url: str
    raw: Mapping[str, object] = field(repr=False, hash=False)

    @classmethod
    def from_answer(cls, answer: Mapping[str, object], *, host: str, default_request_id: str = "") -> Self:
        """Read an answer.

        host: the host that gave the answer. default_request_id: request ID of an answer without statusUrl.
        Raises MalformedAnswerError if there is no request ID, or if the URL is of another host.
        """
        raw = redact_object(answer)
        url = text_of(answer.get("statusUrl"))  # not of raw: an ID of 32 hex digits would be taken for a key
        if not url and default_request_id:
            return cls(request_id=default_request_id, status_url="", raw=raw)
        url_host, request_id = _host_and_request_id(url)
        started = "The task was probably started"
        if not request_id.isprintable() or " " in request_id or not request_id:
            raise MalformedAnswerError(
                f"the answer has no statusUrl with a reqId; it has {member_names(raw)}. {started}", status=200
            )
        if url_host not in ("", host.lower()):
            raise MalformedAnswerError(
                f"the statusUrl is of the host {url_host}, the request went to {host}: it is not followed. {started}; if both "
                f"are the same service, ask task_status({request_id!r})",
                status=200,
            )
        return cls(request_id=request_id, status_url=redact(url), raw=raw)

    @property
    def message(self) -> str:
        """The server's words, "" if it gave none."""
        return text_of(self.raw.get("message"))


def _host_and_request_id(status_url: str) -> tuple[str, str]:
    """Return both in lower case and as written, "" for each that is missing."""
    try:
        parts = urlsplit(status_url)
        return parts.hostname or "", parse_qs(parts.query).get("reqId", [""])[0]
    except ValueError:
        return "", ""


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskStatus:
    """Status of a task.

    state: the server's word in capitals; INITIAL, QUEUED, RUNNING, DONE_SUC and DONE_FAIL are documented, others may come.
    pct_done: percent, None if the server gave none. summary, messages: the server's words, keys redacted; empty before the end.
    stats: counts by name. errors: number of errors, None if the server gave none. raw: the whole answer, secrets redacted.
    """

    state: str
    pct_done: int | None
    summary: str
    messages: tuple[str, ...]
    stats: Mapping[str, int] = field(hash=False)
    errors: int | None
    raw: Mapping[str, object] = field(repr=False, hash=False)

    @classmethod
    def from_answer(cls, answer: Mapping[str, object]) -> Self:
        """Read an answer. Raises MalformedAnswerError if it names no state."""
        raw = redact_object(answer)
        state = text_of(raw.get("state")).strip().upper()
        if not state:
            raise MalformedAnswerError(f"the answer names no state; it has {member_names(raw)}", status=200)
        result = raw.get("result")
        members = result if isinstance(result, dict) else {"status": result}
        summary, messages, stats = text_of(members.get("status")), members.get("msgs"), _stats(members.get("stats"))
        return cls(
            state=state,
            pct_done=floor_of(raw.get("pctDone")),
            summary=summary,
            messages=tuple(map(text_of, messages)) if isinstance(messages, list) else (),
            stats=stats,
            errors=stats["errors"] if "errors" in stats else _errors_in(summary),
            raw=raw,
        )

    @property
    def finished(self) -> bool:
        """Whether the task has ended: its state begins with DONE, or is not documented and the task is 100 % done."""
        return self.state.startswith("DONE") or (self.state not in _RUNNING_STATES and (self.pct_done or 0) >= 100)

    @property
    def succeeded(self) -> bool:
        """Whether the task ended as DONE_SUC without errors. The reference shows DONE_SUC with an error as well."""
        return self.state == "DONE_SUC" and not self.errors


def _stats(value: object) -> dict[str, int]:
    numbers = {name: floor_of(count) for name, count in value.items()} if isinstance(value, dict) else {}
    return {name: number for name, number in numbers.items() if number is not None}


def _errors_in(summary: str) -> int | None:
    match = re.search(r"\bErrors: *(\d+)", summary)
    return int(match[1]) if match else None


def request_id_of(task: TaskRef | str) -> str:
    """Return the request ID of a task."""
    return task.request_id if isinstance(task, TaskRef) else task


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskWait:
    """Settings for waiting for the end of a task.

    poll_ms: interval between requests for the status; the first intervals are shorter. timeout_s: longest wait.
    on_status: called with each status. on_result: called with the last status before it is returned, to store it, because the
    server forgets it after 15 minutes. sleep: takes seconds. Raises ParameterError.
    """

    poll_ms: int = 1000
    timeout_s: int = 600
    on_status: Callable[[TaskStatus], object] | None = None
    on_result: Callable[[TaskStatus], object] | None = None
    sleep: Callable[[float], object] = time.sleep

    def __post_init__(self) -> None:
        rules.integer("poll_ms", self.poll_ms, 1)
        rules.integer("timeout_s", self.timeout_s, 0)

    def until_end(self, request_id: str, ask: Callable[[], TaskStatus]) -> TaskStatus:
        """Ask until the task has ended, and return its last status.

        request_id: name of the task in the message. ask: returns the present status.
        Raises IncompleteError if the task has not ended after timeout_s; it continues at the server.
        """
        began_s, slept_s, pause_s = time.monotonic(), 0.0, self.poll_ms / 8000
        while not (status := self._reported(ask())).finished:
            left_s = self.timeout_s - max(slept_s, time.monotonic() - began_s)
            if left_s <= 0:
                raise IncompleteError(_not_ended(request_id, status, self.timeout_s))
            self.sleep(min(pause_s, left_s))
            slept_s += min(pause_s, left_s)
            pause_s = min(2 * pause_s, self.poll_ms / 1000)
        if self.on_result is not None:
            self.on_result(status)
        return status

    def _reported(self, status: TaskStatus) -> TaskStatus:
        if self.on_status is not None:
            self.on_status(status)
        return status


def _not_ended(request_id: str, status: TaskStatus, limit_s: int) -> str:
    progress = "" if status.pct_done is None else f", {status.pct_done} % done"
    return (
        f"the task {request_id} has not ended after {limit_s} s ({status.state}{progress}). It continues at the server: "
        "ask for its status before starting another task for the same application"
    )
