"""Compiled loops of the simulation: which frames each device misses, and whether it completes with the others.

Frames are bits: frame i is bit i & 63 of word i >> 6. In a row of `lost` a one is a frame that the device does not receive. Every
device has a separate stream of random numbers for each purpose, chosen by the seed, the device and the purpose, so that nothing
depends on how a fleet is cut into blocks or which thread works on it. `naive.py` specifies each function.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from fuota.gf2 import Words
from fuota.gf2.kernels.matmul import aligned_words
from fuota.gf2.kernels.rank import rank_at_most
from fuota.gf2.kernels.vectors import count_ones, lowest_one
from fuota.jit import inlined, kernel

ONE = np.uint64(1)
ALL_ONES = np.uint64(0xFFFFFFFFFFFFFFFF)
GOLDEN = np.uint64(0x9E3779B97F4A7C15)
_MIX_1 = np.uint64(0xBF58476D1CE4E5B9)
_MIX_2 = np.uint64(0x94D049BB133111EB)
_TO_UNIT = 1.0 / (1 << 53)

ENOUGH_MORE = 24
"""Number of coded fragments above the number of losses; with these, independence is missed once in 2**24."""


@inlined
def mixed(state: np.uint64) -> np.uint64:
    """Return the output of SplitMix64 for a state (Steele, Lea, Flood, "Fast splittable pseudorandom number generators", 2014)."""
    state = (state ^ (state >> np.uint64(30))) * _MIX_1
    state = (state ^ (state >> np.uint64(27))) * _MIX_2
    return state ^ (state >> np.uint64(31))


@inlined
def stream(seed: np.uint64, device: int, purpose: int) -> np.uint64:
    """Return the first state of a device's stream for a purpose."""
    return mixed(mixed(seed + GOLDEN * np.uint64(purpose + 1)) + GOLDEN * np.uint64(device + 1))


@inlined
def unit(state: np.uint64) -> float:
    """Return a number above 0 and at most 1 from a state."""
    return (np.float64(mixed(state) >> np.uint64(11)) + 1.0) * _TO_UNIT


@kernel
def uniforms(seed: np.uint64, first: int, purpose: int, numbers: NDArray[np.float64]) -> None:
    """Fill numbers (devices, each) with uniform numbers above 0 and at most 1, for the devices from `first` on."""
    for d in range(numbers.shape[0]):
        state = stream(seed, first + d, purpose)
        for i in range(numbers.shape[1]):
            state += GOLDEN
            numbers[d, i] = unit(state)


@inlined
def draw_independent(row: Words, state: np.uint64, loss: float) -> None:
    """Set every bit with probability `loss`, to 32 binary digits: they decide from the last to the first, 64 frames at once."""
    threshold = np.uint64(round(loss * 4294967296.0))
    if threshold >> np.uint64(32):
        row[:] = ALL_ONES
        return
    for w in range(row.shape[0]):
        word = np.uint64(0)
        if threshold:
            for digit in range(lowest_one(threshold), 32):
                state += GOLDEN
                drawn = mixed(state)
                word = (word | drawn) if (threshold >> np.uint64(digit)) & ONE else (word & drawn)
        row[w] = word


@inlined
def draw_runs(row: Words, state: np.uint64, loss: float, burst_frames: float) -> None:
    """Set alternate runs of bits with geometric lengths, beginning in the stationary state of the channel."""
    row[:] = np.uint64(0)
    frames = 64 * row.shape[0]
    to_losing = loss / (burst_frames * (1.0 - loss))
    per_one = 0.0 if burst_frames <= 1.0 else 1.0 / math.log1p(-1.0 / burst_frames)
    per_zero = 0.0 if to_losing >= 1.0 else 1.0 / math.log1p(-to_losing)
    state += GOLDEN
    losing = unit(state) <= loss
    begin = 0
    while begin < frames:
        state += GOLDEN
        more = math.log(unit(state)) * (per_one if losing else per_zero)
        # Compare before the conversion: an integer beyond 2^63 is undefined, and differs from processor to processor.
        end = begin + 1 + int(more) if more < frames - begin else frames
        if losing:
            set_ones(row, begin, end)
        losing = not losing
        begin = end


@inlined
def set_ones(row: Words, begin: int, end: int) -> None:
    """Set the bits `begin` to `end` - 1."""
    while begin < end:
        w = begin >> 6
        upto = min(end, (w + 1) << 6)
        count = upto - begin
        mask = ALL_ONES if count == 64 else ((ONE << np.uint64(count)) - ONE)
        row[w] |= mask << np.uint64(begin & 63)
        begin = upto


@kernel
def draw_losses(
    seed: np.uint64, first: int, purpose: int, loss: NDArray[np.float64], burst_frames: NDArray[np.float64], lost: Words
) -> None:
    """Fill lost (devices, words) for devices that lose the share loss[d], in runs if burst_frames[d] is 1 or more."""
    for d in range(lost.shape[0]):
        state = stream(seed, first + d, purpose)
        if burst_frames[d] >= 1.0 and 0.0 < loss[d] < 1.0:
            draw_runs(lost[d], state, loss[d], burst_frames[d])
        else:
            draw_independent(lost[d], state, loss[d])


@kernel
def miss_outside(begin: NDArray[np.int64], end: NDArray[np.int64], frames: int, lost: Words) -> None:
    """Set the frames of `lost` outside begin[d] to end[d] - 1, the presence of device d."""
    for d in range(lost.shape[0]):
        set_ones(lost[d], 0, begin[d])
        set_ones(lost[d], end[d], frames)


@kernel
def miss_while_sending(
    phase_us: NDArray[np.float64],
    period_us: int,
    sending_us: int,
    starts_us: NDArray[np.int64],
    on_air_us: int,
    lost: Words,
) -> None:
    """Set the frames of `lost` that overlap an uplink: device d sends for `sending_us` each `period_us`, from phase_us[d] on."""
    frames = starts_us.shape[0]
    for d in range(lost.shape[0]):
        sends = np.int64(phase_us[d]) - period_us
        for i in range(frames):
            while sends + sending_us <= starts_us[i]:
                sends += period_us
            if sends < starts_us[i] + on_air_us:
                lost[d, i >> 6] |= ONE << np.uint64(i & 63)


@kernel
def miss_while_writing(work_us: int, starts_us: NDArray[np.int64], on_air_us: int, lost: Words) -> None:
    """Set the frames of `lost` that start less than `work_us` after a received frame, for devices without a second buffer."""
    for d in range(lost.shape[0]):
        free_us = np.int64(0)
        for i in range(starts_us.shape[0]):
            bit = ONE << np.uint64(i & 63)
            if lost[d, i >> 6] & bit:
                continue
            if starts_us[i] < free_us:
                lost[d, i >> 6] |= bit
            else:
                free_us = starts_us[i] + on_air_us + work_us


@inlined
def gather_receptions(row: Words, nb_frag: int, nb_coded: int, received: Words) -> None:
    """Set bit i of `received` if coded fragment i was received."""
    shift, begin = np.uint64(nb_frag & 63), nb_frag >> 6
    for w in range(received.shape[0]):
        word = row[begin + w] >> shift
        if shift and begin + w + 1 < row.shape[0]:
            word |= row[begin + w + 1] << (np.uint64(64) - shift)
        left = nb_coded - 64 * w
        received[w] = ~word & (ALL_ONES if left >= 64 else (ONE << np.uint64(left)) - ONE)


@inlined
def uncoded_lost(row: Words, nb_frag: int, positions: NDArray[np.int64]) -> int:
    """Write the lost uncoded fragments, counted from 0, into `positions`, and return their number."""
    count = 0
    for w in range((nb_frag + 63) >> 6):
        word = row[w]
        left = nb_frag - 64 * w
        if left < 64:
            word &= (ONE << np.uint64(left)) - ONE
        while word:
            positions[count] = 64 * w + lowest_one(word)
            count += 1
            word &= word - ONE
    return count


@inlined
def rank_of(
    columns: Words, positions: NDArray[np.int64], count: int, received: Words, used: int, space: Words
) -> tuple[int, int]:
    """Return the rank of the lost columns over the first `used` words of received coded fragments, and the last fragment needed."""
    width = (used + 7) & ~7
    words = columns.shape[1]
    flat = columns.reshape(-1)
    for i in range(count + 1):
        into = i * width
        for w in range(used, width):
            space[into + w] = np.uint64(0)
    for i in range(count):
        into, of = i * width, positions[i] * words
        for w in range(used):
            space[into + w] = flat[of + w] & received[w]
    mask = space[count * width : (count + 1) * width]
    mask[:used] = received[:used]
    system = space[: count * width].reshape(count, width)
    return rank_at_most(system, mask, count)


@kernel
def decode_fleet(
    columns: Words,
    nb_coded: int,
    lost: Words,
    most_lost: int,
    missing: NDArray[np.int32],
    complete_at: NDArray[np.int32],
) -> None:
    """Decode on each device the frames that are not `lost`, in order.

    columns (nb_frag, words): see fragmentation.statistics.matrix. missing (devices,): rank that is still lacking; -1 if more than
    `most_lost` uncoded fragments were lost, so that the decoder gave up. complete_at (devices,): number of the frame that completed
    the device, from 1, else 0.
    """
    nb_frag, words = columns.shape
    positions = np.empty(nb_frag, np.int64)
    received = np.empty(words, np.uint64)
    space = aligned_words((min(nb_frag, most_lost) + 1) * ((words + 7) & ~7))
    for d in range(lost.shape[0]):
        count = uncoded_lost(lost[d], nb_frag, positions)
        missing[d], complete_at[d] = 0, nb_frag
        if count == 0:
            continue
        complete_at[d] = 0
        if count > most_lost:
            missing[d] = -1
            continue
        gather_receptions(lost[d], nb_frag, nb_coded, received)
        words_used, bits = 0, 0
        while words_used < words and bits < count + ENOUGH_MORE:
            bits += count_ones(received[words_used])
            words_used += 1
        rank, last = rank_of(columns, positions, count, received, words_used, space)
        if rank < count and words_used < words:
            rank, last = rank_of(columns, positions, count, received, words, space)
        missing[d] = count - rank
        if rank == count:
            complete_at[d] = nb_frag + 1 + last
