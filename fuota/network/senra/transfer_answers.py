"""Answers of the calls as values. What the server adds or leaves out is no error, unless a caller could not go on."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Self

from fuota.errors import MalformedAnswerError
from fuota.network.redaction import redact_tree

# The states of a FUOTA job are not documented ("Running" is shown). These are those of the Task Status API (DONE_SUC,
# DONE_FAIL) and the words commonly used for an end; any other word is a job still under way.
_FAILED = frozenset({"done_fail", "fail", "failed", "failure", "error", "aborted", "timeout", "timed_out", "expired"})
_CANCELLED = frozenset({"done_cancel", "cancelled", "canceled"})
_SUCCEEDED = frozenset({"done", "done_suc", "success", "successful", "succeeded", "complete", "completed", "finished"})


@dataclass(frozen=True, slots=True, kw_only=True)
class TransferJob:
    """The answer to a start or a cancellation.

    raw: the whole answer, secrets redacted.
    """

    job_id: str
    message: str
    raw: Mapping[str, Any] = field(repr=False, hash=False)

    @classmethod
    def from_answer(cls, answer: Mapping[str, Any]) -> Self:
        """Raises MalformedAnswerError where no job is named: what was started can then be found by its application."""
        raw = redact_tree(dict(answer))
        return cls(job_id=_job_id(raw), message=text_of(raw.get("responseMsg")) or text_of(raw.get("message")), raw=raw)


@dataclass(frozen=True, slots=True, kw_only=True)
class TransferStatus:
    """The answer to a status call.

    Times are milliseconds since 1970 UTC as the server gives them, 0 for "not yet"; a number is None where the server
    gave none. state is the server's own word, "" where it gave none. raw: the whole answer, secrets redacted.
    """

    job_id: str
    state: str
    pct_done: int | None
    start_time_ms: int | None
    end_time_ms: int | None
    remove_time_ms: int | None
    result: str
    server_id: str
    username: str
    acct_id: int | None
    oper_id: int | None
    job_launcher_cls_nm: str
    raw: Mapping[str, Any] = field(repr=False, hash=False)

    @classmethod
    def from_answer(cls, answer: Mapping[str, Any]) -> Self:
        """Raises MalformedAnswerError where no job is named."""
        raw = redact_tree(dict(answer))
        values: dict[str, Any] = {name: number_of(raw.get(wire)) for name, wire in _NUMBERS.items()}
        values |= {name: text_of(raw.get(wire)) for name, wire in _TEXTS.items()}
        return cls(job_id=_job_id(raw), raw=raw, **values)

    @property
    def finished(self) -> bool:
        """Whether the job has ended: by its state, or 100 % done, or an end time. An unknown state alone stays open."""
        ended = self._word in _SUCCEEDED or self.failed or self.cancelled
        return ended or (self.pct_done or 0) >= 100 or bool(self.end_time_ms)

    @property
    def failed(self) -> bool:
        """Whether the state is a word for failure."""
        return self._word in _FAILED

    @property
    def cancelled(self) -> bool:
        """Whether the state is a word for cancellation."""
        return self._word in _CANCELLED

    @property
    def _word(self) -> str:
        return self.state.strip().lower().replace(" ", "_").replace("-", "_")


_NUMBERS = {
    "pct_done": "pctDone",
    "start_time_ms": "startTime",
    "end_time_ms": "endTime",
    "remove_time_ms": "removeTime",
    "acct_id": "acctId",
    "oper_id": "operId",
}
_TEXTS = {
    "state": "state",
    "result": "result",
    "server_id": "serverId",
    "username": "username",
    "job_launcher_cls_nm": "jobLauncherClsNm",
}


def _job_id(raw: Mapping[str, Any]) -> str:
    # The parameter tables write jobID, the examples jobId.
    found = raw.get("jobId") or raw.get("jobID")
    if not isinstance(found, str):
        raise MalformedAnswerError(
            f"the answer names no jobId; it has {', '.join(sorted(raw)) or 'no members'}", status=200
        )
    return found


def text_of(value: object) -> str:
    """A member of an answer as text, "" where it is absent."""
    return "" if value is None else str(value)


def number_of(value: object) -> int | None:
    """A whole number, rounded down: 99.9 % is not 100 %."""
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    try:
        return math.floor(float(value)) if isinstance(value, str) else math.floor(value)
    except (ValueError, OverflowError):
        return None
