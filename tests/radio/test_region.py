from __future__ import annotations

import dataclasses
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from fuota.errors import ParameterError, PlanError
from fuota.radio import DataRate, region, region_names

_DATASET = json.loads((Path(__file__).parents[1] / "vectors" / "regions.json").read_text())["regions"]
NAMES = ("EU868", "IN865", "US915")


def _expected_rates(name: str) -> list[DataRate]:
    return [_expected_rate(int(index), row) for index, row in _DATASET[name]["data_rates"].items()]


def _expected_rate(index: int, row: dict[str, Any]) -> DataRate:
    same = {key: row.get(key) for key in ("modulation", "sf", "bw_hz", "bitrate_bps", "uplink", "downlink")}
    return DataRate(
        index=index,
        max_payload_bytes=row["max_payload"]["no_repeater"]["N"],
        max_payload_repeater_bytes=row["max_payload"]["repeater"]["N"],
        **same,
    )


def test_the_regions_by_name() -> None:
    assert region_names() == NAMES
    assert [region(name).name for name in NAMES] == list(NAMES)


@pytest.mark.parametrize("name", NAMES)
def test_every_data_rate_equals_the_dataset(name: str) -> None:
    assert list(region(name).data_rates) == _expected_rates(name)


@pytest.mark.parametrize("name", NAMES)
def test_downlink_data_rates_equal_the_dataset(name: str) -> None:
    assert [rate.index for rate in region(name).downlink_data_rates] == _DATASET[name]["downlink_drs"]


@pytest.mark.parametrize("name", NAMES)
def test_rx2_equals_the_dataset(name: str) -> None:
    found = region(name)
    assert {"frequency_hz": found.rx2_frequency_hz, "dr": found.rx2_data_rate}.items() <= _DATASET[name]["rx2"].items()
    assert found.data_rate(found.rx2_data_rate).downlink


@pytest.mark.parametrize("name", NAMES)
def test_downlink_channels_equal_the_dataset(name: str) -> None:
    fixed = _DATASET[name]["downlink_channels"].get("frequencies_hz")
    assert list(region(name).downlink_frequencies_hz) == (fixed or _DATASET[name]["default_channels_hz"])


@pytest.mark.parametrize("name", NAMES)
def test_ping_slot_equals_the_dataset(name: str) -> None:
    found, expected = region(name), _DATASET[name]["class_b"]["ping_slot"]
    assert list(found.ping_slot_frequencies_hz) == expected["frequencies_hz"]
    assert found.ping_slot_data_rate == expected["dr"]
    assert found.ping_slot_hopping == expected["hopping"]


@pytest.mark.parametrize("name", NAMES)
def test_a_full_frame_lasts_as_long_as_the_dataset_says(name: str) -> None:
    for rate in region(name).downlink_data_rates:
        expected = _DATASET[name]["data_rates"][str(rate.index)]["fuota_full_frame"]["no_repeater"]
        assert rate.max_frag_size == expected["max_fragment_bytes"]
        assert rate.time_on_air_us(expected["phy_bytes"]) == expected["airtime_us"]


@pytest.mark.parametrize("name", NAMES)
def test_a_region_answers_to_every_alias_in_any_case(name: str) -> None:
    for alias in (_DATASET[name]["name"], *_DATASET[name]["aliases"].values()):
        assert region(alias.lower()) is region(alias.upper()) is region(name)


def test_the_fragment_size_field_of_one_octet_bounds_the_fragment() -> None:
    wide = dataclasses.replace(region("EU868").data_rate(5), max_payload_bytes=300)
    assert wide.max_frag_size == 255


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("EU686", "unknown region 'EU686': known are EU868, IN865, US915; the closest is EU868"),
        ("us902-829", "unknown region 'us902-829': known are EU868, IN865, US915; the closest is US915"),
        ("?", "unknown region '?': known are EU868, IN865, US915"),
    ],
)
def test_an_unknown_region_is_refused(name: str, message: str) -> None:
    with pytest.raises(ParameterError) as caught:
        region(name)
    assert str(caught.value) == message


@pytest.mark.parametrize(
    ("name", "index", "message"),
    [
        ("IN865", 6, "IN865 has no DR6: it has DR0, DR1, DR2, DR3, DR4, DR5, DR7"),
        ("IN865", -1, "IN865 has no DR-1: it has DR0, DR1, DR2, DR3, DR4, DR5, DR7"),
    ],
)
def test_an_unknown_data_rate_is_refused(name: str, index: int, message: str) -> None:
    with pytest.raises(ParameterError) as caught:
        region(name).data_rate(index)
    assert str(caught.value) == message


@pytest.mark.parametrize(("name", "index", "modulation"), [("EU868", 8, "LRFHSS"), ("US915", 3, "LORA")])
def test_an_uplink_only_data_rate_has_no_time_on_air(name: str, index: int, modulation: str) -> None:
    with pytest.raises(PlanError) as caught:
        region(name).data_rate(index).time_on_air_us(64)
    expected = f"DR{index} ({modulation}) is for uplinks only: no downlink has a time on air there"
    assert str(caught.value) == expected


def test_regions_cannot_be_changed() -> None:
    with pytest.raises(dataclasses.FrozenInstanceError):
        region("EU868").rx2_data_rate = 3  # type: ignore[misc]


def test_importing_the_room_loads_nothing_heavy() -> None:
    program = "import sys, fuota.radio as radio; radio.region('EU868'); print('numpy' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"
