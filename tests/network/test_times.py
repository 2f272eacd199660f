"""The three notations of a time, as the reference shows them."""

from __future__ import annotations

import contextlib
from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fuota.network.times import parse_time

SECONDS = st.datetimes(datetime(1970, 6, 1), datetime(2100, 1, 1)).map(
    lambda time: time.replace(microsecond=0, tzinfo=UTC)
)


@pytest.mark.parametrize(
    ("text", "time"),
    [
        ("2017-02-09T12:38:38.375Z", datetime(2017, 2, 9, 12, 38, 38, 375000, UTC)),
        ("2017-02-09T12:38:38+01:00", datetime(2017, 2, 9, 11, 38, 38, 0, UTC)),
        ("2017-02-09 12:38", datetime(2017, 2, 9, 12, 38, 0, 0, UTC)),
        ("03/31/2017 11:37:30 PM UTC", datetime(2017, 3, 31, 23, 37, 30, 0, UTC)),
        ("09/25/2019 09:38:10 AM UTC", datetime(2019, 9, 25, 9, 38, 10, 0, UTC)),
        ("04/03/2018 00:27:38 PM UTC", datetime(2018, 4, 3, 12, 27, 38, 0, UTC)),
        ("04/03/2018 12:27:38 PM UTC", datetime(2018, 4, 3, 12, 27, 38, 0, UTC)),
        ("04/03/2018 12:27:38 AM", datetime(2018, 4, 3, 0, 27, 38, 0, UTC)),
        ("04/03/2018 13:27:38 PM UTC", datetime(2018, 4, 3, 13, 27, 38, 0, UTC)),
        ("4/3/2018 9:27", datetime(2018, 4, 3, 9, 27, 0, 0, UTC)),
        ("1643414453519", datetime(2022, 1, 29, 0, 0, 53, 519000, UTC)),
    ],
)
def test_each_notation_is_read_in_utc(text, time):
    assert parse_time(text) == time
    assert parse_time(text).tzinfo is UTC


@given(SECONDS)
def test_three_notations_of_a_time_are_equal(time):
    in_ms = (time - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(milliseconds=1)
    american = time.strftime("%m/%d/%Y %I:%M:%S ") + ("PM" if time.hour >= 12 else "AM") + " UTC"
    elsewhere = time.astimezone(timezone(timedelta(hours=5, minutes=30))).isoformat()
    assert [parse_time(text) for text in (american, elsewhere, str(in_ms))] == [time] * 3


@pytest.mark.parametrize(
    "text", ["", "never", "13/31/2017 11:37:30 PM UTC", "02/30/2017 01:00:00 AM", "03/31/2017 11:37:30 PM EST", "5"]
)
def test_invalid_time_raises(text):
    with pytest.raises(ValueError, match=r"."):
        parse_time(text)


@given(st.text(max_size=40) | st.from_regex(r"[0-9/: APMUTC.-]{8,30}"))
def test_any_text_is_a_time_or_raises_value_error(text):
    with contextlib.suppress(ValueError):
        assert parse_time(text).tzinfo is UTC
