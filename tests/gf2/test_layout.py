from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from fuota.gf2 import pack_bits, unpack_bits, words_for_bits

shapes = st.tuples(st.integers(0, 5), st.integers(1, 200))


@given(shapes.flatmap(lambda shape: hnp.arrays(np.uint8, shape, elements=st.integers(0, 1))))
def test_unpacked_bits_equal_the_packed_bits(bits):
    words = pack_bits(bits)
    assert words.shape == (len(bits), words_for_bits(bits.shape[1]))
    assert np.array_equal(unpack_bits(words, bits.shape[1]), bits)


def test_column_65_is_bit_1_of_word_1_and_excess_is_zero():
    bits = np.zeros((1, 70), dtype=np.uint8)
    bits[0, 65] = 1
    assert pack_bits(bits).tolist() == [[0, 2]]
    assert pack_bits(np.ones((1, 70), dtype=np.uint8)).tolist() == [[2**64 - 1, 2**6 - 1]]
