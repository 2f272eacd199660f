"""Results of device-management tasks in a file: the server forgets them after 15 minutes."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path

from fuota import files
from fuota.campaign.state_folder import state_folder
from fuota.network.senra import Chunk, TaskStatus


class ResultFile:
    """File of results, one JSON object per line; each line is on disk when its method returns.

    path: the file, which is created with the first line. Every method raises StorageError.
    """

    def __init__(self, path: Path) -> None:
        self.path = path

    @classmethod
    def create(cls, path: Path | None, *, state_dir: Path | None, name: str) -> ResultFile:
        """Return the file at `path`; if it is None, a new file in the folder `tasks` of the state folder.

        state_dir: the state folder; None is the state folder of the user. name: last part of the name of a new file.
        """
        new = f"{datetime.now(UTC):%Y%m%dT%H%M%S%f}-{name}.jsonl"
        return cls(path or state_folder(state_dir) / "tasks" / new)

    def record_start(self, chunk: Chunk) -> None:
        """Record a task that the server has accepted, and its devices."""
        task = "" if chunk.task is None else chunk.task.request_id
        self._append("started", chunk=chunk.number, of=chunk.count, task=task, dev_euis=chunk.dev_euis)

    def record_end(self, chunk: Chunk) -> None:
        """Record the outcome of each device of a task, and the answer of the server with keys hidden."""
        answer = None if chunk.status is None else dict(chunk.status.raw)
        devices = [
            {"dev_eui": outcome.dev_eui, "fate": outcome.fate, "message": outcome.message} for outcome in chunk.outcomes
        ]
        self._append("ended", chunk=chunk.number, of=chunk.count, answer=answer, problem=chunk.problem, devices=devices)

    def record_task(self, request_id: str, status: TaskStatus) -> None:
        """Record the end of a task that was asked for by its request id."""
        self._append("task", task=request_id, answer=dict(status.raw))

    def _append(self, event: str, **fields: object) -> None:
        line = json.dumps({"event": event, "at": datetime.now(UTC).isoformat(), **fields})
        files.append(self.path, f"{line}\n".encode(), what="the result file", mode=files.PRIVATE)
