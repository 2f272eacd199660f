"""Text of quantities: durations and shares are correct to their last digit."""

from __future__ import annotations

import re
from decimal import Decimal

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from fuota.cli.render.words import spoken_duration, spoken_share

UNITS_MS = {"h": 3_600_000, "min": 60_000, "s": 1_000, "ms": 1}
ALL_OR_NONE = re.compile(r"(0|100)(\.0*)?%")


def spoken_ms(text: str) -> Decimal:
    """Return the duration that a text names."""
    words = text.split()
    return sum(
        (Decimal(number) * UNITS_MS[unit] for number, unit in zip(words[::2], words[1::2], strict=True)), Decimal()
    )


@pytest.mark.parametrize(
    ("duration_ms", "spoken"),
    [
        (0, "0.0 s"),
        (1, "1 ms"),
        (99, "99 ms"),
        (100, "0.1 s"),
        (400, "0.4 s"),
        (1_000, "1.0 s"),
        (9_899, "9.9 s"),
        (10_000, "10 s"),
        (59_499, "59 s"),
        (59_500, "1 min"),
        (60_000, "1 min"),
        (723_000, "12 min 3 s"),
        (3_599_499, "59 min 59 s"),
        (3_599_500, "1 h"),
        (3_600_000, "1 h"),
        (7_500_000, "2 h 5 min"),
        (7_559_000, "2 h 5 min"),
        (86_400_000, "24 h"),
    ],
)
def test_text_of_a_duration(duration_ms, spoken):
    assert spoken_duration(duration_ms) == spoken


@given(st.one_of(st.integers(0, 20_000), st.integers(0, 400_000_000)))
@example(9_999)
@example(3_599_999)
@example(86_399_999)
def test_duration_is_correct_to_its_last_digit(duration_ms):
    spoken = spoken_duration(duration_ms)
    off_ms = duration_ms - spoken_ms(spoken)
    if duration_ms < 100:
        assert off_ms == 0
    elif duration_ms < 10_000:
        assert abs(off_ms) <= 50
    elif "h" in spoken:
        assert -500 <= off_ms < 60_000, "hours and minutes are rounded down"
    else:
        assert abs(off_ms) <= 500


@given(st.integers(10_000, 400_000_000))
def test_duration_has_no_zero_parts_and_no_60_minutes(duration_ms):
    parts = re.findall(r"(\d+) (h|min|s)", spoken_duration(duration_ms))
    assert " ".join(f"{number} {unit}" for number, unit in parts) == spoken_duration(duration_ms)
    assert all(int(number) for number, _ in parts)
    assert all(int(number) < 60 for number, unit in parts if unit != "h")


@pytest.mark.parametrize(
    ("share", "spoken"),
    [
        (0.0, "0%"),
        (1.0, "100%"),
        (0, "0%"),
        (1, "100%"),
        (0.5, "50.0%"),
        (0.123, "12.3%"),
        (0.9994, "99.940%"),
        (0.0006, "0.060%"),
        (0.00001, "0.0010%"),
        (0.9986, "99.86%"),
    ],
)
def test_text_of_a_share(share, spoken):
    assert spoken_share(share) == spoken


@given(st.floats(0, 1))
@example(1 - 1e-12)
@example(1e-12)
@example(0.9999999999)
@example(5e-324)
@example(1 - 2**-53)
def test_0_and_100_percent_are_only_exact_shares(share):
    assert (ALL_OR_NONE.fullmatch(spoken_share(share)) is not None) == (share in (0, 1))


@given(st.one_of(st.floats(1e-8, 1 - 1e-8), st.floats(1e-8, 0.01), st.floats(0.99, 1 - 1e-8)))
@example(0.98999)
@example(0.0099999)
@example(0.9900000001)
def test_distance_of_a_share_from_0_or_100_percent_is_within_5_percent(share):
    spoken, exact = Decimal(spoken_share(share).removesuffix("%")) / 100, Decimal(share)
    shown, distance = min(spoken, 1 - spoken), min(exact, 1 - exact)
    assert abs(shown - distance) <= distance * Decimal("0.0501")
