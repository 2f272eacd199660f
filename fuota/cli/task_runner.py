"""Tasks of the server that a command starts: their options, waiting for them, and showing their results."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Protocol, TypeVar

import click

from fuota.cli import exits
from fuota.cli.help import CommandFunction, OptionsUnder
from fuota.cli.options.group import option_group
from fuota.cli.options.server import ServerOptions, call_options, state_option
from fuota.cli.output import Output, with_output
from fuota.cli.render.outcomes import exit_code, show_outcomes
from fuota.cli.render.progress import shown, title
from fuota.text import printable

if TYPE_CHECKING:
    from fuota.campaign import ResultFile
    from fuota.network.device_lists import DeviceList
    from fuota.network.senra import BulkResult, Chunk, TaskRef
    from fuota.network.senra.devices import Devices

T = TypeVar("T")

_REQUEST_IDS = {"update": "DevUpdateJobReq:APPEUI", "transfer": "DevTransferJobReq:FROM-TO"}
"""Form of the request id of a call, from the examples of the API reference."""
_REQUEST_ID = "DevMgmtJobReq:APPEUI"
"""Form of the request id of all other calls."""

task_option = OptionsUnder("Task")


class DeviceCall(Protocol):
    """A call of the API for a list of devices, which starts one task (TaskRef) or is made in chunks (BulkResult)."""

    def __call__(self, devices: Devices[T], /) -> T:
        """Make the call."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskOptions:
    """Start of a task and wait for its end. chunk: devices per task, None for the usual number. results: file of the results."""

    chunk: int | None
    wait: bool
    timeout_s: int
    results: Path | None


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskRunner:
    """Makes a call of the API and shows its results. call: name of the call. results: file that keeps what the server answers."""

    call: str
    server: ServerOptions
    out: Output
    options: TaskOptions
    results: ResultFile

    def run(self, call: DeviceCall, devices: DeviceList) -> int:
        """Make the call for `devices` and return the exit code.

        It is made in chunks that are awaited; with --no-wait or --dry-run it is made once, for all devices.
        """
        from fuota.network.device_lists import source_in_errors

        if devices.ignored:
            self.out.say(f"{devices.source}: not used: {', '.join(map(printable, devices.ignored))}")
        if self.server.dry_run and self.options.wait and (requests := self._request_count(len(devices.rows))) > 1:
            self.out.say(f"without --dry-run there would be {requests} requests, each for a part of the devices")
        with source_in_errors(devices.source):
            if self.options.wait and not self.server.dry_run:
                return self._run_in_chunks(call)
            return self._start(call)

    def _request_count(self, devices: int) -> int:
        from fuota.network.senra.task_requests import usual_chunk

        chunk = usual_chunk(self.call) if self.options.chunk is None else max(1, self.options.chunk)
        return math.ceil(devices / chunk)

    def _start(self, call: Callable[[Devices[TaskRef]], TaskRef]) -> int:
        task = call(self.server.client().devices)
        self.out.event("started", task=task.request_id, **dict(task.raw))
        self.out.result(printable(task.request_id))
        self.out.say(
            "the task runs on the server, which deletes the result 15 minutes after its end;"
            " `fuota device task` keeps the result"
        )
        return exits.DONE

    def _run_in_chunks(self, call: Callable[[Devices[BulkResult]], BulkResult]) -> int:
        running: list[Chunk] = []

        def record_start(chunk: Chunk) -> None:
            running[:] = [chunk]
            self.results.record_start(chunk)
            report(title(chunk), None)

        with shown(self.out) as report:
            devices = self.server.client().devices.bulk(
                chunk_devices=self.options.chunk,
                on_started=record_start,
                on_chunk=self.results.record_end,
                on_status=lambda status: report(title(running[0]), status),
                timeout_s=self.options.timeout_s,
            )
            try:
                result = call(devices)
            except KeyboardInterrupt:
                return self._leave(running)
        return self._show(result)

    def _leave(self, running: list[Chunk]) -> int:
        """Report the task that goes on at the server after Ctrl-C; raise KeyboardInterrupt if there is none."""
        if not running or running[0].task is None:
            raise KeyboardInterrupt
        task = running[0].task.request_id
        self.out.event("left", task=task, path=str(self.results.path))
        self.out.say(
            f"the task goes on: `fuota device task {task}` waits for its end; results until now are in {self.results.path}"
        )
        return exits.UNKNOWN

    def _show(self, result: BulkResult) -> int:
        counts = {str(fate): count for fate, count in result.counts.items()}
        self.out.event("result", devices=counts, stats=dict(result.stats), path=str(self.results.path))
        outcomes = [outcome for outcome in result.outcomes if outcome.message]
        if self.out.as_json:
            for outcome in outcomes:
                self.out.event("device", dev_eui=outcome.dev_eui, fate=outcome.fate, message=outcome.message)
        self.out.result(", ".join(f"{count} {name.replace('_', ' ')}" for name, count in sorted(counts.items())))
        if result.stats:
            stats = ", ".join(f"{name} {count}" for name, count in result.stats.items())
            self.out.result(f"counts of the server: {stats}")
        show_outcomes(outcomes, self.out)
        if any(chunk.sent and chunk.task is None for chunk in result.chunks):
            request_id = _REQUEST_IDS.get(self.call, _REQUEST_ID)
            self.out.say(f"`fuota device task {request_id}` shows whether the server has started the task")
        self.out.say(f"results are in {self.results.path}")
        return exit_code(counts)


timeout_option = task_option(
    "--timeout",
    "timeout_s",
    type=int,
    metavar="SECONDS",
    default=600,
    show_default=True,
    help="Longest time to wait for a task.",
)
results_option = task_option(
    "--results",
    metavar="FILE",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Keep results in this file, as JSON Lines.  [default: a new file in the state folder]",
)


def runner_options(command: CommandFunction) -> CommandFunction:
    """Add the options of a task and of its server to a command, and pass it the parameter `runner`."""

    @option_group(
        "task",
        TaskOptions,
        task_option("--chunk", type=int, metavar="N", help="Devices per task.  [default: 1000, or 10000 for register]"),
        task_option("--wait/--no-wait", default=True, show_default=True, help="Wait for the end of each task."),
        timeout_option,
        results_option,
    )
    @call_options
    @state_option
    @with_output
    @wraps(command)
    def wrapped(
        *, server: ServerOptions, out: Output, task: TaskOptions, state_dir: Path | None, **options: object
    ) -> int:
        if task.chunk is not None and not task.wait:
            raise click.UsageError(
                "--chunk needs --wait: a chunk is sent after the task of the previous chunk has ended"
            )
        name = click.get_current_context().command.name or "task"
        from fuota.campaign import ResultFile

        results = ResultFile.create(task.results, state_dir=state_dir, name=name)
        runner = TaskRunner(call=name, server=server, out=out, options=task, results=results)
        return command(runner=runner, **options)

    return wrapped
