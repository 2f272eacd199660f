"""What the commands of `fuota device` that start tasks have in common: their options, waiting, and telling what came of it."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import wraps
from itertools import islice
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, TypeVar

import click

from fuota.cli import exits
from fuota.cli.options.device_lists import FORMATS
from fuota.cli.options.server import ServerOptions, call_options, state_option
from fuota.cli.output import Output, with_output
from fuota.cli.render.progress import shown, title
from fuota.cli.results import ResultFile
from fuota.network.device_lists import DeviceList, read_devices, source_in_errors
from fuota.text import counted, printable

if TYPE_CHECKING:
    from fuota.network.senra import BulkResult, Chunk, DeviceOutcome, TaskRef
    from fuota.network.senra.devices import Devices

Command = TypeVar("Command", bound=Callable[..., Any])
MAX_SHOWN = 20
# Request ids as the reference's examples have them; those of all other calls are DevMgmtJobReq.
_USUAL_TASKS = {"update": "DevUpdateJobReq:APPEUI", "transfer": "DevTransferJobReq:FROM-TO"}

tags_option = click.option("--tag", "tags", multiple=True, help="A tag for all of them; may be repeated.")


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """How a job is to be carried out, and where its results go.

    `call`: its name in the API. `chunk`: devices in one task, None for as many as suit the call.
    """

    call: str

    server: ServerOptions
    out: Output
    chunk: int | None
    wait: bool
    timeout_s: int
    results: ResultFile

    def carry_out(self, call: Callable[[Devices[Any]], Any], given: DeviceList) -> int:
        """Make the call in chunks and tell what came of it, or (--no-wait, --dry-run) at once, for the rows `given`."""
        if given.ignored:
            self.out.say(f"{given.source}: not used: {', '.join(map(printable, given.ignored))}")
        if self.server.dry_run and self.wait and (requests := math.ceil(len(given.rows) / self._devices_at_once)) > 1:
            self.out.say(f"it would go out in {requests} requests, each with its devices only")
        with source_in_errors(given.source):
            return self._waited(call) if self.wait and not self.server.dry_run else self._started(call)

    @property
    def _devices_at_once(self) -> int:
        from fuota.network.senra.task_requests import usual_chunk

        return usual_chunk(self.call) if self.chunk is None else max(1, self.chunk)

    def _started(self, call: Callable[[Devices[TaskRef]], TaskRef]) -> int:
        task = call(self.server.client().devices)
        self.out.event("started", task=task.request_id, **dict(task.raw))
        self.out.result(printable(task.request_id))
        self.out.say(
            "it runs at the server, which forgets its result 15 minutes after its end: `fuota device task` keeps it"
        )
        return exits.DONE

    def _waited(self, call: Callable[[Devices[BulkResult]], BulkResult]) -> int:
        under_way: list[Chunk] = []

        def started(chunk: Chunk) -> None:
            under_way[:] = [chunk]
            self.results.started(chunk)
            report(title(chunk), None)

        with shown(self.out) as report:
            bulk = self.server.client().devices.bulk(
                chunk_devices=self.chunk,
                on_started=started,
                on_chunk=self.results.ended,
                on_status=lambda status: report(title(under_way[0]), status),
                timeout_s=self.timeout_s,
            )
            try:
                result = call(bulk)
            except KeyboardInterrupt:
                return self._left(under_way)
        return self._tell(result)

    def _left(self, under_way: list[Chunk]) -> int:
        if not under_way or under_way[0].task is None:
            raise KeyboardInterrupt
        task = under_way[0].task.request_id
        self.out.event("left", task=task, path=str(self.results.path))
        self.out.say(f"left running: `fuota device task {task}` asks for its end; so far kept in {self.results.path}")
        return exits.UNKNOWN

    def _tell(self, result: BulkResult) -> int:
        counts = {str(fate): count for fate, count in result.counts.items()}
        self.out.event("result", devices=counts, stats=dict(result.stats), path=str(self.results.path))
        told = [outcome for outcome in result.outcomes if outcome.message]
        if self.out.as_json:
            for one in told:
                self.out.event("device", dev_eui=one.dev_eui, fate=one.fate, message=one.message)
        self.out.result(", ".join(f"{count} {name.replace('_', ' ')}" for name, count in sorted(counts.items())))
        if result.stats:
            self.out.result(
                f"the server counts: {', '.join(f'{name} {count}' for name, count in result.stats.items())}"
            )
        self._list(told)
        if any(chunk.sent and chunk.task is None for chunk in result.chunks):
            self.out.say(
                f"`fuota device task {_USUAL_TASKS.get(self.call, 'DevMgmtJobReq:APPEUI')}` tells whether the server has started it"
            )
        self.out.say(f"kept in {self.results.path}")
        return exit_code(counts)

    def _list(self, told: list[DeviceOutcome]) -> None:
        """Devices with words of their own, and those that share theirs by the number of them."""
        shared = Counter((one.fate, one.message) for one in told)
        alone = [one for one in told if shared[one.fate, one.message] == 1]
        for one in islice(alone, MAX_SHOWN):
            self.out.result(printable(f"{one.dev_eui}  {one.fate}: {one.message}"))
        if len(alone) > MAX_SHOWN:
            self.out.result(f"and {len(alone) - MAX_SHOWN} more with a message")
        for (fate, message), count in shared.items():
            if count > 1:
                self.out.result(printable(f"{counted(count, 'device')}  {fate.replace('_', ' ')}: {message}"))


def exit_code(counts: dict[str, int]) -> int:
    """By what became of the devices: 0 all done, 8 some unknown, 6 some done, 3 none."""
    if counts.get("unknown"):
        return exits.UNKNOWN
    if set(counts) <= {"done"}:
        return exits.DONE
    return exits.PARTIAL if counts.get("done") else exits.REFUSED


def job_options(command: Command) -> Command:
    """Gives a command its server and how to wait, and its `job` of all that."""

    @call_options
    @click.option("--chunk", type=int, help="Devices in one task.  [default: 1000; 10000 to register]")
    @click.option("--wait/--no-wait", default=True, show_default=True, help="Wait for the end of each task.")
    @click.option(
        "--timeout", "timeout_s", type=int, default=600, show_default=True, help="Seconds to wait for each task."
    )
    @click.option(
        "--results",
        type=click.Path(path_type=Path, dir_okay=False),
        help="Keep results in this file, a JSON object a line.  [default: a file of its own in the state folder]",
    )
    @state_option
    @with_output
    @wraps(command)
    def wrapped(  # noqa: PLR0913 - options
        *args: Any,
        server: ServerOptions,
        out: Output,
        chunk: int | None,
        wait: bool,
        timeout_s: int,
        results: Path | None,
        state_dir: Path | None,
        **kwargs: Any,
    ) -> Any:
        if chunk is not None and not wait:
            raise click.UsageError("--chunk needs --wait: a chunk goes out once the task of the one before has ended")
        name = click.get_current_context().command.name or "task"
        kept = ResultFile(results, state_dir, name)
        job = Job(server=server, out=out, call=name, chunk=chunk, wait=wait, timeout_s=timeout_s, results=kept)
        return command(*args, job=job, **kwargs)

    return wrapped  # type: ignore[return-value]


def rows_options(*fields: str, shared: Iterable[str] = ()) -> Callable[[Command], Command]:
    """Gives a command FILE and --dev-eui, and its `given`: rows with these fields.

    shared: options of the command whose value is that field of every device named by --dev-eui.
    """

    def decorate(command: Command) -> Command:
        @click.argument("file", type=click.File("rb"), required=False)
        @click.option("--dev-eui", "dev_euis", multiple=True, help=f"A device; may be repeated. Or FILE: {FORMATS}")
        @wraps(command)
        def wrapped(*args: Any, file: IO[bytes] | None, dev_euis: tuple[str, ...], **kwargs: Any) -> Any:
            if (file is None) == (not dev_euis):
                raise click.UsageError("name the devices either in FILE or by --dev-eui")
            same = {name: value for name in shared if (value := kwargs.pop(name)) is not None}
            if file is None:
                rows = tuple({"dev_eui": dev_eui, **same} for dev_eui in dev_euis)
                given = DeviceList(source="--dev-eui", rows=rows)
            elif same:
                raise click.UsageError(f"--{min(same).replace('_', '-')} goes with --dev-eui; in FILE it is a column")
            else:
                given = read_devices(file, ["dev_eui", *fields])
            return command(*args, given=given, **kwargs)

        return wrapped  # type: ignore[return-value]

    return decorate


def place_options(command: Command) -> Command:
    """Gives a command where devices belong, and its `place` of that."""

    @click.option("--app-eui", help="Application.  [default: that of the key]")
    @click.option("--join-eui", help="Join server, where the application has several.")
    @click.option("--contract-id", type=int, help="Contract.")
    @click.option("--profile-id", type=int, help="Device profile.")
    @wraps(command)
    def wrapped(
        *args: Any,
        app_eui: str | None,
        join_eui: str | None,
        contract_id: int | None,
        profile_id: int | None,
        **kwargs: Any,
    ) -> Any:
        place = {"app_eui": app_eui, "join_eui": join_eui, "contract_id": contract_id, "profile_id": profile_id}
        return command(*args, place=place, **kwargs)

    return wrapped  # type: ignore[return-value]


def details_options(command: Command) -> Command:
    """Gives a command what a device is described by."""
    for option in (
        click.option("--dev-type", help="Type of the device."),
        click.option("--metadata", help="Text kept with the device."),
        click.option("--lng", type=float, help="Longitude in decimal degrees."),
        click.option("--lat", type=float, help="Latitude in decimal degrees."),
    ):
        command = option(command)
    return command
