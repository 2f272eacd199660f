"""The parity rows, compiled. `fuota.fragmentation.naive` specifies them.

Why this is fast: the states of PRBS23 are the windows of 23 bits of one stream in which s[n + 23] = s[n] ^ s[n + 5]; squared
twice, s[n + 92] = s[n] ^ s[n + 20]. So a word of the stream takes a few shifts, every draw is a window of the stream, and 16 draws
are taken modulo the number of fragments at once. Drawn fragments are marked in an array of bytes, because setting single bits would
make each draw wait for the draw before it. The marks are packed into words at the end. Some draws must be repeated: a draw of a
marked fragment in version 2, and a draw of the rejected value if the number of fragments is a power of two. The kernel then takes
as many further draws as are lacking, until none is lacking. These can never be too many.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from fuota.fragmentation.kernels.draws import STATE_MASK, lanes_equal_to, take_draws
from fuota.gf2.kernels.matmul import multiply
from fuota.gf2.kernels.vectors import count_ones, pack_flags
from fuota.gf2.layout import Words
from fuota.jit import inlined, kernel

_CHUNK_WORDS = 32
_TAIL_DRAWS = 64
"""If fewer draws than this are lacking, they are taken one by one; packing the whole row in each round would take longer."""


class Code(NamedTuple):
    """Values that all rows of a session share."""

    nb_frag: int
    """Number of uncoded fragments."""
    modulus: int
    """Modulus of the draws: nb_frag, or nb_frag + 1 if nb_frag is a power of two."""
    reciprocal: np.float32
    """1 / modulus, reduced by more than the rounding of a quotient, but not enough to make a quotient too small by 2."""
    distinct: bool
    """Whether a repeated draw is drawn again (version 2)."""


class Scratch(NamedTuple):
    """Memory for one row at a time."""

    stream: NDArray[np.uint32]
    draws: NDArray[np.uint16]
    flags: NDArray[np.uint8]


@kernel
def step(state: np.uint32) -> np.uint32:
    """Return the state of PRBS23 after `state`."""
    return (state >> np.uint32(1)) + (((state ^ (state >> np.uint32(5))) & np.uint32(1)) << np.uint32(22))


@inlined
def begin_stream(state: np.uint32, stream: NDArray[np.uint32]) -> None:
    """Write the first three words of the stream whose first window is `state` (below 2^23)."""
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
    """Extend the stream from `words` words so that it contains `draws` windows. Return its new number of words.

    s[n + 92] = s[n] ^ s[n + 20]: a word depends on the words three and two places before it.
    """
    needed = ((draws + 31) >> 5) + 1
    for w in range(words, needed):
        a = stream[w - 3]
        b = stream[w - 2]
        stream[w] = ((a >> np.uint32(4)) | (b << np.uint32(28))) ^ ((a >> np.uint32(24)) | (b << np.uint32(8)))
    return max(words, needed)


@inlined
def mark_draws(code: Code, first: int, last: int, scratch: Scratch) -> int:
    """Mark the draws `first` to before `last` of the stream. Return how many of them are the rejected value."""
    stream, draws, flags = scratch
    mark = np.uint8(1)
    rejected = 0
    draw = first
    while draw < last:
        word = draw >> 5
        words = min(_CHUNK_WORDS, ((last + 31) >> 5) - word)
        for k in range(words):
            take_draws(stream, word + k, code.reciprocal, code.modulus, draws, k << 5)
        begin = draw - (word << 5)
        end = min(last - (word << 5), words << 5)
        drawn = draws[begin:end]
        in_fours = drawn.shape[0] & ~3
        for i in range(0, in_fours, 4):
            flags[drawn[i]] = mark
            flags[drawn[i + 1]] = mark
            flags[drawn[i + 2]] = mark
            flags[drawn[i + 3]] = mark
        for i in range(in_fours, drawn.shape[0]):
            flags[drawn[i]] = mark
        if code.modulus != code.nb_frag:
            rejected += count_rejected(draws, begin, end, code.nb_frag)
        draw = (word << 5) + end
    return rejected


@inlined
def count_rejected(draws: NDArray[np.uint16], begin: int, end: int, value: int) -> int:
    """Return how many draws from `begin` to before `end` are `value`."""
    count = 0
    for first in range(begin & ~31, end, 32):
        lanes = np.uint64(lanes_equal_to(draws, first, value))
        if lanes:
            skipped = max(0, begin - first)
            kept = min(32, end - first) - skipped
            count += count_ones((lanes >> np.uint64(skipped)) & ((np.uint64(1) << np.uint64(kept)) - np.uint64(1)))
    return count


@inlined
def pack_row(flags: NDArray[np.uint8], row: Words) -> int:
    """Pack the flags into the bits of `row`. Return how many are set."""
    count = 0
    for w in range(row.shape[0]):
        word = pack_flags(flags, w * 64)
        row[w] = word
        count += count_ones(word)
    return count


@inlined
def mark_fresh(code: Code, first: int, lacking: int, words: int, scratch: Scratch) -> None:
    """Mark draws from number `first` on, one by one, until `lacking` further flags are set. words: words of the stream so far."""
    stream, draws, flags = scratch
    draw = first
    while lacking > 0:
        words = extend_stream(stream, words, draw + 32)
        take_draws(stream, draw >> 5, code.reciprocal, code.modulus, draws, 0)
        t = draw & 31
        while t < 32 and lacking > 0:
            lacking -= 1 - int(flags[draws[t]])
            flags[draws[t]] = np.uint8(1)
            t += 1
        draw = (draw & ~31) + t


@inlined
def mark_large_states(code: Code, seed_number: int, flags: NDArray[np.uint8]) -> tuple[np.uint32, int]:
    """Mark the draws of states above 23 bits, which are not windows of the stream. Return the next state and the draws marked."""
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
    """Write the parity row of `seed_number` to `row`."""
    nb_frag, flags = code.nb_frag, scratch.flags
    flags[:] = np.uint8(0)
    state, marked = mark_large_states(code, seed_number, flags)
    lacking = nb_frag // 2 - marked
    begin_stream(state, scratch.stream)
    words, draw = 3, 0
    while lacking > (_TAIL_DRAWS if code.distinct else 0):
        words = extend_stream(scratch.stream, words, draw + lacking)
        rejected = mark_draws(code, draw, draw + lacking, scratch)
        draw += lacking
        flags[nb_frag] = np.uint8(0)
        lacking = nb_frag // 2 - pack_row(flags, row) if code.distinct else rejected
    if lacking > 0:
        flags[nb_frag] = np.uint8(1)  # the rejected value never counts
        mark_fresh(code, draw, lacking, words, scratch)
        flags[nb_frag] = np.uint8(0)
    pack_row(flags, row)


@kernel
def parity_rows(nb_frag: int, seed_numbers: NDArray[np.int64], distinct: bool, rows: Words) -> None:
    """Write the parity row of seed_numbers[i] to rows[i]. rows: (count, words_for_bits(nb_frag))."""
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
    """Write the XOR of the uncoded fragments that the row of seed_numbers[i] selects to coded[i], which must be zeros.

    rows: memory for a portion of the rows. block: flat, the uncoded fragments one behind the other, and 64 further bytes.
    coded: (count, frag_size).
    """
    frag_size = coded.shape[1]
    for first in range(0, coded.shape[0], rows.shape[0]):
        last = min(first + rows.shape[0], coded.shape[0])
        portion = rows[: last - first]
        parity_rows(nb_frag, seed_numbers[first:last], distinct, portion)
        multiply(portion, block, frag_size, nb_frag, coded[first:last].reshape(-1))
