"""Option --sweep of `fuota simulate`."""

from __future__ import annotations

import pytest

SWEEP = ("--region", "IN865", "-d", "5", "--devices", "4000", "--sweep", "redundancy=0.1:0.4:0.1")


@pytest.fixture
def image(tmp_path):
    path = tmp_path / "app.bin"
    path.write_bytes(bytes(range(256)) * 40)
    return path


def points(result):
    return [event for event in result.events if event["event"] == "point"]


def test_table_has_a_row_per_point(fuota, image):
    result = fuota("simulate", image, *SWEEP, "--loss", "0.1")
    assert result.code == 0
    rows = [line.split() for line in result.out.splitlines() if line.strip()[:2] == "0."]
    assert [row[0] for row in rows] == ["0.1", "0.2", "0.3", "0.4"]
    assert all(len(line) <= 80 for line in result.out.splitlines())


def test_more_redundancy_completes_more(fuota, image):
    shares = [point["share"] for point in points(fuota("simulate", image, *SWEEP, "--loss", "0.1", "--json"))]
    assert len(shares) == 4
    assert shares == sorted(shares)


def test_two_axes_make_a_heat_map(fuota, image, tmp_path):
    picture = tmp_path / "map.png"
    result = fuota("simulate", image, *SWEEP, "--sweep", "loss=0.05,0.2", "--plot", picture, "--json")
    assert result.code == 0
    assert len(points(result)) == 8
    assert picture.read_bytes().startswith(b"\x89PNG")


def test_points_in_the_file_are_not_simulated_again(fuota, image, tmp_path):
    rows = tmp_path / "rows.csv"
    first = fuota("simulate", image, *SWEEP, "--loss", "0.1", "--rows", rows, "--json")
    kept = rows.read_bytes()
    again = fuota("simulate", image, *SWEEP, "--loss", "0.1", "--rows", rows, "--json")
    assert points(first) == points(again)
    assert rows.read_bytes() == kept


def test_point_stops_at_the_width_or_the_failures(fuota, image):
    """A batch has 10000 devices: one batch is enough for a wide interval or for 100 failures."""
    sweep = ("simulate", image, "--region", "IN865", "-d", "5", "--loss", "0.1", "--sweep", "redundancy=0.1", "--json")
    devices = [
        points(fuota(*sweep, "--devices", 30_000, *stop))[0]["devices"]
        for stop in ((), ("--width", 0.1), ("--failures", 100))
    ]
    assert devices == [30_000, 10_000, 10_000]


def test_file_of_another_sweep_is_not_changed(fuota, image, tmp_path):
    rows = tmp_path / "rows.csv"
    fuota("simulate", image, *SWEEP, "--loss", "0.1", "--rows", rows)
    kept = rows.read_bytes()
    other = fuota("simulate", image, *SWEEP, "--loss", "0.3", "--rows", rows)
    assert other.code == 2
    assert rows.read_bytes() == kept


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--sweep", "redundency=0.1"), "redundancy"),
        (("--sweep", "loss=0.1:0.2:0"), "step"),
        (("--sweep", "loss=0.1"), "--redundancy or --coded"),
        (("--sweep", "redundancy=0.1", "--target", "0.9"), "--sweep does not go with --target"),
        (("--sweep", "redundancy=0.1", "--loss", "2"), "0 to 1"),
        (("--width", "0.1"), "--width needs --sweep"),
        (("--sweep", "nb_coded=1,2", "--plot", "x.png"), "--plot draws redundancy"),
    ],
)
def test_invalid_sweep_is_refused_in_one_line(fuota, image, options, message):
    result = fuota("simulate", image, "--region", "IN865", *options)
    assert result.code == 2
    assert message in result.complaint
    assert result.stdout == b""
