from __future__ import annotations

from itertools import pairwise

import pytest

from fuota.errors import ParameterError, PlanError
from fuota.fragmentation.statistics import decoding_probability, good_frag_sizes, uncovered


@pytest.mark.slow
def test_each_size_has_its_counts_and_probability():
    sizes = good_frag_sizes(2500, largest=51, coded=0.2, loss=0.05, within=4)
    assert sorted(size.frag_size for size in sizes) == [47, 48, 49, 50, 51]
    fifty = next(size for size in sizes if size.frag_size == 50)
    assert (fifty.nb_frag, fifty.nb_coded) == (50, 10)
    assert fifty.uncovered == len(uncovered(50, 10)) == 2
    assert fifty.air_bytes == 60 * (50 + 3 + 13)
    alone = decoding_probability(50, coded=10, loss=0.05)
    assert fifty.probability.low <= alone.high
    assert alone.low <= fifty.probability.high


def test_the_best_size_is_first():
    """50 fragments with 10 coded fragments have two uncovered fragments (version 1): neighbouring sizes are better."""
    sizes = good_frag_sizes(2500, largest=51, coded=0.2, loss=0.05)
    assert [size.frag_size for size in sizes[-2:]] == [50, 51]
    for better, worse in pairwise(sizes):
        distinct = better.probability.low > worse.probability.high
        assert (
            distinct or better.air_bytes <= worse.air_bytes or better.probability.estimate > worse.probability.estimate
        )


def test_equally_good_sizes_are_ordered_by_bytes_on_air():
    """Without losses every size is perfect: the largest fragments need the fewest bytes."""
    sizes = good_frag_sizes(1000, largest=50, coded=0, loss=0.0, within=5)
    assert {size.probability.estimate for size in sizes} == {1.0}
    air = [size.air_bytes for size in sizes]
    assert air == sorted(air)
    assert sizes[0].frag_size == 50


def test_coded_is_a_share_or_a_count():
    share, count = (good_frag_sizes(480, largest=48, coded=coded, within=0) for coded in (0.25, 3))
    assert [size.nb_coded for size in share + count] == [3, 3]
    assert good_frag_sizes(480, largest=48, coded=0.1, within=0)[0].nb_coded == 1


def test_small_sizes_end_at_one_byte():
    assert sorted(size.frag_size for size in good_frag_sizes(9, largest=3, coded=2)) == [1, 2, 3]


def test_sizes_that_do_not_fit_are_left_out():
    """16383 x 20 bytes: fragments of 20 bytes leave no number for a coded fragment, fragments of 21 bytes do."""
    sizes = good_frag_sizes(16383 * 20, largest=21, coded=5, loss=0.0)
    assert [size.frag_size for size in sizes] == [21]


def test_the_error_names_the_smallest_size_that_fits():
    with pytest.raises(PlanError, match="use fragments of 21 bytes or more"):
        good_frag_sizes(16383 * 20, largest=20, coded=5)
    with pytest.raises(PlanError, match="no fragment size fits"):
        good_frag_sizes(16383 * 300, largest=255, coded=5)


@pytest.mark.parametrize(
    ("data_bytes", "arguments"),
    [(0, {}), (10, {"within": -1}), (10, {"coded": -1}), (10, {"coded": float("nan")}), (10, {"coded": True})],
)
def test_illegal_arguments_are_refused(data_bytes, arguments):
    with pytest.raises(ParameterError, match=r"(data_bytes|within|redundancy|coded) must be"):
        good_frag_sizes(data_bytes, **{"largest": 48, "coded": 0.2} | arguments)


def test_a_size_above_255_is_refused():
    with pytest.raises(ParameterError, match=r"frag_size must be 1 to 255 .*got 256"):
        good_frag_sizes(100, largest=256, coded=0.2)
