"""The ideal random code: what the real one is measured against."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from fuota.errors import ParameterError
from fuota.fragmentation.parity import check_fragment_count
from fuota.fragmentation.statistics.laws import Floats, LossLaw, loss_law

SURPLUS = 64
"""From so many coded fragments more than were lost on, the ideal code fails never that a float could tell."""


def dependence_probability(lost: NDArray[np.int64], received: NDArray[np.int64]) -> Floats:
    """How likely a random bit matrix of `received` rows and `lost` columns has dependent columns (arrays that broadcast)."""
    longest = int(received.max(initial=0))
    # Summed from the far end, so that the small differences far above the threshold keep their digits.
    logs = np.log1p(-(0.5 ** np.arange(1, longest + 65)))
    beyond = np.concatenate([np.cumsum(logs[::-1])[::-1], [0.0]])
    enough = received >= lost
    excess = np.where(enough, received - lost, 0)
    if received.min(initial=longest) > 64:  # the rows beyond those received would make no difference to a float
        return np.where(enough, -np.expm1(beyond)[excess], 1.0)
    return np.where(enough, -np.expm1(beyond[excess] - beyond[received]), 1.0)


def ideal_failure(nb_frag: int, *, coded: int, loss: float, burst_frames: float | None = None) -> float:
    """1 - ideal_probability, without losing digits where it is small."""
    check_fragment_count(nb_frag)
    if coded < 0:
        raise ParameterError(f"coded {coded} was given: it is a count of coded fragments, 0 or more")
    return ideal_failure_under(loss_law(nb_frag, coded, loss, burst_frames))


def ideal_failure_under(law: LossLaw) -> float:
    """How likely a device with this law of losses does not complete with the ideal code."""
    lost, table = law.by_surplus(SURPLUS)
    received = np.minimum(lost[:, None] + np.arange(SURPLUS), law.nb_coded)
    failure = (
        float((table * dependence_probability(lost[:, None], received)).sum()) + law.fewer_received() + law.overflow
    )
    return min(failure, 1.0)  # rounding may have carried it past


def ideal_probability(nb_frag: int, *, coded: int, loss: float, burst_frames: float | None = None) -> float:
    """How likely a device completes when each coded fragment contains each fragment with probability 1/2, at random.

    `loss` strikes coded and uncoded fragments alike, independently or in runs of `burst_frames` (see `loss_law`). This is the
    formula that planners use; the code of TS004 follows it only where there are many coded fragments. Raises ParameterError.
    """
    return 1 - ideal_failure(nb_frag, coded=coded, loss=loss, burst_frames=burst_frames)
