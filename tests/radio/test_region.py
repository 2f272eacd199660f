from __future__ import annotations

import dataclasses
import json
import re
from pathlib import Path
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from fuota.errors import ParameterError, PlanError
from fuota.radio import DataRate, Region, region, region_names, sub_plan_names

_DATASET = json.loads((Path(__file__).parents[1] / "vectors" / "regions.json").read_text())["regions"]
NAMES = region_names()
# CN470 has RX2, channels and class B per sub-plan, which further tests compare
WITHOUT_CN470 = tuple(name for name in NAMES if name != "CN470")
ALL_PLANS = (*NAMES, *sub_plan_names())


def _rate_fields(rate: DataRate) -> dict[str, Any]:
    names = ("modulation", "sf", "bw_hz", "bitrate_bps", "uplink", "downlink")
    return {name: getattr(rate, name) for name in names}


@pytest.mark.parametrize("name", NAMES)
def test_every_data_rate_equals_the_dataset(name: str) -> None:
    rates = {str(rate.index): _rate_fields(rate) for rate in region(name).data_rates}
    rows = _DATASET[name]["data_rates"].items()
    fields = next(iter(rates.values())).keys()
    assert rates == {index: {field: row.get(field) for field in fields} for index, row in rows}
    assert [rate.index for rate in region(name).downlink_data_rates] == _DATASET[name]["downlink_drs"]


@pytest.mark.parametrize("name", NAMES)
def test_band_power_and_limits_equal_the_dataset(name: str) -> None:
    plan, expected = region(name), _DATASET[name]
    assert list(plan.band_hz) == expected["band_hz"]
    assert plan.fixed_channels == (expected["plan"] == "fixed")
    assert plan.device_max_eirp_dbm == expected["max_eirp_dbm"]
    lbt = expected["limits"].get("lbt", {})
    assert plan.max_frame_ms == (expected["limits"].get("max_tx_ms") or lbt.get("max_tx_ms") or 0)
    dwell = expected["dwell_time"]
    assert plan.dwell_limit_ms == (dwell["limit_ms"] if dwell["tx_param_setup"] else 0)
    assert plan.status.split(":")[0] == expected.get("status", "").split(":")[0]


@pytest.mark.parametrize("name", WITHOUT_CN470)
def test_rx2_equals_the_dataset(name: str) -> None:
    plan, expected = region(name), _DATASET[name]["rx2"]
    assert (plan.rx2_frequency_hz, plan.rx2_data_rate) == (expected["frequency_hz"], expected["dr"])


@pytest.mark.parametrize("name", WITHOUT_CN470)
def test_downlink_channels_equal_the_dataset(name: str) -> None:
    fixed = _DATASET[name]["downlink_channels"].get("frequencies_hz")
    assert list(region(name).downlink_frequencies_hz) == (fixed or _DATASET[name]["default_channels_hz"])


@pytest.mark.parametrize("name", WITHOUT_CN470)
def test_ping_slot_equals_the_dataset(name: str) -> None:
    plan, expected = region(name), _DATASET[name]["class_b"]["ping_slot"]
    assert list(plan.ping_slot_frequencies_hz) == expected["frequencies_hz"]
    assert plan.ping_slot_data_rate == expected["dr"]
    assert plan.ping_slot_hopping == expected["hopping"]


@pytest.mark.parametrize("name", WITHOUT_CN470)
def test_beacon_channels_equal_the_dataset(name: str) -> None:
    beacon, expected = region(name).beacon, _DATASET[name]["class_b"]["beacon"]
    assert list(beacon.frequencies_hz) == expected["frequencies_hz"]
    assert beacon.hopping == expected["hopping"]


@pytest.mark.parametrize("name", ALL_PLANS)
def test_beacon_frame_equals_the_dataset(name: str) -> None:
    beacon, expected = region(name).beacon, _DATASET[name[:5] if "CN470" in name else name]["class_b"]["beacon"]
    fields = (beacon.data_rate, beacon.payload_bytes, beacon.airtime_us)
    assert fields == (expected["dr"], expected["payload_bytes"], expected["airtime_us"])


@pytest.mark.parametrize("name", NAMES)
def test_sub_bands_equal_the_dataset(name: str) -> None:
    rows = _DATASET[name]["limits"]["sub_bands"]
    if name == "US915":
        rows = [row for row in rows if not row["name"].startswith("uplink")]  # gateways do not send there
    bands = [band for band in region(name).sub_bands if band.name != "rest of the band"]
    assert [(band.low_hz, band.high_hz) for band in bands] == [(row["min_hz"], row["max_hz"]) for row in rows]
    legal = [band.legal_duty_cycle_ppm or band.duty_cycle_ppm for band in bands]
    assert legal == [round(row["duty_cycle"] * 1_000_000) for row in rows]
    highest = [row.get("max_eirp_dbm") or row["gateway_max_eirp_dbm"] for row in rows]
    assert [band.max_eirp_dbm for band in bands] == highest
    assert all(band.source for band in bands)


def test_names_of_the_european_sub_bands_equal_the_dataset() -> None:
    names = [row["name"] for row in _DATASET["EU868"]["limits"]["sub_bands"]]
    assert [band.name for band in region("EU868").sub_bands] == names == ["K", "L", "M", "N", "P", "R"]


@pytest.mark.parametrize("name", ["AS923-1", "AS923-2", "AS923-3", "AS923-4"])
def test_caller_must_know_the_law_for_the_rest_of_an_asian_band(name: str) -> None:
    plan = region(name)
    default, rest = plan.sub_bands
    assert (rest.low_hz, rest.high_hz) == plan.band_hz
    assert rest.duty_cycle_ppm == default.duty_cycle_ppm == 10_000
    assert "law of the country" in rest.note
    assert {plan.sub_band(hz, 125_000) for hz in plan.downlink_frequencies_hz} == {default}
    assert plan.sub_band(plan.band_hz[0] + 62_500, 125_000) is rest


def test_russian_plan_uses_less_than_the_law_allows() -> None:
    band = region("RU864").sub_band(869_100_000, 125_000)
    assert (band.duty_cycle_ppm, band.legal_duty_cycle_ppm) == (10_000, 100_000)


@pytest.mark.parametrize("name", NAMES)
def test_gateway_power_equals_the_dataset(name: str) -> None:
    typical = dict(_DATASET[name]["gateway_eirp_dbm_typical"])
    plan, elsewhere = region(name), typical.pop("all", None) or typical.pop("elsewhere")
    for span, dbm in typical.items():
        low_hz, high_hz = map(int, span.split("-"))
        assert plan.gateway_eirp_dbm((low_hz + high_hz) // 2) == dbm
        assert plan.gateway_eirp_dbm(low_hz) == plan.gateway_eirp_dbm(high_hz) == dbm
    for hz in plan.downlink_frequencies_hz:
        assert plan.gateway_eirp_dbm(hz) == elsewhere


# --- consistency within each file


@pytest.mark.parametrize("name", ALL_PLANS)
def test_every_channel_of_a_plan_is_in_a_sub_band(name: str) -> None:
    plan = region(name)
    rates = {rate.index: rate for rate in plan.downlink_data_rates}
    channels = [(plan.rx2_frequency_hz, plan.rx2_data_rate)]
    channels += [(hz, plan.ping_slot_data_rate) for hz in plan.ping_slot_frequencies_hz]
    channels += [(hz, plan.beacon.data_rate) for hz in plan.beacon.frequencies_hz]
    channels += [(hz, max(rates, key=lambda index: rates[index].sf or 0)) for hz in plan.downlink_frequencies_hz]
    for hz, index in channels:
        assert plan.sub_band(hz, rates[index].bandwidth_hz)
        assert plan.band_hz[0] <= hz <= plan.band_hz[1]


@pytest.mark.parametrize("name", ALL_PLANS)
def test_sub_bands_are_in_the_band_and_have_valid_limits(name: str) -> None:
    plan = region(name)
    for band in plan.sub_bands:
        assert plan.band_hz[0] <= band.low_hz < band.high_hz <= plan.band_hz[1]
        assert 0 < band.duty_cycle_ppm <= 1_000_000
        assert band.gateway_eirp_dbm <= band.max_eirp_dbm
        assert band.bounds in ("spectrum", "centre")


@pytest.mark.parametrize("name", ALL_PLANS)
def test_plans_hop_exactly_if_they_have_several_channels(name: str) -> None:
    plan = region(name)
    assert plan.ping_slot_hopping == (len(plan.ping_slot_frequencies_hz) > 1)
    assert plan.beacon.hopping == (len(plan.beacon.frequencies_hz) > 1)


# --- CN470, by sub-plan and common join channel


def _cn470(plan: str, join_channel: int) -> Region:
    name = f"CN470-{plan}-{join_channel}" if plan in ("20A", "20B") else f"CN470-{plan}"
    return region(name)


JOIN_CHANNELS = [("20A", index) for index in range(8)] + [("20B", 8), ("20B", 9), ("26A", 10), ("26B", 15)]


@pytest.mark.parametrize(("plan", "join_channel"), JOIN_CHANNELS)
def test_sub_plan_of_cn470_equals_the_dataset(plan: str, join_channel: int) -> None:
    sub_plan, data = _cn470(plan, join_channel), _DATASET["CN470"]
    assert list(sub_plan.downlink_frequencies_hz) == data["sub_plans"][plan]["downlink_hz"]
    rx2 = data["rx2"]["by_plan"][plan]
    expected_hz = rx2.get("hz") or rx2["otaa_by_common_join_channel_hz"][str(join_channel)]
    assert (sub_plan.rx2_frequency_hz, sub_plan.rx2_data_rate) == (expected_hz, data["rx2"]["dr"])
    for shared in ("data_rates", "sub_bands", "band_hz", "max_frame_ms", "notes"):
        assert getattr(sub_plan, shared) == getattr(region("CN470"), shared)


@pytest.mark.parametrize("join_channel", range(8))
@pytest.mark.parametrize("address", [0, 5, 0xFFFFFFFF])
def test_class_b_of_sub_plan_20a_hops_over_eight_channels(join_channel: int, address: int) -> None:
    # Dataset: downlink channel = 8*common_join_channel + (DevAddr + floor(beacon_time/128)) mod 8; beacon without DevAddr
    sub_plan, channels = _cn470("20A", join_channel), _DATASET["CN470"]["sub_plans"]["20A"]["downlink_hz"]
    for beacon in range(20):
        assert sub_plan.ping_slot_hz(address, beacon * 128) == channels[8 * join_channel + (address + beacon) % 8]
        assert sub_plan.beacon_hz(beacon * 128) == channels[8 * join_channel + beacon % 8]


@pytest.mark.parametrize("join_channel", [8, 9])
@pytest.mark.parametrize("address", [0, 31, 0x01020304])
def test_class_b_of_sub_plan_20b_hops_over_32_channels(join_channel: int, address: int) -> None:
    # Dataset: downlink channel = 32*(common_join_channel-8) + (DevAddr + floor(beacon_time/128)) mod 32
    sub_plan, data = _cn470("20B", join_channel), _DATASET["CN470"]["sub_plans"]["20B"]
    for beacon in range(40):
        channel = 32 * (join_channel - 8) + (address + beacon) % 32
        assert sub_plan.ping_slot_hz(address, beacon * 128) == data["downlink_hz"][channel]
        assert sub_plan.beacon_hz(beacon * 128) == data["beacon"]["by_common_join_channel_hz"][str(join_channel)]


@pytest.mark.parametrize("plan", ["26A", "26B"])
def test_class_b_of_the_26_mhz_sub_plans_does_not_hop(plan: str) -> None:
    sub_plan, data = region(f"CN470-{plan}"), _DATASET["CN470"]["sub_plans"][plan]
    assert list(sub_plan.ping_slot_frequencies_hz) == data["ping_slot"]["frequencies_hz"]
    assert {sub_plan.beacon_hz(beacon * 128) for beacon in range(9)} == set(data["beacon"]["frequencies_hz"])


# --- methods of a region


@pytest.mark.parametrize("name", ["IN865", "EU868"])
@pytest.mark.parametrize("index", [-1, 14])
def test_unknown_data_rate_is_refused_with_the_nearest(name: str, index: int) -> None:
    known = [rate.index for rate in region(name).data_rates]
    nearest = known[0] if index < 0 else known[-1]
    with pytest.raises(ParameterError) as caught:
        region(name).data_rate(index)
    names = ", ".join(f"DR{known_index}" for known_index in known)
    message = str(caught.value)
    assert message.startswith(f"{name} has no DR{index}")
    assert names in message
    assert f"nearest: DR{nearest}" in message


def test_index_of_a_channel_equals_that_of_the_server() -> None:
    # SenRa application API, mcastTransfer: txChnl 7 is 927.5 MHz
    assert region("US915").channel_hz(7) == 927_500_000
    assert region("US915").channel_index(927_500_000) == 7
    assert region("US915").channel_index(927_400_000) is None


@pytest.mark.parametrize("name", ALL_PLANS)
def test_every_channel_has_one_index(name: str) -> None:
    plan = region(name)
    indexes = [plan.channel_index(hz) for hz in plan.downlink_frequencies_hz]
    assert indexes == list(range(len(plan.downlink_frequencies_hz)))
    assert [plan.channel_hz(index) for index in range(len(indexes))] == list(plan.downlink_frequencies_hz)


@pytest.mark.parametrize(("index", "nearest"), [(-1, 0), (8, 7), (99, 7)])
def test_channel_that_the_plan_lacks_is_refused(index: int, nearest: int) -> None:
    with pytest.raises(ParameterError, match=rf"no downlink channel {index}; .* 0 to 7 \(nearest: {nearest}\)"):
        region("US915").channel_hz(index)


@pytest.mark.parametrize("name", ALL_PLANS)
def test_default_channel_is_rx2_or_the_hopping_ping_slots(name: str) -> None:
    plan = region(name)
    assert plan.default_channel("C") == (plan.rx2_frequency_hz,)
    hops = name in ("US915", "AU915", "CN470") or name.startswith("CN470-20")
    assert plan.default_channel("B") == (plan.ping_slot_frequencies_hz if hops else (plan.rx2_frequency_hz,))


def test_class_a_is_refused_for_a_multicast() -> None:
    with pytest.raises(ParameterError, match=r"^device class must be one of B, C, got 'A'"):
        region("EU868").default_channel("A")  # type: ignore[arg-type]


def test_ping_slots_and_beacons_hop_over_the_downlink_channels() -> None:
    plan = region("US915")
    assert [plan.beacon_hz(beacon * 128) for beacon in range(9)] == [plan.channel_hz(index % 8) for index in range(9)]
    assert plan.ping_slot_hz(3, 0) == plan.channel_hz(3)
    assert plan.ping_slot_hz(3, 6 * 128 + 127) == plan.channel_hz((3 + 6) % 8)


def test_region_without_hopping_has_one_ping_slot_frequency() -> None:
    assert {region("RU864").ping_slot_hz(7, beacon * 128) for beacon in range(9)} == {868_900_000}
    assert {region("RU864").beacon_hz(beacon * 128) for beacon in range(9)} == {869_100_000}


# --- the sub-band of a channel


@pytest.mark.parametrize(
    ("name", "frequency_hz", "bw_hz", "sub_band"),
    [
        ("EU868", 869_525_000, 125_000, "P"),
        ("EU868", 869_525_000, 250_000, "P"),  # fills the sub-band exactly
        ("EU868", 868_500_000, 125_000, "M"),
        ("EU868", 867_900_000, 125_000, "L"),
        ("EU868", 869_137_500, 125_000, "N"),
        ("KR920", 921_900_000, 125_000, "lower"),  # a table of centre frequencies: the spectrum may exceed the edge
        ("KR920", 923_300_000, 125_000, "upper"),
        ("US915", 923_300_000, 500_000, "downlink"),
        ("RU864", 869_075_000, 250_000, "high"),
    ],
)
def test_sub_band_that_contains_a_channel(name: str, frequency_hz: int, bw_hz: int, sub_band: str) -> None:
    assert region(name).sub_band(frequency_hz, bw_hz).name == sub_band


@pytest.mark.parametrize(
    ("name", "frequency_hz", "bw_hz", "nearest"),
    [
        ("EU868", 862_000_000, 125_000, "863062500 Hz, in sub-band K (863 to 865 MHz for the whole spectrum)"),
        ("EU868", 868, 125_000, "863062500 Hz, in sub-band K (863 to 865 MHz for the whole spectrum)"),
        ("EU868", 869_250_000, 125_000, "869137500 Hz, in sub-band N (868.7 to 869.2 MHz for the whole spectrum)"),
        # equally far from N and P; P has the larger duty cycle
        ("EU868", 869_300_000, 125_000, "869462500 Hz, in sub-band P (869.4 to 869.65 MHz for the whole spectrum)"),
        ("EU868", 868_500_000, 250_000, "868475000 Hz, in sub-band M (868 to 868.6 MHz for the whole spectrum)"),
        ("RU864", 869_100_000, 250_000, "869075000 Hz, in sub-band high (868.7 to 869.2 MHz for the whole spectrum)"),
        (
            "KR920",
            922_000_000,
            125_000,
            "921900000 Hz, in sub-band lower (920.9 to 921.9 MHz for the centre frequency)",
        ),
        (
            "KR920",
            923_150_000,
            125_000,
            "923100000 Hz, in sub-band upper (922.1 to 923.3 MHz for the centre frequency)",
        ),
        (
            "KR920",
            925_000_000,
            125_000,
            "923300000 Hz, in sub-band upper (922.1 to 923.3 MHz for the centre frequency)",
        ),
        # a fixed plan: the nearest channel, not the nearest edge
        ("US915", 915_000_000, 500_000, "923300000 Hz, in sub-band downlink (923 to 928 MHz for the whole spectrum)"),
        ("AU915", 900_000_000, 500_000, "923300000 Hz, in sub-band AU915 (915 to 928 MHz for the whole spectrum)"),
    ],
)
def test_channel_outside_all_sub_bands_is_refused_with_the_nearest(
    name: str, frequency_hz: int, bw_hz: int, nearest: str
) -> None:
    with pytest.raises(PlanError) as caught:
        region(name).sub_band(frequency_hz, bw_hz)
    message = str(caught.value)
    assert message.startswith(f"{frequency_hz} Hz with {bw_hz} Hz of bandwidth is in no sub-band of {name}")
    assert nearest in message


def test_channel_too_wide_for_all_sub_bands_is_refused() -> None:
    with pytest.raises(PlanError, match=r"500000 Hz of bandwidth .* CN470: .* at most 200000 Hz"):
        region("CN470").sub_band(485_300_000, 500_000)


def _refusal(plan: Region, frequency_hz: int, bw_hz: int) -> str | None:
    try:
        plan.sub_band(frequency_hz, bw_hz)
    except PlanError as error:
        return str(error)
    return None


FREE = [region(name) for name in ALL_PLANS if not region(name).fixed_channels]
CHANNELS = sorted({(plan.name, rate.bandwidth_hz) for plan in FREE for rate in plan.downlink_data_rates})
# A plan, one of its bandwidths, and a position in its band from slightly below to slightly above it
CHANNEL_REQUESTS = st.tuples(st.sampled_from(CHANNELS), st.floats(-0.2, 1.2))


def _channel(request: tuple[tuple[str, int], float]) -> tuple[Region, int, int]:
    (name, bw_hz), share = request
    low_hz, high_hz = region(name).band_hz
    return region(name), low_hz + round(share * (high_hz - low_hz)), bw_hz


@given(channel=CHANNEL_REQUESTS, between=st.floats(0, 1, exclude_max=True))
def test_named_nearest_frequency_is_legal_and_no_nearer_one_is(channel: tuple[str, float, int], between: float) -> None:
    plan, frequency_hz, bw_hz = _channel(channel)
    refusal = _refusal(plan, frequency_hz, bw_hz)
    assume(refusal)
    match = re.search(r"nearest legal frequency is (\d+) Hz, in sub-band (.*) \(", refusal or "")
    assert match
    nearest_hz = int(match[1])
    assert plan.sub_band(nearest_hz, bw_hz).name == match[2]
    assert _refusal(plan, frequency_hz + int(between * (nearest_hz - frequency_hz)), bw_hz)


@given(channel=CHANNEL_REQUESTS)
def test_channel_is_within_the_edges_of_its_sub_band(channel: tuple[tuple[str, int], float]) -> None:
    plan, frequency_hz, bw_hz = _channel(channel)
    assume(not _refusal(plan, frequency_hz, bw_hz))
    band = plan.sub_band(frequency_hz, bw_hz)
    edge_hz = bw_hz / 2 if band.bounds == "spectrum" else 0
    assert band.low_hz + edge_hz <= frequency_hz <= band.high_hz - edge_hz
    assert not band.step_hz or (frequency_hz - band.low_hz) % band.step_hz == 0


def test_regions_are_immutable() -> None:
    with pytest.raises(dataclasses.FrozenInstanceError):
        region("EU868").rx2_data_rate = 3  # type: ignore[misc]
