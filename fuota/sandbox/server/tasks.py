"""Device-management tasks: a call starts them, they end later, and device/status reports them (reference, "Task Status API")."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum, StrEnum
from typing import TypedDict

from fuota.errors import BadRequestError, NotFoundError
from fuota.sandbox.air.clock import Clock

RETENTION_US = 15 * 60 * 1_000_000
"""Reference: "The status is available for 15 minutes after the task completes"."""
QUEUED_AFTER_US, RUNNING_AFTER_US = 20_000, 50_000
"""Times after the start at which a task becomes QUEUED and RUNNING."""
_log = logging.getLogger(__name__)


class TaskState(StrEnum):
    """State of a task (reference, "Task Status API")."""

    INITIAL = "INITIAL"
    QUEUED = "QUEUED"
    RUNNING = "RUNNING"
    DONE_SUC = "DONE_SUC"
    DONE_FAIL = "DONE_FAIL"


class Count(StrEnum):
    """Counter in the result of a task, by its name in the answer."""

    REGISTERED = "registered"
    ACTIVATED = "activated"
    DEACTIVATED = "deactivated"
    UPDATED = "updated"
    TRANSFERRED = "transferred"
    NOT_CHANGED = "notChanged"
    ERRORS = "errors"


class Refusal(Enum):
    """Reason why a task has left a device unchanged."""

    NOT_REGISTERED = "not registered"
    OTHER_APPLICATION = "belongs to another application"
    NOT_JOINED = "not joined"


class TaskResult(TypedDict):
    """Result object of a task's answer."""

    status: str
    msgs: list[str]
    stats: dict[str, int]


class TaskAnswer(TypedDict):
    """Answer of device/status."""

    state: str
    result: TaskResult
    pctDone: int


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskKind:
    """Properties of the tasks of one call.

    job: class in their request ids. noun: name in their summary. stats: counters and their names in the summary.
    base_us, each_us: duration of a task, and in addition for each device: "The Registration of 1,000 Devices would
    typically take around 1 second, while Registration of 10,000 Devices completes in less than 5 seconds. Activation of
    1,000 Devices will take around 5 seconds and [...] of 10,000 Devices will complete in under 40 seconds" (reference).
    failure: message of a task that an exception has ended.
    """

    job: str
    noun: str
    stats: Mapping[Count, str]
    base_us: int
    each_us: int
    failure: str


_COMMON = {Count.NOT_CHANGED: "Not Changed", Count.ERRORS: "Errors"}
_FAST, _SLOW = {"base_us": 600_000, "each_us": 400}, {"base_us": 1_200_000, "each_us": 3_800}
REGISTER = TaskKind(
    job="DevMgmtJobReq",
    noun="registration",
    stats={Count.REGISTERED: "Registered", Count.UPDATED: "Updated", **_COMMON},
    failure="An internal server error occurred while registering Devices. {skipped} Devices were skipped.",
    **_FAST,
)
ACTIVATE = TaskKind(
    job="DevMgmtJobReq",
    noun="activation",
    stats={Count.ACTIVATED: "Activated", Count.UPDATED: "Updated", **_COMMON},
    failure="An internal server error occurred while activating Devices.",
    **_SLOW,
)
DEACTIVATE = TaskKind(
    job="DevMgmtJobReq",
    noun="deactivation",
    stats={Count.DEACTIVATED: "Deactivated", **_COMMON},
    failure="An internal server error occurred while deactivating Devices.",
    **_SLOW,
)
UPDATE = TaskKind(
    job="DevUpdateJobReq",
    noun="update",
    stats={Count.UPDATED: "Updated", **_COMMON},
    failure="An internal server error occurred while updating Devices.",
    **_FAST,
)
TRANSFER = TaskKind(
    job="DevTransferJobReq",
    noun="transfer",
    stats={Count.TRANSFERRED: "Transferred", **_COMMON},
    failure="An internal server error occurred while transferring Devices.",
    **_SLOW,
)
KINDS = {kind.noun: kind for kind in (REGISTER, ACTIVATE, DEACTIVATE, UPDATE, TRANSFER)}
"""All kinds by noun."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskOutcome:
    """Outcome of a task for one device.

    count: counter that the device adds to. message: text for the answer, "" for none. refusal: reason if the device counts as
    an error.
    """

    count: Count
    message: str = ""
    refusal: Refusal | None = None


@dataclass(slots=True, kw_only=True)
class Task:
    """A task. app_euis: applications that it occupies. count: number of devices. done: final answer, None before the end."""

    request_id: str
    kind: TaskKind
    app_euis: tuple[str, ...]
    count: int
    begin_us: int
    done: TaskAnswer | None = None
    end_us: int = 0

    @property
    def due_us(self) -> int:
        """Time at which the task ends."""
        return self.begin_us + RUNNING_AFTER_US + self.kind.base_us + self.count * self.kind.each_us

    def answer(self, now_us: int) -> TaskAnswer:
        """Return the answer of device/status."""
        if self.done is not None:
            return self.done
        elapsed_us = now_us - self.begin_us
        share = (elapsed_us - RUNNING_AFTER_US) / (self.due_us - self.begin_us - RUNNING_AFTER_US)
        status = f"Device {self.kind.noun} on App EUI: {self.app_euis[0]} is under way."
        return _answer(_state(elapsed_us), status, [], _zeros(self.kind), max(0, min(99, int(100 * share))))

    def fail(self, skipped: int, now_us: int) -> TaskAnswer:
        """End the task as DONE_FAIL ("An internal server exception occurred") and return the final answer."""
        stats = _zeros(self.kind) | {str(Count.ERRORS): skipped}
        status = f"Device {self.kind.noun} on App EUI: {self.app_euis[0]} failed."
        message = self.kind.failure.format(skipped=skipped)
        self.done = _answer(TaskState.DONE_FAIL, status, [message], stats, 100)
        self.end_us = now_us
        return self.done

    def succeed(self, outcomes: Sequence[TaskOutcome], now_us: int) -> TaskAnswer:
        """End the task as DONE_SUC and return the final answer. outcomes: of all devices, in order."""
        stats = _zeros(self.kind)
        for outcome in outcomes:
            stats[outcome.count] += 1
        summary = " ".join(f"{name}: {stats[count]}" for count, name in self.kind.stats.items())
        status = f"Device {self.kind.noun} on App EUI: {self.app_euis[0]} completed. {summary}"
        messages = [outcome.message for outcome in outcomes if outcome.message]
        self.done, self.end_us = _answer(TaskState.DONE_SUC, status, messages, stats, 100), now_us
        return self.done


class Tasks:
    """The tasks of a server by request id. To be used with the clock's lock held.

    For each job class and application the server keeps one task: a new one replaces the old one.
    saved: tasks of an earlier sandbox. forgets: whether ended tasks are forgotten in time.
    """

    def __init__(self, *, clock: Clock, saved: Sequence[Task] = (), forgets: bool = True) -> None:
        self._clock, self._forgets = clock, forgets
        self.by_id: dict[str, Task] = {task.request_id: task for task in saved}

    def start(
        self,
        kind: TaskKind,
        app_euis: tuple[str, ...],
        steps: Sequence[Callable[[], TaskOutcome]],
        *,
        then: Callable[[TaskAnswer], None],
    ) -> Task:
        """Start a task and return it. steps: the work on each device. then: called with the final answer.

        Raises BadRequestError while another task of one of the applications runs.
        """
        self.require_free(app_euis)
        task = Task(
            request_id=f"{kind.job}:{'-'.join(app_euis)}",
            kind=kind,
            app_euis=app_euis,
            count=len(steps),
            begin_us=self._clock.now_us(),
        )
        self.by_id[task.request_id] = task
        self._clock.at(task.due_us, lambda: then(self._finish(task, steps)))
        return task

    def require_free(self, app_euis: tuple[str, ...]) -> None:
        """Raise BadRequestError while a task of one of the applications runs."""
        for task in self.by_id.values():
            if task.done is None and set(app_euis).intersection(task.app_euis):
                raise BadRequestError(
                    f"{task.request_id} is under way: one task per Application at a time; ask its status until it is done"
                )

    def status(self, request_id: str, app_eui: str) -> TaskAnswer:
        """Return the answer of device/status for a key of this application. Raises NotFoundError."""
        task, now_us = self.by_id.get(request_id), self._clock.now_us()
        if task is None or self._is_forgotten(task) or app_eui not in task.app_euis:
            raise NotFoundError(f"No task could be found with the requested reqId {request_id}")
        return task.answer(now_us)

    def _is_forgotten(self, task: Task) -> bool:
        return self._forgets and task.done is not None and self._clock.now_us() >= task.end_us + RETENTION_US

    def _finish(self, task: Task, steps: Sequence[Callable[[], TaskOutcome]]) -> TaskAnswer:
        outcomes: list[TaskOutcome] = []
        try:
            for step in steps:
                outcomes.append(step())
            return task.succeed(outcomes, self._clock.now_us())
        except Exception:
            _log.exception("a task of the sandbox failed")
            return task.fail(task.count - len(outcomes), self._clock.now_us())


def _zeros(kind: TaskKind) -> dict[str, int]:
    return {str(count): 0 for count in kind.stats}


def _state(elapsed_us: int) -> TaskState:
    if elapsed_us < QUEUED_AFTER_US:
        return TaskState.INITIAL
    return TaskState.QUEUED if elapsed_us < RUNNING_AFTER_US else TaskState.RUNNING


def _answer(state: TaskState, status: str, messages: list[str], stats: dict[str, int], pct_done: int) -> TaskAnswer:
    return {
        "state": str(state),
        "result": {"status": status, "msgs": messages, "stats": stats},
        "pctDone": pct_done,
    }
