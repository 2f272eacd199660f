from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fuota.errors import ParameterError, PlanError
from fuota.radio import check_frag_size, fragment_phy_bytes, largest_frag_size, radio_limits, region, region_names

DOWNLINK_RATES = [(name, rate.index) for name in region_names() for rate in region(name).downlink_data_rates]


@pytest.mark.parametrize(("name", "data_rate"), DOWNLINK_RATES)
def test_largest_size_fits_and_one_more_byte_does_not(name: str, data_rate: int) -> None:
    largest = largest_frag_size(region(name), data_rate)
    check_frag_size(region(name), data_rate, largest)
    check_frag_size(region(name), data_rate, 1)
    with pytest.raises(PlanError, match=f"so at most {largest}$"):
        check_frag_size(region(name), data_rate, largest + 1)


def test_fragment_that_does_not_fit_is_refused_with_the_reason() -> None:
    with pytest.raises(PlanError, match=r"240 does not fit DR0 of EU868: .* 51 bytes, .* 3 .* so at most 48$"):
        check_frag_size(region("EU868"), 0, 240)


def test_fragment_size_0_is_refused() -> None:
    with pytest.raises(ParameterError, match=r"got 0 \(nearest: 1\)"):
        check_frag_size(region("EU868"), 0, 0)


@pytest.mark.parametrize(
    ("name", "data_rate", "reason", "nearest"),
    [
        ("US915", 3, "is for uplinks only", "DR8"),
        ("EU868", 8, "is for uplinks only", "DR7"),
        ("CN470", 0, "carries nothing", "DR1"),
    ],
)
def test_data_rate_of_no_downlink_is_refused_with_the_usable_rates(
    name: str, data_rate: int, reason: str, nearest: str
) -> None:
    usable = ", ".join(f"DR{rate.index}" for rate in region(name).downlink_data_rates)
    message = rf"^DR{data_rate} of {name} {reason}; .* {usable} \(nearest: {nearest}\)$"
    with pytest.raises(PlanError, match=message):
        check_frag_size(region(name), data_rate, 1)
    with pytest.raises(PlanError, match=message):
        largest_frag_size(region(name), data_rate)


def test_data_rate_that_the_region_lacks_is_refused() -> None:
    with pytest.raises(ParameterError, match=r"^US915 has no DR7"):
        check_frag_size(region("US915"), 7, 48)


@given(
    rate=st.sampled_from(DOWNLINK_RATES),
    cap=st.integers(0, 300),
    multiple=st.integers(1, 48),
)
def test_largest_size_is_the_largest_allowed_size(rate: tuple[str, int], cap: int, multiple: int) -> None:
    plan, data_rate = region(rate[0]), rate[1]
    top = min(cap or 255, plan.data_rate(data_rate).max_frag_size)
    allowed = [size for size in range(1, top + 1) if size % multiple == 0]
    if allowed:
        assert largest_frag_size(plan, data_rate, cap, multiple) == allowed[-1]
    else:
        with pytest.raises(PlanError):
            largest_frag_size(plan, data_rate, cap, multiple)


def test_multiple_larger_than_the_largest_size_is_refused() -> None:
    with pytest.raises(PlanError, match="DR0 of EU868 is a multiple of 64: at most 48"):
        largest_frag_size(region("EU868"), 0, multiple=64)


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"cap": -1}, "cap must be 0 or more (0: no cap), got -1 (nearest: 0)"),
        ({"multiple": 0}, "multiple must be 1 or more, got 0 (nearest: 1)"),
    ],
)
def test_cap_or_multiple_outside_its_range_is_refused(wrong: dict[str, int], message: str) -> None:
    with pytest.raises(ParameterError) as caught:
        largest_frag_size(region("EU868"), 0, **wrong)
    assert str(caught.value) == message


def test_frame_is_16_bytes_longer_than_its_fragment() -> None:
    assert fragment_phy_bytes(48) == 64
    assert fragment_phy_bytes(239) == 255


@pytest.mark.parametrize(("size", "nearest"), [(0, 1), (256, 255)])
def test_fragment_size_outside_one_byte_is_refused(size: int, nearest: int) -> None:
    with pytest.raises(ParameterError, match=rf"1 to 255, got {size} \(nearest: {nearest}\)"):
        fragment_phy_bytes(size)


# --- with a repeater, under a dwell limit, with a limit on one frame


def _frame_us(name: str, data_rate: int, frag_size: int) -> int:
    return region(name).data_rate(data_rate).time_on_air_us(fragment_phy_bytes(frag_size))


@pytest.mark.parametrize(("name", "data_rate"), DOWNLINK_RATES)
def test_repeater_payload_size_applies_with_a_repeater(name: str, data_rate: int) -> None:
    largest = largest_frag_size(region(name), data_rate, repeater=True)
    assert largest == region(name).data_rate(data_rate).max_payload_repeater_bytes - 3
    check_frag_size(region(name), data_rate, largest, repeater=True)
    with pytest.raises(PlanError, match=f"so at most {largest}$"):
        check_frag_size(region(name), data_rate, largest + 1, repeater=True)


@pytest.mark.parametrize(("data_rate", "largest"), [(2, 8), (3, 50), (4, 122), (5, 239)])
def test_dwell_limit_selects_its_payload_sizes(data_rate: int, largest: int) -> None:
    as923 = region("AS923")
    limits = radio_limits(as923, 923_200_000, data_rate, dwell_ms=400)
    assert largest_frag_size(as923, data_rate, limits=limits) == largest
    assert _frame_us("AS923", data_rate, largest) <= 400_000


@pytest.mark.parametrize("data_rate", [0, 1])
def test_data_rate_that_carries_nothing_under_a_dwell_limit_is_refused(data_rate: int) -> None:
    as923 = region("AS923")
    limits = radio_limits(as923, 923_200_000, data_rate, dwell_ms=400)
    message = f"no fragment fits DR{data_rate} of AS923-1: .* nothing under the dwell limit .*: DR2"
    with pytest.raises(PlanError, match=message):
        check_frag_size(as923, data_rate, 1, limits=limits)
    with pytest.raises(PlanError, match=message):
        largest_frag_size(as923, data_rate, limits=limits)


def test_time_on_air_limits_the_fragment_if_payload_sizes_ignore_the_dwell_limit() -> None:
    au915 = region("AU915")
    limits = radio_limits(au915, 923_300_000, 8, dwell_ms=400)
    largest = largest_frag_size(au915, 8, limits=limits)
    assert _frame_us("AU915", 8, largest) <= 400_000 < _frame_us("AU915", 8, largest + 1)
    with pytest.raises(PlanError, match=f"50 does not fit DR8 of AU915: .* 400 ms, so at most {largest}$"):
        check_frag_size(au915, 8, 50, limits=limits)


@pytest.mark.parametrize(("name", "data_rate"), [rate for rate in DOWNLINK_RATES if rate[0] in ("KR920", "CN470")])
def test_payload_sizes_keep_the_time_limit_of_the_region(name: str, data_rate: int) -> None:
    plan = region(name)
    limits = radio_limits(plan, plan.rx2_frequency_hz, plan.rx2_data_rate)
    assert largest_frag_size(plan, data_rate, limits=limits) == largest_frag_size(plan, data_rate)


@given(rate=st.sampled_from(DOWNLINK_RATES), dwell_ms=st.integers(1, 3_000), repeater=st.booleans())
def test_largest_size_uses_the_time_limit_and_never_exceeds_it(
    rate: tuple[str, int], dwell_ms: int, repeater: bool
) -> None:
    plan, data_rate = region(rate[0]), rate[1]
    limits = radio_limits(plan, plan.rx2_frequency_hz, plan.rx2_data_rate, dwell_ms=dwell_ms)
    payload = plan.data_rate(data_rate).max_payload(repeater=repeater, dwell=True) - 3
    fitting = [size for size in range(1, payload + 1) if _frame_us(plan.name, data_rate, size) <= dwell_ms * 1000]
    if fitting:
        assert largest_frag_size(plan, data_rate, repeater=repeater, limits=limits) == fitting[-1]
        check_frag_size(plan, data_rate, fitting[-1], repeater=repeater, limits=limits)
    else:
        with pytest.raises(PlanError, match=r"^no fragment fits DR"):
            largest_frag_size(plan, data_rate, repeater=repeater, limits=limits)


def test_time_limit_that_no_frame_keeps_is_refused() -> None:
    limits = radio_limits(region("EU868"), 869_525_000, 0, dwell_ms=1)
    with pytest.raises(PlanError, match=r"no fragment fits DR0 of EU868: .* 1 ms .*no data rate carries one"):
        largest_frag_size(region("EU868"), 0, limits=limits)
