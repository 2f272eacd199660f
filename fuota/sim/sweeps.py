"""Many simulations, one for each point of a grid: stopped and resumed at will, on one machine or on a Dask cluster.

A point is worked off in batches of devices. A batch depends on the point and its number alone, so it does not matter who
runs it, when, or how often; its counts are one row of a file. Batches count in the order of their numbers, so that every
way to run a sweep stops at the same one.
"""

from __future__ import annotations

import hashlib
import itertools
import math
import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from decimal import Decimal, InvalidOperation
from difflib import get_close_matches
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from fuota.errors import ParameterError, StorageError, UnreachableError
from fuota.sim.sweep_file import (
    COLUMNS,
    COUNTS,
    INTEGERS,
    POINT_FIELDS,
    RESULT_FORMAT,
    TEXTS,
    PointStats,
    Row,
    Rows,
    SweepPoint,
    open_rows,
    whole_number,
)

if TYPE_CHECKING:
    from distributed import Client
    from pandas import DataFrame

    from fuota.planning import TransmissionPlan

MOST_VALUES = 10_000
"""On one axis."""
Progress = Callable[[int, int, float | None], None]
"""Called with the batches done, all of them, and the seconds that the others will take; None where that is not known yet."""


def grid(axes: Mapping[str, Sequence[Any]], **fixed: Any) -> tuple[SweepPoint, ...]:
    """Every combination of the values of the axes, the last one turning fastest, each point once; `fixed` is equal in all.

    Raises ParameterError for a name that no point has, for what is both an axis and fixed, and for what no point can be.
    """
    for name in (*axes, *fixed):
        _check_name(name)
    if both := sorted(axes.keys() & fixed.keys()):
        raise ParameterError(f"{both[0]} was given as an axis and as a fixed value: give it once")
    missing = [name for name in POINT_FIELDS[:3] if name not in axes and name not in fixed]
    if missing:
        raise ParameterError(f"{', '.join(missing)} must be given: a point has image_bytes, a region and a data_rate")
    combinations = itertools.product(*axes.values())
    return tuple(dict.fromkeys(SweepPoint(**dict(zip(axes, values, strict=True)), **fixed) for values in combinations))


def parse_axis(text: str) -> tuple[str, tuple[Any, ...]]:
    """The name and the values in "redundancy=0.05:0.5:0.05", the last value included, or in "loss=0.05,0.1". ParameterError."""
    name, _, said = (part.strip() for part in text.partition("="))
    _check_name(name)
    if name not in TEXTS and ":" in said:
        return name, tuple(_read(name, value) for value in _range(name, said))
    return name, tuple(_read(name, value.strip()) for value in said.split(","))


def sweep(  # noqa: PLR0913 - what, where to, until when, and with what
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
    """Simulate every point, in whole batches, for `devices` devices; fewer once the 95 % interval is narrower than `width`,
    or `failures` devices failed.

    What is in `file` (CSV, or a folder *.parquet) is not run again; every finished batch is added to it. `client`: a
    distributed.Client, or the address of a Dask scheduler. `threads` of a batch: by default as many as there are processors,
    on a cluster 1. Raises ParameterError; PlanError, before anything is run, for a point that cannot be sent; StorageError,
    the file untouched, for one of another sweep; UnreachableError where the cluster is lost.
    """
    from fuota.rules import optional_integer

    optional_integer("threads", threads, 1)
    rule = _StopRule(devices=devices, width=width, failures=failures)
    tallies = {point.identity: _Tally(point, rule) for point in points}
    with open_rows(file, COLUMNS) as rows:
        _resume(rows, tallies, file)
        run = _Run(tallies=list(tallies.values()), rows=rows, progress=progress)
        if client is None:
            run.here(threads)
        elif run.waiting:
            with _connected(client) as connected:
                run.on_cluster(connected, threads or 1)
    return [tallies[point.identity].stats for point in points]


def to_dataframe(stats: Sequence[PointStats]) -> DataFrame:
    """A row for each point: its fields, the counts, share, low and high (95 %), and the mean frames to complete. Needs pandas."""
    from pandas import DataFrame

    names = ("identity", *POINT_FIELDS, *COUNTS, "failures", "share", "low", "high", "mean_frames_to_complete")
    return DataFrame([one.to_json() for one in stats], columns=list(names))


def run_batch(
    point: SweepPoint, plan: TransmissionPlan, batch: int, threads: int | None, told: int = RESULT_FORMAT
) -> PointStats:
    """Simulate one batch: the same wherever it runs. Raises ParameterError where the numbers are `told` to be of another format."""
    from fuota.sim.air import SimulatedAir

    if told != RESULT_FORMAT:
        raise ParameterError(
            "this worker has another fuota, which gives other numbers: install the same one everywhere"
        )
    drawn = hashlib.sha256(f"{point.seed}:{batch}".encode()).digest()
    seed = int.from_bytes(drawn[:8], "big") >> 1
    air = SimulatedAir(devices=point.devices_per_batch, loss=point.law, seed=seed)
    verdict = air.transmit(plan, threads=threads)
    return replace(
        _nothing(point, plan),
        batches=(range(batch, batch + 1),),
        devices=verdict.devices,
        complete=verdict.complete,
        frames_to_complete=int(verdict.completed_at @ np.arange(len(verdict.completed_at))),
        missing=int(verdict.missing @ np.arange(len(verdict.missing))),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _StopRule:
    devices: int
    width: float | None
    failures: int | None

    def __post_init__(self) -> None:
        for name in ("devices", "failures"):
            if getattr(self, name) is not None:
                whole_number(name, getattr(self, name), 1)
        if self.width is not None and not 0 < self.width <= 1:
            raise ParameterError(f"width {self.width} was given: it is a width of an interval of shares, above 0, to 1")

    def reached(self, stats: PointStats) -> bool:
        """Whether these are enough."""
        if stats.devices >= self.devices or (self.failures is not None and stats.failures >= self.failures):
            return True
        low, high = stats.interval() if self.width is not None else (0.0, 1.0)
        return self.width is not None and high - low < self.width


class _Tally:
    """A point, and its batches that count so far: those without a gap from the first on, until the rule is reached."""

    def __init__(self, point: SweepPoint, rule: _StopRule) -> None:
        self.point, self.plan, self._rule = point, _plan_of(point), rule
        self.stats = _nothing(point, self.plan)
        self.batches = -(-rule.devices // point.devices_per_batch)
        self.stopped = False
        self.done = self._handed_out = 0
        self._known: dict[int, PointStats] = {}
        self._stored: set[int] = set()

    @property
    def expected(self) -> int:
        """How many batches it is going to be, as far as is known."""
        return self.done if self.stopped else self.batches

    def restore(self, one: PointStats) -> bool:
        """Take a batch out of the file; whether it agrees with what is known of that batch."""
        batch = one.batches[0].start
        self._stored.add(batch)
        return one.same_plan(self.stats) and self._known.setdefault(batch, one) == one

    def take(self, one: PointStats) -> None:
        """Take a finished batch, whatever its turn."""
        self._known.setdefault(one.batches[0].start, one)

    def count(self) -> Iterator[PointStats]:
        """Count the batches whose turn it is; yield those that are not in the file."""
        while not self.stopped and self.done in self._known:
            one = self._known.pop(self.done)
            if self.done not in self._stored:
                yield one
            self.stats, self.done = self.stats + one, self.done + 1
            self.stopped = self._rule.reached(self.stats)

    def hand_out(self) -> int | None:
        """The number of the next batch to run; None where there is none."""
        while not self.stopped and self._handed_out < self.batches:
            batch = self._handed_out
            self._handed_out += 1
            if batch >= self.done and batch not in self._known:
                return batch
        return None


@dataclass(slots=True, kw_only=True, eq=False)
class _Run:
    """One run of a sweep."""

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
        self._tell()

    @property
    def waiting(self) -> bool:
        return any(not tally.stopped for tally in self.tallies)

    def here(self, threads: int | None) -> None:
        """One batch after the other, each by all threads: the kernels release the interpreter's lock."""
        for tally in self.tallies:
            while (batch := tally.hand_out()) is not None:
                self._take(tally, run_batch(tally.point, tally.plan, batch, threads))

    def on_cluster(self, client: Client, threads: int) -> None:
        """As many batches at a time as keep every worker busy. What a worker that dies had to do, another one does."""
        from distributed import as_completed

        turns, name = deque(self.tallies), f"{time.time_ns():x}"
        running: dict[Any, _Tally] = {}
        finished = as_completed(loop=client.loop)
        try:
            while self.waiting:
                wanted = 2 + 2 * sum(client.nthreads().values())
                for tally, batch in _next_turns(turns, wanted - len(running)):
                    key = f"fuota-{tally.point.identity}-{batch}-{name}"
                    work = (tally.point, tally.plan, batch, threads, RESULT_FORMAT)
                    future = client.submit(run_batch, *work, key=key, pure=False)
                    running[future] = tally
                    finished.add(future)
                future = next(finished)
                self._take(running.pop(future), future.result())
        finally:
            client.cancel(list(running))

    def _take(self, tally: _Tally, one: PointStats) -> None:
        done, expected = tally.done, tally.expected
        tally.take(one)
        for counted in tally.count():
            self.rows.append(counted.to_json() | {"batch": counted.batches[0].start})
            self.finished += 1
        self.done, self.total = self.done + tally.done - done, self.total + tally.expected - expected
        self._tell()

    def _tell(self) -> None:
        if self.progress is not None:
            pace_s = (time.monotonic() - self.started) / self.finished if self.finished else None
            self.progress(self.done, self.total, None if pace_s is None else pace_s * (self.total - self.done))


def _next_turns(turns: deque[_Tally], most: int) -> Iterator[tuple[_Tally, int]]:
    """Up to `most` batches, of every point in turn; points that have none left are taken out."""
    while turns and most > 0:
        tally = turns.popleft()
        batch = tally.hand_out()
        if batch is not None:
            turns.append(tally)
            most -= 1
            yield tally, batch


@contextmanager
def _connected(client: Client | str) -> Iterator[Client]:
    """The client, or, for an address, one of our own. Raises UnreachableError where the cluster fails, not the work."""
    from distributed import CancelledError, KilledWorker
    from distributed.comm import CommClosedError

    if getattr(client, "asynchronous", False):
        raise ParameterError("an asynchronous client was given: sweep waits for the results; give one that is not")
    try:
        if not isinstance(client, str):
            yield client
            return
        with _client(client) as own:
            yield own
    except (KilledWorker, CancelledError, CommClosedError, TimeoutError) as error:
        raise UnreachableError(
            f"the Dask cluster is lost ({type(error).__name__}: {error}): what is in the file is kept; run the sweep again"
        ) from None


def _client(address: str) -> Client:
    from distributed import Client

    try:
        return Client(address, set_as_default=False)
    except OSError as error:
        raise UnreachableError(f"no Dask scheduler answers at {address}: {error}") from None
    except ValueError:
        raise ParameterError(f"{address!r} is no address of a Dask scheduler, such as tcp://host:8786") from None


def _resume(rows: Rows, tallies: dict[str, _Tally], file: Any) -> None:
    """Count what is in the file. Raises StorageError."""
    known = 0
    for where, row in rows.rows:
        one = _parsed(where, row)
        if tally := tallies.get(one.identity):
            known += 1
            if not tally.restore(one):
                raise StorageError(f"{where} tells other numbers than this fuota or another row: name another file")
    if rows.rows and not known:
        raise StorageError(
            f"{file} is of another sweep: none of its {len(rows.rows)} batches is of a point that was given; name another file"
        )
    for tally in tallies.values():
        deque(tally.count(), maxlen=0)


def _parsed(where: str, row: Row) -> PointStats:
    """The batch that a row tells. Raises StorageError where it contradicts itself."""
    try:
        values = {name: None if row[name] == "" else _read(name, row[name]) for name in POINT_FIELDS}
        point = SweepPoint(**values)  # type: ignore[arg-type]
        counts = {name: int(row[name]) for name in COUNTS}
        batch = int(row["batch"])
    except ValueError as error:
        raise StorageError(f"{where} is no row of a sweep ({error}): take it out, or name another file") from None
    sound = 0 <= counts["complete"] <= counts["devices"] == point.devices_per_batch and batch >= 0
    if point.identity != row["identity"] or not sound:
        raise StorageError(
            f"{where} is of another fuota, or was changed: its identity {row['identity'][:16]!r} is not that of its values,"
            f" {point.identity!r}; name another file"
        )
    return PointStats(point=point, batches=(range(batch, batch + 1),), **counts)


def _plan_of(point: SweepPoint) -> TransmissionPlan:
    """What is sent. The redundancy is said, so no loss is asked of the plan: it would only make it slow."""
    from fuota.device import DeviceProfile
    from fuota.planning import Image, PlanInputs, PlanRecipe, plan_of

    said = {name: getattr(point, name) for name in ("region", "data_rate", "frag_size", "redundancy", "nb_coded")}
    recipe = PlanRecipe(**said, loss=0.0, profile=DeviceProfile(version=point.version))
    return plan_of(PlanInputs.of(Image(name="sweep", size=point.image_bytes, sha256=""), recipe))


def _nothing(point: SweepPoint, plan: TransmissionPlan) -> PointStats:
    told = {name: getattr(plan, name) for name in ("frames", "airtime_us", "duration_ms")}
    return PointStats(point=point, batches=(), nb_frag_sent=plan.nb_frag, **told)


def _check_name(name: str) -> None:
    if name not in POINT_FIELDS:
        close = get_close_matches(name, POINT_FIELDS, n=1, cutoff=0.0)
        raise ParameterError(f"{name!r} was given: a point has {', '.join(POINT_FIELDS)}; the nearest is {close[0]!r}")


def _read(name: str, text: str) -> Any:
    """The value of a field of a point that was written as text."""
    if name in TEXTS and text:
        return text
    try:
        return int(text) if name in INTEGERS else float(text)
    except ValueError:
        kind = "a whole number" if name in INTEGERS else "a number" if name not in TEXTS else "a text"
        raise ParameterError(f"{name} {text!r} was given: it is {kind}") from None


def _range(name: str, said: str) -> Iterator[str]:
    """The values from start to stop, both included, as decimal texts: steps of 0.05 stay exact."""
    try:
        start, stop, step = (Decimal(part.strip()) for part in said.split(":"))
        first, last, wide = float(start), float(stop), float(step)
    except (InvalidOperation, ValueError, OverflowError):
        raise ParameterError(f"{name}={said} was given: a range is start:stop:step, such as 0.05:0.5:0.05") from None
    if not (math.isfinite(first) and math.isfinite(last) and 0 < wide < math.inf and first <= last):
        raise ParameterError(f"{name}={said} was given: in start:stop:step, stop is not below start and step above 0")
    if (count := (stop - start) / step) >= MOST_VALUES:
        raise ParameterError(f"{name}={said} was given: those are more than {MOST_VALUES} values; take a larger step")
    for number in range(int(count) + 1):
        value = start + number * step
        yield str(int(value)) if value == value.to_integral_value() else str(value)
