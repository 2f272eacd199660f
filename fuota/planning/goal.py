"""Goal of a campaign: a share of the fleet, with a confidence."""

from __future__ import annotations

import math
from dataclasses import dataclass
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from fuota import rules

Floats = NDArray[np.float64]
Counts = NDArray[np.int64]
RARE = 1e-4
"""Probability of failure below which its logarithm is taken to the second order only."""
CLASSES_AT_ONCE = 64
"""Number of classes in one step, so that the work of large fleets stays in the cache."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Goal:
    """At least the share `target` of the fleet ends complete, with probability `confidence` or more.

    That all N devices complete (`target` 1) is much harder to reach than that each of them does. For a single device, where no
    share lies between none and all, `target` is the probability that it completes.
    target: above 0, at most 1. confidence: above 0 and below 1, because no campaign gives a confidence of 1.
    Raises ParameterError for other values.
    """

    target: float = 0.99
    confidence: float = 0.95

    def __post_init__(self) -> None:
        if not rules.probability("target", self.target) > 0:
            rules.refuse("target", "above 0 and at most 1, such as 0.99", self.target)
        if not 0 < rules.probability("confidence", self.confidence) < 1:
            rules.refuse("confidence", "above 0 and below 1, such as 0.95", self.confidence)

    def allowed(self, devices: int) -> int:
        """Return how many of a number of devices may stay incomplete."""
        return math.floor((1 - Fraction(str(self.target))) * devices)

    def probability(self, failure: Floats, devices: Counts) -> float:
        """Return the probability that enough devices complete.

        failure: float64 (classes,), probability that a device of the class fails. devices: int64 (classes,), number of devices.
        """
        return at_most_failing(failure, devices, self.allowed(int(devices.sum())))

    def is_met(self, failure: Floats, devices: Counts) -> bool:
        """Return whether the fleet reaches the goal. Arguments as for `probability`."""
        probability = self.probability(failure, devices)
        is_single_device = int(devices.sum()) == 1 and self.target < 1
        return probability >= (self.target if is_single_device else self.confidence)


def all_complete(failure: Floats, devices: Counts) -> float:
    """Return the probability that every device completes. Arguments as for `Goal.probability`."""
    if (failure >= 1).any():
        return 0.0
    return math.exp(float(np.log1p(-failure) @ devices))


def at_most_failing(failure: Floats, devices: Counts, allowed: int) -> float:
    """Return P(at most `allowed` of the devices fail). The devices are independent (a Poisson binomial law).

    The law is read off its generating function at roots of unity. Their number reaches so far above the mean that larger numbers
    of failures have no probability. Other arguments as for `Goal.probability`.
    """
    total = int(devices.sum())
    if allowed >= total:
        return 1.0
    mean, spread = float(failure @ devices), math.sqrt(float((failure * (1 - failure)) @ devices))
    reach = 12 * spread + 40
    if abs(allowed - mean) > reach:
        return float(allowed > mean)
    size = min(total, math.ceil(mean + reach)) + 1
    roots = np.exp(2j * np.pi * np.arange(size) / size)
    rare = failure < RARE  # log(1 + f (z - 1)) to the second order: the third is below 1e-12 for each device
    logs = (failure[rare] @ devices[rare]) * (roots - 1) - (failure[rare] ** 2 @ devices[rare]) / 2 * (roots - 1) ** 2
    failure, devices = failure[~rare], devices[~rare]
    with np.errstate(divide="ignore"):  # log(0): a class that surely fails, at a root of 0
        for begin in range(0, len(failure), CLASSES_AT_ONCE):
            part = slice(begin, begin + CLASSES_AT_ONCE)
            logs += devices[part] @ np.log(1 + failure[part, None] * (roots - 1))
    law = np.fft.fft(np.exp(logs)).real / size
    return float(min(max(law[: allowed + 1].sum(), 0.0), 1.0))
