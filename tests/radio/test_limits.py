from __future__ import annotations

import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fuota.errors import ParameterError, PlanError
from fuota.radio import (
    RadioLimits,
    frames_per_hour,
    radio_limits,
    region,
    region_names,
    sub_plan_names,
    sustained_interval_us,
)

EU868_RX2 = (region("EU868"), 869_525_000, 0)
PPM = st.integers(1, 1_000_000)
TIMES_US = st.integers(1, 10_000_000)


@pytest.mark.parametrize("name", [*region_names(), *sub_plan_names()])
def test_limits_default_to_those_of_the_region(name: str) -> None:
    plan = region(name)
    limits = radio_limits(plan, plan.rx2_frequency_hz, plan.rx2_data_rate)
    sub_band = plan.sub_band(plan.rx2_frequency_hz, plan.data_rate(plan.rx2_data_rate).bandwidth_hz)
    assert limits == RadioLimits(
        duty_cycle_ppm=sub_band.duty_cycle_ppm,
        max_frame_us=plan.max_frame_ms * 1000,
        max_eirp_dbm=sub_band.max_eirp_dbm,
        dwell=False,
        overridden=(),
    )


def test_caller_overrides_the_limits_and_the_changes_are_listed() -> None:
    limits = radio_limits(*EU868_RX2, duty_cycle=0.05, dwell_ms=2_500, max_eirp_dbm=27.0)
    assert limits == RadioLimits(
        duty_cycle_ppm=50_000,
        max_frame_us=2_500_000,
        max_eirp_dbm=27.0,
        dwell=True,
        overridden=(
            "duty cycle in sub-band P of EU868 overridden from 10 % to 5 %",
            "longest frame in sub-band P of EU868 overridden from no limit to 2500 ms",
            "maximum EIRP in sub-band P of EU868 overridden from 29.15 dBm to 27 dBm",
        ),
    )


def test_values_equal_to_the_region_override_nothing() -> None:
    assert radio_limits(*EU868_RX2, duty_cycle=0.1, dwell_ms=0, max_eirp_dbm=29.15).overridden == ()


@pytest.mark.parametrize(("name", "limit_ms"), [("KR920", 4_000), ("CN470", 1_000)])
def test_dwell_limit_0_removes_the_time_limit_of_one_frame(name: str, limit_ms: int) -> None:
    plan = region(name)
    limits = radio_limits(plan, plan.rx2_frequency_hz, plan.rx2_data_rate, dwell_ms=0)
    assert (limits.max_frame_us, limits.dwell) == (0, False)
    (change,) = limits.overridden
    assert change.endswith(f"overridden from {limit_ms} ms to no limit")


def test_limits_depend_on_the_channel() -> None:
    eu868 = region("EU868")
    assert radio_limits(eu868, 868_100_000, 5).duty_cycle_ppm == 10_000
    assert radio_limits(eu868, 864_000_000, 5).duty_cycle_ppm == 1_000
    assert radio_limits(eu868, 868_450_000, 6).duty_cycle_ppm == 10_000
    with pytest.raises(PlanError, match="868475000 Hz"):
        radio_limits(eu868, 868_500_000, 6)


def test_data_rate_of_no_downlink_is_refused() -> None:
    with pytest.raises(PlanError, match=r"^DR8 of EU868 is for uplinks only; .*\(nearest: DR7\)$"):
        radio_limits(region("EU868"), 869_525_000, 8)


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        (
            {"duty_cycle": 0},
            "above 0 up to 1 (10 % is 0.1), got 0 (nearest: 0.000001)",
        ),
        ({"duty_cycle": 10}, "above 0 up to 1 (10 % is 0.1), got 10 (nearest: 1)"),
        ({"dwell_ms": -1}, "dwell_ms must be 0 or more (0: no limit), got -1 (nearest: 0)"),
        ({"max_eirp_dbm": math.inf}, "finite number of dBm, got inf (nearest: 29.15)"),
    ],
)
def test_limit_outside_its_range_is_refused(wrong: dict[str, Any], message: str) -> None:
    with pytest.raises(ParameterError) as caught:
        radio_limits(*EU868_RX2, **wrong)
    assert message in str(caught.value)


@pytest.mark.parametrize("wrong", [{"duty_cycle": math.nan}, {"max_eirp_dbm": math.nan}])
def test_nan_is_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(ParameterError, match="nan"):
        radio_limits(*EU868_RX2, **wrong)


@given(ppm=PPM)
def test_duty_cycle_is_kept_to_the_millionth(ppm: int) -> None:
    assert radio_limits(*EU868_RX2, duty_cycle=ppm / 1_000_000).duty_cycle_ppm == ppm


def test_smallest_duty_cycle_is_one_millionth() -> None:
    assert radio_limits(*EU868_RX2, duty_cycle=1e-9).duty_cycle_ppm == 1


# From the notes of the regional dataset (regions.json): full frames without a repeater, in whole frames per hour.
@pytest.mark.parametrize(
    ("name", "frequency_hz", "data_rate", "frame_us", "duty_cycle", "frames"),
    [
        ("EU868", 869_525_000, 0, 2_793_472, None, 128),
        ("EU868", 869_525_000, 3, 676_864, None, 531),
        ("EU868", 869_525_000, 5, 394_496, None, 912),
        ("EU868", 868_300_000, 5, 394_496, None, 91),
        ("AS923-1", 923_200_000, 2, 1_230_848, None, 29),
        ("RU864", 869_100_000, 5, 394_496, None, 91),
        ("RU864", 869_100_000, 5, 394_496, 0.1, 912),
        ("US915", 923_300_000, 8, 616_448, None, 5_839),
        ("US915", 923_300_000, 10, 563_712, None, 6_386),
    ],
)
def test_frames_per_hour_equal_the_notes_of_the_dataset(
    name: str, frequency_hz: int, data_rate: int, frame_us: int, duty_cycle: float | None, frames: int
) -> None:
    rate = region(name).data_rate(data_rate)
    limits = radio_limits(region(name), frequency_hz, data_rate, duty_cycle=duty_cycle)
    assert rate.time_on_air_us(rate.max_frag_size + 16) == frame_us
    assert frames_per_hour(frame_us, limits.duty_cycle_ppm) == frames


@given(time_us=TIMES_US, ppm=PPM)
def test_frames_per_hour_is_the_largest_number_within_the_duty_cycle(time_us: int, ppm: int) -> None:
    frames = frames_per_hour(time_us, ppm)
    assert frames * time_us * 1_000_000 <= 3_600_000_000 * ppm < (frames + 1) * time_us * 1_000_000


@given(time_us=TIMES_US, ppm=PPM)
def test_sustained_interval_is_the_shortest_within_the_duty_cycle(time_us: int, ppm: int) -> None:
    interval_us = sustained_interval_us(time_us, ppm)
    assert time_us * 1_000_000 <= interval_us * ppm
    assert time_us * 1_000_000 > (interval_us - 1) * ppm


def test_frames_follow_each_other_without_a_duty_cycle() -> None:
    assert sustained_interval_us(394_496, 1_000_000) == 394_496
    assert sustained_interval_us(394_496, 100_000) == 3_944_960


@pytest.mark.parametrize("function", [frames_per_hour, sustained_interval_us])
@pytest.mark.parametrize(
    ("values", "message"),
    [
        ((0, 10_000), "time_on_air_us must be 1 or more, got 0 (nearest: 1)"),
        ((1, 0), "duty_cycle_ppm must be 1 to 1000000, got 0 (nearest: 1)"),
        ((1, 1_000_001), "duty_cycle_ppm must be 1 to 1000000, got 1000001 (nearest: 1000000)"),
    ],
)
def test_time_on_air_or_duty_cycle_of_0_is_refused(function: Any, values: tuple[int, int], message: str) -> None:
    with pytest.raises(ParameterError) as caught:
        function(*values)
    assert message in str(caught.value)
