"""Figures of simulations: what is drawn, and what is refused."""

from __future__ import annotations

import math
import sys

import numpy as np
import pytest

import fuota
from fuota.errors import ParameterError
from fuota.planning import FleetMember
from fuota.sim import Bernoulli, SimulatedAir
from fuota.sim.plots import check_matplotlib, completion_figure, fleet_map, loss_heat_map, redundancy_figure

ROWS = [(0.3, 90, 100, 0.91), (0.1, 40, 100, 0.38), (0.6, 100, 100, 0.999)]
HERE = FleetMember(name="here $x$ [b]", devices=64, loss=0.1, lat=60.0, lng=11.0)
THERE = FleetMember(name="there", loss=0.4, lat=60.1, lng=11.5)
NOWHERE = FleetMember(name="nowhere", loss=0.9)


@pytest.fixture(scope="module")
def verdict():
    plan = fuota.plan(bytes(600), region="IN865", loss=0.1, nb_coded=8)
    return SimulatedAir(devices=1_000, loss=Bernoulli(0.1)).transmit(plan)


def test_completion_ends_at_the_share_that_is_complete(verdict):
    (axes,) = completion_figure(verdict).axes
    (line,) = axes.lines
    assert line.get_ydata()[-1] == verdict.share
    assert line.get_xdata()[-1] == pytest.approx(verdict.starts_ms[-1] / 60_000)
    assert (axes.get_xlabel(), axes.get_ylabel()) == (
        "minutes from the first frame",
        "share of the fleet that is complete",
    )
    low, high = verdict.interval()
    assert (
        axes.get_title()
        == f"{verdict.share:.2%} of 1000 simulated devices complete ({low:.2%} to {high:.2%}, 95% confidence)"
    )


def test_the_unit_of_time_is_that_of_the_session():
    plan = fuota.plan(bytes(15_000), region="EU868", loss=0.1, nb_coded=8, data_rate=0, frag_size=40)
    (axes,) = completion_figure(SimulatedAir(devices=10, loss=Bernoulli(0.0)).transmit(plan)).axes
    assert axes.get_xlabel() == "hours from the first frame"
    assert axes.lines[0].get_xdata()[-1] == pytest.approx(plan.duration_ms / 3_600_000, rel=0.01)


def test_redundancy_has_a_point_for_each_row_with_its_interval_and_the_theory():
    (axes,) = redundancy_figure(ROWS).axes
    (bars,) = axes.containers
    assert [tuple(point) for point in bars.lines[0].get_xydata()] == [(0.1, 0.4), (0.3, 0.9), (0.6, 1.0)]
    (theory,) = [line for line in axes.lines if line.get_label() == "theory"]
    assert theory.get_ydata().tolist() == [0.38, 0.91, 0.999]
    low, high = bars.lines[2][0].get_segments()[0][:, 1]
    assert (low, high) == pytest.approx((0.3094, 0.4980), abs=1e-4)  # Wilson's for 40 of 100
    assert all(segment[:, 1].max() <= 1 for segment in bars.lines[2][0].get_segments())
    assert axes.get_title() == "100 simulated devices each"


def test_without_a_theory_there_is_no_curve():
    (axes,) = redundancy_figure([(0.1, 1, 2, math.nan), (0.2, 3, 5, math.nan)]).axes
    assert [text.get_text() for text in axes.get_legend().get_texts()] == ["simulated, 95% confidence"]
    assert axes.get_title() == "2 to 5 simulated devices each"


def test_the_heat_map_has_losses_upward_and_redundancies_to_the_right():
    axes, scale = loss_heat_map([0.1, 0.2], [0, 0.5, 1], [[0.2, 0.9, 1], [0, 0.5, 0.9999]]).axes
    (image,) = axes.images
    assert (image.origin, image.get_array().shape, image.get_clim()) == ("lower", (2, 3), (0, 1))
    assert [text.get_text() for text in axes.get_xticklabels()] == ["0%", "50%", "100%"]
    assert [text.get_text() for text in axes.get_yticklabels()] == ["10%", "20%"]
    assert [text.get_text() for text in axes.texts] == ["20.0", "90.0", "100", "0.0", "50.0", "99.9"]
    assert scale.get_ylabel() == "share that is complete"


def test_a_large_heat_map_has_colours_only_and_leaves_gaps():
    shares = np.full((30, 40), 0.5)
    axes, _ = loss_heat_map(np.linspace(0, 0.4, 30), np.linspace(0, 1, 40), shares).axes
    assert not axes.texts
    assert len(axes.get_xticks()) <= 12
    assert len(loss_heat_map([0.1], [0.2, 0.3], [[math.nan, 1]]).axes[0].texts) == 1


def test_the_map_has_every_member_with_a_place():
    axes, _ = fleet_map([HERE, NOWHERE, THERE], [0.1, 0.9, 0.4]).axes
    (dots,) = axes.collections
    assert sorted(map(tuple, dots.get_offsets())) == [(11.0, 60.0), (11.5, 60.1)]
    assert sorted(dots.get_array()) == [0.1, 0.4]
    assert axes.get_title() == "2 members of the fleet, 1 more without a place"
    assert {text.get_text() for text in axes.texts} == {HERE.name, "there"}
    assert axes.get_aspect() == pytest.approx(2, abs=0.01), "a degree of longitude is half as long at 60 degrees"


def test_many_members_have_no_names():
    members = [FleetMember(name=str(i), loss=0, lat=i / 10, lng=i / 10) for i in range(50)]
    assert not fleet_map(members, np.zeros(50)).axes[0].texts


@pytest.mark.parametrize(
    ("draw", "message"),
    [
        (lambda: redundancy_figure([]), "rows must be one or more, got none"),
        (lambda: redundancy_figure([(0.1, 0, 0, 0.5)]), "one device or more"),
        (lambda: redundancy_figure([(0.1, 3, 2, 0.5)]), "no more complete devices than devices"),
        (lambda: loss_heat_map([], [0.1], []), "losses and redundancies must be one or more"),
        (lambda: loss_heat_map([0.1], [], [[]]), "losses and redundancies must be one or more"),
        (lambda: loss_heat_map([0.1], [0.1, 0.2], [[1]]), "a column for each of 2"),
        (lambda: fleet_map([], []), "0 losses for 0 members"),
        (lambda: fleet_map([HERE], [0.1, 0.2]), "2 losses for 1 members"),
        (lambda: fleet_map([NOWHERE], [0.9]), "must have a place"),
    ],
)
def test_empty_figures_are_refused(draw, message):
    with pytest.raises(ParameterError, match=message):
        draw()


def test_a_verdict_of_no_device_is_refused(verdict):
    from dataclasses import replace

    with pytest.raises(ParameterError, match="must be of one device or more"):
        completion_figure(replace(verdict, devices=0))


@pytest.mark.parametrize("name", ["verdict", "redundancy", "heat", "map", "check"])
def test_without_matplotlib_the_message_says_what_to_install(verdict, monkeypatch, name):
    for module in [module for module in sys.modules if module.partition(".")[0] == "matplotlib"]:
        monkeypatch.delitem(sys.modules, module)
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    draw = {
        "verdict": verdict.plot,
        "redundancy": lambda: redundancy_figure(ROWS),
        "heat": lambda: loss_heat_map([0.1], [0.1], [[1]]),
        "map": lambda: fleet_map([HERE], [0.1]),
        "check": check_matplotlib,
    }[name]
    with pytest.raises(ParameterError, match=r"pip install 'fuota\[notebook\]'"):
        draw()
