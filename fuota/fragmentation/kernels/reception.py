"""Which of many fragments are new, jitted: what `FragDecoder.feed` finds out for one."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from fuota.jit import kernel


@kernel
def first_outside(numbers: NDArray[np.int64], last: int) -> int:
    """The place of the first number that is not 1 to `last`, or -1."""
    for place in range(numbers.shape[0]):
        if numbers[place] < 1 or numbers[place] > last:
            return place
    return -1


@kernel
def sort_out(
    numbers: NDArray[np.int64], nb_frag: int, seen: NDArray[np.uint8], places: NDArray[np.int32]
) -> tuple[int, int]:
    """Fill `places` with those of numbers not seen before: uncoded ones from the front, coded ones up to the end; how many each."""
    uncoded, coded = 0, 0
    end = numbers.shape[0]
    for place in range(end):
        n = numbers[place]
        if seen[n]:
            continue
        seen[n] = np.uint8(1)
        if n <= nb_frag:
            places[uncoded] = place
            uncoded += 1
        else:
            coded += 1
            places[end - coded] = place
    places[end - coded :] = places[end - coded :][::-1].copy()
    return uncoded, coded
