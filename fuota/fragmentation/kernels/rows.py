"""The parity rows, jitted. Their meaning is written in `naive.py`.

What makes them fast. The states of PRBS23 are the windows of 23 bits of one stream in which s[n + 23] = s[n] ^ s[n + 5];
squared twice, s[n + 92] = s[n] ^ s[n + 20]. So a word of the stream costs a few shifts, every draw is a window of the stream, and
16 draws are taken modulo the number of fragments at once. Draws are marked in an array of octets, which has none of the
dependencies of setting bits, and packed into words in the end. Where draws must be repeated (they hit a marked fragment in version
2, or the value that is rejected where the number of fragments is a power of two), as many as are lacking are simply taken
too, again and again until none is lacking: that many can never be too many.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from fuota.fragmentation.kernels.draws import STATE_MASK, lanes_that_are, take_draws
from fuota.gf2.kernels import kernel
from fuota.gf2.kernels.product import multiply
from fuota.gf2.kernels.vectors import count_ones, pack_flags
from fuota.gf2.layout import Words

_CHUNK_DRAWS = 1024
_TAIL_DRAWS = 32
"""Fewer lacking draws than these are taken one by one: a look at the whole row for each round costs more."""


class Code(NamedTuple):
    """What all rows of a session share."""

    nb_frag: int
    modulus: int
    reciprocal: np.float32
    """1 / modulus, too small by more than the rounding of a quotient, and by less than makes a quotient two too small."""
    distinct: bool


class Scratch(NamedTuple):
    """Memory for one row at a time."""

    stream: NDArray[np.uint32]
    draws: NDArray[np.uint16]
    flags: NDArray[np.uint8]


@kernel
def step(state: np.uint32) -> np.uint32:
    """One step of PRBS23."""
    return (state >> np.uint32(1)) + (((state ^ (state >> np.uint32(5))) & np.uint32(1)) << np.uint32(22))


@kernel
def begin_stream(state: np.uint32, stream: NDArray[np.uint32]) -> None:
    """The first three words of the stream whose first window is `state` (below 2^23)."""
    low = np.uint64(state)
    high = np.uint64(0)
    have = 23
    while have < 96:  # 18 new bits at a time: s[n + 23] = s[n] ^ s[n + 5]
        behind = have - 23
        if behind == 0:
            window = low
        elif behind < 64:
            window = (low >> np.uint64(behind)) | (high << np.uint64(64 - behind))
        else:
            window = high >> np.uint64(behind - 64)
        fresh = (window ^ (window >> np.uint64(5))) & np.uint64(0x3FFFF)
        if have < 64:
            low |= fresh << np.uint64(have)
            if have > 46:
                high |= fresh >> np.uint64(64 - have)
        else:
            high |= fresh << np.uint64(have - 64)
        have += 18
    stream[0] = np.uint32(low & np.uint64(0xFFFFFFFF))
    stream[1] = np.uint32(low >> np.uint64(32))
    stream[2] = np.uint32(high & np.uint64(0xFFFFFFFF))


@kernel
def extend_stream(stream: NDArray[np.uint32], words: int, draws: int) -> int:
    """Lengthen the stream from `words` words so that `draws` windows lie in it; how many words it has then.

    s[n + 92] = s[n] ^ s[n + 20]: a word depends on the two that end three words before it.
    """
    wanted = ((draws + 31) >> 5) + 1
    for w in range(words, wanted):
        a = stream[w - 3]
        b = stream[w - 2]
        stream[w] = ((a >> np.uint32(4)) | (b << np.uint32(28))) ^ ((a >> np.uint32(24)) | (b << np.uint32(8)))
    return max(words, wanted)


@kernel
def mark_draws(code: Code, first: int, last: int, scratch: Scratch) -> None:
    """Mark the draws from number `first` to before `last`, which lie in the stream."""
    stream, draws, flags = scratch
    one = np.uint8(1)
    at = first
    while at < last:
        word = at >> 5
        words = min(_CHUNK_DRAWS >> 5, ((last + 31) >> 5) - word)
        for k in range(words):
            take_draws(stream, word + k, code.reciprocal, code.modulus, draws, k * 32)
        stop = min(last, (word + words) << 5)
        taken = draws[at - (word << 5) : stop - (word << 5)]
        in_fours = taken.shape[0] & ~3
        for i in range(0, in_fours, 4):
            flags[taken[i]] = one
            flags[taken[i + 1]] = one
            flags[taken[i + 2]] = one
            flags[taken[i + 3]] = one
        for i in range(in_fours, taken.shape[0]):
            flags[taken[i]] = one
        at = stop


@kernel
def count_rejected(code: Code, first: int, last: int, scratch: Scratch) -> int:
    """How many of the draws from number `first` to before `last` have no fragment."""
    stream, draws, _ = scratch
    ones = 0
    for word in range(first >> 5, (last + 31) >> 5):
        take_draws(stream, word, code.reciprocal, code.modulus, draws, 0)
        mask = np.uint64(lanes_that_are(draws, code.nb_frag))
        if mask:
            skipped = max(0, first - (word << 5))
            kept = min(32, last - (word << 5)) - skipped
            ones += count_ones((mask >> np.uint64(skipped)) & ((np.uint64(1) << np.uint64(kept)) - np.uint64(1)))
    return ones


@kernel
def pack_row(flags: NDArray[np.uint8], row: Words) -> int:
    """The flags as bits of `row`; how many are set."""
    ones = 0
    for w in range(row.shape[0]):
        word = pack_flags(flags, w * 64)
        row[w] = word
        ones += count_ones(word)
    return ones


@kernel
def mark_fresh(code: Code, first: int, lacking: int, words: int, scratch: Scratch) -> None:
    """Mark draws from number `first` on, one after the other, until `lacking` flags more are set."""
    stream, draws, flags = scratch
    at = first
    while lacking > 0:
        words = extend_stream(stream, words, at + 32)
        take_draws(stream, at >> 5, code.reciprocal, code.modulus, draws, 0)
        t = at & 31
        while t < 32 and lacking > 0:
            lacking -= 1 - int(flags[draws[t]])
            flags[draws[t]] = np.uint8(1)
            t += 1
        at = (at & ~31) + t


@kernel
def mark_large_states(code: Code, seed_number: int, flags: NDArray[np.uint8]) -> tuple[np.uint32, int]:
    """Mark the draws of states of more than 23 bits, which are no windows of the stream; (the next state, draws marked)."""
    state = step(np.uint32(1 + 1001 * seed_number))
    marked = 0
    while marked < code.nb_frag // 2 and state > np.uint32(STATE_MASK):
        drawn = state % np.uint32(code.modulus)
        if drawn < np.uint32(code.nb_frag) and not (code.distinct and flags[drawn]):
            flags[drawn] = np.uint8(1)
            marked += 1
        state = step(state)
    return state, marked


@kernel
def parity_row(code: Code, seed_number: int, scratch: Scratch, row: Words) -> None:
    """`row` = the parity row of `seed_number`."""
    nb_frag, flags = code.nb_frag, scratch.flags
    flags[:] = np.uint8(0)
    state, marked = mark_large_states(code, seed_number, flags)
    lacking = nb_frag // 2 - marked
    begin_stream(state, scratch.stream)
    words, at = 3, 0
    while lacking > (_TAIL_DRAWS if code.distinct else 0):
        words = extend_stream(scratch.stream, words, at + lacking)
        mark_draws(code, at, at + lacking, scratch)
        at += lacking
        rejected = flags[nb_frag] != 0
        flags[nb_frag] = np.uint8(0)
        if code.distinct:
            lacking = nb_frag // 2 - pack_row(flags, row)
        else:
            lacking = count_rejected(code, at - lacking, at, scratch) if rejected else 0
    if lacking > 0:
        flags[nb_frag] = np.uint8(1)  # the value that is rejected never counts
        mark_fresh(code, at, lacking, words, scratch)
        flags[nb_frag] = np.uint8(0)
    pack_row(flags, row)


@kernel
def parity_rows(nb_frag: int, seed_numbers: NDArray[np.int64], distinct: bool, rows: Words) -> None:
    """rows[i] = the parity row of seed_numbers[i]; `rows` is (count, words_for_bits(nb_frag))."""
    modulus = nb_frag + 1 if nb_frag & (nb_frag - 1) == 0 else nb_frag
    code = Code(nb_frag, modulus, np.float32(1.0 / modulus * (1.0 - 2.0**-22)), distinct)
    scratch = Scratch(
        np.empty(4 * nb_frag // 32 + 256, np.uint32),
        np.empty(_CHUNK_DRAWS + 32, np.uint16),
        np.empty((nb_frag // 64 + 1) * 64, np.uint8),
    )
    for i in range(seed_numbers.shape[0]):
        parity_row(code, seed_numbers[i], scratch, rows[i])


@kernel
def encode(
    nb_frag: int,
    distinct: bool,
    seed_numbers: NDArray[np.int64],
    rows: Words,
    block: NDArray[np.uint8],
    coded: NDArray[np.uint8],
) -> None:
    """coded[i] = the XOR of the uncoded fragments that the row of seed_numbers[i] selects; it comes in as zeros.

    `rows` is memory for a portion of the rows. `block`: flat, the uncoded fragments one behind the other, and 64 octets more.
    """
    frag_size = coded.shape[1]
    for first in range(0, coded.shape[0], rows.shape[0]):
        last = min(first + rows.shape[0], coded.shape[0])
        portion = rows[: last - first]
        parity_rows(nb_frag, seed_numbers[first:last], distinct, portion)
        multiply(portion, block, frag_size, nb_frag, coded[first:last].reshape(-1))
