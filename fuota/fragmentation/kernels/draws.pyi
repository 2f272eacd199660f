import numpy as np
from numpy.typing import NDArray

STATE_MASK: int

def take_draws(
    stream: NDArray[np.uint32], word: int, reciprocal: np.float32, modulus: int, draws: NDArray[np.uint16], at: int
) -> None: ...
def lanes_equal_to(draws: NDArray[np.uint16], at: int, value: int) -> np.uint32: ...
