"""What is kept of a sweep: its points, their counts, and rows in a file that only grows.

What was written stays, whoever is stopped in the middle. The file is CSV or, where its name ends in .parquet, a folder with a
Parquet file for each row. Either is resumed as it is; several are concatenated by `cat`, or by copying into one folder.
"""

from __future__ import annotations

import csv
import hashlib
import io
import json
import math
import os
import stat
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, fields, replace
from importlib.util import find_spec
from operator import index
from pathlib import Path
from typing import IO, Any, Protocol

from fuota.errors import ParameterError, StorageError
from fuota.fragmentation.statistics.intervals import wilson_interval
from fuota.sim.loss import Bernoulli, GilbertElliott

RESULT_FORMAT = 1
"""Counted up whenever the same point gives other numbers than before."""
INTEGERS = {
    "image_bytes": 1,
    "data_rate": 0,
    "frag_size": 1,
    "nb_coded": 0,
    "version": 1,
    "devices_per_batch": 1,
    "seed": 0,
}
"""The least value of each."""
TEXTS = ("region",)
COUNTS = (
    "nb_frag_sent",
    "frames",
    "airtime_us",
    "duration_ms",
    "devices",
    "complete",
    "frames_to_complete",
    "missing",
)

Row = dict[str, str]
"""Texts, as CSV knows them; "" where there is no value."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SweepPoint:
    """One setting that is simulated. Raises ParameterError for what cannot be.

    `frag_size` None for the largest; `redundancy` as a share, or `nb_coded`; `burst_frames` 1 where losses are independent.
    Points of one `seed` draw the same random numbers: what differs between them is due to what was set, not to luck.
    """

    image_bytes: int
    region: str
    data_rate: int
    frag_size: int | None = None
    redundancy: float | None = None
    nb_coded: int | None = None
    loss: float = 0.1
    burst_frames: float = 1.0
    version: int = 1
    devices_per_batch: int = 10_000
    seed: int = 0

    def __post_init__(self) -> None:
        from fuota.radio import region

        for field in fields(self):
            value = getattr(self, field.name)
            if field.name not in TEXTS and not (value is None and field.default is None):
                object.__setattr__(self, field.name, _checked(field.name, value))
        object.__setattr__(self, "region", region(str(self.region)).name)
        if (self.redundancy is None) == (self.nb_coded is None):
            raise ParameterError("a point has a redundancy or an nb_coded: give one of them, such as redundancy 0.2")
        if self.seed >= 2**63:
            raise ParameterError(f"seed {self.seed} was given: it is 0 to 2^63 - 1")
        _ = self.law

    @property
    def law(self) -> Bernoulli | GilbertElliott:
        """Which frames are lost."""
        return Bernoulli(self.loss) if self.burst_frames == 1 else GilbertElliott(self.loss, self.burst_frames)

    @property
    def identity(self) -> str:
        """The first 16 digits of the SHA-256 of all that decides the outcome."""
        told = json.dumps(asdict(self) | {"format": RESULT_FORMAT}, sort_keys=True, separators=(",", ":"))
        return hashlib.sha256(told.encode()).hexdigest()[:16]


POINT_FIELDS = tuple(field.name for field in fields(SweepPoint))
COLUMNS = ("identity", "batch", *POINT_FIELDS, *COUNTS)
"""Of the file, a row for each batch."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PointStats:
    """What the devices of some batches of a point ended with. Those of other batches of the same point add.

    `batches`: their numbers, as ranges in order. `nb_frag_sent` uncoded fragments and `frames` in all were sent, which take
    `airtime_us` on air and `duration_ms` in all. `frames_to_complete`: the sum, over the complete devices, of the number of
    frames after which each was; `missing`: the sum of the rank that the others lack.
    """

    point: SweepPoint
    batches: tuple[range, ...]
    nb_frag_sent: int
    frames: int
    airtime_us: int
    duration_ms: int
    devices: int = 0
    complete: int = 0
    frames_to_complete: int = 0
    missing: int = 0

    @property
    def identity(self) -> str:
        """Of the point."""
        return self.point.identity

    @property
    def failures(self) -> int:
        """How many devices are not complete."""
        return self.devices - self.complete

    @property
    def share(self) -> float:
        """The share of devices that are; nan of none."""
        return self.complete / self.devices if self.devices else math.nan

    def interval(self, confidence: float = 0.95) -> tuple[float, float]:
        """Of the probability that a device completes, see SimulatedVerdict; of no device 0 to 1. Raises ParameterError."""
        if not self.devices:
            return 0.0, 1.0
        return wilson_interval(self.complete, self.devices, confidence)

    def same_plan(self, other: PointStats) -> bool:
        """Whether both are of one point, and it was planned alike."""
        shape = ("point", "nb_frag_sent", "frames", "airtime_us", "duration_ms")
        return all(getattr(self, name) == getattr(other, name) for name in shape)

    def to_json(self) -> dict[str, Any]:
        """The fields of the point, the counts, and what follows from them, as plain values."""
        low, high = self.interval()
        mean = self.frames_to_complete / self.complete if self.complete else None
        told = {"failures": self.failures, "share": self.share, "low": low, "high": high}
        counts = {name: getattr(self, name) for name in COUNTS}
        return {"identity": self.identity} | asdict(self.point) | counts | told | {"mean_frames_to_complete": mean}

    def __add__(self, other: PointStats) -> PointStats:
        """Of both together. Raises ParameterError where they are of two points, or a batch is in both."""
        if not self.same_plan(other):
            raise ParameterError(
                f"statistics of two points were added, {self.identity} and {other.identity}: only those of one add"
            )
        sums = {name: getattr(self, name) + getattr(other, name) for name in COUNTS[4:]}
        return replace(self, batches=_joined(self.batches + other.batches), **sums)


class Rows(Protocol):
    """A file of rows that was read and is open for more."""

    rows: list[tuple[str, Row]]
    """Those that were there, each with the words that say where."""

    def append(self, row: Mapping[str, Any]) -> None:
        """Add a row; once this returns, it outlasts a loss of power. Raises StorageError."""
        ...


@contextmanager
def open_rows(path: str | Path | None, columns: Sequence[str]) -> Iterator[Rows]:
    """The rows in a file, made where there is none; for None, nowhere. Nothing is written before the first `append`.

    Raises StorageError, the file untouched, where it cannot be written, is in use, or holds other columns.
    """
    if path is None:
        yield _Nowhere()
    elif Path(path).suffix == ".parquet":
        yield _ParquetRows(Path(path), columns)
    else:
        with _opened(Path(path)) as file:
            yield _CsvRows(Path(path), file, columns)


class _Nowhere:
    """Rows that nobody asked to keep."""

    def __init__(self) -> None:
        self.rows: list[tuple[str, Row]] = []

    def append(self, row: Mapping[str, Any]) -> None:
        """Keep nothing."""


class _CsvRows:
    """See Rows. A last line without its end is what a stop in the middle of writing left: it does not count."""

    def __init__(self, path: Path, file: IO[bytes], columns: Sequence[str]) -> None:
        self._path, self._file, self._columns = path, file, list(columns)
        content = file.read()
        self._end = content.rfind(b"\n") + 1
        if not self._end and not _line(columns).startswith(content):
            raise StorageError(f"{path} is no sweep: it does not start with the columns of one; name another file")
        self.rows = list(self._parsed(content[: self._end]))

    def append(self, row: Mapping[str, Any]) -> None:
        """See Rows."""
        head = b"" if self._end else _line(self._columns)
        line = head + _line(["" if row[name] is None else row[name] for name in self._columns])
        try:
            os.ftruncate(self._file.fileno(), self._end)
            self._file.seek(self._end)
            self._file.write(line)
            self._file.flush()
            os.fsync(self._file.fileno())
        except OSError as error:
            raise StorageError(f"{self._path} cannot be written: {error.strerror or error}") from None
        self._end += len(line)

    def _parsed(self, content: bytes) -> Iterator[tuple[str, Row]]:
        """The rows; the columns are said first, and again wherever files were joined."""
        for number, line in enumerate(content.split(b"\n"), start=1):
            fields = _fields(line)
            if fields == self._columns or not fields:
                continue
            if number == 1:
                raise StorageError(
                    f"{self._path} is no sweep of this fuota: its columns are {_shown(fields)}, those of a sweep"
                    f" {_shown(self._columns)}; name another file"
                )
            if len(fields) != len(self._columns):
                raise StorageError(
                    f"{self._path}, line {number}, has {len(fields)} values: a row has {len(self._columns)}; take the line out"
                )
            yield f"{self._path}, line {number},", dict(zip(self._columns, fields, strict=True))


class _ParquetRows:
    """See Rows. A part gets its name when it is whole."""

    def __init__(self, path: Path, columns: Sequence[str]) -> None:
        if find_spec("pyarrow") is None:
            raise StorageError(f"{path} needs pyarrow: install it, or name a file for CSV")
        self._path, self._columns = path, list(columns)
        if path.exists() and not path.is_dir():
            raise StorageError(
                f"{path} is a file: a sweep in Parquet is a folder that files are added to; name another"
            )
        self.rows = [
            (f"{part},", row) for part in sorted(path.glob("*.parquet")) for row in _parquet(part, self._columns)
        ]
        try:
            path.mkdir(exist_ok=True)
        except OSError as error:
            raise StorageError(f"{path} cannot be made: {error.strerror}") from None

    def append(self, row: Mapping[str, Any]) -> None:
        """See Rows."""
        from pyarrow import Table, parquet

        name = "-".join(str(row[column]) for column in self._columns[:2])
        beside = self._path / f".{name}.{os.getpid()}"
        try:
            with beside.open("wb") as file:
                parquet.write_table(Table.from_pylist([dict(row)], schema=_schema(self._columns)), file)
                file.flush()
                os.fsync(file.fileno())
            beside.replace(self._path / f"{name}.parquet")
        except OSError as error:
            raise StorageError(f"{self._path} cannot be written: {error.strerror or error}") from None


@contextmanager
def _opened(path: Path) -> Iterator[IO[bytes]]:
    """A regular file, for nobody else at the same time."""
    try:
        handle = os.open(path, os.O_RDWR | os.O_CREAT | getattr(os, "O_BINARY", 0), 0o666)
    except OSError as error:
        raise StorageError(f"{path} cannot be opened: {error.strerror}") from None
    with open(handle, "r+b") as file:
        if not stat.S_ISREG(os.fstat(handle).st_mode):
            raise StorageError(f"{path} is no regular file: a sweep is kept in one; name another")
        _lock(file, path)
        yield file


def _lock(file: IO[bytes], path: Path) -> None:
    """Held until the file is closed; systems without such locks go without."""
    try:
        import fcntl
    except ImportError:  # Windows
        return
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        raise StorageError(f"{path} is in use by another sweep: wait for it, or name another file") from None


def _schema(columns: Sequence[str]) -> Any:
    import pyarrow

    def kind(name: str) -> Any:
        if name in ("identity", *TEXTS):
            return pyarrow.string()
        return pyarrow.int64() if name in ("batch", *INTEGERS, *COUNTS) else pyarrow.float64()

    return pyarrow.schema([(name, kind(name)) for name in columns])


def _parquet(part: Path, columns: list[str]) -> Iterator[Row]:
    from pyarrow import ArrowException, parquet

    try:
        table = parquet.ParquetFile(part).read()
    except (OSError, ArrowException) as error:
        raise StorageError(f"{part} cannot be read: {error}") from None
    if table.column_names != columns:
        raise StorageError(f"{part} is no sweep of this fuota: its columns are {_shown(table.column_names)}")
    for row in table.to_pylist():
        yield {name: "" if value is None else str(value) for name, value in row.items()}


def _line(values: Sequence[Any]) -> bytes:
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerow(values)
    return text.getvalue().encode()


def _fields(line: bytes) -> list[str]:
    try:
        return next(csv.reader([line.decode("utf-8", "replace").rstrip("\r").replace("\0", "?")]), [])
    except csv.Error:
        return ["a very long line"]


def _shown(columns: Sequence[str]) -> str:
    text = ", ".join(columns)
    return text if len(text) < 200 else f"{text[:200]}…"


def _joined(batches: tuple[range, ...]) -> tuple[range, ...]:
    """The ranges in order, neighbours as one. Raises ParameterError where two have a batch in common."""
    joined: list[range] = []
    for one in sorted(batches, key=lambda one: one.start):
        if joined and one.start < joined[-1].stop:
            raise ParameterError(f"batch {one.start} was added twice: every batch counts once")
        if joined and one.start == joined[-1].stop:
            joined[-1] = range(joined[-1].start, one.stop)
        else:
            joined.append(one)
    return tuple(joined)


def _checked(name: str, value: Any) -> int | float:
    """The value of a number of a point."""
    if name in INTEGERS:
        return whole_number(name, value, INTEGERS[name])
    try:
        number = float(value) + 0.0
    except (TypeError, ValueError):
        raise ParameterError(f"{name} {value!r} was given: it is a number, such as 0.1") from None
    if not math.isfinite(number) or number < 0:
        raise ParameterError(f"{name} {value!r} was given: it is a number, 0 or more")
    return number


def whole_number(name: str, value: Any, least: int) -> int:
    """The number, if it is a whole one and not below `least`. Raises ParameterError."""
    try:
        number = index(value)
    except TypeError:
        raise ParameterError(f"{name} {value!r} was given: it is a whole number, {least} or more") from None
    if number < least or isinstance(value, bool):
        raise ParameterError(f"{name} {value!r} was given: it is {least} or more; the nearest is {least}")
    return number
