from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fuota.errors import ParameterError
from fuota.fragmentation.parity import ParityCode
from fuota.fragmentation.statistics import decoding_probability, exact, ideal_probability, naive, probability
from fuota.fragmentation.statistics.matrix import matrix_columns

SURE = 0.9999
"""Confidence of the intervals: with it the tests hold for other seeds than the fixed seeds too."""


def naive_columns(nb_frag, numbers, version=1, variant="deployed"):
    code = ParityCode(nb_frag=nb_frag, version=version, variant=variant)
    columns = matrix_columns(code, np.asarray(numbers))
    return [sum(int(word) << 64 * w for w, word in enumerate(column)) for column in columns]


@pytest.mark.slow
def test_published_values():
    """The real code of version 1 and the ideal code: 0.687 and 0.851 at 10 % loss, 29 times the failures at 1 %."""
    ten_percent = decoding_probability(50, coded=10, loss=0.1)
    assert ten_percent.low <= 0.687 <= ten_percent.high
    assert ideal_probability(50, coded=10, loss=0.1) == pytest.approx(0.851, abs=5e-4)
    one_percent = decoding_probability(50, coded=10, loss=0.01)
    assert one_percent.estimate == pytest.approx(0.980, abs=5e-4)
    ratio = (1 - one_percent.estimate) / (1 - ideal_probability(50, coded=10, loss=0.01))
    assert ratio == pytest.approx(29, abs=0.5)


def test_three_fragments_if_no_coded_fragment_contains_the_third():
    """Version 1, six coded fragments: each of them is a copy of fragment 1 or of fragment 2.

    Fragment 3 must arrive itself; the others are lost only with all their copies.
    """
    repeats = [sum(row) for row in zip(*_bits(3, 6), strict=True)]
    loss = 0.1
    expected = (1 - loss) * (1 - loss ** (1 + repeats[0])) * (1 - loss ** (1 + repeats[1]))
    result = decoding_probability(3, coded=6, loss=loss)
    assert result.exact
    assert result.estimate == pytest.approx(expected, rel=1e-12)
    assert result.estimate == pytest.approx(0.900, abs=5e-4)


def _bits(nb_frag, count):
    columns = naive_columns(nb_frag, range(nb_frag + 1, nb_frag + count + 1))
    return [[column >> k & 1 for column in columns] for k in range(count)]


@pytest.mark.parametrize("loss", [0.0, 0.2, 1.0])
def test_no_coded_fragments(loss):
    result = decoding_probability(7, coded=0, loss=loss)
    assert (result.estimate, result.exact) == (pytest.approx((1 - loss) ** 7), True)


@pytest.mark.parametrize("nb_frag", [1, 40, 5000])
def test_certain_results_need_no_random_patterns(nb_frag):
    assert decoding_probability(nb_frag, coded=30, loss=0).estimate == 1
    assert decoding_probability(nb_frag, coded=30, loss=1).estimate == 0
    assert decoding_probability(nb_frag, coded=30, loss=0).exact


def test_a_single_fragment_has_empty_coded_fragments():
    """M = 1: floor(1/2) draws, so a coded fragment contains nothing (wire reference, edge cases)."""
    assert decoding_probability(1, coded=30, loss=0.25).estimate == pytest.approx(0.75)


@settings(max_examples=30)
@given(st.integers(1, 6), st.data(), st.sampled_from([1, 2]), st.sampled_from([0.05, 0.3, 0.7]))
def test_small_codes_are_exact(nb_frag, data, version, loss):
    numbers = sorted(data.draw(st.sets(st.integers(nb_frag + 1, 16383), max_size=4)))
    result = decoding_probability(nb_frag, coded=numbers, loss=loss, version=version)
    assert result.exact
    assert result.low == result.estimate == result.high
    expected = naive.success_probability(naive_columns(nb_frag, numbers, version), len(numbers), loss)
    assert result.estimate == pytest.approx(expected, rel=1e-9)


def test_three_fragments_are_exact_with_many_coded_fragments():
    """There are too many coded fragments to examine all patterns, but at most three fragments can be lost."""
    result = decoding_probability(3, coded=range(4, 34), loss=0.1)
    assert result.exact
    weights = [column.bit_count() for column in naive_columns(3, range(4, 34))]
    assert 1 - result.estimate == pytest.approx(sum(0.1 ** (1 + weight) for weight in weights), rel=0.1)


@pytest.mark.parametrize("loss", [0.02, 0.1, 0.3])
@pytest.mark.parametrize(("nb_frag", "coded"), [(21, 7), (30, 6), (12, 9)])
@pytest.mark.parametrize("words", [1, 10_000_000])
def test_the_interval_holds_the_exact_result(monkeypatch, nb_frag, coded, loss, words):
    """The same code exactly, and from random patterns: with exact sums for few losses, and without them (`words`)."""
    truth = decoding_probability(nb_frag, coded=coded, loss=loss)
    assert truth.exact
    monkeypatch.setattr(exact, "ENUMERATION_LIMIT", 0)
    monkeypatch.setattr(exact, "WORD_LIMIT", words)
    drawn = decoding_probability(nb_frag, coded=coded, loss=loss, patterns=30_000, confidence=SURE)
    assert drawn.patterns == 30_000
    assert drawn.low <= truth.estimate <= drawn.high
    assert drawn.high - drawn.low < 0.03


@pytest.mark.parametrize(("version", "variant"), [(1, "deployed"), (2, "deployed"), (2, "literal")])
def test_simulated_devices_agree(version, variant):
    """3000 devices lose fragments at random, and are complete if the rank is full."""
    nb_frag, nb_coded, loss, devices = 40, 12, 0.12, 3000
    columns = naive_columns(nb_frag, range(nb_frag + 1, nb_frag + nb_coded + 1), version, variant)
    rng = np.random.default_rng(11)
    complete = 0
    for lost in rng.random((devices, nb_frag + nb_coded)) < loss:
        received = sum(1 << k for k in range(nb_coded) if not lost[nb_frag + k])
        complete += naive.decodable(columns, np.flatnonzero(lost[:nb_frag]).tolist(), received)
    result = decoding_probability(
        nb_frag, coded=nb_coded, loss=loss, version=version, variant=variant, patterns=100_000
    )
    assert result.estimate == pytest.approx(complete / devices, abs=4 * 0.5 / devices**0.5)
    assert result.high - result.low < 0.01


def test_no_observed_failure_is_not_certainty():
    result = decoding_probability(200, coded=100, loss=0.05, patterns=1000)
    assert result.estimate == pytest.approx(1, abs=1e-9)
    assert 0.99 < result.low < 0.999
    assert result.high <= 1


def test_wider_confidence_is_a_wider_interval():
    narrow, wide = (decoding_probability(60, coded=12, patterns=20_000, confidence=c) for c in (0.5, 0.99))
    assert wide.low < narrow.low < narrow.estimate == wide.estimate < narrow.high < wide.high


def test_same_seed_same_result():
    first, same, other = (decoding_probability(60, coded=12, patterns=5_000, seed=seed) for seed in (3, 3, 4))
    assert first == same
    assert first.estimate != other.estimate


def test_drawing_stops_when_the_interval_is_narrow_enough():
    result = decoding_probability(500, coded=60, loss=0.1, patterns=10_000_000, width=0.02)
    assert result.high - result.low <= 0.02
    assert result.patterns < 100_000


def test_the_number_of_patterns_grows_with_the_seconds():
    few, more = (decoding_probability(1000, coded=200, loss=0.15, seconds=s).patterns for s in (0.01, 0.05))
    assert 200 <= few < more < 10_000


@pytest.mark.parametrize("version", [1, 2])
def test_the_order_of_the_numbers_does_not_matter(version):
    numbers = [110, 61, 500, 16383, 72, 90, 77, 62, 63, 64, 65, 66]
    forward = decoding_probability(60, coded=numbers, version=version, patterns=2_000)
    assert decoding_probability(60, coded=np.array(sorted(numbers)), version=version, patterns=2_000) == forward


def test_the_largest_session():
    """Few fragments are lost, compared with the number of coded fragments: no random patterns are needed."""
    result = decoding_probability(13652, coded=2731, loss=0.001, patterns=300)
    assert result.exact
    assert result.estimate == pytest.approx(1, abs=1e-9)


@pytest.mark.parametrize("version", [1, 2])
def test_a_large_surplus_needs_no_random_patterns(monkeypatch, version):
    """Patterns with a large surplus are left out if there are many coded fragments. They would all complete."""
    arguments = {"coded": 300, "loss": 0.4, "version": version, "patterns": 20_000}
    short = decoding_probability(150, **arguments)
    monkeypatch.setattr(probability, "MANY_CODED", 1000)
    full = decoding_probability(150, **arguments)
    assert short.estimate == pytest.approx(full.estimate, abs=1e-9)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"loss": -0.1}, "loss must be 0 to 1, got -0.1"),
        ({"loss": float("nan")}, "loss must be 0 to 1, got nan"),
        ({"confidence": 1.0}, "confidence must be more than 0 and less than 1, got 1.0"),
        ({"patterns": 0}, "patterns must be 1 or more, got 0"),
        ({"version": 3}, "version must be .*got 3"),
        ({"coded": [5]}, "51 to 16383 .*got 5"),
    ],
)
def test_illegal_arguments_are_refused(arguments, message):
    with pytest.raises(ParameterError, match=message):
        decoding_probability(50, **arguments)
