"""Device management tasks: started by a call, done a while later, told by device/status (reference, "Task Status API")."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from fuota.errors import BadRequestError, NotFoundError

RETENTION_US = 15 * 60 * 1_000_000
"""Reference: "The status is available for 15 minutes after the task completes"."""
QUEUED_AFTER_US, RUNNING_AFTER_US = 20_000, 50_000
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskKind:
    """What the tasks of a call are like.

    job: the class in their request ids. what: their name in the summary. stats: what is counted, by its name in an answer and in
    the summary. base_us, each_us: how long they take, and for each device: "The Registration of 1,000 Devices would
    typically take around 1 second, while Registration of 10,000 Devices completes in less than 5 seconds. Activation of
    1,000 Devices will take around 5 seconds and [...] of 10,000 Devices will complete in under 40 seconds" (reference).
    failure: the message of a task that an exception ended.
    """

    job: str
    what: str
    stats: Mapping[str, str]
    base_us: int
    each_us: int
    failure: str


_COMMON = {"notChanged": "Not Changed", "errors": "Errors"}
_FAST, _SLOW = {"base_us": 600_000, "each_us": 400}, {"base_us": 1_200_000, "each_us": 3_800}
REGISTER = TaskKind(
    job="DevMgmtJobReq",
    what="registration",
    stats={"registered": "Registered", "updated": "Updated", **_COMMON},
    failure="An internal server error occurred while registering Devices. {skipped} Devices were skipped.",
    **_FAST,
)
ACTIVATE = TaskKind(
    job="DevMgmtJobReq",
    what="activation",
    stats={"activated": "Activated", "updated": "Updated", **_COMMON},
    failure="An internal server error occurred while activating Devices.",
    **_SLOW,
)
DEACTIVATE = TaskKind(
    job="DevMgmtJobReq",
    what="deactivation",
    stats={"deactivated": "Deactivated", **_COMMON},
    failure="An internal server error occurred while deactivating Devices.",
    **_SLOW,
)
UPDATE = TaskKind(
    job="DevUpdateJobReq",
    what="update",
    stats={"updated": "Updated", **_COMMON},
    failure="An internal server error occurred while updating Devices.",
    **_FAST,
)
TRANSFER = TaskKind(
    job="DevTransferJobReq",
    what="transfer",
    stats={"transferred": "Transferred", **_COMMON},
    failure="An internal server error occurred while transferring Devices.",
    **_SLOW,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What became of one device: the name of what it counts as, and a message if there is something to say."""

    counts: str
    message: str = ""


@dataclass(slots=True, kw_only=True)
class Task:
    """One task. `app_euis`: the applications that it keeps busy. `done`: its final answer, None before."""

    request_id: str
    kind: TaskKind
    app_euis: tuple[str, ...]
    count: int
    begin_us: int
    done: dict[str, Any] | None = None
    end_us: int = 0

    @property
    def due_us(self) -> int:
        """When its work is done."""
        return self.begin_us + RUNNING_AFTER_US + self.kind.base_us + self.count * self.kind.each_us

    def answer(self, now_us: int) -> dict[str, Any]:
        """What device/status says of it."""
        if self.done is not None:
            return self.done
        ran_us = now_us - self.begin_us
        state = "INITIAL" if ran_us < QUEUED_AFTER_US else "QUEUED" if ran_us < RUNNING_AFTER_US else "RUNNING"
        share = (ran_us - RUNNING_AFTER_US) / (self.due_us - self.begin_us - RUNNING_AFTER_US)
        doing = f"Device {self.kind.what} on App EUI: {self.app_euis[0]} is under way."
        return _answer(state, doing, (), dict.fromkeys(self.kind.stats, 0), max(0, min(99, int(100 * share))))

    def fail(self, skipped: int, now_us: int) -> dict[str, Any]:
        """End as one that went wrong: DONE_FAIL, "An internal server exception occurred"."""
        stats = dict.fromkeys(self.kind.stats, 0) | {"errors": skipped}
        failed = f"Device {self.kind.what} on App EUI: {self.app_euis[0]} failed."
        self.done = _answer("DONE_FAIL", failed, [self.kind.failure.format(skipped=skipped)], stats, 100)
        self.end_us = now_us
        return self.done


class Tasks:
    """The tasks of a server by their request ids, of which each class and application has one: the next replaces the last.

    `now_us` and `at` are those of the agenda. To be used with its lock held. `forgets`: whether what is over is forgotten.
    """

    def __init__(
        self, *, now_us: Callable[[], int], at: Callable[[int, Callable[[], None]], None], forgets: bool = True
    ) -> None:
        self._now_us, self._at, self._forgets = now_us, at, forgets
        self.by_id: dict[str, Task] = {}

    def start(
        self,
        kind: TaskKind,
        app_euis: tuple[str, ...],
        work: list[Callable[[], Outcome]],
        *,
        then: Callable[[dict[str, Any]], None],
    ) -> Task:
        """Begin a task: `work` has a step for each device. `then` gets the final answer.

        Raises BadRequestError while another task of one of the applications runs.
        """
        self.check_free(app_euis)
        task = Task(
            request_id=f"{kind.job}:{'-'.join(app_euis)}",
            kind=kind,
            app_euis=app_euis,
            count=len(work),
            begin_us=self._now_us(),
        )
        self.by_id[task.request_id] = task
        self._at(task.due_us, lambda: then(self._finish(task, work)))
        return task

    def check_free(self, app_euis: tuple[str, ...]) -> None:
        """Raises BadRequestError while a task of one of the applications runs."""
        for task in self.by_id.values():
            if task.done is None and set(app_euis).intersection(task.app_euis):
                raise BadRequestError(
                    f"{task.request_id} is under way: one task per Application at a time; ask its status until it is done"
                )

    def status(self, request_id: str, app_eui: str) -> dict[str, Any]:
        """device/status, for a key of that application. Raises NotFoundError."""
        task, now_us = self.by_id.get(request_id), self._now_us()
        if task is None or self._is_forgotten(task) or app_eui not in task.app_euis:
            raise NotFoundError(f"No task could be found with the requested reqId {request_id}")
        return task.answer(now_us)

    def _is_forgotten(self, task: Task) -> bool:
        return self._forgets and task.done is not None and self._now_us() >= task.end_us + RETENTION_US

    def _finish(self, task: Task, work: list[Callable[[], Outcome]]) -> dict[str, Any]:
        stats, messages = dict.fromkeys(task.kind.stats, 0), []
        try:
            for step in work:
                outcome = step()
                stats[outcome.counts] += 1
                messages += [outcome.message] if outcome.message else []
        except Exception:
            _log.exception("a task of the sandbox failed")
            return task.fail(task.count - sum(stats.values()), self._now_us())
        words = " ".join(f"{name}: {stats[key]}" for key, name in task.kind.stats.items())
        done = f"Device {task.kind.what} on App EUI: {task.app_euis[0]} completed. {words}"
        task.done, task.end_us = _answer("DONE_SUC", done, messages, stats, 100), self._now_us()
        return task.done


KINDS = {kind.what: kind for kind in (REGISTER, ACTIVATE, DEACTIVATE, UPDATE, TRANSFER)}


def _answer(state: str, status: str, messages: Any, stats: dict[str, int], pct_done: int) -> dict[str, Any]:
    return {
        "state": state,
        "result": {"status": status, "msgs": list(messages), "stats": stats},
        "pctDone": pct_done,
    }
