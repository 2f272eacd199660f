from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fuota.errors import ParameterError, PlanError
from fuota.radio import check_frag_size, fragment_phy_bytes, largest_frag_size, radio_limits, region, region_names

DOWNLINK_RATES = [(name, rate.index) for name in region_names() for rate in region(name).downlink_data_rates]


@pytest.mark.parametrize(("name", "data_rate"), DOWNLINK_RATES)
def test_the_largest_size_fits_and_one_more_byte_does_not(name: str, data_rate: int) -> None:
    largest = largest_frag_size(region(name), data_rate)
    check_frag_size(region(name), data_rate, largest)
    check_frag_size(region(name), data_rate, 1)
    with pytest.raises(PlanError, match=f"so at most {largest}$"):
        check_frag_size(region(name), data_rate, largest + 1)


def test_a_fragment_that_does_not_fit_is_explained() -> None:
    with pytest.raises(PlanError) as caught:
        check_frag_size(region("EU868"), 0, 240)
    assert str(caught.value) == (
        "fragment size 240 does not fit DR0 of EU868: "
        "a frame carries 51 bytes, 3 of them are the TS004 header, so at most 48"
    )


def test_a_fragment_of_nothing_is_refused() -> None:
    with pytest.raises(ParameterError) as caught:
        check_frag_size(region("EU868"), 0, 0)
    assert str(caught.value) == "fragment size is 0: it must be from 1 to 48; the nearest is 1"


@pytest.mark.parametrize(
    ("name", "data_rate", "message"),
    [
        ("US915", 3, "is for uplinks only: downlinks use DR8, DR9, DR10, DR11, DR12, DR13; the nearest is DR8"),
        ("EU868", 8, "is for uplinks only: downlinks use DR0, DR1, DR2, DR3, DR4, DR5, DR6, DR7; the nearest is DR7"),
        ("CN470", 0, "carries nothing: downlinks use DR1, DR2, DR3, DR4, DR5, DR6, DR7; the nearest is DR1"),
    ],
)
def test_a_data_rate_of_no_downlink_is_refused_with_the_others_named(name: str, data_rate: int, message: str) -> None:
    message = f"DR{data_rate} of {name} {message}"
    with pytest.raises(PlanError) as caught:
        check_frag_size(region(name), data_rate, 1)
    assert str(caught.value) == message
    with pytest.raises(PlanError) as caught:
        largest_frag_size(region(name), data_rate)
    assert str(caught.value) == message


def test_a_data_rate_that_the_region_lacks_is_refused() -> None:
    with pytest.raises(ParameterError, match=r"^US915 has no DR7: "):
        check_frag_size(region("US915"), 7, 48)


@given(
    rate=st.sampled_from(DOWNLINK_RATES),
    cap=st.integers(0, 300),
    multiple=st.integers(1, 48),
)
def test_the_largest_size_is_the_largest_of_all_that_qualify(rate: tuple[str, int], cap: int, multiple: int) -> None:
    where, data_rate = region(rate[0]), rate[1]
    top = min(cap or 255, where.data_rate(data_rate).max_frag_size)
    qualified = [size for size in range(1, top + 1) if size % multiple == 0]
    if qualified:
        assert largest_frag_size(where, data_rate, cap, multiple) == qualified[-1]
    else:
        with pytest.raises(PlanError):
            largest_frag_size(where, data_rate, cap, multiple)


def test_no_multiple_fits() -> None:
    with pytest.raises(PlanError) as caught:
        largest_frag_size(region("EU868"), 0, multiple=64)
    expected = "no fragment size for DR0 of EU868 is a multiple of 64: at most 48 bytes fit"
    assert str(caught.value) == expected


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"cap": -1}, "cap is -1: it must be 0 (no cap) or more; the nearest is 0"),
        ({"multiple": 0}, "multiple is 0: it must be 1 or more; the nearest is 1"),
    ],
)
def test_a_cap_or_multiple_outside_its_rule_is_refused(wrong: dict[str, int], message: str) -> None:
    with pytest.raises(ParameterError) as caught:
        largest_frag_size(region("EU868"), 0, **wrong)
    assert str(caught.value) == message


def test_a_fragment_travels_in_sixteen_more_bytes() -> None:
    assert fragment_phy_bytes(48) == 64
    assert fragment_phy_bytes(239) == 255


@pytest.mark.parametrize(("size", "nearest"), [(0, 1), (256, 255)])
def test_a_fragment_size_outside_its_octet_has_no_frame(size: int, nearest: int) -> None:
    with pytest.raises(ParameterError) as caught:
        fragment_phy_bytes(size)
    assert str(caught.value) == f"fragment size is {size}: it must be from 1 to 255; the nearest is {nearest}"


# --- with a repeater, under a dwell limit, with a limit on one frame


def _frame_us(name: str, data_rate: int, frag_size: int) -> int:
    return region(name).data_rate(data_rate).time_on_air_us(fragment_phy_bytes(frag_size))


@pytest.mark.parametrize(("name", "data_rate"), DOWNLINK_RATES)
def test_with_a_repeater_the_payload_is_that_of_the_repeater(name: str, data_rate: int) -> None:
    largest = largest_frag_size(region(name), data_rate, repeater=True)
    assert largest == region(name).data_rate(data_rate).max_payload_repeater_bytes - 3
    check_frag_size(region(name), data_rate, largest, repeater=True)
    with pytest.raises(PlanError, match=f"so at most {largest}$"):
        check_frag_size(region(name), data_rate, largest + 1, repeater=True)


@pytest.mark.parametrize(("data_rate", "largest"), [(2, 8), (3, 50), (4, 122), (5, 239)])
def test_a_dwell_limit_brings_its_payload_sizes(data_rate: int, largest: int) -> None:
    as923 = region("AS923")
    limits = radio_limits(as923, 923_200_000, data_rate, dwell_ms=400)
    assert largest_frag_size(as923, data_rate, limits=limits) == largest
    assert _frame_us("AS923", data_rate, largest) <= 400_000


@pytest.mark.parametrize("data_rate", [0, 1])
def test_a_data_rate_that_carries_nothing_under_a_dwell_limit_is_refused(data_rate: int) -> None:
    as923 = region("AS923")
    limits = radio_limits(as923, 923_200_000, data_rate, dwell_ms=400)
    expected = (
        f"no fragment fits DR{data_rate} of AS923-1: a frame carries nothing under the dwell limit; "
        "the nearest data rate that carries one is DR2"
    )
    with pytest.raises(PlanError) as caught:
        check_frag_size(as923, data_rate, 1, limits=limits)
    assert str(caught.value) == expected
    with pytest.raises(PlanError) as caught:
        largest_frag_size(as923, data_rate, limits=limits)
    assert str(caught.value) == expected


def test_where_the_payload_sizes_know_no_dwell_limit_the_time_on_air_caps_the_fragment() -> None:
    au915 = region("AU915")
    limits = radio_limits(au915, 923_300_000, 8, dwell_ms=400)
    largest = largest_frag_size(au915, 8, limits=limits)
    assert _frame_us("AU915", 8, largest) <= 400_000 < _frame_us("AU915", 8, largest + 1)
    with pytest.raises(PlanError) as caught:
        check_frag_size(au915, 8, 50, limits=limits)
    expected = f"fragment size 50 does not fit DR8 of AU915: a frame may last 400 ms, so at most {largest}"
    assert str(caught.value) == expected


@pytest.mark.parametrize(("name", "data_rate"), [rate for rate in DOWNLINK_RATES if rate[0] in ("KR920", "CN470")])
def test_the_payload_sizes_keep_the_limit_of_the_region_on_one_frame(name: str, data_rate: int) -> None:
    plan = region(name)
    limits = radio_limits(plan, plan.rx2_frequency_hz, plan.rx2_data_rate)
    assert largest_frag_size(plan, data_rate, limits=limits) == largest_frag_size(plan, data_rate)


@given(rate=st.sampled_from(DOWNLINK_RATES), dwell_ms=st.integers(1, 3_000), repeater=st.booleans())
def test_a_limit_on_one_frame_is_used_up_and_never_passed(rate: tuple[str, int], dwell_ms: int, repeater: bool) -> None:
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


def test_a_limit_that_no_frame_keeps() -> None:
    limits = radio_limits(region("EU868"), 869_525_000, 0, dwell_ms=1)
    with pytest.raises(PlanError) as caught:
        largest_frag_size(region("EU868"), 0, limits=limits)
    assert str(caught.value) == "no fragment fits DR0 of EU868: a frame may last 1 ms; no data rate carries one"
