from __future__ import annotations

import math
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fuota.errors import ParameterError
from fuota.planning import Goal
from fuota.planning.goal import all_complete, at_most_failing

shares = st.one_of(st.sampled_from([0.0, 0.5, 1.0]), st.floats(0, 1), st.floats(1e-12, 1e-3))
fleets = st.lists(st.tuples(shares, st.integers(1, 12)), min_size=1, max_size=5)


def law_by_convolution(classes):
    """Return the probability of each number of failures, (devices + 1,), computed device by device."""
    law = np.ones(1)
    for failure, devices in classes:
        for _ in range(devices):
            law = np.convolve(law, [1 - failure, failure])
    return law


def arrays_of(classes):
    failure, devices = zip(*classes, strict=True)
    return np.array(failure, dtype=np.float64), np.array(devices, dtype=np.int64)


@settings(max_examples=150)
@given(fleets, st.data())
def test_at_most_failing_agrees_with_convolution(classes, data):
    failure, devices = arrays_of(classes)
    allowed = data.draw(st.integers(0, int(devices.sum())))
    expected = law_by_convolution(classes)[: allowed + 1].sum()
    assert at_most_failing(failure, devices, allowed) == pytest.approx(expected, abs=1e-11)


@given(fleets)
def test_all_complete_equals_at_most_zero_failing(classes):
    failure, devices = arrays_of(classes)
    assert all_complete(failure, devices) == pytest.approx(at_most_failing(failure, devices, 0), abs=1e-11)
    assert all_complete(failure, devices) == pytest.approx(math.prod((1 - p) ** n for p, n in classes), rel=1e-9)


@given(fleets)
def test_probability_grows_with_the_allowed_failures_and_does_not_depend_on_classes(classes):
    failure, devices = arrays_of(classes)
    chances = [at_most_failing(failure, devices, allowed) for allowed in range(int(devices.sum()) + 1)]
    assert np.all(np.diff(chances) >= -1e-12)
    assert chances[-1] == 1
    single = np.repeat(failure, devices)
    split = [at_most_failing(single, np.ones_like(single, dtype=np.int64), allowed) for allowed in range(len(chances))]
    assert split == pytest.approx(chances, abs=1e-11)


def test_more_classes_than_are_worked_on_at_once():
    failure = np.linspace(0, 0.3, 200)
    devices = np.arange(200) % 4 + 1
    law = law_by_convolution(zip(failure, devices, strict=True))
    mean = int(failure @ devices)
    for allowed in (mean - 20, mean, mean + 20):
        expected = law[: allowed + 1].sum()
        assert at_most_failing(failure, devices, allowed) == pytest.approx(expected, abs=1e-11)


@pytest.mark.parametrize(("devices", "loss"), [(1_000, 0.01), (100_000, 1e-4), (1_000_000, 0.3), (20_000_000, 1e-7)])
@pytest.mark.parametrize("deviations", [-3, -1, 0, 1, 3])
def test_large_fleets_follow_the_binomial_law(devices, loss, deviations):
    """Summed here in logarithms, term by term."""
    spread = math.sqrt(devices * loss * (1 - loss))
    allowed = max(round(devices * loss + deviations * spread), 0)
    low = max(0, allowed - round(14 * spread) - 40)
    terms = [
        math.exp(
            math.lgamma(devices + 1)
            - math.lgamma(k + 1)
            - math.lgamma(devices - k + 1)
            + k * math.log(loss)
            + (devices - k) * math.log1p(-loss)
        )
        for k in range(low, allowed + 1)
    ]
    got = at_most_failing(np.array([loss]), np.array([devices]), allowed)
    assert got == pytest.approx(math.fsum(terms), abs=2e-7)  # lgamma of 2e7 has 8 digits left


@pytest.mark.parametrize("deviations", [-2.5, -1, 0, 0.5, 2])
def test_large_mixed_fleets_are_near_the_normal_law(deviations):
    failure, devices = np.array([0.001, 0.02, 0.5]), np.array([3_000_000, 400_000, 50_000])
    mean, spread = failure @ devices, math.sqrt(failure * (1 - failure) @ devices)
    allowed = round(mean + deviations * spread)
    expected = (1 + math.erf((allowed + 0.5 - mean) / spread / math.sqrt(2))) / 2
    assert at_most_failing(failure, devices, allowed) == pytest.approx(expected, abs=1e-3)


def test_far_from_the_mean_it_is_certain():
    failure, devices = np.array([0.01]), np.array([1_000_000])
    assert at_most_failing(failure, devices, 20_000) == 1
    assert at_most_failing(failure, devices, 5_000) == 0
    assert at_most_failing(np.array([1.0]), devices, 999_999) == pytest.approx(0, abs=1e-12)


targets = st.sampled_from(["1", "0.9999", "0.999", "0.99", "0.95", "0.9", "0.85", "0.7", "0.5", "0.3", "0.1"])


@given(targets, st.integers(1, 10_000_000))
def test_the_number_that_may_fail_follows_the_decimal_share(target, devices):
    """0.99 of 1000 are 990, though 1 - 0.99 is a little more than 0.01."""
    allowed = math.floor((1 - Fraction(target)) * devices)
    assert Goal(target=float(target)).allowed(devices) == allowed


@pytest.mark.parametrize(("target", "devices", "allowed"), [("0.9", 10**8, 10**7), ("0.9999", 10**9, 10**5)])
def test_the_share_holds_for_the_largest_fleets_too(target, devices, allowed):
    assert Goal(target=float(target)).allowed(devices) == allowed


@given(st.floats(0.001, 1), st.integers(1, 10_000))
def test_the_devices_that_must_complete_are_at_least_the_share(target, devices):
    allowed = Goal(target=target).allowed(devices)
    assert 0 <= allowed < devices
    assert (devices - allowed) / devices >= target - 1e-9
    assert (devices - allowed - 1) / devices < target + 1e-9


@pytest.mark.parametrize("target", [0.5, 0.9, 0.99])
def test_the_target_of_a_single_device_is_its_probability(target):
    """No share lies between none and all of one device: the confidence has no part in it."""
    goal = Goal(target=target, confidence=0.999)
    device = np.array([1])
    assert goal.is_met(np.array([1 - target - 1e-9]), device)
    assert not goal.is_met(np.array([1 - target + 1e-6]), device)


def test_the_confidence_is_the_probability_of_a_single_device_that_must_complete():
    goal = Goal(target=1, confidence=0.95)
    assert goal.is_met(np.array([0.0499]), np.array([1]))
    assert not goal.is_met(np.array([0.0501]), np.array([1]))


def test_an_empty_class_does_not_count():
    """A device in a class and none in another are still a single device."""
    assert Goal(target=0.9).is_met(np.array([0.09, 0.5]), np.array([1, 0]))


def test_the_confidence_of_a_fleet_is_a_probability():
    """If 100 devices fail with 1 % each, at most 1 fails with probability 0.736, at most 2 with 0.921."""
    failure, devices = np.array([0.01]), np.array([100])
    assert Goal(target=0.99, confidence=0.735).is_met(failure, devices)
    assert not Goal(target=0.99, confidence=0.737).is_met(failure, devices)
    assert Goal(target=0.98, confidence=0.92).is_met(failure, devices)
    assert not Goal(target=1, confidence=0.367).is_met(failure, devices)  # 0.99^100 = 0.366
    assert Goal(target=1, confidence=0.366).is_met(failure, devices)


@pytest.mark.parametrize("target", [0, -0.1, 1.01, 99, math.nan, math.inf])
def test_a_target_out_of_range_is_refused(target):
    with pytest.raises(ParameterError, match=f"target must be .*, got {target}"):
        Goal(target=target)


@pytest.mark.parametrize("confidence", [0, 1, -1, 95, math.nan])
def test_a_confidence_out_of_range_is_refused(confidence):
    with pytest.raises(ParameterError, match=f"confidence must be .*, got {confidence}"):
        Goal(confidence=confidence)
