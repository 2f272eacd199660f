"""Selection of the new fragments among many, compiled. `FragDecoder.feed` does the same for a single fragment."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from fuota.jit import kernel


@kernel
def first_outside(numbers: NDArray[np.int64], last: int) -> int:
    """Return the index of the first number that is not 1 to `last`, or -1."""
    for place in range(numbers.shape[0]):
        if numbers[place] < 1 or numbers[place] > last:
            return place
    return -1


@kernel
def select_new(
    numbers: NDArray[np.int64], nb_frag: int, accepted: NDArray[np.uint8], places: NDArray[np.int32]
) -> tuple[int, int]:
    """Fill `places` with the indexes of the fragment numbers that are not accepted yet, and mark them as accepted.

    Uncoded fragments fill `places` from the front, coded fragments fill the end; both are in the order of `numbers`. accepted:
    (MAX_FRAGMENT_NUMBER + 1,), 1 for an accepted fragment number. Return how many uncoded and how many coded fragments are new.
    """
    uncoded, coded = 0, 0
    end = numbers.shape[0]
    for place in range(end):
        n = numbers[place]
        if accepted[n]:
            continue
        accepted[n] = np.uint8(1)
        if n <= nb_frag:
            places[uncoded] = place
            uncoded += 1
        else:
            coded += 1
            places[end - coded] = place
    places[end - coded :] = places[end - coded :][::-1].copy()
    return uncoded, coded
