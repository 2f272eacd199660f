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
from fuota.gf2.kernels.matmul import multiply
from fuota.gf2.kernels.vectors import count_ones, pack_flags
from fuota.gf2.layout import Words
from fuota.jit import inlined, kernel

_CHUNK_WORDS = 32
_TAIL_DRAWS = 64
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


@inlined
def begin_stream(state: np.uint32, stream: NDArray[np.uint32]) -> None:
    """The first three words of the stream whose first window is `state` (below 2^23)."""
    bits = np.uint64(state)
    for have in (23, 41):  # 18 new bits each time: s[n + 23] = s[n] ^ s[n + 5]
        window = bits >> np.uint64(have - 23)
        bits |= ((window ^ (window >> np.uint64(5))) & np.uint64(0x3FFFF)) << np.uint64(have)
    # Bits 59 to 94, 36 at once: s[n + 46] = s[n] ^ s[n + 10]; then bit 95, whose s[n + 10] is the first of these.
    fresh = ((bits ^ (bits >> np.uint64(10))) >> np.uint64(13)) & np.uint64(0xFFFFFFFFF)
    fresh |= (((bits >> np.uint64(49)) ^ fresh) & np.uint64(1)) << np.uint64(36)
    stream[0] = np.uint32(bits & np.uint64(0xFFFFFFFF))
    stream[1] = np.uint32(((bits | (fresh << np.uint64(59))) >> np.uint64(32)) & np.uint64(0xFFFFFFFF))
    stream[2] = np.uint32((fresh >> np.uint64(5)) & np.uint64(0xFFFFFFFF))


@inlined
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


@inlined
def mark_draws(code: Code, first: int, last: int, scratch: Scratch) -> int:
    """Mark the draws from number `first` to before `last`, which lie in the stream; how many of them have no fragment."""
    stream, draws, flags = scratch
    one = np.uint8(1)
    rejected = 0
    at = first
    while at < last:
        word = at >> 5
        words = min(_CHUNK_WORDS, ((last + 31) >> 5) - word)
        for k in range(words):
            take_draws(stream, word + k, code.reciprocal, code.modulus, draws, k << 5)
        begin = at - (word << 5)
        end = min(last - (word << 5), words << 5)
        taken = draws[begin:end]
        in_fours = taken.shape[0] & ~3
        for i in range(0, in_fours, 4):
            flags[taken[i]] = one
            flags[taken[i + 1]] = one
            flags[taken[i + 2]] = one
            flags[taken[i + 3]] = one
        for i in range(in_fours, taken.shape[0]):
            flags[taken[i]] = one
        if code.modulus != code.nb_frag:
            rejected += count_rejected(draws, begin, end, code.nb_frag)
        at = (word << 5) + end
    return rejected


@inlined
def count_rejected(draws: NDArray[np.uint16], begin: int, end: int, value: int) -> int:
    """How many draws from `begin` to before `end` are `value`."""
    found = 0
    for first in range(begin & ~31, end, 32):
        lanes = np.uint64(lanes_that_are(draws, first, value))
        if lanes:
            skipped = max(0, begin - first)
            kept = min(32, end - first) - skipped
            found += count_ones((lanes >> np.uint64(skipped)) & ((np.uint64(1) << np.uint64(kept)) - np.uint64(1)))
    return found


@inlined
def pack_row(flags: NDArray[np.uint8], row: Words) -> int:
    """The flags as bits of `row`; how many are set."""
    ones = 0
    for w in range(row.shape[0]):
        word = pack_flags(flags, w * 64)
        row[w] = word
        ones += count_ones(word)
    return ones


@inlined
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


@inlined
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


@inlined
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
        rejected = mark_draws(code, at, at + lacking, scratch)
        at += lacking
        flags[nb_frag] = np.uint8(0)
        lacking = nb_frag // 2 - pack_row(flags, row) if code.distinct else rejected
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
        np.empty(_CHUNK_WORDS * 32, np.uint16),
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
