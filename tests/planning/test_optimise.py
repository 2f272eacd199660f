from __future__ import annotations

from itertools import pairwise

import pytest

import fuota
from fuota.errors import PlanError
from fuota.planning import Fleet, FleetMember, Image, LinkModel, PlanInputs, PlanRecipe

COST = {
    "time": lambda plan: plan.duration_ms,
    "airtime": lambda plan: plan.airtime_us,
    "energy": lambda plan: plan.energy_uj,
}
NEAR = LinkModel.for_region(fuota.region("EU868"))
LINKS = Fleet(members=tuple(FleetMember(name=str(i), cn0_dbhz=50 + 0.5 * i) for i in range(0, 12, 3)), model=NEAR)
CASES = {
    "EU868, class C": {"region": "EU868", "loss": 0.1, "frag_size_multiple": 8},
    "EU868, links": {"region": "EU868", "fleet": LINKS, "target": 0.9},
    "US915, class B, a fleet": {"region": "US915", "device_class": "B", "loss": 0.05, "fleet": 500},
}
IMAGE = bytes(6000)
CHANCE = 1.03
"""Factor for one coded fragment more or fewer, which comes from drawing loss patterns."""


PARAMS = [pytest.param(case, marks=pytest.mark.slow) if case == "EU868, links" else case for case in CASES]
"""Cases of the fixtures; the plans for links take longest."""


@pytest.fixture(scope="module", params=PARAMS)
def choices(request):
    return CASES[request.param]


@pytest.fixture(scope="module")
def front(choices):
    """Pareto front for the choices."""
    return front_of(**choices)


@pytest.fixture(scope="module")
def separate(choices):
    """Plans at the data rates that have a plan."""
    plans = []
    for rate in fuota.region(choices["region"]).downlink_data_rates:
        try:
            plans.append(fuota.plan(IMAGE, **choices, data_rate=rate.index))
        except PlanError:
            continue
    assert plans
    return plans


QUICK = {("EU868, class C", "energy"), ("US915, class B, a fleet", "time")}
OBJECTIVES = [
    pytest.param(case, objective, marks=() if (case, objective) in QUICK else pytest.mark.slow)
    for case in CASES
    for objective in ("time", "airtime", "energy")
]


@pytest.mark.slow
@pytest.mark.parametrize(("choices", "objective"), OBJECTIVES, indirect=["choices"])
def test_the_best_plan_costs_no_more_than_the_plan_at_any_data_rate(choices, separate, objective):
    best = fuota.plan(IMAGE, **choices, optimise=objective)
    cost = COST[objective]
    assert cost(best) <= CHANCE * min(map(cost, separate))
    least = best.target if best.success.devices == 1 else best.confidence
    assert best.success.goal >= least - 0.01  # loss patterns are drawn
    by_hand = fuota.plan(
        IMAGE, **choices, data_rate=best.data_rate, frag_size=best.frag_size, nb_coded=best.nb_coded
    )  # all choices are legal
    assert (by_hand.duration_ms, by_hand.airtime_us, by_hand.energy_uj) == (
        best.duration_ms,
        best.airtime_us,
        best.energy_uj,
    )


def test_a_given_data_rate_is_kept():
    assert fuota.plan(IMAGE, region="EU868", loss=0.1, optimise="time", data_rate=3).data_rate == 3


def test_a_given_fragment_size_is_kept():
    plan = fuota.plan(IMAGE, region="EU868", loss=0.1, optimise="airtime", frag_size=100)
    assert plan.frag_size == 100
    assert plan.data_rate >= 3  # slower data rates do not carry 100 bytes


@pytest.mark.slow
@pytest.mark.parametrize("links", [(47, 75), pytest.param((47, 60, 75), marks=pytest.mark.slow)])
def test_weak_links_get_slow_data_rates(links):
    rates = []
    for cn0_dbhz in links:
        fleet = Fleet(members=(FleetMember(name="a", cn0_dbhz=cn0_dbhz),), model=NEAR)
        plan = fuota.plan(IMAGE, region="EU868", fleet=fleet)
        rates.append(fuota.region("EU868").data_rate(plan.data_rate).bitrate_bps)
    assert rates == sorted(rates)
    assert rates[0] < rates[-1]


def test_refusal_names_a_reason_for_each_data_rate():
    with pytest.raises(PlanError) as refused:
        fuota.plan(IMAGE, region="EU868", loss=0.6, optimise="time")
    message = str(refused.value)
    assert message.startswith("no data rate of EU868 reaches 0.99 of the fleet with 0.95 confidence: DR0: even ")
    for rate in fuota.region("EU868").downlink_data_rates:
        assert f"DR{rate.index}: " in message


def test_a_too_long_session_is_a_reason():
    with pytest.raises(PlanError, match="DR5: it takes longer than a session lasts"):
        fuota.plan(bytes(2_500_000), region="EU868", loss=0, optimise="time", frequency_hz=868_100_000)


# --- A largest fragment that makes a bad code ---

SMALL = bytes(4000)
"""Image with a bad code in 17 fragments of 236 bytes: no coded fragment up to the 17th contains the tenth. In 30 fragments of 134
bytes the coded fragments contain all fragments."""


@pytest.mark.slow
def test_smaller_fragments_are_tried_if_the_largest_make_a_bad_code():
    best = fuota.plan(SMALL, region="EU868", loss=0.1, optimise="time")
    small = fuota.plan(SMALL, region="EU868", loss=0.1, data_rate=7, frag_size=134)
    assert small.success.goal >= 0.99
    assert best.duration_ms <= CHANCE * small.duration_ms


@pytest.mark.slow
def test_the_best_plan_of_a_small_image_costs_no_more_than_at_another_data_rate():
    fleet = Fleet(members=(FleetMember(name="a", cn0_dbhz=60),), model=NEAR)
    best = fuota.plan(SMALL, region="EU868", fleet=fleet, optimise="time")
    three = fuota.plan(SMALL, region="EU868", fleet=fleet, data_rate=3)
    assert best.duration_ms <= CHANCE * three.duration_ms


def test_the_front_of_a_small_image_has_small_fragments():
    front = fuota.pareto_front(PlanInputs.of(Image.of(SMALL), PlanRecipe(region="EU868", loss=0.1)))
    small = fuota.plan(SMALL, region="EU868", loss=0.1, data_rate=7, frag_size=134)
    as_fast = [point.success.high for point in front if point.duration_ms <= CHANCE * small.duration_ms]
    assert max(as_fast) >= small.success.mean.low - 0.03


# --- The front ---


def front_of(**choices):
    recipe = PlanRecipe(**choices)
    return fuota.pareto_front(PlanInputs.of(Image.of(IMAGE), recipe))


@pytest.mark.slow
def test_the_front_is_sorted_and_no_point_on_it_is_beaten(front):
    assert front
    for faster, slower in pairwise(front):
        assert faster.duration_ms <= slower.duration_ms
        assert faster.success.estimate < slower.success.estimate
    assert len({point.duration_ms for point in front}) == len(front)


def test_every_point_on_the_front_can_be_planned(choices, front):
    for point in front[1::9]:
        plan = fuota.plan(
            IMAGE, **choices, data_rate=point.data_rate, frag_size=point.frag_size, nb_coded=point.nb_coded
        )
        assert plan.nb_frag == point.nb_frag
        assert plan.nb_coded <= plan.nb_frag
        assert (plan.duration_ms, plan.airtime_us) == (point.duration_ms, point.airtime_us)
        assert plan.energy_uj == point.energy_uj
        assert plan.success.mean.low - 0.02 <= point.success.estimate <= plan.success.mean.high + 0.02


@pytest.mark.slow
def test_no_plan_beats_the_front(front, separate):
    """Among the points that end no later than a plan, one completes as many devices."""
    for plan in separate:
        reached = [point.success.high for point in front if point.duration_ms <= CHANCE * plan.duration_ms]
        assert max(reached, default=0) >= min(plan.success.mean.low, 0.9999) - 0.03


def test_front_of_one_data_rate():
    front = front_of(region="EU868", loss=0.1, data_rate=5)
    assert {point.data_rate for point in front} == {5}
    assert [point.duration_ms for point in front] == sorted({point.duration_ms for point in front})


def test_without_loss_the_front_has_one_point():
    front = front_of(region="EU868", loss=0)
    assert [(point.nb_coded, point.success.estimate) for point in front] == [(0, 1)]


def test_no_front_if_no_data_rate_carries_the_image():
    with pytest.raises(PlanError, match="DR0: the image has 6000 bytes: the slot of small takes 100"):
        front_of(region="EU868", profile=fuota.DeviceProfile(name="small", slot_bytes=100))
