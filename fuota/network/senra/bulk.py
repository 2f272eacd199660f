"""Tasks for many devices in chunks, one after the other, and the outcome of each device.

The server runs one task per application. It does not report a result per device: it counts (`stats`) and lists messages (`msgs`).
The outcomes are what follows from both; a device about which nothing follows is unknown.
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
# "The AppKey for DevEUI: ... has been updated." (reference, msgs) reports no failure.
_HARMLESS = re.compile(r"has been updated", re.IGNORECASE)


class Fate(StrEnum):
    """Outcome of a device."""

    DONE = "done"
    """The device is as requested; it may have been so before."""
    FAILED = "failed"
    UNKNOWN = "unknown"
    """The task ended with errors that name no device, or did not end, or its answer was lost: ask the server."""
    NOT_SENT = "not_sent"


@dataclass(frozen=True, slots=True, kw_only=True)
class DeviceOutcome:
    """Outcome of one device.

    dev_eui: 16 hex digits. fate: the outcome. message: reason, from the server (keys redacted) or from fuota; "" if the device is
    done.
    """

    dev_eui: str
    fate: Fate
    message: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Chunk:
    """Part of a task's devices that is sent as one task.

    number: from 1 to `count`. dev_euis: the devices. sent: whether the server may have received it.
    task, status: None if the server did not accept it or the status is not known; problem: the reason.
    error: exception of the request, if any.
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
        """Outcome of each device, in their order."""
        if self.status is None:
            fate = Fate.UNKNOWN if self.sent else Fate.NOT_SENT
            return tuple(DeviceOutcome(dev_eui=eui, fate=fate, message=self.problem) for eui in self.dev_euis)
        message_of = dict(_device_messages(self.status))
        chunk_euis = set(self.dev_euis)
        failed = {eui for eui, text in message_of.items() if eui in chunk_euis and not _HARMLESS.search(text)}
        other_fate, other_text = _fate_of_others(self.status, len(failed), len(self.dev_euis) - len(failed))
        return tuple(
            DeviceOutcome(
                dev_eui=eui,
                fate=Fate.FAILED if eui in failed else other_fate,
                message=message_of.get(eui, other_text),
            )
            for eui in self.dev_euis
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class BulkResult:
    """Result of a task in chunks. chunks: in their order, including the chunks that were not sent."""

    chunks: tuple[Chunk, ...]

    @property
    def outcomes(self) -> Iterator[DeviceOutcome]:
        """Outcome of each device, in their order."""
        return (outcome for chunk in self.chunks for outcome in chunk.outcomes)

    @property
    def counts(self) -> Mapping[Fate, int]:
        """Number of devices with each outcome."""
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
    """Settings for a task in chunks.

    wait: returns the last status of a task. devices: number in a chunk, None for the usual number of the call.
    on_started: called with a chunk when the server has accepted it. on_chunk: called with a chunk when it has ended.
    """

    wait: Callable[[TaskRef], TaskStatus]
    devices: int | None = None
    on_started: Callable[[Chunk], object] | None = None
    on_chunk: Callable[[Chunk], object] | None = None


def run_in_chunks(calls: Calls, request: TaskRequest, how: Chunking) -> BulkResult:
    """Send a task in chunks, each after the task of the chunk before has ended, and return the result.

    calls: the calls of the server. request: the whole task. how: size of the chunks, and how to wait.

    It stops if a chunk is refused, if its task fails as a whole, or if its outcome is not known. Raises
    ParameterError or NetworkError if the first chunk is refused, because nothing has happened then.
    """
    parts = request.chunks(how.devices)
    done: list[Chunk] = []
    for number, part in enumerate(parts, 1):
        chunk = Chunk(number=number, count=len(parts), dev_euis=part.dev_euis)
        if done and not _is_success(done[-1]):
            done.append(replace(chunk, problem=f"chunk {number - 1} did not succeed: this chunk was not sent"))
            continue
        chunk = _run(calls, part, chunk, how)
        if number == 1 and chunk.error is not None and not chunk.sent:
            raise chunk.error
        done.append(chunk)
        if how.on_chunk is not None:
            how.on_chunk(chunk)
    return BulkResult(chunks=tuple(done))


def _run(calls: Calls, part: TaskRequest, chunk: Chunk, how: Chunking) -> Chunk:
    try:
        task = part.start(calls)
    except NetworkError as error:
        return replace(chunk, sent=_maybe_accepted(error), problem=str(error), error=error)
    chunk = replace(chunk, sent=True, task=task)
    if how.on_started is not None:
        how.on_started(chunk)
    try:
        return replace(chunk, status=how.wait(task))
    except (NetworkError, IncompleteError) as error:
        return replace(chunk, problem=str(error))


def _maybe_accepted(error: NetworkError) -> bool:
    """Return whether the server may have started the task in spite of the error."""
    if isinstance(error, UnreachableError):
        return error.maybe_received
    return error.status is None or not 300 <= error.status < 500


def _is_success(chunk: Chunk) -> bool:
    return chunk.status is not None and chunk.status.state == "DONE_SUC"


def _device_messages(status: TaskStatus) -> Iterator[tuple[str, str]]:
    """Yield the EUI and the text of each message that names a device."""
    for message in status.messages:
        if (match := _DEVICE.search(message)) is not None:
            yield match[1].upper(), message


def _fate_of_others(status: TaskStatus, failed: int, others: int) -> tuple[Fate, str]:
    """Return the outcome and the reason for the devices that no message reports as failed.

    failed: number of devices that a message reports as failed. others: number of all other devices of the chunk.
    """
    if status.state != "DONE_SUC":
        return Fate.UNKNOWN, f"the task ended as {status.state}. {status.summary}".strip()
    general = [text for text in status.messages if not _DEVICE.search(text) and not _HARMLESS.search(text)]
    unexplained = (status.errors or 0) - failed
    if unexplained >= others > 0:
        return Fate.FAILED, "; ".join(general) or status.summary
    if unexplained > 0 or general:
        reason = "; ".join(general) or "the server does not name them"
        return Fate.UNKNOWN, f"{max(unexplained, 0)} of {others} devices without their own message failed: {reason}"
    return Fate.DONE, ""
