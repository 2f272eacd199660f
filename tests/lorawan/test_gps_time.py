from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fuota.errors import ParameterError
from fuota.lorawan.gps_time import from_gps_seconds, gps_seconds

CASES = json.loads((Path(__file__).parents[1] / "vectors" / "gps_time.json").read_text())["cases"]


@pytest.mark.parametrize(("text", "seconds"), CASES)
def test_vectors_are_converted_in_both_directions(text: str, seconds: int) -> None:
    time = datetime.fromisoformat(text)
    assert gps_seconds(time) == seconds
    assert from_gps_seconds(seconds) == time


@given(st.datetimes(datetime(1980, 1, 6), datetime(2200, 1, 1), timezones=st.just(UTC)))
def test_conversion_in_both_directions_keeps_the_second(time: datetime) -> None:
    assert from_gps_seconds(gps_seconds(time)) == time.replace(microsecond=0)


@given(st.integers(0, 2**33))
def test_time_never_goes_backwards(seconds: int) -> None:
    assert timedelta(0) <= from_gps_seconds(seconds + 1) - from_gps_seconds(seconds) <= timedelta(seconds=1)


def test_last_leap_second_is_counted() -> None:
    before, after = datetime(2016, 12, 31, 23, 59, 59, tzinfo=UTC), datetime(2017, 1, 1, tzinfo=UTC)
    assert gps_seconds(after) - gps_seconds(before) == 2
    assert gps_seconds(after) - int(after.timestamp()) + 315_964_800 == 18


def test_time_zone_does_not_change_the_result() -> None:
    utc = datetime(2026, 11, 23, 12, tzinfo=UTC)
    assert gps_seconds(utc.astimezone(timezone(timedelta(hours=5, minutes=30)))) == gps_seconds(utc)


@pytest.mark.parametrize(
    ("time", "rule"),
    [
        (datetime(2026, 1, 1), "time zone"),
        (datetime(1980, 1, 5, 23, 59, 59, tzinfo=UTC), "or later, when GPS time starts"),
    ],
)
def test_naive_and_early_times_are_refused(time: datetime, rule: str) -> None:
    with pytest.raises(ParameterError, match=rule):
        gps_seconds(time)


@pytest.mark.parametrize("seconds", [-1, 10**12, 10**30])
def test_seconds_out_of_range_are_refused(seconds: int) -> None:
    with pytest.raises(ParameterError, match=f"GPS seconds must .* got {seconds}"):
        from_gps_seconds(seconds)
