from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fuota.device import DeviceProfile
from fuota.planning import Fleet, FleetMember, Goal
from fuota.planning.completion import CompletionModel, LossClasses
from fuota.planning.redundancy import fewest_coded, smallest, success_of
from fuota.radio import region

RATE = region("EU868").data_rate(5)


def model_of(fleet, **limits):
    return CompletionModel(classes=LossClasses.of(fleet, RATE), profile=DeviceProfile(**limits))


def mixed_fleet(*members):
    return Fleet(members=tuple(FleetMember(name=str(i), devices=n, loss=loss) for i, (n, loss) in enumerate(members)))


# --- Searching ---


@given(st.integers(0, 300), st.integers(0, 100), st.integers(0, 200))
def test_smallest_finds_the_first_value_that_holds(threshold, low, more):
    calls, high = [], low + more

    def holds(value):
        calls.append(value)
        return value >= threshold

    expected = None if threshold > high else max(threshold, low)
    assert smallest(holds, low, high) == expected
    assert all(low <= value <= high for value in calls)
    assert len(calls) <= 2 + (more + 1).bit_length()


CASES = [
    (Fleet.uniform(1, 0.1), Goal(target=0.99), {}),
    (Fleet.uniform(1, 0.1), Goal(target=0.99), {"version": 2}),
    (Fleet.uniform(1, 0.02, 4.0), Goal(target=0.95), {}),
    (Fleet.uniform(200, 0.08), Goal(target=0.99), {}),
    (Fleet.uniform(50, 0.08), Goal(target=1, confidence=0.9), {}),
    (mixed_fleet((90, 0.02), (10, 0.3)), Goal(target=0.85, confidence=0.99), {}),
    (mixed_fleet((90, 0.02), (10, 0.3)), Goal(target=0.95, confidence=0.9), {"version": 2}),
    (Fleet.uniform(20, 0.03), Goal(target=0.9), {"max_lost": 6}),
]


LARGE_CODES = [pytest.param(150, *case, marks=() if i in {0, 6} else pytest.mark.slow) for i, case in enumerate(CASES)]


@pytest.mark.parametrize(("nb_frag", "fleet", "goal", "limits"), [*((21, *case) for case in CASES), *LARGE_CODES])
def test_fewest_coded_fragments_meet_the_goal_and_one_fewer_does_not(nb_frag, fleet, goal, limits):
    """Check again with more loss patterns: they may change the number by one."""
    model = model_of(fleet, **limits)
    fewest = fewest_coded(model, goal, nb_frag, 3 * nb_frag)
    if fewest is None:
        assert "max_lost" in limits or nb_frag == 21
        assert not goal.is_met(model.real(nb_frag, 3 * nb_frag, seconds=0.1), model.classes.devices)
        return

    def met(nb_coded):
        return goal.is_met(model.real(nb_frag, nb_coded, seconds=0.1), model.classes.devices)

    assert met(fewest) or met(fewest + 1)
    assert fewest < 2 or not met(fewest - 2) or not met(fewest - 1)


def test_fewest_coded_is_minimal_if_no_pattern_is_drawn():
    """Small codes are enumerated, so that the result is exact. Each number of coded fragments is tried here."""
    for loss in (0.05, 0.1, 0.2):
        model, goal = model_of(Fleet.uniform(1, loss)), Goal(target=0.9)
        tried = [1 - model.of_class(10, coded, 0, seconds=1).estimate for coded in range(13)]
        expected = next(coded for coded, failed in enumerate(tried) if 1 - failed >= 0.9)
        assert fewest_coded(model, goal, 10, 12) == expected


@pytest.mark.parametrize(
    ("nb_frag", "loss", "for_device", "for_fleet"),
    [(468, 0.05, 40, 53), pytest.param(2134, 0.1, 278, 312, marks=pytest.mark.slow)],
)
def test_fewest_coded_agrees_with_published_numbers(nb_frag, loss, for_device, for_fleet):
    """E-plan cases with the ideal code: for a device with 0.99, and for all of 1000 devices with 0.99."""
    single, fleet = model_of(Fleet.uniform(1, loss)), model_of(Fleet.uniform(1000, loss))
    goal, every = Goal(target=0.99), Goal(target=1, confidence=0.99)

    def met(model, goal):
        return lambda coded: goal.is_met(model.ideal(nb_frag, coded), model.classes.devices)

    assert smallest(met(single, goal), 0, nb_frag) == for_device
    assert smallest(met(fleet, every), 0, nb_frag) == for_fleet
    for version in (1, 2):  # with many coded fragments the real code is as good; drawing patterns may shift it by one
        single, fleet = (model_of(Fleet.uniform(devices, loss), version=version) for devices in (1, 1000))
        assert abs(fewest_coded(single, goal, nb_frag, nb_frag) - for_device) <= 1
        assert abs(fewest_coded(fleet, every, nb_frag, nb_frag) - for_fleet) <= 1


def test_without_loss_no_coded_fragments_are_needed():
    assert fewest_coded(model_of(Fleet.uniform(1000, 0)), Goal(target=1), 100, 100) == 0


def test_fewest_coded_is_none_if_the_most_are_too_few():
    model = model_of(Fleet.uniform(10, 0.3))
    assert fewest_coded(model, Goal(), 100, 20) is None
    assert fewest_coded(model, Goal(), 100, 0) is None
    assert fewest_coded(model_of(Fleet.uniform(10, 1)), Goal(), 100, 100) is None


def test_the_real_code_needs_more_than_the_ideal_code_if_few_fragments_are_sent():
    """Version 1 leaves fragments uncovered that the ideal code does not."""
    model, goal = model_of(Fleet.uniform(1, 0.01)), Goal(target=0.99)
    ideal = smallest(lambda coded: goal.is_met(model.ideal(50, coded), model.classes.devices), 0, 50)
    assert fewest_coded(model, goal, 50, 50) > ideal + 2


# --- What a number of coded fragments gives ---


def test_success_of_a_mixed_fleet():
    fleet = mixed_fleet((900, 0.02), (100, 0.1))
    success = success_of(model_of(fleet), Goal(target=0.99), 100, 16)
    assert success.devices == 1000
    assert success.worst_loss == 0.1
    assert success.worst.estimate < success.mean.estimate
    assert success.mean.estimate == pytest.approx(0.9 + 0.1 * success.worst.estimate, abs=2e-3)
    assert 0 <= success.every <= success.goal <= 1


def test_success_of_a_single_device_is_one_probability():
    success = success_of(model_of(Fleet.uniform(1, 0.1)), Goal(target=0.99), 8, 5)
    assert success.mean == success.worst
    assert success.mean.exact
    assert success.every == pytest.approx(success.mean.estimate)
    assert success.goal == pytest.approx(success.mean.estimate)


@settings(max_examples=25)
@given(st.integers(2, 12), st.integers(0, 6), st.floats(0.01, 0.4), st.integers(1, 500))
def test_in_a_uniform_fleet_the_probability_of_all_is_a_power_of_a_single_probability(nb_frag, nb_coded, loss, devices):
    """Small codes are enumerated, so no pattern is drawn."""
    success = success_of(model_of(Fleet.uniform(devices, loss)), Goal(target=1), nb_frag, nb_coded)
    assert success.mean.exact
    assert success.every == pytest.approx(success.mean.estimate**devices, rel=1e-9, abs=1e-12)
    assert success.goal == pytest.approx(success.every, abs=1e-9)
