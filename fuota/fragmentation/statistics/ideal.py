"""The ideal random code, the reference for the code of TS004."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from fuota.fragmentation.limits import check_fragment_count
from fuota.fragmentation.statistics.laws import Floats, LossLaw, loss_law
from fuota.rules import integer

SURPLUS = 64
"""If the coded fragments received exceed the uncoded fragments lost by this number, the failure probability of the ideal
code is below the resolution of a float."""


def dependence_probability(lost: NDArray[np.int64], received: NDArray[np.int64]) -> Floats:
    """Return the probability that a random bit matrix of `received` rows and `lost` columns has dependent columns.

    The arguments are arrays that broadcast.
    """
    longest = int(received.max(initial=0))
    # The sum runs from the far end, so that small differences far above the threshold keep their digits.
    logs = np.log1p(-(0.5 ** np.arange(1, longest + 65)))
    beyond = np.concatenate([np.cumsum(logs[::-1])[::-1], [0.0]])
    enough = received >= lost
    excess = np.where(enough, received - lost, 0)
    if received.min(initial=longest) > 64:  # further rows would not change a float
        return np.where(enough, -np.expm1(beyond)[excess], 1.0)
    return np.where(enough, -np.expm1(beyond[excess] - beyond[received]), 1.0)


def ideal_failure(nb_frag: int, *, coded: int, loss: float, burst_frames: float | None = None) -> float:
    """Return 1 - ideal_probability, with all its digits also if it is small. Parameters as for `ideal_probability`."""
    check_fragment_count(nb_frag)
    integer("coded", coded, 0, why="a count of coded fragments")
    return ideal_failure_under(loss_law(nb_frag, coded, loss, burst_frames))


def ideal_failure_under(law: LossLaw) -> float:
    """Return the probability that a device with this loss law does not complete with the ideal code."""
    lost, table = law.by_surplus(SURPLUS)
    received = np.minimum(lost[:, None] + np.arange(SURPLUS), law.nb_coded)
    failure = (
        float((table * dependence_probability(lost[:, None], received)).sum()) + law.fewer_received() + law.overflow
    )
    return min(failure, 1.0)  # rounding may exceed 1


def ideal_probability(nb_frag: int, *, coded: int, loss: float, burst_frames: float | None = None) -> float:
    """Return the probability that a device completes if each coded fragment contains each fragment with probability 1/2.

    This is the formula that planners use. The code of TS004 follows it only if there are many coded fragments.

    nb_frag: number of uncoded fragments, 1 to 16383. coded: number of coded fragments. loss: probability that a fragment, coded or
    uncoded, is lost. burst_frames: mean length of a run of losses; None for independent losses (see `loss_law`).
    Raises ParameterError for other values.
    """
    return 1 - ideal_failure(nb_frag, coded=coded, loss=loss, burst_frames=burst_frames)
