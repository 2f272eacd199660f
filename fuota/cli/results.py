"""Results of tasks on disk before they are shown: the server forgets them after 15 minutes."""

from __future__ import annotations

import json
import os
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fuota.cli.options.server import state_folder
from fuota.errors import StorageError

if TYPE_CHECKING:
    from fuota.network.senra import Chunk, TaskStatus


class ResultFile:
    """A JSON object a line, each on disk once its method returns; the file is made with the first. Raises StorageError."""

    def __init__(self, path: Path | None, state_dir: Path | None, name: str) -> None:
        self.path = path or state_folder(state_dir) / "tasks" / f"{datetime.now(UTC):%Y%m%dT%H%M%S%f}-{name}.jsonl"

    def started(self, chunk: Chunk) -> None:
        """A task that the server has taken on, and its devices."""
        task = "" if chunk.task is None else chunk.task.request_id
        self._write("started", chunk=chunk.number, of=chunk.count, task=task, dev_euis=chunk.dev_euis)

    def ended(self, chunk: Chunk) -> None:
        """What became of each of its devices, and all that the server said, keys hidden."""
        answer = None if chunk.status is None else dict(chunk.status.raw)
        outcomes = [{"dev_eui": one.dev_eui, "fate": one.fate, "message": one.message} for one in chunk.outcomes]
        self._write("ended", chunk=chunk.number, of=chunk.count, answer=answer, problem=chunk.problem, devices=outcomes)

    def task(self, request_id: str, status: TaskStatus) -> None:
        """The end of a task that was asked for by its request id."""
        self._write("task", task=request_id, answer=dict(status.raw))

    def _write(self, event: str, **fields: Any) -> None:
        line = json.dumps({"event": event, "at": datetime.now(UTC).isoformat(), **fields})
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            with self.path.open("a", encoding="utf-8") as file:
                file.write(f"{line}\n")
                file.flush()
                os.fsync(file.fileno())
        except OSError as error:
            raise StorageError(f"results cannot be kept in {self.path}: {error.strerror or error}") from error
