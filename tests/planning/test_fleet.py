from __future__ import annotations

import math
import pickle
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fuota.errors import ParameterError, PlanError
from fuota.planning.fleet.fleet import Excluded, Fleet, FleetMember
from fuota.planning.fleet.link_model import LinkModel
from fuota.radio import region

EU868 = region("EU868")


def test_a_uniform_fleet():
    fleet = Fleet.uniform(500, 0.1, burst_frames=3.0)
    assert fleet.devices == 500
    assert not fleet.depends_on_data_rate
    assert fleet.counts.tolist() == [500]
    assert fleet.bursts.tolist() == [3.0]
    assert fleet.losses(EU868.data_rate(0)).tolist() == fleet.losses(EU868.data_rate(5)).tolist() == [0.1]


def test_a_link_has_another_loss_at_each_data_rate():
    fleet = Fleet(members=(FleetMember(name="near", loss=0.05), FleetMember(name="far", cn0_dbhz=48.0, devices=7)))
    assert fleet.depends_on_data_rate
    assert fleet.devices == 8
    slow, fast = fleet.losses(EU868.data_rate(0)), fleet.losses(EU868.data_rate(5))
    assert slow[0] == fast[0] == 0.05
    assert slow[1] < fast[1]
    assert slow[1] == LinkModel().frame_loss(48.0, EU868.data_rate(0))
    assert slow.dtype == np.float64
    assert slow.shape == (2,)


def test_a_stronger_gateway_helps_links_and_not_given_losses():
    fleet = Fleet(members=(FleetMember(name="near", loss=0.05), FleetMember(name="far", cn0_dbhz=48.0)))
    rate = EU868.data_rate(5)
    usual, strong = fleet.losses(rate), fleet.losses(rate, gateway_eirp_dbm=fleet.model.gateway_eirp_dbm + 10)
    assert strong[0] == usual[0]
    assert strong[1] == LinkModel().frame_loss(58.0, rate)


@given(st.lists(st.floats(0, 1), min_size=1, max_size=20))
def test_losses_are_the_given_losses(losses):
    fleet = Fleet(members=tuple(FleetMember(name=str(i), loss=loss) for i, loss in enumerate(losses)))
    assert fleet.losses(EU868.data_rate(3)).tolist() == losses
    assert fleet.devices == len(losses)


def test_a_fleet_is_a_value():
    fleet = Fleet.uniform(5, 0.1)
    assert fleet == Fleet.uniform(5, 0.1)
    assert hash(fleet) == hash(Fleet.uniform(5, 0.1))
    assert fleet != Fleet.uniform(6, 0.1)
    assert pickle.loads(pickle.dumps(fleet)) == fleet
    assert replace(fleet, model=LinkModel(other_loss=0.5)).devices == 5
    with pytest.raises(ValueError, match="read-only"):
        fleet.counts[0] = 3
    fleet.losses(EU868.data_rate(0))[0] = 0.9
    assert fleet.losses(EU868.data_rate(0)).tolist() == [0.1]


def test_the_refusal_of_an_empty_fleet_names_the_reasons():
    with pytest.raises(PlanError, match="no device is left to plan for: the fleet has no members"):
        Fleet(members=())
    excluded = [Excluded(name=str(i), reason="its state is ACTIVATED") for i in range(3)]
    excluded.append(Excluded(name="9", reason="its class is A"))
    with pytest.raises(PlanError, match=r"4 were left out \(3: its state is ACTIVATED; 1: its class is A\)"):
        Fleet(members=(), excluded=tuple(excluded))


def test_two_members_with_the_same_name_are_refused():
    with pytest.raises(ParameterError, match="members must have different names, got yard 2 times"):
        Fleet(members=(FleetMember(name="yard", loss=0.1), FleetMember(name="yard", loss=0.2)))


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"loss": -0.1}, r"loss of yard must be 0 to 1, got -0.1 \(nearest: 0\)$"),
        ({"loss": 1.5}, r"loss of yard must be 0 to 1, got 1.5 \(nearest: 1\)$"),
        ({"loss": math.nan}, "loss of yard must be 0 to 1, got nan$"),
        ({"cn0_dbhz": math.nan}, "cn0_dbhz of yard must be a finite number of dB-Hz, got nan"),
        ({"cn0_dbhz": -math.inf}, "cn0_dbhz of yard must be a finite number of dB-Hz, got -inf"),
        ({}, "must have either a loss or a cn0_dbhz, got neither"),
        ({"loss": 0.1, "cn0_dbhz": 50.0}, "must have either a loss or a cn0_dbhz, got both"),
        ({"loss": 0.1, "devices": 0}, r"devices of yard must be 1 to 1000000000, got 0 \(nearest: 1\)$"),
        ({"loss": 0.1, "devices": 10**30}, r"\(nearest: 1000000000\)$"),
        ({"loss": 0.1, "burst_frames": 0.5}, r"burst_frames of yard must be 1 or more, got 0.5 \(nearest: 1\)"),
        ({"loss": 0.1, "burst_frames": math.nan}, "burst_frames of yard must be 1 or more, got nan"),
        ({"loss": 0.1, "burst_frames": math.inf}, "burst_frames of yard must be a finite number of frames, got inf"),
        (
            {"loss": 0.9, "burst_frames": 2.0},
            r"loss of yard must be 0.667 or less with bursts of 2.0 frames .*, got 0.9 \(nearest: 0.667\)$",
        ),
    ],
)
def test_invalid_member_is_refused(values, message):
    with pytest.raises(ParameterError, match=message):
        FleetMember(name="yard", **values)
