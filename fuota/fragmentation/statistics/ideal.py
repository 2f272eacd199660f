"""The law of losses, and the ideal random code: what the real one is measured against."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from fuota.errors import ParameterError
from fuota.fragmentation.parity import check_fragment_count
from fuota.fragmentation.statistics.matrix import check_loss

Floats = NDArray[np.float64]
NEGLIGIBLE = 1e-18
"""Numbers of losses less likely than this are left out of sums that can take any of them."""


def binomial(trials: int, probability: float) -> Floats:
    """float64 (trials + 1,): how likely each count of successes is among independent trials."""
    if probability in {0, 1}:
        return np.asarray(np.eye(1, trials + 1, k=trials if probability else 0)[0])
    log_factorial = np.concatenate([[0.0], np.cumsum(np.log(np.arange(1, trials + 1)))])
    count = np.arange(trials + 1)
    ways = log_factorial[trials] - log_factorial - log_factorial[::-1]
    return np.asarray(np.exp(ways + count * np.log(probability) + (trials - count) * np.log1p(-probability)))


def dependent(lost: NDArray[np.int64], heard: NDArray[np.int64]) -> Floats:
    """How likely a random bit matrix of `heard` rows and `lost` columns has dependent columns (both (n,))."""
    longest = int(heard.max(initial=0))
    # Summed from the far end, so that the small differences far above the threshold keep their digits.
    logs = np.log1p(-(0.5 ** np.arange(1, longest + 65)))
    beyond = np.concatenate([np.cumsum(logs[::-1])[::-1], [0.0]])
    enough = heard >= lost
    excess = np.where(enough, heard - lost, 0)
    return np.where(enough, -np.expm1(beyond[excess] - beyond[heard]), 1.0)


def ideal_failure(nb_frag: int, *, coded: int, loss: float) -> float:
    """1 - ideal_probability, without losing digits where it is small."""
    check_fragment_count(nb_frag)
    check_loss(loss)
    if coded < 0:
        raise ParameterError(f"coded {coded} was given: it is a count of coded fragments, 0 or more")
    lost, lost_law = _likely(binomial(nb_frag, loss))
    heard, heard_law = _likely(binomial(coded, 1 - loss))
    grid = dependent(np.repeat(lost, len(heard)), np.tile(heard, len(lost)))
    return float(lost_law @ grid.reshape(len(lost), len(heard)) @ heard_law)


def ideal_probability(nb_frag: int, *, coded: int, loss: float) -> float:
    """How likely a device completes when each coded fragment contains each fragment with probability 1/2, at random.

    `loss` strikes coded and uncoded fragments alike, independently. This is the formula that planners use; the code of
    TS004 follows it only where there are many coded fragments. Raises ParameterError.
    """
    return 1 - ideal_failure(nb_frag, coded=coded, loss=loss)


def _likely(law: Floats) -> tuple[NDArray[np.int64], Floats]:
    kept = np.flatnonzero(law > NEGLIGIBLE)
    return kept, law[kept]
