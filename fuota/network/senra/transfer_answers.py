"""Answers of the three FUOTA calls as values.

A member that the server adds or leaves out is an error only if a caller could not go on without it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Self

from fuota.errors import MalformedAnswerError
from fuota.network.redaction import redact_object
from fuota.network.senra.json_values import floor_of, member_names, text_of

# The reference does not list the states of a transfer ("Running" is shown). These are the states of the Task Status API
# (DONE_SUC, DONE_FAIL) and the common words for an end. Any other word is a transfer that still runs.
_FAILED = frozenset({"done_fail", "fail", "failed", "failure", "error", "aborted", "timeout", "timed_out", "expired"})
_CANCELLED = frozenset({"done_cancel", "cancelled", "canceled"})
_SUCCEEDED = frozenset({"done", "done_suc", "success", "successful", "succeeded", "complete", "completed", "finished"})


@dataclass(frozen=True, slots=True, kw_only=True)
class TransferJob:
    """Answer to the start or the cancellation of a transfer.

    job_id: the server's name of the transfer. message: the server's words, "" if it gave none.
    raw: the whole answer, secrets redacted.
    """

    job_id: str
    message: str
    raw: Mapping[str, object] = field(repr=False, hash=False)

    @classmethod
    def from_answer(cls, answer: Mapping[str, object]) -> Self:
        """Read an answer. Raises MalformedAnswerError if it names no job; the transfer can then be found by its application."""
        raw = redact_object(answer)
        message = text_of(raw.get("responseMsg")) or text_of(raw.get("message"))
        return cls(job_id=_job_id(raw), message=message, raw=raw)


@dataclass(frozen=True, slots=True, kw_only=True)
class TransferStatus:
    """Status of a transfer: the answer of mcastStatus.

    job_id: the server's name of the transfer. state: the server's word, "" if it gave none. pct_done: percent.
    start_time_ms, end_time_ms, remove_time_ms: milliseconds since 1970 in UTC, 0 for "not yet".
    result, server_id, username, job_launcher_cls_nm: the server's texts, "" if it gave none.
    acct_id, oper_id: the server's numbers. A number is None if the server gave none. raw: the whole answer, secrets redacted.
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
    raw: Mapping[str, object] = field(repr=False, hash=False)

    @classmethod
    def from_answer(cls, answer: Mapping[str, object]) -> Self:
        """Read an answer. Raises MalformedAnswerError if it names no job."""
        raw = redact_object(answer)
        return cls(
            job_id=_job_id(raw),
            state=text_of(raw.get("state")),
            pct_done=floor_of(raw.get("pctDone")),
            start_time_ms=floor_of(raw.get("startTime")),
            end_time_ms=floor_of(raw.get("endTime")),
            remove_time_ms=floor_of(raw.get("removeTime")),
            result=text_of(raw.get("result")),
            server_id=text_of(raw.get("serverId")),
            username=text_of(raw.get("username")),
            acct_id=floor_of(raw.get("acctId")),
            oper_id=floor_of(raw.get("operId")),
            job_launcher_cls_nm=text_of(raw.get("jobLauncherClsNm")),
            raw=raw,
        )

    @property
    def finished(self) -> bool:
        """Whether the transfer has ended: by its state, 100 % done, or an end time. An unknown state alone is not an end."""
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


def _job_id(raw: Mapping[str, object]) -> str:
    # The parameter tables write jobID, the examples jobId.
    job_id = raw.get("jobId") or raw.get("jobID")
    if not isinstance(job_id, str):
        raise MalformedAnswerError(f"the answer names no jobId; it has {member_names(raw)}", status=200)
    return job_id
