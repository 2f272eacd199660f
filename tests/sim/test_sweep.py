from __future__ import annotations

import csv
import math
import random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fuota.errors import ParameterError, PlanError, StorageError
from fuota.planning import plan
from fuota.sim import Bernoulli, SimulatedAir
from fuota.sim.axes import grid, parse_axis
from fuota.sim.sweep_file import COLUMNS, RESULT_FORMAT, PointStats, SweepPoint
from fuota.sim.sweeps import run_batch, sweep, to_dataframe

FIXED = {"image_bytes": 2000, "region": "EU868", "data_rate": 5, "frag_size": 50, "devices_per_batch": 500, "seed": 3}
POINTS = grid({"redundancy": (0.1, 0.3), "loss": (0.05, 0.15)}, **FIXED)
DEVICES = 4000


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """Return the statistics and the file of a run without a stop."""
    file = tmp_path_factory.mktemp("sweep") / "whole.csv"
    return sweep(POINTS, devices=DEVICES, file=file), file.read_bytes()


class StopError(Exception):
    pass


def stop_after(batches):
    calls = iter(range(batches + 1))

    def progress(done, total, eta_s):
        if next(calls) == batches:
            raise StopError

    return progress


# Points


def test_a_grid_is_every_combination_once():
    points = grid({"redundancy": (0.1, 0.2, 0.1), "loss": (0.05, 0.1)}, **FIXED)
    assert [(point.redundancy, point.loss) for point in points] == [(0.1, 0.05), (0.1, 0.1), (0.2, 0.05), (0.2, 0.1)]


@pytest.mark.parametrize(
    ("other", "same"),
    [
        ({"redundancy": 0.30000000000000004}, False),
        ({"loss": 0.2}, False),
        ({"burst_frames": 2}, False),
        ({"seed": 4}, False),
        ({"devices_per_batch": 501}, False),
        ({"version": 2}, False),
        ({"image_bytes": 2001}, False),
        ({"region": "eu868"}, True),
        ({"loss": np.float64(0.1), "data_rate": np.int64(5)}, True),
        ({"burst_frames": 1}, True),
    ],
)
def test_the_identity_covers_everything_that_decides(other, same):
    values = FIXED | {"redundancy": 0.3, "loss": 0.1}
    assert (SweepPoint(**values).identity == SweepPoint(**(values | other)).identity) == same


def test_the_identity_does_not_change_from_version_to_version():
    assert SweepPoint(**FIXED, redundancy=0.3, loss=0.1).identity == "408ec1f2b3885000"


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({}, "either a redundancy or an nb_coded"),
        ({"redundancy": 0.1, "nb_coded": 3}, "either a redundancy or an nb_coded"),
        ({"redundancy": math.nan}, "0 or more"),
        ({"redundancy": 0.1, "loss": 1.5}, "0 to 1"),
        ({"redundancy": 0.1, "loss": 0.9, "burst_frames": 2}, "loss must be 0.667 or less"),
        ({"redundancy": 0.1, "burst_frames": math.inf}, "a finite number, 0 or more"),
        ({"redundancy": 0.1, "frag_size": 0}, "nearest: 1"),
        ({"redundancy": 0.1, "data_rate": True}, "whole number"),
        ({"redundancy": 0.1, "image_bytes": 20.5}, "whole number"),
        ({"redundancy": 0.1, "version": 3}, "version must be 1 to 2, got 3"),
        ({"redundancy": 0.1, "seed": 2**63}, "9223372036854775807"),
        ({"redundancy": 0.1, "region": "EU869"}, "EU868"),
    ],
)
def test_invalid_points_are_refused(values, message):
    with pytest.raises(ParameterError, match=message):
        sweep([SweepPoint(**(FIXED | values))], devices=1)


def test_a_point_that_cannot_be_sent_is_refused_before_anything_is_run(tmp_path):
    file = tmp_path / "a.csv"
    with pytest.raises(PlanError):
        sweep([*POINTS, SweepPoint(**(FIXED | {"image_bytes": 10**12}), redundancy=0.1)], file=file)
    assert not file.exists()


@pytest.mark.parametrize(
    ("text", "axis"),
    [
        ("redundancy=0.05:0.2:0.05", ("redundancy", (0.05, 0.1, 0.15, 0.2))),
        ("loss=0.1:0.34:0.1", ("loss", (0.1, 0.2, 0.3))),
        ("loss = 0.1, 0.2", ("loss", (0.1, 0.2))),
        ("image_bytes=1000:3e3:1000", ("image_bytes", (1000, 2000, 3000))),
        ("region=EU868,US915", ("region", ("EU868", "US915"))),
        ("nb_coded=7", ("nb_coded", (7,))),
    ],
)
def test_an_axis_is_read(text, axis):
    name, values = parse_axis(text)
    assert (name, values) == axis
    assert {type(value) for value in values} == {type(axis[1][0])}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("redundency=0.1", "did you mean 'redundancy'"),
        ("", "a point has no field ''"),
        ("loss", "a number"),
        ("loss=", "a number"),
        ("loss=0.1,,0.2", "a number"),
        ("region=", "a text"),
        ("loss=0.1:0.2", "start:stop:step"),
        ("loss=a:b:c", "start:stop:step"),
        ("loss=0.1:0.2:0", "and a step above 0"),
        ("loss=0.1:0.2:1e-400", "and a step above 0"),
        ("loss=0.1:0.2:-0.1", "and a step above 0"),
        ("loss=0.2:0.1:0.1", "a stop that is not below start"),
        ("loss=nan:0.2:0.1", "a stop that is not below start"),
        ("loss=0:inf:0.1", "a stop that is not below start"),
        ("loss=0:0.2:snan", "start:stop:step"),
        ("loss=0:1:1e-9", "more than 10000"),
        ("nb_coded=1:2:0.5", "a whole number"),
        ("nb_coded=1.5", "a whole number"),
    ],
)
def test_an_invalid_axis_is_refused(text, message):
    with pytest.raises(ParameterError, match=message):
        parse_axis(text)


def test_a_grid_with_wrong_names_is_refused():
    with pytest.raises(ParameterError, match="did you mean 'redundancy'"):
        grid({"redundanzy": (0.1,)}, **FIXED)
    with pytest.raises(ParameterError, match="did you mean 'image_bytes'"):
        grid({"redundancy": (0.1,)}, **FIXED, image_byte=3)
    with pytest.raises(ParameterError, match="seed is an axis and has a fixed value"):
        grid({"seed": (1,)}, **FIXED, redundancy=0.1)
    with pytest.raises(ParameterError, match="region, data_rate must be given"):
        grid({"redundancy": (0.1,)}, image_bytes=3)


# Statistics


def parts(numbers):
    point = POINTS[0]
    return [
        PointStats(
            point=point,
            batches=(range(n, n + 1),),
            nb_frag_sent=40,
            frames=44,
            airtime_us=1,
            duration_ms=1,
            devices=500,
            complete=n % 501,
            frames_to_complete=40 * n,
            missing=7 * n,
        )
        for n in numbers
    ]


@given(st.lists(st.integers(0, 60), unique=True, min_size=1), st.randoms())
def test_statistics_add_in_any_order(numbers, rng: random.Random):
    pieces = parts(numbers)
    while len(pieces) > 1:
        rng.shuffle(pieces)
        pieces.append(pieces.pop() + pieces.pop())
    (total,) = pieces
    assert sorted(n for batches in total.batches for n in batches) == sorted(numbers)
    assert total.devices == 500 * len(numbers)
    assert total.complete == sum(numbers)
    assert total.missing == 7 * sum(numbers)
    assert all(first.stop < second.start for first, second in zip(total.batches, total.batches[1:], strict=False))


def test_statistics_of_other_points_or_batches_cannot_be_added(whole):
    stats, _ = whole
    with pytest.raises(ParameterError, match="batch 3 cannot be added twice"):
        _ = parts([3])[0] + sum(parts([4, 5]), parts([3])[0])
    with pytest.raises(ParameterError, match="two points"):
        _ = stats[0] + stats[1]


@pytest.mark.slow
def test_the_counts_agree_with_a_single_fleet(whole):
    stats, _ = whole
    for point, point_stats in zip(POINTS, stats, strict=True):
        assert (point_stats.devices, point_stats.batches) == (DEVICES, (range(DEVICES // 500),))
        sent = plan(
            bytes(point.image_bytes),
            region="EU868",
            data_rate=5,
            frag_size=50,
            redundancy=point.redundancy,
            loss=point.loss,
        )
        verdict = SimulatedAir(devices=20_000, loss=Bernoulli(point.loss), seed=99).transmit(sent)
        assert (point_stats.frames, point_stats.airtime_us, point_stats.duration_ms) == (
            sent.frames,
            sent.airtime_us,
            sent.duration_ms,
        )
        # Intervals of 99.99 % of two runs of one probability overlap.
        assert point_stats.interval(0.9999)[0] <= verdict.interval(0.9999)[1]
        assert verdict.interval(0.9999)[0] <= point_stats.interval(0.9999)[1]


def test_bursts_and_versions_are_simulated():
    axes = {"burst_frames": (1, 8), "version": (1, 2)}
    stats = sweep(grid(axes, **FIXED, redundancy=0.3, loss=0.1), devices=2000)
    assert len({point_stats.complete for point_stats in stats}) == 4


def test_batches_are_of_different_devices(tmp_path):
    file = tmp_path / "a.csv"
    sweep(POINTS[:1], devices=DEVICES, file=file)
    assert len({(row["complete"], row["missing"]) for row in csv.DictReader(file.read_text().splitlines())}) > 4


def test_a_worker_with_another_version_is_refused():
    with pytest.raises(ParameterError, match="install the same one"):
        run_batch(POINTS[0], None, 0, 1, result_format=RESULT_FORMAT + 1)


def test_equal_points_are_run_once(whole):
    stats, _ = whole
    assert sweep([POINTS[0], POINTS[0]], devices=DEVICES) == [stats[0], stats[0]]


@pytest.mark.parametrize("threads", [1, 3])
def test_threads_change_nothing(whole, threads):
    assert sweep(POINTS, devices=DEVICES, threads=threads) == whole[0]


# The file


def test_a_row_for_each_batch(whole):
    stats, content = whole
    rows = list(csv.DictReader(content.decode().splitlines()))
    assert tuple(rows[0]) == COLUMNS
    assert len({(row["identity"], row["batch"]) for row in rows}) == len(rows) == 4 * DEVICES // 500
    for point_stats in stats:
        mine = [row for row in rows if row["identity"] == point_stats.identity]
        assert sum(int(row["complete"]) for row in mine) == point_stats.complete


@pytest.mark.parametrize("name", ["a.csv", "a.parquet"])
@pytest.mark.parametrize("batches", [1, 7, 30])
def test_a_stopped_sweep_resumes_to_the_same_numbers(whole, tmp_path, name, batches):
    stats, content = whole
    file = tmp_path / name
    with pytest.raises(StopError):
        sweep(POINTS, devices=DEVICES, file=file, progress=stop_after(batches))
    reports = []
    assert sweep(POINTS, devices=DEVICES, file=file, progress=lambda *report: reports.append(report)) == stats
    assert reports[0] == (batches, 32, None)
    assert len(reports) == 32 - batches + 1
    if name == "a.csv":
        assert file.read_bytes() == content


def test_a_finished_sweep_is_not_run_again(whole, tmp_path):
    stats, content = whole
    file = tmp_path / "a.csv"
    file.write_bytes(content)
    reports = []
    assert sweep(POINTS, devices=DEVICES, file=file, progress=lambda *report: reports.append(report)) == stats
    assert reports == [(32, 32, None)]
    assert sweep(POINTS[:2], devices=1000, file=file) == sweep(POINTS[:2], devices=1000)
    assert file.read_bytes() == content
    more = sweep(POINTS, devices=DEVICES + 500, file=file)
    assert more == sweep(POINTS, devices=DEVICES + 500)
    assert file.read_bytes().startswith(content)


@pytest.mark.slow
@settings(max_examples=25)
@given(st.data())
def test_a_sweep_resumes_after_a_torn_line(whole, tmp_path_factory, data):
    stats, content = whole
    cut = data.draw(st.one_of(st.integers(0, 400), st.integers(0, len(content))))
    file = tmp_path_factory.mktemp("torn") / "a.csv"
    file.write_bytes(content[:cut])
    assert sweep(POINTS, devices=DEVICES, file=file) == stats
    assert file.read_bytes() == content


@pytest.mark.slow
@settings(max_examples=25)
@given(st.data())
def test_concatenated_pieces_of_files_are_read(whole, tmp_path_factory, data):
    stats, content = whole
    head, *rows = content.splitlines(keepends=True)
    pieces = data.draw(st.lists(st.lists(st.sampled_from(rows)), min_size=1))
    file = tmp_path_factory.mktemp("joined") / "a.csv"
    file.write_bytes(b"".join(head + b"".join(piece) for piece in pieces))
    assert sweep(POINTS, devices=DEVICES, file=file) == stats
    kept = file.read_bytes()
    assert sweep(POINTS, devices=DEVICES, file=file) == stats
    assert file.read_bytes() == kept
    assert set(kept.splitlines(keepends=True)) == {head, *rows}


def test_parquet_is_read_as_one_table_and_copied_together(whole, tmp_path):
    pandas = pytest.importorskip("pandas")
    stats, _ = whole
    for number, points in enumerate((POINTS[:2], POINTS[1:])):
        sweep(points, devices=DEVICES, file=tmp_path / f"{number}.parquet")
    for part in (tmp_path / "0.parquet").iterdir():
        part.rename(tmp_path / "1.parquet" / part.name)
    reports = []
    assert (
        sweep(POINTS, devices=DEVICES, file=tmp_path / "1.parquet", progress=lambda done, *_: reports.append(done))
        == stats
    )
    assert reports == [32]
    table = pandas.read_parquet(tmp_path / "1.parquet")
    assert list(table.columns) == list(COLUMNS)
    assert int(table["complete"].sum()) == sum(point_stats.complete for point_stats in stats)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda text: "a,b,c\n1,2,3\n", "its columns are a, b, c"),
        (lambda text: "hello", "is not a sweep"),
        (lambda text: "x" * 200_000 + "\n", "its columns are"),
        (lambda text: "\0\xff\n", "is not a sweep"),
        (lambda text: text.replace("missing", "lacking", 1), "its columns are"),
        (lambda text: text.split("\n", 1)[1], "its columns are"),
        (lambda text: text.replace(",EU868,", ",US915,"), "line 2, is of another version of fuota, or was changed"),
        (lambda text: text.replace(",500,3,", ",500,4,"), "its identity"),
        (lambda text: text.replace(",EU868,", ",XX868,"), "line 2, is not a row of a sweep"),
        (lambda text: text.replace(",EU868,", ","), "line 2, has 20 values: a row has 21"),
        (lambda text: text + text.splitlines()[1].rsplit(",", 1)[0] + ",1\n", "line 34, has other numbers"),
        (
            lambda text: text.splitlines()[0] + "\n" + text.splitlines()[1].rsplit(",", 1)[0] + ",x\n",
            "line 2, is not a row",
        ),
        (lambda text: text.replace(",44,", ",45,"), "has other numbers"),
    ],
)
def test_a_file_with_other_content_is_left_unchanged(whole, tmp_path, change, message):
    content = change(whole[1].decode()).encode("latin-1")
    file = tmp_path / "a.csv"
    file.write_bytes(content)
    with pytest.raises(StorageError, match=message):
        sweep(POINTS, devices=2 * DEVICES, file=file)
    assert file.read_bytes() == content


@pytest.mark.parametrize("name", ["a.csv", "a.parquet"])
def test_a_file_of_another_sweep_is_left_unchanged(tmp_path, name):
    file = tmp_path / name
    sweep(POINTS[:1], devices=500, file=file)

    def content():
        return {path.name: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}

    before = content()
    for other in ({"seed": 4}, {"image_bytes": 2100}, {"version": 2}):
        with pytest.raises(StorageError, match="of another sweep: none of its 1 batches"):
            sweep(grid({"redundancy": (0.1,)}, **(FIXED | other), loss=0.05), devices=500, file=file)
    assert content() == before


def test_invalid_files_are_refused(tmp_path):
    (tmp_path / "a.parquet").write_bytes(b"")
    (tmp_path / "b.parquet").mkdir()
    (tmp_path / "b.parquet" / "x.parquet").write_bytes(b"PAR")
    for name, message in (
        ("none/a.csv", "cannot be opened: No such file"),
        ("none/a.parquet", "cannot be made"),
        ("", "cannot be opened: Is a directory"),
        ("a.parquet", "is a file"),
        ("b.parquet", "cannot be read"),
    ):
        with pytest.raises(StorageError, match=message):
            sweep(POINTS[:1], devices=1, file=tmp_path / name)


def test_a_file_is_for_one_sweep_at_a_time(tmp_path):
    file = tmp_path / "a.csv"

    def progress(*report):
        with pytest.raises(StorageError, match="in use by another sweep"):
            sweep(POINTS[:1], devices=500, file=file)

    sweep(POINTS[:1], devices=500, file=file, progress=progress)


# When it stops


def test_a_point_stops_at_the_width_of_the_interval():
    for point_stats in sweep(POINTS, devices=10**6, width=0.05):
        low, high = point_stats.interval()
        assert high - low < 0.05
        before = point_stats.devices - 500
        # The width goes with the root of the number: one batch less was too wide, whatever failed in it.
        assert before == 0 or (high - low) * math.sqrt(point_stats.devices / before) > 0.04
    assert {point_stats.devices for point_stats in sweep(POINTS, devices=1000, width=0.001)} == {1000}


def test_a_point_stops_at_the_number_of_failures(tmp_path):
    file = tmp_path / "a.csv"
    stats = sweep(POINTS, devices=20_000, failures=600, file=file)
    rows = list(csv.DictReader(file.read_text().splitlines()))
    assert len({point_stats.devices for point_stats in stats}) > 1
    for point_stats in stats:
        failed = [500 - int(row["complete"]) for row in rows if row["identity"] == point_stats.identity]
        assert point_stats.failures == sum(failed)
        assert sum(failed[:-1]) < 600
        assert sum(failed) >= 600 or point_stats.devices == 20_000
    assert sweep(POINTS, devices=20_000, failures=600, file=file) == stats


def test_devices_come_in_whole_batches():
    assert [point_stats.devices for point_stats in sweep(POINTS[:1], devices=501)] == [1000]


@pytest.mark.parametrize("rule", [{"devices": 0}, {"width": 0}, {"width": math.nan}, {"failures": 0}, {"devices": 1.5}])
def test_invalid_stop_rules_are_refused(rule):
    with pytest.raises(ParameterError, match=next(iter(rule))):
        sweep(POINTS, **rule)


def test_progress_reports_the_remaining_batches():
    reports = []
    sweep(POINTS, devices=DEVICES, failures=600, progress=lambda *report: reports.append(report))
    assert reports[0] == (0, 32, None)
    assert reports[-1][0] == reports[-1][1] < 32
    assert reports[-1][2] == 0
    assert [done for done, _, _ in reports] == list(range(len(reports)))
    assert all(eta_s > 0 for done, total, eta_s in reports[1:] if done < total)


def test_a_table_of_the_points(whole):
    pytest.importorskip("pandas")
    table = to_dataframe(whole[0])
    assert list(table["redundancy"]) == [0.1, 0.1, 0.3, 0.3]
    assert ((table["low"] <= table["share"]) & (table["share"] <= table["high"])).all()
    assert ((table["mean_frames_to_complete"] >= 40) & (table["mean_frames_to_complete"] <= table["frames"])).all()
    assert to_dataframe([]).columns.tolist() == table.columns.tolist()
