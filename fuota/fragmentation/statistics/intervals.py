"""Confidence intervals of a share and of a sum of weighted counts, correct also for counts of 0."""

from __future__ import annotations

import math
from statistics import NormalDist

from fuota.rules import refuse


def check_confidence(confidence: float) -> None:
    """Raise ParameterError unless `confidence` is more than 0 and less than 1."""
    if not 0 < confidence < 1:
        refuse("confidence", "more than 0 and less than 1", confidence, nearest=0.95)


def wilson_interval(successes: int, trials: int, confidence: float = 0.95) -> tuple[float, float]:
    """Return the bounds of a probability, from `successes` in `trials` independent trials (Wilson, JASA 22 (1927) 209).

    confidence: probability that the bounds hold the true value, between 0 and 1. Raises ParameterError if it is not.
    """
    check_confidence(confidence)
    z = NormalDist().inv_cdf((1 + confidence) / 2)
    p, scale = successes / trials, 1 + z * z / trials
    middle, half = p + z * z / (2 * trials), z * math.sqrt(p * (1 - p) / trials + (z / (2 * trials)) ** 2)
    low = 0.0 if successes == 0 else max(0.0, (middle - half) / scale)
    high = 1.0 if successes == trials else min(1.0, (middle + half) / scale)
    return low, high


def weighted_count_interval(total: float, variance: float, largest: float, confidence: float) -> tuple[float, float]:
    """Return the bounds of the mean of a weighted sum of Poisson counts (Fay and Feuer, Statistics in Medicine 16 (1997) 791).

    total: sum of the weights of the counted events. variance: sum of the squares of these weights. largest: largest weight that
    could have been counted. confidence: probability that the bounds hold the mean. With equal weights these are the exact bounds
    of a Poisson count (Garwood 1936). A binomial count varies less, so the bounds are valid for it too.
    """
    tail = (1 - confidence) / 2
    low = 0.0 if total <= 0 else variance / total * gamma_quantile(total**2 / variance, tail)
    above, spread = total + largest, variance + largest**2
    return low, spread / above * gamma_quantile(above**2 / spread, 1 - tail)


def gamma_quantile(shape: float, probability: float) -> float:
    """Return the quantile of a gamma variable with this shape and scale 1."""
    # The bound is ten standard deviations above the mean: a probability beyond it cannot be distinguished from 1 as a float.
    low, high = 0.0, shape + 10 * math.sqrt(shape) + 40
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (middle, high) if gamma_cdf(shape, middle) < probability else (low, middle)
    return (low + high) / 2


def gamma_cdf(shape: float, x: float) -> float:
    """Return the regularised lower incomplete gamma function, from its power series (Abramowitz and Stegun 6.5.29)."""
    if x <= 0:
        return 0.0
    term = total = 1 / shape
    n = shape
    while term > total * 1e-16:
        n += 1
        term *= x / n
        total += term
    return min(1.0, total * math.exp(shape * math.log(x) - x - math.lgamma(shape)))
