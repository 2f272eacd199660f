from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fuota.errors import ParameterError, PlanError
from fuota.radio import check_frag_size, fragment_phy_bytes, largest_frag_size, region, region_names

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
        ("US915", 3, "DR3 of US915 is for uplinks only: downlinks use DR8, DR9, DR10, DR11, DR12, DR13"),
        ("EU868", 8, "DR8 of EU868 is for uplinks only: downlinks use DR0, DR1, DR2, DR3, DR4, DR5, DR6, DR7"),
    ],
)
def test_an_uplink_only_data_rate_is_refused_with_the_others_named(name: str, data_rate: int, message: str) -> None:
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
