"""File of a sweep: its points, their counts, and rows in a file that only grows.

Rows that were written stay if the process is stopped. The file is CSV or, if its name ends in .parquet, a folder with a Parquet
file for each row. Either is resumed as it is; several are joined by `cat`, or by copying into one folder.
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
from pathlib import Path
from typing import IO, TYPE_CHECKING, Protocol

from fuota import files, rules
from fuota.calls import checked_init
from fuota.errors import ParameterError, StorageError
from fuota.fragmentation.statistics.intervals import wilson_interval
from fuota.sim.loss import Bernoulli, GilbertElliott, loss_law

if TYPE_CHECKING:
    import pyarrow

RESULT_FORMAT = 1
"""Version of the results, counted up whenever the same point gives other numbers than before."""
INTEGERS = {
    "image_bytes": 1,
    "data_rate": 0,
    "frag_size": 1,
    "nb_coded": 0,
    "version": 1,
    "devices_per_batch": 1,
    "seed": 0,
}
"""Lowest value of each whole number of a point."""
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
_MAX_SEED = 2**63 - 1
_SHOWN_CHARACTERS = 200

Row = dict[str, str]
"""Cells of a row by column, as in CSV; "" if there is no value."""


@checked_init
@dataclass(frozen=True, slots=True, kw_only=True)
class SweepPoint:
    """A combination of values that is simulated. Raises ParameterError for values out of range or in conflict.

    image_bytes: size of the image. region: name. data_rate: index. frag_size: bytes, None for the largest size.
    redundancy: share of coded fragments. nb_coded: number of coded fragments. Exactly one of the two is given.
    loss: share of frames lost. burst_frames: mean length of a run of losses, 1 if losses are independent. version: of TS004.
    devices_per_batch: number of devices that are simulated at a time. seed: points with the same seed draw the same random
    numbers, so that they differ only by their values.
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
                object.__setattr__(self, field.name, _number(field.name, value))
        object.__setattr__(self, "region", region(self.region).name)
        if (self.redundancy is None) == (self.nb_coded is None):
            raise ParameterError("a point must have either a redundancy or an nb_coded, such as redundancy 0.2")
        rules.integer("seed", self.seed, 0, _MAX_SEED)
        _ = self.law

    @property
    def law(self) -> Bernoulli | GilbertElliott:
        """Law of loss."""
        return loss_law(self.loss, self.burst_frames)

    @property
    def identity(self) -> str:
        """First 16 digits of the SHA-256 of everything that decides the outcome."""
        canonical = json.dumps(asdict(self) | {"format": RESULT_FORMAT}, sort_keys=True, separators=(",", ":"))
        return hashlib.sha256(canonical.encode()).hexdigest()[:16]


def _number(name: str, value: object) -> int | float:
    """Return a number of a point. Raises ParameterError if it is out of range."""
    if name in INTEGERS:
        return rules.integer(name, value, INTEGERS[name])
    number = rules.real(name, value, 0) + 0.0
    if math.isinf(number):
        rules.refuse(name, "a finite number, 0 or more", value)
    return number


POINT_FIELDS = tuple(field.name for field in fields(SweepPoint))
COLUMNS = ("identity", "batch", *POINT_FIELDS, *COUNTS)
"""Columns of the file, which has a row for each batch."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PointStats:
    """Counts of the devices in some batches of a point. The counts of other batches of the same point can be added.

    batches: numbers of the batches, as ranges in order. nb_frag_sent: number of uncoded fragments. frames: number of all fragments.
    airtime_us, duration_ms: of one transmission. devices: number of simulated devices. complete: number of complete devices.
    frames_to_complete: sum over the complete devices of the number of frames after which each was complete. missing: sum of the
    rank that the other devices lack.
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
        """Identity of the point."""
        return self.point.identity

    @property
    def failures(self) -> int:
        """Number of devices that are not complete."""
        return self.devices - self.complete

    @property
    def share(self) -> float:
        """Share of complete devices; nan without devices."""
        return self.complete / self.devices if self.devices else math.nan

    def interval(self, confidence: float = 0.95) -> tuple[float, float]:
        """Return the interval of the probability that a device completes, see SimulatedVerdict; 0 to 1 without devices.

        Raises ParameterError unless the confidence is between 0 and 1.
        """
        if not self.devices:
            return 0.0, 1.0
        return wilson_interval(self.complete, self.devices, confidence)

    def same_plan(self, other: PointStats) -> bool:
        """Return whether both have the same point and the same plan."""
        names = ("point", "nb_frag_sent", "frames", "airtime_us", "duration_ms")
        return all(getattr(self, name) == getattr(other, name) for name in names)

    def to_json(self) -> dict[str, object]:
        """Return the fields of the point, the counts, and the values derived from them, as plain values."""
        low, high = self.interval()
        mean = self.frames_to_complete / self.complete if self.complete else None
        derived = {"failures": self.failures, "share": self.share, "low": low, "high": high}
        counts = {name: getattr(self, name) for name in COUNTS}
        return {"identity": self.identity} | asdict(self.point) | counts | derived | {"mean_frames_to_complete": mean}

    def __add__(self, other: PointStats) -> PointStats:
        """Return the counts of both together. Raises ParameterError if the points differ, or if both contain the same batch."""
        if not self.same_plan(other):
            raise ParameterError(
                f"statistics of two points cannot be added, {self.identity} and {other.identity}: both must have the same point"
            )
        sums = {name: getattr(self, name) + getattr(other, name) for name in COUNTS[4:]}
        return replace(self, batches=_joined(self.batches + other.batches), **sums)


class Rows(Protocol):
    """Rows of a file that was read and is open for more."""

    rows: list[tuple[str, Row]]
    """Rows that were in the file, each with its place in words."""

    def append(self, row: Mapping[str, object]) -> None:
        """Add a row, on disk when this returns. Raises StorageError."""
        ...


@contextmanager
def open_rows(path: str | Path | None, columns: Sequence[str]) -> Iterator[Rows]:
    """Yield the rows of a file, which is made if it is missing; rows that are not stored if `path` is None.

    Nothing is written before the first `append`. Raises StorageError, and leaves the file as it is, if the file cannot be written,
    is in use, or has other columns.
    """
    if path is None:
        yield _NoRows()
    elif Path(path).suffix == ".parquet":
        yield _ParquetRows(Path(path), columns)
    else:
        with _open_locked(Path(path)) as file:
            yield _CsvRows(Path(path), file, columns)


class _NoRows:
    """Rows that are not stored."""

    def __init__(self) -> None:
        self.rows: list[tuple[str, Row]] = []

    def append(self, row: Mapping[str, object]) -> None:
        """Store nothing."""


class _CsvRows:
    """Rows in a CSV file, see Rows. A last line without its end was not written completely: it is ignored."""

    def __init__(self, path: Path, file: IO[bytes], columns: Sequence[str]) -> None:
        self._path, self._file, self._columns = path, file, list(columns)
        content = file.read()
        self._end = content.rfind(b"\n") + 1
        if not self._end and not _csv_line(columns).startswith(content):
            raise StorageError(f"{path} is not a sweep: it does not start with its columns; use another file")
        self.rows = list(self._parse(content[: self._end]))

    def append(self, row: Mapping[str, object]) -> None:
        """Add a row, see Rows."""
        head = b"" if self._end else _csv_line(self._columns)
        line = head + _csv_line(["" if row[name] is None else row[name] for name in self._columns])
        try:
            os.ftruncate(self._file.fileno(), self._end)
            self._file.seek(self._end)
            files.write_durably(self._file, line)
        except OSError as error:
            raise files.not_writable("the sweep", self._path, error) from None
        self._end += len(line)

    def _parse(self, content: bytes) -> Iterator[tuple[str, Row]]:
        """Yield the rows. The columns are in the first line, and again at each place where files were joined."""
        for number, line in enumerate(content.split(b"\n"), start=1):
            cells = _csv_cells(line)
            if cells == self._columns or not cells:
                continue
            if number == 1:
                raise StorageError(
                    f"{self._path} is not a sweep of this version of fuota: its columns are {_shown(cells)}, not"
                    f" {_shown(self._columns)}; use another file"
                )
            if len(cells) != len(self._columns):
                raise StorageError(
                    f"{self._path}, line {number}, has {len(cells)} values: a row has {len(self._columns)}; take the line out"
                )
            yield f"{self._path}, line {number},", dict(zip(self._columns, cells, strict=True))


class _ParquetRows:
    """Rows in a folder of Parquet files, see Rows. A file gets its name when it is complete."""

    def __init__(self, path: Path, columns: Sequence[str]) -> None:
        if find_spec("pyarrow") is None:
            raise StorageError(f"{path} needs pyarrow: install it, or use a name for CSV")
        self._path, self._columns = path, list(columns)
        if path.exists() and not path.is_dir():
            raise StorageError(f"{path} is a file: a sweep in Parquet is a folder that files are added to; use another")
        self.rows = [
            (f"{part},", row) for part in sorted(path.glob("*.parquet")) for row in _parquet_rows(part, self._columns)
        ]
        try:
            path.mkdir(exist_ok=True)
        except OSError as error:
            raise StorageError(f"{path} cannot be made: {error.strerror}") from None

    def append(self, row: Mapping[str, object]) -> None:
        """Add a row, see Rows."""
        from pyarrow import Table, parquet

        content = io.BytesIO()
        parquet.write_table(Table.from_pylist([dict(row)], schema=_schema(self._columns)), content)
        name = "-".join(str(row[column]) for column in self._columns[:2])
        files.write_whole(self._path / f"{name}.parquet", content.getvalue(), what="the sweep")


@contextmanager
def _open_locked(path: Path) -> Iterator[IO[bytes]]:
    """Yield a regular file that no other process writes at the same time."""
    try:
        handle = os.open(path, os.O_RDWR | os.O_CREAT | getattr(os, "O_BINARY", 0), files.SHARED)
    except OSError as error:
        raise StorageError(f"{path} cannot be opened: {error.strerror}") from None
    with open(handle, "r+b") as file:
        if not stat.S_ISREG(os.fstat(handle).st_mode):
            raise StorageError(f"{path} is not a regular file: a sweep needs a regular file; use another name")
        _lock(file, path)
        yield file


def _lock(file: IO[bytes], path: Path) -> None:
    """Lock the file until it is closed. Systems without such locks do without."""
    try:
        import fcntl
    except ImportError:  # Windows
        return
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        raise StorageError(f"{path} is in use by another sweep: wait for it, or use another file") from None


def _schema(columns: Sequence[str]) -> pyarrow.Schema:
    import pyarrow

    def kind(name: str) -> pyarrow.DataType:
        if name in ("identity", *TEXTS):
            return pyarrow.string()
        return pyarrow.int64() if name in ("batch", *INTEGERS, *COUNTS) else pyarrow.float64()

    return pyarrow.schema([(name, kind(name)) for name in columns])


def _parquet_rows(part: Path, columns: list[str]) -> Iterator[Row]:
    from pyarrow import ArrowException, parquet

    try:
        table = parquet.ParquetFile(part).read()
    except (OSError, ArrowException) as error:
        raise StorageError(f"{part} cannot be read: {error}") from None
    if table.column_names != columns:
        raise StorageError(
            f"{part} is not a sweep of this version of fuota: its columns are {_shown(table.column_names)}"
        )
    for row in table.to_pylist():
        yield {name: "" if value is None else str(value) for name, value in row.items()}


def _csv_line(values: Sequence[object]) -> bytes:
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerow(values)
    return text.getvalue().encode()


def _csv_cells(line: bytes) -> list[str]:
    try:
        return next(csv.reader([line.decode("utf-8", "replace").rstrip("\r").replace("\0", "?")]), [])
    except csv.Error:
        return ["a very long line"]


def _shown(columns: Sequence[str]) -> str:
    text = ", ".join(columns)
    return text if len(text) < _SHOWN_CHARACTERS else f"{text[:_SHOWN_CHARACTERS]}…"


def _joined(batches: tuple[range, ...]) -> tuple[range, ...]:
    """Return the ranges in order, with neighbours joined. Raises ParameterError if two ranges have a batch in common."""
    joined: list[range] = []
    for batch in sorted(batches, key=lambda batch: batch.start):
        if joined and batch.start < joined[-1].stop:
            raise ParameterError(f"batch {batch.start} cannot be added twice: every batch counts once")
        if joined and batch.start == joined[-1].stop:
            joined[-1] = range(joined[-1].start, batch.stop)
        else:
            joined.append(batch)
    return tuple(joined)
