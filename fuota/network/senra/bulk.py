"""Jobs in chunks, one after the other, and what became of each device.

The server runs one task per application and names no result for each device: it counts (`stats`) and says what went wrong
(`msgs`). What follows from both is told here, and what does not is unknown.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum

from fuota.errors import IncompleteError, NetworkError, UnreachableError
from fuota.network.senra.calls import Calls
from fuota.network.senra.task_requests import TaskRequest
from fuota.network.senra.tasks import TaskRef, TaskStatus

_DEVICE = re.compile(r"\bDevEUI: *([0-9A-Fa-f]{16})\b")
_HARMLESS = re.compile(
    r"has been updated", re.IGNORECASE
)  # "The AppKey for DevEUI: ... has been updated." (reference, msgs)


class Fate(StrEnum):
    """What became of a device."""

    DONE = "done"
    """What was asked for is so; it may have been so before."""
    FAILED = "failed"
    UNKNOWN = "unknown"
    """The task ended with errors that name no device, did not end, or its answer was lost: ask the server."""
    NOT_SENT = "not_sent"


@dataclass(frozen=True, slots=True, kw_only=True)
class DeviceOutcome:
    """What became of one device, and the words for it: the server's, keys redacted, or ours; "" where all is well."""

    dev_eui: str
    fate: Fate
    message: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Chunk:
    """A part of a job. `number`: from 1 to `count`. `task`, `status`: None where it came to none; `problem`: why not.

    `sent`: whether the server may have it.
    """

    number: int
    count: int
    dev_euis: tuple[str, ...]
    sent: bool = False
    task: TaskRef | None = None
    status: TaskStatus | None = None
    problem: str = ""
    error: NetworkError | None = field(default=None, repr=False)

    @property
    def outcomes(self) -> tuple[DeviceOutcome, ...]:
        """One for each device, in their order."""
        if self.status is None:
            fate = Fate.UNKNOWN if self.sent else Fate.NOT_SENT
            return tuple(DeviceOutcome(dev_eui=one, fate=fate, message=self.problem) for one in self.dev_euis)
        said = dict(_said(self.status))
        failed = {one for one in said if one in set(self.dev_euis) and not _HARMLESS.search(said[one])}
        others, words = _fate_of_others(self.status, len(failed), len(self.dev_euis) - len(failed))
        return tuple(
            DeviceOutcome(dev_eui=one, fate=Fate.FAILED if one in failed else others, message=said.get(one, words))
            for one in self.dev_euis
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class BulkResult:
    """What became of a job: its chunks, in their order, those that were not sent included."""

    chunks: tuple[Chunk, ...]

    @property
    def outcomes(self) -> Iterator[DeviceOutcome]:
        """One for each device, in their order."""
        return (outcome for chunk in self.chunks for outcome in chunk.outcomes)

    @property
    def counts(self) -> Mapping[Fate, int]:
        """How many devices have each fate."""
        return Counter(outcome.fate for outcome in self.outcomes)

    @property
    def stats(self) -> Mapping[str, int]:
        """The server's counts by name, such as activated and notChanged, over all chunks."""
        total: Counter[str] = Counter()
        for chunk in self.chunks:
            total.update({} if chunk.status is None else dict(chunk.status.stats))
        return total

    @property
    def succeeded(self) -> bool:
        """Whether every device is done."""
        return all(outcome.fate is Fate.DONE for outcome in self.outcomes)


@dataclass(frozen=True, slots=True, kw_only=True)
class Chunking:
    """How a job goes out: `devices` a chunk (None: as suits the call); `wait` ends with the last status of a task, and both
    callbacks get a chunk at once, when the server has taken it on and when it has ended.
    """

    wait: Callable[[TaskRef], TaskStatus]
    devices: int | None = None
    on_started: Callable[[Chunk], object] | None = None
    on_chunk: Callable[[Chunk], object] | None = None


def run(calls: Calls, job: TaskRequest, how: Chunking) -> BulkResult:
    """Carry out a job, chunk after chunk, each once the task of the one before has ended.

    It stops where a chunk was refused, its task failed as a whole, or its outcome is not known. A refusal of the first chunk is
    raised, since nothing has happened then: ParameterError, NetworkError.
    """
    parts = job.chunks(how.devices)
    done: list[Chunk] = []
    for number, part in enumerate(parts, 1):
        chunk = Chunk(number=number, count=len(parts), dev_euis=part.dev_euis)
        if done and not _went_through(done[-1]):
            done.append(replace(chunk, problem=f"chunk {number - 1} did not go through: this one was not sent"))
            continue
        chunk = _carried_out(calls, part, chunk, how)
        if number == 1 and chunk.error is not None and not chunk.sent:
            raise chunk.error
        done.append(chunk)
        if how.on_chunk is not None:
            how.on_chunk(chunk)
    return BulkResult(chunks=tuple(done))


def _carried_out(calls: Calls, part: TaskRequest, chunk: Chunk, how: Chunking) -> Chunk:
    try:
        task = part.start(calls)
    except NetworkError as error:
        return replace(chunk, sent=_maybe_taken(error), problem=str(error), error=error)
    chunk = replace(chunk, sent=True, task=task)
    if how.on_started is not None:
        how.on_started(chunk)
    try:
        return replace(chunk, status=how.wait(task))
    except (NetworkError, IncompleteError) as error:
        return replace(chunk, problem=str(error))


def _maybe_taken(error: NetworkError) -> bool:
    """Whether the server may have started the task all the same."""
    if isinstance(error, UnreachableError):
        return error.maybe_received
    return error.status is None or not 300 <= error.status < 500


def _went_through(chunk: Chunk) -> bool:
    return chunk.status is not None and chunk.status.state == "DONE_SUC"


def _said(status: TaskStatus) -> Iterator[tuple[str, str]]:
    """Device and message, of the messages that name one."""
    for message in status.messages:
        if (found := _DEVICE.search(message)) is not None:
            yield found[1].upper(), message


def _fate_of_others(status: TaskStatus, failed: int, others: int) -> tuple[Fate, str]:
    """Of the devices that no message says failed."""
    if status.state != "DONE_SUC":
        return Fate.UNKNOWN, f"the task ended as {status.state}. {status.summary}".strip()
    nameless = [one for one in status.messages if not _DEVICE.search(one) and not _HARMLESS.search(one)]
    unnamed = (status.errors or 0) - failed
    if unnamed >= others > 0:
        return Fate.FAILED, "; ".join(nameless) or status.summary
    if unnamed > 0 or nameless:
        words = "; ".join(nameless) or "the server does not say which"
        return Fate.UNKNOWN, f"{max(unnamed, 0)} of {others} devices without a message of their own went wrong: {words}"
    return Fate.DONE, ""
