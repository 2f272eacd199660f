from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fuota.device import DeviceProfile
from fuota.errors import PlanError
from fuota.planning import SENRA, ServerProfile
from fuota.planning.schedule import HOUR_US, PingSlots
from fuota.planning.timing import (
    duration_us,
    longest_interval_us,
    pace_of,
    session_timeout,
    session_timeout_s,
    shared_beacon_us,
    starts_us,
)
from fuota.radio import RadioLimits, radio_limits, region

FREE = RadioLimits(duty_cycle_ppm=1_000_000, max_frame_us=0, max_eirp_dbm=16, dwell=False)
TENTH = RadioLimits(duty_cycle_ppm=100_000, max_frame_us=0, max_eirp_dbm=16, dwell=False)
IDEAL = DeviceProfile()


@pytest.mark.parametrize(("session_s", "timeout"), [(100, 7), (600, 10), (3600, 12), (1, 0), (2, 1), (32768, 15)])
def test_time_out_of_class_c(session_s, timeout):
    assert session_timeout(session_s * 1_000_000, "C") == timeout
    assert session_timeout_s(timeout, "C") >= session_s


def test_beyond_the_longest_session_there_is_none():
    assert session_timeout(32_768_000_001, "C") is None
    assert session_timeout(32_768_000_000, "B") == 8  # in beacon periods
    assert session_timeout(128 * 32_768_000_000, "B") == 15
    assert session_timeout(128 * 32_768_000_000 + 1, "B") is None


@given(st.integers(1, 32_768_000_000), st.sampled_from("BC"))
def test_the_session_is_long_enough_and_half_of_it_is_not(session_us, device_class):
    timeout = session_timeout(session_us, device_class)
    assert 0 <= timeout <= 15
    lasts_us = 1_000_000 * session_timeout_s(timeout, device_class)
    assert lasts_us >= session_us
    assert timeout == 0 or lasts_us / 2 < session_us


# --- The pace ---


def test_the_gateway_and_the_server_bind_where_nothing_else_does():
    pace = pace_of(100_000, FREE, IDEAL, SENRA)
    assert (pace.interval_us, pace.frames_per_hour) == (143_000, None)
    assert "gateway needs 43 ms" in pace.reason
    slow = ServerProfile(name="Slow", min_interval_ms=2000)
    pace = pace_of(100_000, FREE, IDEAL, slow)
    assert (pace.interval_us, pace.reason) == (2_000_000, "Slow takes no less than 2000 ms")


@pytest.mark.parametrize(("second_buffer", "interval_us"), [(True, 900_000), (False, 1_000_000)])
def test_the_device_binds_where_it_works_long(second_buffer, interval_us):
    profile = DeviceProfile(frag_write_ms=300, row_work_ms=600, second_buffer=second_buffer)
    pace = pace_of(100_000, FREE, profile, SENRA)
    assert pace.interval_us == interval_us
    assert "the device works 900 ms on a fragment" in pace.reason
    assert ("cannot receive meanwhile" in pace.reason) is not second_buffer


def test_the_duty_cycle_binds_by_the_hour():
    """A full DR0 frame: 128 an hour, not the 128.87 that 10 % of it would be."""
    pace = pace_of(2_793_472, TENTH, IDEAL, SENRA)
    assert (pace.frames_per_hour, pace.interval_us) == (128, 28_125_000)
    assert pace.spacing_us == 2_793_472 + 43_000
    assert "duty cycle of 10 % allows 128 such frames an hour" in pace.reason


@given(st.integers(1000, 5_000_000), st.integers(1, 1_000_000), st.integers(0, 60), st.integers(0, 200_000))
def test_no_pace_is_faster_than_anyone_allows(on_air_us, ppm, write_ms, beacon_us):
    limits = RadioLimits(duty_cycle_ppm=ppm, max_frame_us=0, max_eirp_dbm=16, dwell=False)
    profile = DeviceProfile(frag_write_ms=write_ms, second_buffer=False)
    try:
        pace = pace_of(on_air_us, limits, profile, SENRA, beacon_us=beacon_us)
    except PlanError:
        assert on_air_us + 29 * beacon_us > HOUR_US * ppm // 1_000_000
        return
    assert pace.interval_us % 1000 == 0
    assert pace.interval_us >= max(on_air_us + 43_000, on_air_us + 1000 * write_ms)
    if ppm == 1_000_000:
        assert pace.frames_per_hour is None
        return
    in_an_hour = -(-HOUR_US // pace.interval_us)
    assert in_an_hour <= pace.frames_per_hour
    assert in_an_hour * on_air_us + 29 * beacon_us <= HOUR_US * ppm // 1_000_000
    assert (pace.frames_per_hour + 1) * on_air_us + 29 * beacon_us > HOUR_US * ppm // 1_000_000


def test_beacons_take_their_part_of_the_duty_cycle():
    alone, beside = (pace_of(400_000, TENTH, IDEAL, SENRA, beacon_us=beacon_us) for beacon_us in (0, 152_576))
    assert alone.frames_per_hour == 900
    assert beside.frames_per_hour == (360_000_000 - 29 * 152_576) // 400_000


def test_a_frame_that_no_hour_has_room_for():
    limits = RadioLimits(duty_cycle_ppm=500, max_frame_us=0, max_eirp_dbm=16, dwell=False)
    with pytest.raises(
        PlanError, match=r"a frame of 2\.793 s is more than a duty cycle of 0\.05 % allows in an hour \(1\.800 s\)"
    ):
        pace_of(2_793_472, limits, IDEAL, SENRA)


@pytest.mark.parametrize(
    ("limits", "profile", "server", "reason", "nearest_ms"),
    [
        (TENTH, IDEAL, SENRA, "a duty cycle of 10 % allows 900 such frames an hour", 4000),
        (FREE, IDEAL, SENRA, "the gateway needs 43 ms between frames", 443),
        (FREE, DeviceProfile(frag_write_ms=700), SENRA, "the device works 700 ms on a fragment", 700),
        (FREE, IDEAL, ServerProfile(name="X", min_interval_ms=3000), "X takes no less than 3000 ms", 3000),
    ],
)
def test_an_interval_that_is_too_short_is_refused_with_the_nearest(limits, profile, server, reason, nearest_ms):
    with pytest.raises(PlanError) as refused:
        pace_of(400_000, limits, profile, server, interval_ms=nearest_ms - 1)
    assert str(refused.value) == (
        f"interval_ms must be {nearest_ms} or more ({reason}), got {nearest_ms - 1} (nearest: {nearest_ms})"
    )
    pace = pace_of(400_000, limits, profile, server, interval_ms=nearest_ms)
    assert (pace.interval_us, pace.reason) == (1000 * nearest_ms, "it was asked for")


def test_a_longer_interval_is_kept():
    pace = pace_of(400_000, TENTH, IDEAL, SENRA, interval_ms=60_000)
    assert (pace.interval_us, pace.spacing_us, pace.frames_per_hour) == (60_000_000, 60_000_000, 900)


def test_the_longer_reading_of_the_interval():
    pace = pace_of(400_000, TENTH, IDEAL, SENRA)
    assert longest_interval_us(pace, 400_000, SENRA) == pace.interval_us + 400_000
    start_to_start = ServerProfile(name="X", interval_is_gap=False)
    assert longest_interval_us(pace, 400_000, start_to_start) == pace.interval_us


# --- Duration ---


@given(st.integers(1, 500), st.integers(1000, 3_000_000), st.one_of(st.none(), st.integers(0, 7)))
def test_the_duration_ends_with_the_last_frame(frames, on_air_us, periodicity):
    slots = None if periodicity is None else PingSlots(address=7, periodicity=periodicity, first_beacon_s=1280)
    pace = pace_of(on_air_us, TENTH, IDEAL, SENRA)
    starts = starts_us(frames, pace, on_air_us, slots)
    assert len(starts) == frames
    assert duration_us(frames, pace, on_air_us, slots) == int(starts[-1]) + on_air_us


@pytest.mark.parametrize(
    ("name", "frequency_hz", "shared"),
    [
        ("EU868", 869_525_000, True),
        ("EU868", 868_100_000, False),
        ("US915", 923_300_000, True),
        ("IN865", 866_550_000, True),
    ],
)
def test_a_beacon_counts_where_it_is_in_the_same_sub_band(name, frequency_hz, shared):
    place = region(name)
    assert shared_beacon_us(place, frequency_hz, 125_000) == (place.beacon.airtime_us if shared else 0)


def test_without_a_duty_cycle_beacons_do_not_count():
    limits = radio_limits(region("US915"), 923_300_000, 8)
    assert pace_of(400_000, limits, IDEAL, SENRA, beacon_us=300_000) == pace_of(400_000, limits, IDEAL, SENRA)
