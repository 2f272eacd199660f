"""Every kernel does what its twin in plain Python says, also without numba (NUMBA_DISABLE_JIT=1); and its lots fall evenly."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numba import config

from fuota import FragDecoder, FragmentationSession
from fuota.fragmentation import decoding_probability
from fuota.fragmentation.parity import ParityCode
from fuota.fragmentation.statistics.laws import loss_law
from fuota.fragmentation.statistics.matrix import matrix_columns
from fuota.gf2 import unpack_bits, words_for_bits
from fuota.sim import kernels, naive

# Without numba the sums of the generator overflow aloud, as they are meant to.
pytestmark = pytest.mark.filterwarnings("ignore:overflow encountered:RuntimeWarning")
compiled = pytest.mark.skipif(bool(config.DISABLE_JIT), reason="takes minutes without the compiler")

SEEDS = st.integers(0, 2**64 - 1)
DEVICES = st.integers(0, 2**31)
PURPOSES = st.integers(0, 9)
# Whole words, and one more or less than whole words
SIZES = st.one_of(st.integers(1, 40), st.sampled_from([63, 64, 65, 127, 128, 129]))
LOSSES = st.one_of(
    st.floats(1e-300, 1), st.sampled_from([0.0, 0.1, 0.5, 0.75, 1.0]), st.integers(0, 2**33).map(lambda k: k / 2**33)
)
FIRST_OUTPUTS = [0xE220A8397B1DCDAF, 0x6E789E6AA1B965F4, 0x06C45D188009454F]
"""Of SplitMix64 seeded with 0, as published with its reference implementation."""


def words(values, bits):
    """Integers as rows of words."""
    octets = b"".join(value.to_bytes(words_for_bits(bits) * 8, "little") for value in values)
    return np.frombuffer(octets, dtype="<u8").astype(np.uint64).reshape(len(values), words_for_bits(bits))


def integers(rows):
    """Rows of words as integers."""
    return [int.from_bytes(row.astype("<u8").tobytes(), "little") for row in rows]


def drawn_losses(seed, devices, loss, frames, burst_frames=0.0, *, first=0, purpose=0):
    """words (devices, words) of a fleet of devices that are alike."""
    lost = np.zeros((devices, words_for_bits(frames)), dtype=np.uint64)
    each = np.ones(devices)
    kernels.draw_losses(np.uint64(seed), first, purpose, each * loss, each * burst_frames, lost)
    return lost


# The random numbers


def test_the_generator_is_splitmix64():
    """The state of output n of a generator seeded with s is s + (n + 1) * GOLDEN."""
    state, kernel, twin = np.uint64(0), [], []
    for n in range(3):
        state += kernels.GOLDEN
        kernel.append(int(kernels.mixed(state)))
        twin.append(naive.output(0, n))
    assert kernel == twin == FIRST_OUTPUTS


@given(SEEDS, DEVICES, PURPOSES)
def test_mixed_stream_and_unit(state, device, purpose):
    assert int(kernels.mixed(np.uint64(state))) == naive.mixed(state)
    assert int(kernels.stream(np.uint64(state), device, purpose)) == naive.stream(state, device, purpose)
    assert kernels.unit(np.uint64(state)) == naive.unit(state)


def test_a_unit_is_never_0_and_may_be_1():
    """mixed is one to one, so its steps can be inverted: these are the states of the smallest and the largest output."""
    for output, expected in ((0, 2.0**-53), (2**64 - 1, 1.0)):
        state = unmixed(output)
        assert naive.mixed(state) == output
        assert kernels.unit(np.uint64(state)) == naive.unit(state) == expected


def unmixed(output):
    state = output
    for shift, factor in ((31, 0x94D049BB133111EB), (27, 0xBF58476D1CE4E5B9), (30, 1)):
        state ^= state >> shift ^ state >> 2 * shift
        state = state * pow(factor, -1, 2**64) % 2**64
    return state


@given(SEEDS, DEVICES, PURPOSES, st.integers(0, 4), st.integers(0, 5))
def test_uniforms(seed, first, purpose, devices, numbers):
    drawn = np.empty((devices, numbers))
    kernels.uniforms(np.uint64(seed), first, purpose, drawn)
    assert drawn.tolist() == [naive.uniforms(seed, first + d, purpose, numbers) for d in range(devices)]


def test_the_first_numbers_of_neighbours_are_uniform():
    """Chi-square over 64 equal intervals, and over 8 by 8 of them for a device and the next; mean 63, deviation sqrt(126)."""
    drawn = np.empty((200_000, 1))
    kernels.uniforms(np.uint64(1), 0, 0, drawn)
    pairs = np.floor(drawn * 8).clip(max=7).reshape(-1, 2).astype(int)
    for cells in (np.floor(drawn[:, 0] * 64).clip(max=63).astype(int), pairs[:, 0] * 8 + pairs[:, 1]):
        counts = np.bincount(cells, minlength=64)
        expected = len(cells) / 64
        assert ((counts - expected) ** 2 / expected).sum() < 63 + 5 * 126**0.5


def test_streams_are_independent():
    """Streams of neighbouring seeds, devices and purposes differ in half of 4096 bits, within 6 deviations for 2016 pairs."""
    rows = np.concatenate(
        [drawn_losses(seed, 4, 0.5, 4096, purpose=purpose) for seed in range(4) for purpose in range(4)]
    )
    bits = 2.0 * unpack_bits(rows, 4096) - 1
    products = (bits @ bits.T)[np.triu_indices(64, 1)]
    assert abs(products).max() < 6 * 4096**0.5
    assert abs(bits.sum(axis=1)).max() < 5 * 4096**0.5


# Losses


@settings(max_examples=200)
@given(
    SEEDS, DEVICES, PURPOSES, st.lists(st.tuples(LOSSES, st.floats(0, 1)), min_size=1, max_size=3), st.integers(0, 4)
)
def test_independent_losses(seed, first, purpose, channels, row_words):
    check_losses(seed, first, purpose, channels, row_words)


@settings(max_examples=200)
@given(
    SEEDS, DEVICES, PURPOSES, st.lists(st.tuples(LOSSES, st.floats(1, 300)), min_size=1, max_size=3), st.integers(0, 4)
)
def test_runs_of_losses(seed, first, purpose, channels, row_words):
    check_losses(seed, first, purpose, channels, row_words)


def check_losses(seed, first, purpose, channels, row_words):
    loss, burst_frames = np.array(channels).reshape(-1, 2).T.copy()
    # What the room held before is of no account.
    lost = np.full((len(channels), row_words), 0x5555555555555555, dtype=np.uint64)
    kernels.draw_losses(np.uint64(seed), first, purpose, loss, burst_frames, lost)
    states = [naive.stream(seed, first + d, purpose) for d in range(len(channels))]
    expected = [
        naive.draw_losses(state, *channel, 64 * row_words) for state, channel in zip(states, channels, strict=True)
    ]
    assert integers(lost) == expected


@pytest.mark.parametrize("burst_frames", [0.0, 1.0, 5.0])
def test_no_loss_and_all_loss(burst_frames):
    assert not drawn_losses(3, 5, 0.0, 200, burst_frames).any()
    assert (drawn_losses(3, 5, 1.0, 200, burst_frames) == kernels.ALL_ONES).all()


@given(SEEDS, PURPOSES, st.integers(0, 12), st.lists(st.integers(0, 12), max_size=3), st.booleans())
def test_a_fleet_may_be_cut_anywhere(seed, purpose, devices, cuts, in_runs):
    whole = drawn_losses(seed, devices, 0.3, 130, 4.0 * in_runs, first=7, purpose=purpose)
    edges = [0, *sorted(min(cut, devices) for cut in cuts), devices]
    parts = [
        drawn_losses(seed, end - begin, 0.3, 130, 4.0 * in_runs, first=7 + begin, purpose=purpose)
        for begin, end in pairwise(edges)
    ]
    assert np.array_equal(whole, np.concatenate(parts))
    numbers, part = np.empty((devices, 3)), np.empty((devices - edges[1], 3))
    kernels.uniforms(np.uint64(seed), 7, purpose, numbers)
    kernels.uniforms(np.uint64(seed), 7 + edges[1], purpose, part)
    assert np.array_equal(numbers[edges[1] :], part)


CHANNELS = [(0.1, 0.0), (0.001, 0.0), (0.5, 0.0), (0.9, 0.0), (0.1, 5.0), (0.3, 2.0), (0.05, 20.0), (0.5, 1.5)]


@compiled
@pytest.mark.parametrize(("loss", "burst_frames"), CHANNELS)
def test_every_frame_is_lost_as_often(loss, burst_frames):
    """Each of 192 by 40 000 devices, from the first on: 6 standard deviations of a binomial."""
    lost = unpack_bits(drawn_losses(11, 40_000, loss, 192, burst_frames), 192)
    deviation = (loss * (1 - loss) / 40_000) ** 0.5
    assert abs(lost.mean(axis=0) - loss).max() < 6 * deviation


@compiled
@pytest.mark.parametrize(("loss", "burst_frames"), CHANNELS)
def test_runs_are_geometric(loss, burst_frames):
    """Check in 3 million frames the mean length of a run, its distribution, and that consecutive runs are independent."""
    frames = 64 * 50_000
    lost = unpack_bits(drawn_losses(5, 1, loss, frames, burst_frames), frames)[0]
    edges = np.flatnonzero(np.diff(lost)) + 1
    lengths = np.diff(edges)  # without the first and the last run, which the row cuts off
    starts_lost = int(lost[edges[0]])
    of_losses, of_heard = lengths[1 - starts_lost :: 2], lengths[starts_lost::2]
    mean_burst = burst_frames or 1 / (1 - loss)
    for runs, mean in ((of_losses, mean_burst), (of_heard, mean_burst * (1 - loss) / loss)):
        # The standard deviation of a geometric length is sqrt(mean * (mean - 1)).
        assert abs(runs.mean() - mean) < 5 * (mean * (mean - 1) / len(runs)) ** 0.5
        check_geometric(runs, mean)
    # The standard deviation of a correlation of k independent pairs is 1 / sqrt(k), unless a handful of runs makes it all.
    pairs = min(len(of_losses), len(of_heard))
    assert mean_burst < 1.01 or abs(np.corrcoef(of_losses[:pairs], of_heard[:pairs])[0, 1]) < 5 / pairs**0.5
    # The share follows the lengths of both kinds of run; the delta method gives its deviation.
    deviation = (1 - loss) * loss * ((2 - 1 / mean_burst - loss / mean_burst / (1 - loss)) / len(of_losses)) ** 0.5
    assert abs(lost.mean() - loss) < 5 * deviation


def check_geometric(runs, mean):
    """Chi-square over classes of lengths that are expected ten times or more: k - 1 on average, deviation sqrt(2 (k - 1))."""
    go_on = 1 - 1 / mean
    candidates = np.unique(np.round(np.geomspace(1, 8 * mean + 1, 12)).astype(int))
    edges = [1]
    for edge in candidates[1:]:  # P(run >= edge) = go_on ** (edge - 1)
        if len(runs) * min(go_on ** (edges[-1] - 1) - go_on ** (edge - 1), go_on ** (edge - 1)) >= 10:
            edges.append(edge)
    expected = -len(runs) * np.diff([*[go_on ** (edge - 1) for edge in edges], 0])
    observed = -np.diff([*[(runs >= edge).sum() for edge in edges], 0])
    assert len(edges) >= 3 or mean < 1.1
    assert ((observed - expected) ** 2 / expected).sum() < len(edges) - 1 + 5 * (2 * len(edges)) ** 0.5


@compiled
@pytest.mark.parametrize(("loss", "burst_frames"), [(0.1, None), (0.1, 3.0), (0.3, 8.0), (0.3, 1.0)])
def test_the_numbers_of_losses_are_those_of_the_law(loss, burst_frames):
    """Compare losses of 50 fragments and receptions of 15 with `loss_law`: chi-square of classes expected 10 times or more."""
    devices, law = 100_000, loss_law(50, 15, loss, burst_frames)
    bits = unpack_bits(drawn_losses(2, devices, loss, 65, burst_frames or 0.0), 65)
    joint = law.lost.T @ law.received * devices
    counts = np.histogram2d(bits[:, :50].sum(axis=1), 15 - bits[:, 50:].sum(axis=1), bins=[range(52), range(17)])[0]
    often = joint >= 10
    expected = np.append(joint[often], joint[~often].sum())
    observed = np.append(counts[often], counts[~often].sum())
    assert ((observed - expected) ** 2 / expected).sum() < len(expected) + 5 * (2 * len(expected)) ** 0.5


# When a device cannot receive


@st.composite
def fleets(draw):
    """(frames, lost as integers)"""
    frames = draw(SIZES)
    return frames, draw(st.lists(st.integers(0, 2**frames - 1), min_size=1, max_size=4))


@st.composite
def starts(draw, frames):
    """Draw the start of each frame: ascending, not before 0, some of them equal."""
    gaps = st.one_of(st.just(0), st.integers(0, 50), st.integers(0, 3000))
    return np.cumsum(draw(st.lists(gaps, min_size=frames, max_size=frames)), dtype=np.int64)


@given(fleets(), st.data())
def test_miss_outside(fleet, data):
    frames, before = fleet
    spans = data.draw(
        st.lists(st.tuples(st.integers(0, frames), st.integers(0, frames)), min_size=len(before), max_size=len(before))
    )
    lost = words(before, frames)
    begin, end = np.array(spans, dtype=np.int64).T.copy()
    kernels.miss_outside(begin, end, frames, lost)
    assert integers(lost) == [had | naive.miss_outside(*span, frames) for had, span in zip(before, spans, strict=True)]


@given(fleets(), st.integers(1, 2000), st.integers(0, 200), st.data())
def test_miss_while_sending(fleet, period_us, on_air_us, data):
    frames, before = fleet
    sending_us = data.draw(st.one_of(st.just(period_us), st.integers(0, period_us)))
    phases = data.draw(
        st.lists(st.floats(0, 1).map(lambda part: part * period_us), min_size=len(before), max_size=len(before))
    )
    starts_us, lost = data.draw(starts(frames)), words(before, frames)
    kernels.miss_while_sending(np.array(phases), period_us, sending_us, starts_us, on_air_us, lost)
    missed = [naive.miss_while_sending(phase, period_us, sending_us, starts_us.tolist(), on_air_us) for phase in phases]
    assert integers(lost) == [had | more for had, more in zip(before, missed, strict=True)]


def test_the_share_missed_while_sending():
    """A device sends for 40 ms of each second: a frame of 50 ms meets that with 9 %, whenever it comes."""
    devices = 20_000
    phases = np.empty((devices, 1))
    kernels.uniforms(np.uint64(8), 0, 1, phases)
    lost = np.zeros((devices, 1), dtype=np.uint64)
    starts_us = np.arange(64, dtype=np.int64) * 1_234_567
    kernels.miss_while_sending(phases[:, 0] * 1_000_000, 1_000_000, 40_000, starts_us, 50_000, lost)
    share = unpack_bits(lost, 64).mean(axis=0)
    # 5.5 standard deviations of a binomial, 64 times.
    assert abs(share - 0.09).max() < 5.5 * (0.09 * 0.91 / devices) ** 0.5


@given(fleets(), st.one_of(st.just(0), st.integers(0, 5000)), st.integers(0, 200), st.data())
def test_miss_while_writing(fleet, work_us, on_air_us, data):
    frames, before = fleet
    starts_us, lost = data.draw(starts(frames)), words(before, frames)
    kernels.miss_while_writing(work_us, starts_us, on_air_us, lost)
    missed = [naive.miss_while_writing(work_us, starts_us.tolist(), on_air_us, had) for had in before]
    assert integers(lost) == [had | more for had, more in zip(before, missed, strict=True)]


def test_no_work_misses_nothing():
    lost = np.zeros((1, 2), dtype=np.uint64)
    kernels.miss_while_writing(0, np.arange(100, dtype=np.int64) * 700, 700, lost)
    assert not lost.any()
    kernels.miss_while_writing(1, np.arange(100, dtype=np.int64) * 700, 700, lost)
    assert integers(lost) == [sum(1 << i for i in range(1, 100, 2))]


# What it makes of the rest


def decoded(columns, nb_coded, lost, most_lost):
    missing, complete_at = (np.full(len(lost), -9, dtype=np.int32) for _ in range(2))
    kernels.decode_fleet(columns, nb_coded, lost, most_lost, missing, complete_at)
    return missing, complete_at


def check_decoding(columns, nb_coded, lost, most_lost):
    """Integers against integers; the bits behind the last frame are of no account."""
    frames = len(columns) + nb_coded
    behind = 2 ** (64 * words_for_bits(frames)) - 2**frames
    rows = words([*lost, *[had | behind for had in lost]], frames)
    missing, complete_at = decoded(words(columns, nb_coded), nb_coded, rows, most_lost)
    expected = [naive.decode(columns, nb_coded, had, most_lost) for had in lost]
    assert list(zip(missing.tolist(), complete_at.tolist(), strict=True)) == 2 * expected


def random_bits(rng, bits, share):
    return sum(1 << i for i in range(bits) if rng.random() < share)


@settings(max_examples=300)
@given(st.data())
def test_decode_small_fleets(data):
    """Columns as they come: equal, zero and few."""
    nb_frag, nb_coded = data.draw(st.integers(1, 8)), data.draw(st.integers(0, 8))
    columns = data.draw(st.lists(st.integers(0, 2**nb_coded - 1), min_size=nb_frag, max_size=nb_frag))
    lost = data.draw(st.lists(st.integers(0, 2 ** (nb_frag + nb_coded) - 1), min_size=1, max_size=6))
    check_decoding(columns, nb_coded, lost, data.draw(st.integers(0, 9)))


@settings(max_examples=200)
@given(SIZES, SIZES, st.floats(0, 1), st.sampled_from([0, 1, 5, 20, 64, 1000]), st.integers(0, 2**32))
def test_decode_fleet(nb_frag, nb_coded, share, most_lost, seed):
    rng = np.random.default_rng(seed)
    columns = [random_bits(rng, nb_coded, 0.5) for _ in range(nb_frag)]
    lost = [random_bits(rng, nb_frag, share) | random_bits(rng, nb_coded, part) << nb_frag for part in (0, 0.1, share)]
    check_decoding(columns, nb_coded, lost, most_lost)


@pytest.mark.parametrize("nb_coded", [63, 64, 65, 511, 512, 513])
@pytest.mark.parametrize("nb_frag", [63, 64, 65])
def test_decode_across_the_borders_of_words_and_lines(nb_frag, nb_coded):
    rng = np.random.default_rng(nb_coded)
    columns = [random_bits(rng, nb_coded, 0.5) for _ in range(nb_frag)]
    all_frames = 2 ** (nb_frag + nb_coded) - 1
    last = 1 << nb_frag + nb_coded - 1
    lost = [0, all_frames, all_frames ^ last, 2**nb_frag - 1, 2**nb_frag - 1 | last]
    check_decoding(columns, nb_coded, lost, 10_000)


@pytest.mark.slow
@pytest.mark.parametrize(("nb_frag", "nb_coded", "lost_share"), [(64, 513, 1.0), (520, 512, 0.95)])
def test_decode_with_most_frames_lost(nb_frag, nb_coded, lost_share):
    """The devices include a device that its last coded fragment completes, beyond the words that are examined first."""
    rng = np.random.default_rng(1)
    columns = [random_bits(rng, nb_coded - 1, 0.5) for _ in range(nb_frag)]
    columns[1] = columns[0] | 1 << nb_coded - 1
    lost = [random_bits(rng, nb_frag, lost_share) | 0b11, 0b11, 0b111]
    check_decoding(columns, nb_coded, lost, nb_frag)
    assert naive.decode(columns, nb_coded, 0b11, nb_frag) == (0, nb_frag + nb_coded)


@pytest.mark.parametrize("version", [1, 2])
@pytest.mark.parametrize(("nb_frag", "nb_coded"), [(20, 12), (63, 20), (64, 64), (65, 30)])
def test_a_device_ends_as_the_decoder_does(version, nb_frag, nb_coded):
    """Fragments fed one by one, of every channel from almost no loss to too much."""
    data = np.random.default_rng(4).bytes(nb_frag * 3 - 1)
    block = FragmentationSession.fit(data, frag_size=3, redundancy=nb_coded, version=version).encode()
    code = ParityCode(nb_frag=nb_frag, version=version)
    lost = np.concatenate(
        [drawn_losses(9, 12, loss, len(block), burst, purpose=i) for i, (loss, burst) in enumerate(FED)]
    )
    missing, complete_at = decoded(matrix_columns(code, code.coded_numbers(nb_coded)), nb_coded, lost, nb_frag)
    for d, misses in enumerate(unpack_bits(lost, len(block))):
        decoder = FragDecoder(nb_frag=nb_frag, frag_size=3, padding=1, version=version)
        received = (n for n in range(1, len(block) + 1) if not misses[n - 1])
        done = next((n for n in received if decoder.feed(n, block[n - 1])), 0)
        assert (missing[d], complete_at[d]) == (decoder.missing, done)
        assert not done or decoder.data() == data


FED = [(0.02, 0.0), (0.1, 0.0), (0.2, 0.0), (0.1, 4.0), (0.2, 10.0)]


@pytest.mark.parametrize("most_lost", [0, 3])
def test_a_device_that_holds_few_lost_fragments_gives_up(most_lost):
    code = ParityCode(nb_frag=50)
    lost = drawn_losses(6, 500, 0.05, 65)
    count = unpack_bits(lost, 50).sum(axis=1)
    columns = matrix_columns(code, code.coded_numbers(15))
    missing, complete_at = decoded(columns, 15, lost, most_lost)
    free = decoded(columns, 15, lost, 50)
    assert (missing == np.where(count > most_lost, -1, free[0])).all()
    assert (complete_at == np.where(count > most_lost, 0, free[1])).all()


@compiled
@pytest.mark.parametrize("version", [1, 2])
@pytest.mark.parametrize("burst_frames", [None, 3.0])
def test_the_share_that_completes(version, burst_frames):
    """Compare 200 000 devices with `decoding_probability`: 5 deviations of a binomial, and 3 half widths of the interval.

    With bursts the probability assumes lost fragments anywhere in the session, so the losses of each device are shuffled here.
    """
    devices, code = 200_000, ParityCode(nb_frag=50, version=version)
    expected = decoding_probability(50, coded=15, loss=0.1, burst_frames=burst_frames, version=version, seconds=0.3)
    lost = drawn_losses(21, devices, 0.1, 65, burst_frames or 0.0)
    if burst_frames:
        lost = shuffled(lost, 50, 65)
    missing, complete_at = decoded(matrix_columns(code, code.coded_numbers(15)), 15, lost, 50)
    share = (missing == 0).mean()
    deviation = (share * (1 - share) / devices) ** 0.5
    assert abs(share - expected.estimate) < 5 * deviation + 1.5 * (expected.high - expected.low)
    assert np.array_equal(missing == 0, complete_at > 0)


def shuffled(lost, nb_frag, frames):
    """Return the losses of each device shuffled among the uncoded fragments, and among the coded fragments."""
    rng, bits = np.random.default_rng(3), unpack_bits(lost, frames)
    parts = [rng.permuted(part, axis=1) for part in (bits[:, :nb_frag], bits[:, nb_frag:])]
    padded = np.zeros((len(bits), 64 * lost.shape[1]), dtype=np.uint8)
    padded[:, :frames] = np.concatenate(parts, axis=1)
    return np.packbits(padded, axis=1, bitorder="little").view("<u8").astype(np.uint64)
