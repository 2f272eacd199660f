"""What a campaign must reach: a share of the fleet, with a confidence."""

from __future__ import annotations

import math
from dataclasses import dataclass
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from fuota.errors import ParameterError

Floats = NDArray[np.float64]
Counts = NDArray[np.int64]
RARE = 1e-4
CLASSES_AT_ONCE = 64
"""Keeps the work of large fleets in the cache."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Goal:
    """At least the share `target` of the fleet ends complete, with probability `confidence` or more.

    All of N devices (`target` 1) is a far harder question than each of them. Of a single device, where no share lies between
    none and all, `target` is the probability that it completes.
    Raises ParameterError outside 0 to 1; a confidence of 1 no campaign can give.
    """

    target: float = 0.99
    confidence: float = 0.95

    def __post_init__(self) -> None:
        if not 0 < self.target <= 1:
            raise ParameterError(
                f"target {self.target} was given: it is a share of the fleet, more than 0 and at most 1, such as 0.99"
            )
        if not 0 < self.confidence < 1:
            raise ParameterError(f"confidence {self.confidence} was given: it lies between 0 and 1, such as 0.95")

    def allowed(self, devices: int) -> int:
        """How many of so many devices may stay incomplete."""
        return math.floor((1 - Fraction(str(self.target))) * devices)

    def probability(self, failure: Floats, devices: Counts) -> float:
        """How likely enough devices complete, where `devices` (classes,) fail with probability `failure` (classes,) each."""
        return at_most_failing(failure, devices, self.allowed(int(devices.sum())))

    def is_met(self, failure: Floats, devices: Counts) -> bool:
        """Whether the fleet reaches it."""
        probability = self.probability(failure, devices)
        alone = int(devices.sum()) == 1 and self.target < 1
        return probability >= (self.target if alone else self.confidence)


def all_complete(failure: Floats, devices: Counts) -> float:
    """How likely every device completes."""
    if (failure >= 1).any():
        return 0.0
    return math.exp(float(np.log1p(-failure) @ devices))


def at_most_failing(failure: Floats, devices: Counts, allowed: int) -> float:
    """P(at most `allowed` of the devices fail): they are independent, and those of a class alike (a Poisson binomial law).

    Read off the generating function at roots of unity, as many as reach so far above the mean that more has no probability.
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
    rare = failure < RARE  # log(1 + f (z - 1)) to the second order: the third is below 1e-12 a device
    logs = (failure[rare] @ devices[rare]) * (roots - 1) - (failure[rare] ** 2 @ devices[rare]) / 2 * (roots - 1) ** 2
    failure, devices = failure[~rare], devices[~rare]
    with np.errstate(divide="ignore"):  # a class that fails surely, at a root of 0
        for part in range(0, len(failure), CLASSES_AT_ONCE):
            some = slice(part, part + CLASSES_AT_ONCE)
            logs += devices[some] @ np.log(1 + failure[some, None] * (roots - 1))
    law = np.fft.fft(np.exp(logs)).real / size
    return float(min(max(law[: allowed + 1].sum(), 0.0), 1.0))
