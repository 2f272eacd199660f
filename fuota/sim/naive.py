"""Simulation in plain Python: the executable specification that the kernels are compared with.

Frames are the bits of an integer, the first frame is bit 0. In `lost`, and in every returned set of missed frames, a one is a frame
that the device does not receive. Every function describes a single device.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Iterator, Sequence
from itertools import count, islice

from fuota.gf2.naive import rank

WORD = 1 << 64
GOLDEN = 0x9E3779B97F4A7C15


def mixed(state: int) -> int:
    """Return the output of SplitMix64 for a state (Steele, Lea, Flood, "Fast splittable pseudorandom number generators", 2014)."""
    for shift, factor in ((30, 0xBF58476D1CE4E5B9), (27, 0x94D049BB133111EB)):
        state = (state ^ state >> shift) * factor % WORD
    return state ^ state >> 31


def output(seed: int, n: int) -> int:
    """Return output n, from 0, of SplitMix64 seeded with `seed`."""
    return mixed((seed + (n + 1) * GOLDEN) % WORD)


def stream(seed: int, device: int, purpose: int) -> int:
    """Return the first state of a device's stream for a purpose: each purpose seeds a generator, each of its outputs a device."""
    return output(output(seed, purpose), device)


def unit(state: int) -> float:
    """Return a number above 0 and at most 1 from a state: a multiple of 2**-53."""
    return ((mixed(state) >> 11) + 1) / 2**53


def units(state: int) -> Iterator[float]:
    """Yield the numbers above 0 and at most 1 of a stream, without end, from its first state."""
    return (unit((state + step * GOLDEN) % WORD) for step in count(1))


def uniforms(seed: int, device: int, purpose: int, numbers: int) -> list[float]:
    """Return the first `numbers` numbers of a device's stream."""
    return list(islice(units(stream(seed, device, purpose)), numbers))


def draw_losses(state: int, loss: float, burst_frames: float, frames: int) -> int:
    """Return the frames that a device misses that loses the share `loss` of `frames` (a multiple of 64).

    state: first state of the stream of the device.
    """
    if burst_frames >= 1 and 0 < loss < 1:
        return draw_runs(state, loss, burst_frames, frames)
    return draw_independent(state, loss, frames)


def draw_independent(state: int, loss: float, frames: int) -> int:
    """Return the missed frames: each frame draws a whole number of 32 binary digits, and is lost if it is below loss * 2**32.

    If this threshold ends in zeros, the numbers end in the same zeros. An output holds the same digit for 64 frames, inverted; the
    digits come from the last to the first.
    """
    threshold = round(loss * 2**32)
    digits = [digit for digit in range(32) if threshold % 2 ** (digit + 1)]
    outputs = (output(state, n) for n in count())
    lost = 0
    for word in range(0, frames, 64):
        numbers = [0] * 64
        for digit in digits:
            bits = next(outputs)
            numbers = [number + (1 - (bits >> i & 1)) * 2**digit for i, number in enumerate(numbers)]
        lost |= bits_of(word + i for i, number in enumerate(numbers) if number < threshold)
    return lost


def draw_runs(state: int, loss: float, burst_frames: float, frames: int) -> int:
    """Return the missed frames: runs of lost and received frames in turn.

    The first run is lost with probability `loss`; the length of each run follows from a random number.
    """
    stay_losing = 1 - 1 / burst_frames
    stay_receiving = max(0.0, 1 - loss / (burst_frames * (1 - loss)))
    numbers = units(state)
    losing = next(numbers) <= loss
    fates: list[bool] = []
    while len(fates) < frames:
        fates += [losing] * run_length(next(numbers), stay_losing if losing else stay_receiving, frames)
        losing = not losing
    return bits_of(i for i in range(frames) if fates[i])


def run_length(number: float, stay: float, most: int) -> int:
    """Return the length of a run: it goes on while `number`, uniform in 0 to 1, is at most the probability of this length."""
    return next(length for length in count(1) if length >= most or number > stay**length)


def miss_outside(begin: int, end: int, frames: int) -> int:
    """Return all frames except the frames from `begin` to `end` - 1."""
    return bits_of(i for i in range(frames) if not begin <= i < end)


def miss_while_sending(
    phase_us: float, period_us: int, sending_us: int, starts_us: Sequence[int], on_air_us: int
) -> int:
    """Return the frames that overlap an uplink: it takes `sending_us`, and begins at phase_us + k * period_us for every whole k.

    phase_us: cut to whole microseconds, at most a period. sending_us: at most a period. No frame starts before 0.
    """
    last = max(starts_us, default=0) + on_air_us
    sendings = range(int(phase_us) - period_us, last + period_us, period_us)
    return bits_of(
        i
        for i, start in enumerate(starts_us)
        if any(begin < start + on_air_us and start < begin + sending_us for begin in sendings)
    )


def miss_while_writing(work_us: int, starts_us: Sequence[int], on_air_us: int, lost: int) -> int:
    """Return the frames, except lost frames, that start less than `work_us` after the end of a frame that the device received."""
    received: list[int] = []
    missed = []
    for i, start in enumerate(starts_us):
        if lost >> i & 1:
            continue
        if any(start < earlier + on_air_us + work_us for earlier in received):
            missed.append(i)
        else:
            received.append(start)
    return bits_of(missed)


def decode(columns: Sequence[int], nb_coded: int, lost: int, most_lost: int) -> tuple[int, int]:
    """Return (missing, complete_at) of a device that receives the frames that are not `lost`, in order.

    Frames carry the fragments 1 to nb_frag + nb_coded. Bit k of columns[i]: the k-th coded fragment contains fragment i + 1.
    missing: rank that is still lacking, or -1 if more than `most_lost` uncoded fragments were lost. complete_at: number of frames
    until the rank is full, else 0.
    """
    nb_frag = len(columns)
    if (lost % 2**nb_frag).bit_count() > most_lost:
        return -1, 0
    uncoded = [1 << i for i in range(nb_frag)]
    coded = [bits_of(i for i in range(nb_frag) if columns[i] >> k & 1) for k in range(nb_coded)]
    rows = [0 if lost >> i & 1 else row for i, row in enumerate(uncoded + coded)]
    missing = nb_frag - rank(rows)
    if missing:
        return missing, 0
    return 0, bisect_left(range(len(rows)), nb_frag, key=lambda frames: rank(rows[:frames]))


def bits_of(bits: Iterable[int]) -> int:
    """Return the integer with these bits set."""
    return sum(1 << bit for bit in set(bits))
