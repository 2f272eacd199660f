from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fuota.device import DeviceProfile
from fuota.planning.schedule import HOUR_US, PingSlots, slot_starts_us, steady_starts_us
from fuota.planning.server import SENRA
from fuota.planning.timing import duration_us, pace_of, shared_beacon_us, starts_us
from fuota.radio import fragment_phy_bytes, largest_frag_size, radio_limits, region
from fuota.radio.class_b import BEACON_PERIOD_US, ping_slots_us

slots_of_groups = st.builds(
    PingSlots,
    address=st.integers(0, 2**32 - 1),
    periodicity=st.integers(0, 7),
    first_beacon_s=st.integers(0, 2**31 // 128 - 100).map(lambda beacon: 128 * beacon),
)


@given(st.integers(1, 400), st.integers(1, 10_000_000))
def test_class_c_is_steady(frames, interval_us):
    starts = steady_starts_us(frames, interval_us)
    assert starts.dtype == np.int64
    assert starts.tolist() == [frame * interval_us for frame in range(frames)]


def naive_slots(frames, slots, spacing_us, on_air_us, per_hour):
    """Return the starts by testing every slot separately."""
    starts = []
    for period in range(10**9):
        for slot in ping_slots_us(slots.first_beacon_s + 128 * period, slots.address, slots.periodicity):
            at = period * BEACON_PERIOD_US + slot
            if slot + on_air_us > BEACON_PERIOD_US or (starts and at < starts[-1] + spacing_us):
                continue
            if per_hour is not None and starts:
                if at < starts[0] + len(starts) * HOUR_US / per_hour:
                    continue
                if sum(1 for start in starts if start > at - HOUR_US) >= per_hour:
                    continue
            starts.append(at)
            if len(starts) == frames:
                return starts
    raise AssertionError


@settings(max_examples=80)
@given(
    slots_of_groups,
    st.integers(1, 60),
    st.integers(20_000, 9_000_000),
    st.integers(0, 20_000_000),
    st.one_of(st.none(), st.integers(1, 40), st.integers(40, 2000)),
)
def test_each_frame_is_in_the_first_free_slot(slots, frames, on_air_us, pause_us, per_hour):
    spacing_us = on_air_us + pause_us
    if per_hour is not None and per_hour < 10:
        frames = min(frames, 3 * per_hour)  # days are long
    starts = slot_starts_us(
        frames, slots, spacing_us=spacing_us, time_on_air_us=on_air_us, frames_per_hour=per_hour
    ).tolist()
    assert starts == naive_slots(frames, slots, spacing_us, on_air_us, per_hour)


@settings(max_examples=60)
@given(slots_of_groups, st.integers(1, 200), st.integers(20_000, 3_000_000), st.integers(30, 2000))
def test_class_b_schedule_keeps_slots_spacing_and_hourly_limit(slots, frames, on_air_us, per_hour):
    """Every frame starts in a slot, ends before the beacon, keeps the spacing, and no hour has too many frames."""
    spacing_us = on_air_us + 43_000
    starts = slot_starts_us(frames, slots, spacing_us=spacing_us, time_on_air_us=on_air_us, frames_per_hour=per_hour)
    assert len(starts) == frames
    periods, within = np.divmod(starts, BEACON_PERIOD_US)
    for period in np.unique(periods):
        known = ping_slots_us(slots.first_beacon_s + 128 * int(period), slots.address, slots.periodicity)
        assert set(within[periods == period].tolist()) <= set(known)
    assert (within + on_air_us <= BEACON_PERIOD_US).all()
    assert (np.diff(starts) >= spacing_us).all()
    in_an_hour = np.searchsorted(starts, starts + HOUR_US) - np.arange(frames)
    assert in_an_hour.max() <= per_hour
    even = starts[0] + np.arange(frames) * (HOUR_US / per_hour)
    assert (starts >= even - 1).all()


def test_a_longer_schedule_begins_with_the_shorter_schedule():
    slots = PingSlots(address=0x01020304, periodicity=2, first_beacon_s=128_000)
    choices = {"spacing_us": 700_000, "time_on_air_us": 600_000, "frames_per_hour": 500}
    many = slot_starts_us(300, slots, **choices)
    for frames in (1, 7, 123):
        assert (slot_starts_us(frames, slots, **choices) == many[:frames]).all()


def full_frames(name, data_rate, slots, periods):
    """Return the starts of the largest fragments over `periods` beacon periods, their time on air and duty cycle."""
    place = region(name)
    rate = place.data_rate(data_rate)
    frequency_hz = place.default_channel("B")[0]
    limits = radio_limits(place, frequency_hz, data_rate)
    on_air_us = rate.time_on_air_us(fragment_phy_bytes(largest_frag_size(place, data_rate, limits=limits)))
    beacon_us = shared_beacon_us(place, frequency_hz, rate.bandwidth_hz)
    pace = pace_of(on_air_us, limits, DeviceProfile(), SENRA, beacon_us=beacon_us)
    frames = 1
    while duration_us(frames, pace, on_air_us, slots) < periods * BEACON_PERIOD_US:
        frames *= 2
    starts = starts_us(frames, pace, on_air_us, slots)
    return starts[starts < periods * BEACON_PERIOD_US], on_air_us, limits, beacon_us


def in_each_period(starts, periods):
    return np.bincount(starts // BEACON_PERIOD_US, minlength=periods)


@pytest.mark.parametrize(
    ("name", "data_rate", "worked"),
    [("US915", 10, {0: 128, 2: 32, 4: 8, 7: 1}), ("KR920", 0, {0: 43, 2: 32, 4: 8, 7: 1})],
)
@pytest.mark.parametrize("periodicity", [0, 2, 4, 7])
def test_frames_in_a_beacon_period_without_a_duty_cycle(name, data_rate, worked, periodicity):
    """A group has one frame fewer in a period if its last slot is too close to the beacon."""
    slots = PingSlots(address=0x01020304, periodicity=periodicity, first_beacon_s=1_280_000)
    starts, *_ = full_frames(name, data_rate, slots, 40)
    counted = in_each_period(starts, 40)
    assert counted.max() == worked[periodicity]
    assert counted.min() >= worked[periodicity] - (periodicity == 0)
    assert np.median(counted) == worked[periodicity]


@pytest.mark.parametrize(
    ("data_rate", "low", "high"),
    [
        (5, {0: 31.5, 2: 31.5, 4: 8, 7: 1}, {0: 32.5, 2: 32, 4: 8, 7: 1}),
        (3, {0: 18, 2: 18, 4: 8, 7: 1}, {0: 19, 2: 19, 4: 8, 7: 1}),
        (0, {0: 4, 2: 4, 4: 4, 7: 1}, {0: 5, 2: 5, 4: 5, 7: 1}),
    ],
)
@pytest.mark.parametrize("periodicity", [0, 2, 4, 7])
def test_frames_in_a_beacon_period_under_a_duty_cycle(data_rate, low, high, periodicity):
    """EU868, 10 %: on average over four hours, and never more in any hour, the beacons included."""
    periods = 112
    slots = PingSlots(address=0x01020304, periodicity=periodicity, first_beacon_s=1_280_000)
    starts, on_air_us, limits, beacon_us = full_frames("EU868", data_rate, slots, periods)
    assert limits.duty_cycle_ppm == 100_000
    counted = in_each_period(starts, periods)
    assert low[periodicity] <= counted.mean() <= high[periodicity]
    most = (np.searchsorted(starts, starts + HOUR_US) - np.arange(len(starts))).max()
    assert most * on_air_us + 28 * beacon_us <= HOUR_US // 10
    assert beacon_us > 0  # EU868 sends its beacon in the same sub-band
