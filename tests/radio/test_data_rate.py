from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import Any

import pytest

from fuota.errors import PlanError
from fuota.radio import DataRate, fragment_phy_bytes, region, region_names, time_on_air_us

_DATASET = json.loads((Path(__file__).parents[1] / "vectors" / "regions.json").read_text())["regions"]
_CASES = {
    "no_repeater": {},
    "repeater": {"repeater": True},
    "no_repeater_dwell400": {"dwell": True},
    "repeater_dwell400": {"repeater": True, "dwell": True},
}
RATES = [
    pytest.param(rate, _DATASET[name]["data_rates"][str(rate.index)], id=f"{name}-DR{rate.index}")
    for name in region_names()
    for rate in region(name).data_rates
]
FRAMES = [
    pytest.param(rate, frame, row["max_payload"][case]["N"], id=f"{name}-DR{rate.index}-{case}")
    for name in region_names()
    for rate in region(name).data_rates
    for row in [_DATASET[name]["data_rates"][str(rate.index)]]
    for case, frame in row.get("fuota_full_frame", {}).items()
    if frame
]


@pytest.mark.parametrize(("rate", "row"), RATES)
def test_largest_payload_of_every_case_equals_the_dataset(rate: DataRate, row: dict[str, Any]) -> None:
    # The dataset has null if a rate is unusable. If it has no dwell cases, the cases without dwell apply.
    sizes = {case: size["N"] if size else 0 for case, size in row["max_payload"].items()}
    for case, options in _CASES.items():
        expected = sizes[case] if case in sizes else sizes[case.removesuffix("_dwell400")]
        assert rate.max_payload(**options) == expected


@pytest.mark.parametrize(("rate", "row"), RATES)
def test_dwell_sizes_are_given_only_if_they_differ(rate: DataRate, row: dict[str, Any]) -> None:
    changed = rate.max_payload(dwell=True) != rate.max_payload()
    assert (rate.max_payload_dwell_bytes is not None) == changed
    assert (rate.max_payload_dwell_repeater_bytes is not None) == changed


def test_every_downlink_rate_has_a_full_frame_in_the_dataset() -> None:
    downlinks = sum(len(region(name).downlink_data_rates) for name in region_names())
    # Two cases each; four in AU915 (6 rates) and AS923 (8 rates; two of them carry nothing under the dwell limit).
    assert len(FRAMES) == 2 * downlinks + 2 * (6 + 4 * (8 - 2))


@pytest.mark.parametrize(("rate", "frame", "payload"), FRAMES)
def test_full_frame_equals_the_dataset(rate: DataRate, frame: dict[str, int], payload: int) -> None:
    resized = dataclasses.replace(rate, max_payload_bytes=payload)
    assert resized.max_frag_size == frame["max_fragment_bytes"]
    assert fragment_phy_bytes(resized.max_frag_size) == frame["phy_bytes"]
    assert rate.time_on_air_us(frame["phy_bytes"]) == frame["airtime_us"]
    if rate.sf and rate.bw_hz:
        with_crc_us = time_on_air_us(sf=rate.sf, bw_hz=rate.bw_hz, phy_payload_bytes=frame["phy_bytes"], crc=True)
        assert with_crc_us == frame["airtime_us_if_gateway_adds_crc"]


def test_frag_size_of_one_byte_limits_the_fragment() -> None:
    wide = dataclasses.replace(region("EU868").data_rate(5), max_payload_bytes=300)
    assert wide.max_frag_size == 255


def test_rate_that_carries_nothing_has_fragment_size_0() -> None:
    assert region("CN470").data_rate(0).max_frag_size == 0


@pytest.mark.parametrize(
    ("name", "index", "message"),
    [
        ("EU868", 8, "DR8 (LRFHSS) is for uplinks only"),
        ("US915", 3, "DR3 (LORA) is for uplinks only"),
        ("CN470", 0, "DR0 (LORA) carries nothing"),
    ],
)
def test_rate_of_no_downlink_has_neither_time_on_air_nor_bandwidth(name: str, index: int, message: str) -> None:
    rate = region(name).data_rate(index)
    with pytest.raises(PlanError) as caught:
        rate.time_on_air_us(64)
    assert message in str(caught.value)
    with pytest.raises(PlanError):
        _ = rate.bandwidth_hz


@pytest.mark.parametrize(("index", "bandwidth_hz"), [(0, 125_000), (6, 250_000), (7, 100_000)])
def test_bandwidth_of_a_downlink(index: int, bandwidth_hz: int) -> None:
    assert region("EU868").data_rate(index).bandwidth_hz == bandwidth_hz
