from __future__ import annotations

import inspect
import json
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import fuota
from fuota.errors import ParameterError
from fuota.fragmentation.limits import coded_count
from fuota.planning import Fleet, FleetMember, PlanRecipe, TransmissionPlan
from fuota.planning.schedule import SCHEDULE
from fuota.planning.transmission_plan import share_of
from fuota.radio import class_b

CHOICES = {
    "class C": {"region": "EU868", "data_rate": 5, "nb_coded": 12, "loss": 0.1},
    "class B that hops": {
        "region": "US915",
        "device_class": "B",
        "mc_addr": 0xFFFFFFFF,
        "periodicity": 4,
        "nb_coded": 3,
    },
    "class B that does not": {"region": "EU868", "device_class": "B", "data_rate": 3, "start_gps_s": 1280, "loss": 0},
    "a channel, a profile, a fleet": {
        "region": "EU868",
        "frequency_hz": 868_300_000,
        "data_rate": 5,
        "profile": fuota.DeviceProfile(name="x", version=2, descriptor=b"\x01\x02\x03\xff", uplink_period_s=60),
        "fleet": Fleet(
            members=(FleetMember(name="a", devices=3, loss=0.1), FleetMember(name="b", loss=0.2, burst_frames=2.0))
        ),
        "duty_cycle": 1,
        "nb_coded": 10,
    },
}


@pytest.fixture(scope="module", params=CHOICES)
def plan(request):
    return fuota.plan(bytes(3000), **CHOICES[request.param])


def test_a_plan_comes_back_from_json(plan):
    assert TransmissionPlan.from_json(plan.to_json()) == plan
    text = json.dumps(plan.to_json(), allow_nan=False)
    assert TransmissionPlan.from_json(json.loads(text)) == plan


def test_json_with_missing_or_unknown_keys_is_not_a_plan(plan):
    values = plan.to_json()
    for name in values:
        with pytest.raises((TypeError, ValueError, KeyError)):
            TransmissionPlan.from_json({key: value for key, value in values.items() if key != name})
    with pytest.raises(ParameterError, match="unknown key 'surplus'"):
        TransmissionPlan.from_json({**values, "surplus": 1})


def test_plan_names_every_field_of_a_recipe_with_its_default():
    parameters = inspect.signature(fuota.plan).parameters
    fields = inspect.signature(PlanRecipe).parameters
    assert {name: parameter.default for name, parameter in parameters.items() if name != "image"} == {
        name: parameter.default for name, parameter in fields.items()
    }


def test_grid_names_every_field_of_a_point():
    assert list(inspect.signature(fuota.grid).parameters)[1:] == list(inspect.signature(fuota.SweepPoint).parameters)


def test_the_schedule_has_one_entry_for_each_frame(plan):
    schedule = plan.schedule
    assert schedule.dtype == SCHEDULE
    assert schedule.dtype.names == ("start_us", "n", "frequency_hz", "data_rate", "time_on_air_us")
    assert schedule.shape == (plan.nb_frag + plan.nb_coded,) == (plan.frames,)
    assert schedule["n"].tolist() == list(range(1, plan.frames + 1))
    assert set(schedule["data_rate"]) == {plan.data_rate}
    assert set(schedule["time_on_air_us"]) == {plan.time_on_air_us}
    assert (np.diff(schedule["start_us"]) >= plan.time_on_air_us).all()
    assert plan.airtime_us == schedule["time_on_air_us"].sum()
    end_us = int(schedule["start_us"][-1]) + plan.time_on_air_us
    assert plan.duration_ms == -(-end_us // 1000) <= plan.longest_ms
    assert plan.session_timeout_s * 1000 >= plan.duration_ms


def test_class_c_frames_start_at_the_interval():
    plan = fuota.plan(bytes(3000), **CHOICES["class C"])
    assert (np.diff(plan.schedule["start_us"]) == 1000 * plan.interval_ms).all()
    assert plan.schedule["start_us"][0] == 0
    assert set(plan.schedule["frequency_hz"]) == {869_525_000}


def test_class_b_frames_are_in_slots_and_hop_with_the_beacons():
    plan = fuota.plan(bytes(3000), **CHOICES["class B that hops"], start_gps_s=128 * 77)
    place = fuota.region("US915")
    for entry in plan.schedule:
        period, within = divmod(int(entry["start_us"]), class_b.BEACON_PERIOD_US)
        beacon_s = 128 * (77 + period)
        assert within in class_b.ping_slots_us(beacon_s, 0xFFFFFFFF, 4)
        assert entry["frequency_hz"] == place.ping_slot_hz(0xFFFFFFFF, beacon_s)
    assert len(set(plan.schedule["frequency_hz"].tolist())) > 1
    assert set(plan.schedule["frequency_hz"].tolist()) <= set(plan.frequency_hz)


# --- The redundancy, as a server reads it ---


def readings(nb_frag, share):
    """Return the numbers of coded fragments of servers that round up, or to the nearest."""
    product = share * nb_frag
    return {math.ceil(product), round(product), math.floor(product + 0.5), coded_count(nb_frag, share)}


@settings(max_examples=500)
@given(st.integers(1, 16382).flatmap(lambda nb_frag: st.tuples(st.just(nb_frag), st.integers(0, 16383 - nb_frag))))
def test_every_reading_of_the_redundancy_gives_the_coded_fragments(numbers):
    nb_frag, nb_coded = numbers
    share = share_of(nb_frag, nb_coded)
    assert readings(nb_frag, share) == {nb_coded}
    assert share <= nb_coded / nb_frag


def test_every_reading_of_the_redundancy_of_every_small_plan():
    wrong = [
        (nb_frag, nb_coded)
        for nb_frag in range(1, 201)
        for nb_coded in range(nb_frag + 1)
        if readings(nb_frag, share_of(nb_frag, nb_coded)) != {nb_coded}
    ]
    assert wrong == []


@pytest.mark.parametrize(
    ("nb_frag", "nb_coded", "share"), [(100, 30, 0.3), (10, 0, 0), (7, 7, 1), (84, 22, 0.26), (417, 66, 0.158)]
)
def test_the_share_is_short(nb_frag, nb_coded, share):
    assert share_of(nb_frag, nb_coded) == share


def test_transfer_parameters(plan):
    parameters = plan.transfer_parameters()
    assert readings(plan.nb_frag, parameters["redundancy"]) == {plan.nb_coded}
    assert parameters["redundancy"] <= 1
    assert parameters["millisBetweenPkts"] == plan.interval_ms
    assert parameters["maxFragSize"] == plan.frag_size
    assert (parameters["txDr"], parameters["devClass"]) == (plan.data_rate, plan.device_class)
    assert (parameters["fragAlg"], parameters["fragPkgVer"]) == ("FWD_ERR_CORR", plan.version)
    assert parameters["startDelaySecs"] == plan.start_delay_s
    assert None not in parameters.values()
    assert not {"appEui", "devEuis", "devTags"} & set(parameters)


def test_channel_and_descriptor_are_sent_only_if_set():
    without = fuota.plan(bytes(3000), **CHOICES["class C"]).transfer_parameters()
    assert not {"txChnl", "descriptor"} & set(without)
    parameters = fuota.plan(bytes(3000), **CHOICES["a channel, a profile, a fleet"]).transfer_parameters()
    assert (parameters["txChnl"], parameters["descriptor"], parameters["fragPkgVer"]) == (1, "010203ff", 2)
    assert parameters["startDelaySecs"] == 6 * 60
