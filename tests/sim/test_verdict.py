from __future__ import annotations

import math

import numpy as np
import pytest

import fuota
from fuota.errors import ParameterError
from fuota.sim import Ending, SimulatedVerdict


def verdict(completed_at=(0, 0, 0, 3, 5), incomplete=2, recipe="a"):
    complete = sum(completed_at)
    return SimulatedVerdict(
        recipe=recipe,
        devices=complete + incomplete,
        counts={Ending.COMPLETE: complete, Ending.INCOMPLETE: incomplete, Ending.GAVE_UP: 0, Ending.REFUSED: 0},
        completed_at=np.array(completed_at),
        missing=np.array([0, incomplete]),
        starts_ms=np.arange(len(completed_at) - 1) * 1000,
        airtime_us=4_000_000,
        energy_uj=10_000,
    )


def test_the_wilson_interval():
    """8 of 10 with 95 %: 0.4902 to 0.9433 (Wilson 1927; Newcombe 1998 has the method's figures)."""
    assert verdict().interval() == pytest.approx((0.4902, 0.9433), abs=1e-4)
    assert verdict(incomplete=0).interval()[1] == pytest.approx(1)
    assert verdict(completed_at=(0, 0), incomplete=5).interval()[0] == pytest.approx(0)


def test_quantiles_of_the_fragment_that_completes():
    assert [verdict().quantile(share) for share in (0.1, 0.3, 0.31, 0.8, 0.9)] == [3, 3, 4, 4, None]


def test_parts_add():
    total = verdict() + verdict()
    assert (total.devices, total.complete) == (20, 16)
    assert total.completed_at.tolist() == [0, 0, 0, 6, 10]
    with pytest.raises(ParameterError, match="two recipes cannot be added"):
        verdict() + verdict(recipe="b")


def test_costs_for_each_device_that_completed():
    assert verdict().airtime_per_complete_us == 500_000
    assert verdict().energy_per_complete_uj == 12_500
    assert math.isinf(verdict(completed_at=(0, 0)).energy_per_complete_uj)


def test_verdict_becomes_table_figure_and_html():
    table = verdict().to_dataframe()
    assert table["n"].tolist() == [1, 2, 3, 4]
    assert table["share"].iloc[-1] == pytest.approx(0.8)
    assert "80.0000% of 10 devices complete" in verdict()._repr_html_()
    figure = fuota.SimulatedVerdict.plot(verdict())
    assert "from the first frame" in figure.axes[0].get_xlabel()


def test_json_has_plain_values():
    values = verdict().to_json()
    assert values["counts"] == {"complete": 8, "incomplete": 2, "gave up": 0, "refused": 0}
    assert values["complete_at"] == {"0.5": 4, "0.9": None, "0.99": None}


@pytest.mark.parametrize("share", [0, 1.1, math.nan])
def test_shares_and_confidences_out_of_range_are_refused(share):
    with pytest.raises(ParameterError):
        verdict().quantile(share)
    with pytest.raises(ParameterError):
        verdict().interval(share)
