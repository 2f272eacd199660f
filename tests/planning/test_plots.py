"""Figures of the pareto front: what is drawn, and what is written."""

from __future__ import annotations

import sys
from dataclasses import replace
from xml.etree import ElementTree

import pytest

from fuota.errors import ParameterError, StorageError
from fuota.fragmentation import DecodingProbability
from fuota.planning import FrontPoint
from fuota.planning.plots import front_figure, save_figure


def sure(share: float) -> DecodingProbability:
    return DecodingProbability(estimate=share, low=share, high=share, confidence=0.95, patterns=0)


FAST = FrontPoint(
    data_rate=5,
    frag_size=200,
    nb_frag=10,
    nb_coded=2,
    duration_ms=90_000,
    airtime_us=4_000_000,
    energy_uj=1_000_000,
    success=sure(0.8),
)
SLOW = replace(FAST, data_rate=3, frag_size=100, nb_frag=20, nb_coded=8, duration_ms=180_000, success=sure(0.999))
POINTS = [FAST, replace(FAST, nb_coded=4, duration_ms=120_000, frag_size=190, success=sure(0.99)), SLOW]


def drawn(figure) -> dict[str, list[tuple[float, float]]]:
    """Return the labels of the legend with the places of their points."""
    (axes,) = figure.axes
    return {series.get_label(): [(float(x), float(y)) for x, y in series.get_offsets()] for series in axes.collections}


def test_every_point_is_drawn_in_the_series_of_its_data_rate():
    series = drawn(front_figure(POINTS, "a title"))
    assert list(series) == ["DR3, 100 bytes", "DR5, 190 to 200 bytes"]
    assert series["DR3, 100 bytes"] == [pytest.approx((3.0, 0.001))]
    assert series["DR5, 190 to 200 bytes"] == [pytest.approx((1.5, 0.2)), pytest.approx((2.0, 0.01))]


def test_the_figure_has_title_axes_and_labels():
    (axes,) = front_figure(POINTS, "app.bin, 2000 bytes").axes
    assert axes.get_title() == "app.bin, 2000 bytes"
    assert (axes.get_xlabel(), axes.get_ylabel()) == ("duration, minutes", "share of the fleet that stays incomplete")
    assert axes.get_yscale() == "log"
    assert {text.get_text() for text in axes.texts} == {"+2", "+4", "+8"}
    assert [text.get_text() for text in axes.get_legend().get_texts()] == ["DR3, 100 bytes", "DR5, 190 to 200 bytes"]


@pytest.mark.parametrize(
    ("longest_ms", "unit", "at"),
    [
        (400, "seconds", 0.4),
        (59_999, "seconds", 59.999),
        (60_000, "minutes", 1),
        (3_600_000, "hours", 1),
        (86_400_000, "days", 1),
        (864_000_000, "days", 10),
    ],
)
def test_the_unit_of_time_fits_the_longest_plan(longest_ms, unit, at):
    figure = front_figure([replace(FAST, duration_ms=longest_ms)], "")
    assert figure.axes[0].get_xlabel() == f"duration, {unit}"
    ((place,),) = drawn(figure).values()
    assert place[0] == pytest.approx(at)


def test_certain_success_is_drawn():
    figure = front_figure([FAST, replace(SLOW, success=sure(1.0))], "")
    (place,) = drawn(figure)["DR3, 100 bytes"]
    low, high = figure.axes[0].get_ylim()
    assert 0 < low < place[1] < high


def test_certain_failure_is_drawn():
    figure = front_figure([replace(FAST, success=sure(0.0))], "")
    ((place,),) = drawn(figure).values()
    assert place[1] == 1 < figure.axes[0].get_ylim()[1]


def test_an_empty_front_is_refused():
    with pytest.raises(ParameterError, match="the front is empty"):
        front_figure([], "")


def test_without_matplotlib_the_message_says_what_to_install(monkeypatch):
    for name in [name for name in sys.modules if name.partition(".")[0] == "matplotlib"]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "matplotlib", None)  # importing it fails, as if it were not installed
    with pytest.raises(ParameterError, match=r"pip install 'fuota\[notebook\]'"):
        front_figure(POINTS, "")


@pytest.fixture(scope="module")
def figure():
    return front_figure(POINTS, "<title> & more")


def test_the_extension_decides_the_format(figure, tmp_path):
    save_figure(figure, tmp_path / "x.PDF")
    assert (tmp_path / "x.PDF").read_bytes().startswith(b"%PDF-")


def test_a_png_is_whole_and_has_the_size_that_was_drawn(figure, tmp_path):
    from matplotlib.image import imread

    save_figure(figure, tmp_path / "x.png")
    assert (tmp_path / "x.png").read_bytes().startswith(b"\x89PNG\r\n\x1a\n")
    pixels = imread(tmp_path / "x.png")
    assert pixels.shape[:2] == (750, 1200)  # 8 x 5 inches at 150 dots
    assert len({tuple(pixel) for pixel in pixels.reshape(-1, pixels.shape[2])[::7]}) > 3, "more than a blank page"


def test_an_svg_is_xml_whatever_the_title(figure, tmp_path):
    save_figure(figure, tmp_path / "x.svg")
    assert ElementTree.parse(tmp_path / "x.svg").getroot().tag == "{http://www.w3.org/2000/svg}svg"


@pytest.mark.parametrize("name", ["x.xyz", "x.bin", "x.png.txt"])
def test_an_unknown_extension_is_named_with_those_that_are_known(figure, tmp_path, name):
    with pytest.raises(ParameterError, match=rf"must be one of .*png.*svg.*, got .{name}") as refused:
        save_figure(figure, tmp_path / name)
    assert "\n" not in str(refused.value)
    assert list(tmp_path.iterdir()) == []


def test_a_name_without_an_extension_does_not_become_another_name(figure, tmp_path):
    try:
        save_figure(figure, tmp_path / "x")
    except ParameterError:
        assert list(tmp_path.iterdir()) == []
    else:
        assert [path.name for path in tmp_path.iterdir()] == ["x"]


@pytest.mark.parametrize("name", ["missing/x.png", "file/x.png"])
def test_a_folder_that_cannot_be_written_is_named(figure, tmp_path, name):
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(StorageError, match=rf"the picture .*{name} cannot be written: No(t a directory| such file)"):
        save_figure(figure, tmp_path / name)
