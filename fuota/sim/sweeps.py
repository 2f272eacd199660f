"""Sweeps: many simulations, one for each point of a grid, on one machine or on a Dask cluster. They can be stopped and resumed.

A point is simulated in batches of devices. A batch depends on the point and its number alone, so it does not matter who runs it,
when, or how often; its counts are one row of a file. Batches count in the order of their numbers, so that every way to run a
sweep stops at the same batch.
"""

from __future__ import annotations

import hashlib
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from fuota import rules
from fuota.calls import checked_call
from fuota.errors import ParameterError, StorageError, UnreachableError
from fuota.sim.axes import make_point, parse_value
from fuota.sim.sweep_file import (
    COLUMNS,
    COUNTS,
    POINT_FIELDS,
    RESULT_FORMAT,
    PointStats,
    Row,
    Rows,
    SweepPoint,
    open_rows,
)

if TYPE_CHECKING:
    from distributed import Client, Future
    from pandas import DataFrame

    from fuota.planning import TransmissionPlan

Progress = Callable[[int, int, float | None], None]
"""Called with the number of batches done, the number of all batches, and the seconds for the others, None if unknown."""


@checked_call
def sweep(  # noqa: PLR0913 - points, file, stop rules and resources
    points: Sequence[SweepPoint],
    *,
    file: str | Path | None = None,
    devices: int = 100_000,
    width: float | None = None,
    failures: int | None = None,
    client: Client | str | None = None,
    threads: int | None = None,
    progress: Progress | None = None,
) -> list[PointStats]:
    """Simulate every point in whole batches, and return the counts of each point.

    points: see `grid`. file: CSV file, or folder *.parquet; batches in it are not run again, every finished batch is added; None
    to store nothing. devices: number of devices of each point, 1 or more; fewer if the 95 % interval is narrower than `width`
    (above 0, at most 1), or if `failures` devices (1 or more) failed. client: a distributed.Client, or the address of a Dask
    scheduler; None for this machine. threads: for a batch, None for one for each processor, on a cluster 1. progress: see Progress.

    Raises ParameterError for values out of range; PlanError, before anything is run, for a point that cannot be sent; StorageError
    for a file of another sweep, which stays as it is; UnreachableError if the cluster is lost.
    """
    rules.optional_integer("threads", threads, 1)
    if not isinstance(points, Sequence):
        rules.refuse("points", "a sequence of SweepPoint", points)
    for point in points:
        if not isinstance(point, SweepPoint):
            rules.refuse("each point", "a SweepPoint", point)
    rule = _StopRule(devices=devices, width=width, failures=failures)
    tallies = {point.identity: _Tally(point, rule) for point in points}
    with open_rows(file, COLUMNS) as rows:
        _resume(rows, tallies, file)
        run = _Run(tallies=list(tallies.values()), rows=rows, progress=progress)
        if client is None:
            run.run_here(threads)
        elif run.waiting:
            with _connected(client) as connected:
                run.run_on_cluster(connected, threads or 1)
    return [tallies[point.identity].stats for point in points]


@checked_call
def to_dataframe(stats: Sequence[PointStats]) -> DataFrame:
    """Return a pandas DataFrame with a row for each point.

    Columns: the fields of the point, the counts, share, low and high (95 %), and the mean frames to complete. Needs pandas.
    """
    from pandas import DataFrame

    names = ("identity", *POINT_FIELDS, *COUNTS, "failures", "share", "low", "high", "mean_frames_to_complete")
    return DataFrame([point_stats.to_json() for point_stats in stats], columns=list(names))


def run_batch(
    point: SweepPoint, plan: TransmissionPlan, batch: int, threads: int | None, result_format: int = RESULT_FORMAT
) -> PointStats:
    """Simulate one batch and return its counts: the same wherever it runs.

    result_format: version of the results of the caller. Raises ParameterError if this worker has another version.
    """
    from fuota.sim.air import SimulatedAir

    if result_format != RESULT_FORMAT:
        raise ParameterError(
            f"this worker has fuota with results of version {RESULT_FORMAT}, the caller has version {result_format}:"
            " install the same one everywhere"
        )
    digest = hashlib.sha256(f"{point.seed}:{batch}".encode()).digest()
    seed = int.from_bytes(digest[:8], "big") >> 1
    air = SimulatedAir(devices=point.devices_per_batch, loss=point.law, seed=seed)
    verdict = air.transmit(plan, threads=threads)
    return replace(
        _no_devices(point, plan),
        batches=(range(batch, batch + 1),),
        devices=verdict.devices,
        complete=verdict.complete,
        frames_to_complete=int(verdict.completed_at @ np.arange(len(verdict.completed_at))),
        missing=int(verdict.missing @ np.arange(len(verdict.missing))),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _StopRule:
    """Rule for when the devices of a point are enough, see `sweep`."""

    devices: int
    width: float | None
    failures: int | None

    def __post_init__(self) -> None:
        rules.integer("devices", self.devices, 1)
        rules.optional_integer("failures", self.failures, 1)
        if self.width is not None and not 0 < self.width <= 1:
            rules.refuse("width", "above 0 and at most 1, the width of an interval of shares", self.width)

    def reached(self, stats: PointStats) -> bool:
        """Return whether the devices are enough."""
        if stats.devices >= self.devices or (self.failures is not None and stats.failures >= self.failures):
            return True
        low, high = stats.interval() if self.width is not None else (0.0, 1.0)
        return self.width is not None and high - low < self.width


class _Tally:
    """A point and the batches that count: from the first batch on without a gap, until the rule is reached."""

    def __init__(self, point: SweepPoint, rule: _StopRule) -> None:
        self.point, self.plan, self._rule = point, _plan_of(point), rule
        self.stats = _no_devices(point, self.plan)
        self.batches = -(-rule.devices // point.devices_per_batch)
        self.stopped = False
        self.done = self._handed_out = 0
        self._known: dict[int, PointStats] = {}
        self._stored: set[int] = set()

    @property
    def expected(self) -> int:
        """Expected number of batches."""
        return self.done if self.stopped else self.batches

    def restore(self, stats: PointStats) -> bool:
        """Take a batch from the file, and return whether it agrees with what is known of the batch."""
        batch = stats.batches[0].start
        self._stored.add(batch)
        return stats.same_plan(self.stats) and self._known.setdefault(batch, stats) == stats

    def take(self, stats: PointStats) -> None:
        """Take a finished batch in any order."""
        self._known.setdefault(stats.batches[0].start, stats)

    def count(self) -> Iterator[PointStats]:
        """Count the batches that follow without a gap; yield the batches that are not in the file."""
        while not self.stopped and self.done in self._known:
            batch_stats = self._known.pop(self.done)
            if self.done not in self._stored:
                yield batch_stats
            self.stats, self.done = self.stats + batch_stats, self.done + 1
            self.stopped = self._rule.reached(self.stats)

    def hand_out(self) -> int | None:
        """Return the number of the next batch to run, or None if there is none."""
        while not self.stopped and self._handed_out < self.batches:
            batch = self._handed_out
            self._handed_out += 1
            if batch >= self.done and batch not in self._known:
                return batch
        return None


@dataclass(slots=True, kw_only=True, eq=False)
class _Run:
    """A run of a sweep.

    started: monotonic time in s. finished: number of batches of this run. done, total: number of batches that count, and of all.
    """

    tallies: list[_Tally]
    rows: Rows
    progress: Progress | None
    started: float = field(default_factory=time.monotonic)
    finished: int = 0
    done: int = 0
    total: int = 0

    def __post_init__(self) -> None:
        self.done = sum(tally.done for tally in self.tallies)
        self.total = sum(tally.expected for tally in self.tallies)
        self._report()

    @property
    def waiting(self) -> bool:
        """Whether any point needs more batches."""
        return any(not tally.stopped for tally in self.tallies)

    def run_here(self, threads: int | None) -> None:
        """Run one batch after the other, each with all threads: the kernels release the interpreter's lock."""
        for tally in self.tallies:
            while (batch := tally.hand_out()) is not None:
                self._take(tally, run_batch(tally.point, tally.plan, batch, threads))

    def run_on_cluster(self, client: Client, threads: int) -> None:
        """Run as many batches at a time as keep every worker busy. Batches of a worker that dies are run by another worker."""
        from distributed import as_completed

        turns, name = deque(self.tallies), f"{time.time_ns():x}"
        running: dict[Future, _Tally] = {}
        finished = as_completed(loop=client.loop)
        try:
            while self.waiting:
                most = 2 + 2 * sum(client.nthreads().values())
                for tally, batch in _next_turns(turns, most - len(running)):
                    key = f"fuota-{tally.point.identity}-{batch}-{name}"
                    work = (tally.point, tally.plan, batch, threads, RESULT_FORMAT)
                    future = client.submit(run_batch, *work, key=key, pure=False)
                    running[future] = tally
                    finished.add(future)
                future = next(finished)
                self._take(running.pop(future), future.result())
        finally:
            client.cancel(list(running))

    def _take(self, tally: _Tally, stats: PointStats) -> None:
        done, expected = tally.done, tally.expected
        tally.take(stats)
        for batch_stats in tally.count():
            self.rows.append(batch_stats.to_json() | {"batch": batch_stats.batches[0].start})
            self.finished += 1
        self.done, self.total = self.done + tally.done - done, self.total + tally.expected - expected
        self._report()

    def _report(self) -> None:
        if self.progress is not None:
            pace_s = (time.monotonic() - self.started) / self.finished if self.finished else None
            self.progress(self.done, self.total, None if pace_s is None else pace_s * (self.total - self.done))


def _next_turns(turns: deque[_Tally], most: int) -> Iterator[tuple[_Tally, int]]:
    """Yield up to `most` batches, from every point in turn; points without batches are taken out."""
    while turns and most > 0:
        tally = turns.popleft()
        batch = tally.hand_out()
        if batch is not None:
            turns.append(tally)
            most -= 1
            yield tally, batch


@contextmanager
def _connected(client: Client | str) -> Iterator[Client]:
    """Yield the client, or a new client for an address. Raises UnreachableError if the cluster fails and not the work."""
    from distributed import CancelledError, KilledWorker
    from distributed.comm import CommClosedError

    if getattr(client, "asynchronous", False):
        raise ParameterError(
            "client must be a synchronous Dask client, got an asynchronous client: sweep waits for the results"
        )
    try:
        if not isinstance(client, str):
            yield client
            return
        with _client(client) as new_client:
            yield new_client
    except (KilledWorker, CancelledError, CommClosedError, TimeoutError) as error:
        raise UnreachableError(
            f"the Dask cluster is lost ({type(error).__name__}: {error}): the file keeps what is done; run the sweep again"
        ) from None


def _client(address: str) -> Client:
    from distributed import Client

    try:
        return Client(address, set_as_default=False)
    except OSError as error:
        raise UnreachableError(f"no Dask scheduler answers at {address}: {error}") from None
    except ValueError:
        rules.refuse("client", "the address of a Dask scheduler, such as tcp://host:8786", address)


def _resume(rows: Rows, tallies: dict[str, _Tally], file: str | Path | None) -> None:
    """Count the batches in the file. Raises StorageError if they belong to another sweep."""
    known = 0
    for where, row in rows.rows:
        stats = _parse_row(where, row)
        if tally := tallies.get(stats.identity):
            known += 1
            if not tally.restore(stats):
                raise StorageError(
                    f"{where} has other numbers than this version of fuota or another row: use another file"
                )
    if rows.rows and not known:
        raise StorageError(
            f"{file} is of another sweep: none of its {len(rows.rows)} batches belongs to a point of this sweep;"
            " use another file"
        )
    for tally in tallies.values():
        deque(tally.count(), maxlen=0)


def _parse_row(where: str, row: Row) -> PointStats:
    """Return the batch in a row. Raises StorageError if the row contradicts itself."""
    try:
        point = make_point({name: None if row[name] == "" else parse_value(name, row[name]) for name in POINT_FIELDS})
        counts = {name: int(row[name]) for name in COUNTS}
        batch = int(row["batch"])
    except ValueError as error:
        raise StorageError(f"{where} is not a row of a sweep ({error}): take it out, or use another file") from None
    sound = 0 <= counts["complete"] <= counts["devices"] == point.devices_per_batch and batch >= 0
    if point.identity != row["identity"] or not sound:
        raise StorageError(
            f"{where} is of another version of fuota, or was changed: its identity {row['identity'][:16]!r} does not match"
            f" its values, {point.identity!r}; use another file"
        )
    return PointStats(point=point, batches=(range(batch, batch + 1),), **counts)


def _plan_of(point: SweepPoint) -> TransmissionPlan:
    """Return the plan of a point. It is made without losses, because the redundancy is fixed and losses would only cost time."""
    from fuota.device import DeviceProfile
    from fuota.planning import Image, PlanInputs, PlanRecipe, plan_of

    recipe = PlanRecipe(
        region=point.region,
        data_rate=point.data_rate,
        frag_size=point.frag_size,
        redundancy=point.redundancy,
        nb_coded=point.nb_coded,
        loss=0.0,
        profile=DeviceProfile(version=point.version),
    )
    return plan_of(PlanInputs.of(Image(name="sweep", size=point.image_bytes, sha256=""), recipe))


def _no_devices(point: SweepPoint, plan: TransmissionPlan) -> PointStats:
    return PointStats(
        point=point,
        batches=(),
        nb_frag_sent=plan.nb_frag,
        frames=plan.frames,
        airtime_us=plan.airtime_us,
        duration_ms=plan.duration_ms,
    )
