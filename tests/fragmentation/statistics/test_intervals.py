from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fuota.errors import ParameterError
from fuota.fragmentation.statistics.intervals import (
    gamma_cdf,
    gamma_quantile,
    weighted_count_interval,
    wilson_interval,
)


@pytest.mark.parametrize(
    ("count", "low", "high"), [(0, 0, 3.6889), (1, 0.0253, 5.5716), (10, 4.7954, 18.3904), (100, 81.364, 121.627)]
)
def test_equal_weights_give_the_exact_bounds_of_a_count(count, low, high):
    """Published 95 % bounds of a Poisson count (Garwood 1936)."""
    assert weighted_count_interval(count, count, 1, 0.95) == pytest.approx((low, high), abs=1e-3)


@given(st.floats(0.001, 1000), st.integers(0, 1000))
def test_bounds_scale_with_the_weights(weight, count):
    low, high = weighted_count_interval(count, count, 1, 0.9)
    scaled = weighted_count_interval(count * weight, count * weight**2, weight, 0.9)
    assert scaled == pytest.approx((low * weight, high * weight), rel=1e-6)
    assert low <= count <= high


@given(st.integers(1, 60), st.floats(0.01, 200))
def test_gamma_with_whole_shape_counts_poisson_events(shape, x):
    """A gamma variable of shape k is below x if at least k events of a Poisson process happen before x."""
    fewer = sum(math.exp(k * math.log(x) - x - math.lgamma(k + 1)) for k in range(shape))
    assert gamma_cdf(shape, x) == pytest.approx(1 - fewer, abs=1e-9)


@given(st.floats(1, 1e5), st.sampled_from([0.001, 0.025, 0.5, 0.975, 0.999]))
def test_quantile_inverts_the_distribution(shape, probability):
    assert gamma_cdf(shape, gamma_quantile(shape, probability)) == pytest.approx(probability, abs=1e-6)


def test_wilson_interval_of_eight_in_ten():
    """0.4902 to 0.9433 with 95 % (Wilson 1927; Newcombe 1998 has the figures of the method)."""
    assert wilson_interval(8, 10) == pytest.approx((0.4902, 0.9433), abs=1e-4)


@given(st.integers(1, 1000), st.data())
def test_wilson_interval_holds_the_share_and_ends_at_certainty(trials, data):
    successes = data.draw(st.integers(0, trials))
    low, high = wilson_interval(successes, trials)
    assert low <= successes / trials <= high
    assert (low == 0) == (successes == 0)
    assert (high == 1) == (successes == trials)


@pytest.mark.parametrize("confidence", [0, 1, -0.5, math.nan])
def test_illegal_confidence_is_refused(confidence):
    with pytest.raises(ParameterError, match="confidence must be more than 0 and less than 1"):
        wilson_interval(1, 2, confidence)
