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
# CN470 has RX2, channels and class B per sub-plan: compared further down
ALONE = tuple(name for name in NAMES if name != "CN470")
ALL_PLANS = (*NAMES, *sub_plan_names())


def _rate_fields(rate: DataRate) -> dict[str, Any]:
    same = ("modulation", "sf", "bw_hz", "bitrate_bps", "uplink", "downlink")
    return {name: getattr(rate, name) for name in same}


@pytest.mark.parametrize("name", NAMES)
def test_every_data_rate_equals_the_dataset(name: str) -> None:
    found = {str(rate.index): _rate_fields(rate) for rate in region(name).data_rates}
    rows = _DATASET[name]["data_rates"].items()
    fields = next(iter(found.values())).keys()
    assert found == {index: {field: row.get(field) for field in fields} for index, row in rows}
    assert [rate.index for rate in region(name).downlink_data_rates] == _DATASET[name]["downlink_drs"]


@pytest.mark.parametrize("name", NAMES)
def test_band_power_and_limits_equal_the_dataset(name: str) -> None:
    found, expected = region(name), _DATASET[name]
    assert list(found.band_hz) == expected["band_hz"]
    assert found.fixed_channels == (expected["plan"] == "fixed")
    assert found.device_max_eirp_dbm == expected["max_eirp_dbm"]
    lbt = expected["limits"].get("lbt", {})
    assert found.max_frame_ms == (expected["limits"].get("max_tx_ms") or lbt.get("max_tx_ms") or 0)
    dwell = expected["dwell_time"]
    assert found.dwell_limit_ms == (dwell["limit_ms"] if dwell["tx_param_setup"] else 0)
    assert found.status.split(":")[0] == expected.get("status", "").split(":")[0]


@pytest.mark.parametrize("name", ALONE)
def test_rx2_equals_the_dataset(name: str) -> None:
    found, expected = region(name), _DATASET[name]["rx2"]
    assert (found.rx2_frequency_hz, found.rx2_data_rate) == (expected["frequency_hz"], expected["dr"])


@pytest.mark.parametrize("name", ALONE)
def test_downlink_channels_equal_the_dataset(name: str) -> None:
    fixed = _DATASET[name]["downlink_channels"].get("frequencies_hz")
    assert list(region(name).downlink_frequencies_hz) == (fixed or _DATASET[name]["default_channels_hz"])


@pytest.mark.parametrize("name", ALONE)
def test_ping_slot_equals_the_dataset(name: str) -> None:
    found, expected = region(name), _DATASET[name]["class_b"]["ping_slot"]
    assert list(found.ping_slot_frequencies_hz) == expected["frequencies_hz"]
    assert found.ping_slot_data_rate == expected["dr"]
    assert found.ping_slot_hopping == expected["hopping"]


@pytest.mark.parametrize("name", ALONE)
def test_the_beacon_equals_the_dataset(name: str) -> None:
    found, expected = region(name).beacon, _DATASET[name]["class_b"]["beacon"]
    assert list(found.frequencies_hz) == expected["frequencies_hz"]
    assert found.hopping == expected["hopping"]


@pytest.mark.parametrize("name", ALL_PLANS)
def test_the_frame_of_the_beacon_equals_the_dataset(name: str) -> None:
    found, expected = region(name).beacon, _DATASET[name[:5] if "CN470" in name else name]["class_b"]["beacon"]
    figures = (found.data_rate, found.payload_bytes, found.airtime_us)
    assert figures == (expected["dr"], expected["payload_bytes"], expected["airtime_us"])


@pytest.mark.parametrize("name", NAMES)
def test_the_sub_bands_equal_the_dataset(name: str) -> None:
    rows = _DATASET[name]["limits"]["sub_bands"]
    if name == "US915":
        rows = [row for row in rows if not row["name"].startswith("uplink")]  # no gateway sends there
    found = [band for band in region(name).sub_bands if band.name != "rest of the band"]
    assert [(band.low_hz, band.high_hz) for band in found] == [(row["min_hz"], row["max_hz"]) for row in rows]
    legal = [band.legal_duty_cycle_ppm or band.duty_cycle_ppm for band in found]
    assert legal == [round(row["duty_cycle"] * 1_000_000) for row in rows]
    highest = [row.get("max_eirp_dbm") or row["gateway_max_eirp_dbm"] for row in rows]
    assert [band.max_eirp_dbm for band in found] == highest
    assert all(band.source for band in found)


def test_the_names_of_the_european_sub_bands_are_those_of_the_dataset() -> None:
    named = [row["name"] for row in _DATASET["EU868"]["limits"]["sub_bands"]]
    assert [band.name for band in region("EU868").sub_bands] == named == ["K", "L", "M", "N", "P", "R"]


@pytest.mark.parametrize("name", ["AS923-1", "AS923-2", "AS923-3", "AS923-4"])
def test_over_the_rest_of_an_asian_band_the_caller_has_to_know_the_law(name: str) -> None:
    found = region(name)
    default, rest = found.sub_bands
    assert (rest.low_hz, rest.high_hz) == found.band_hz
    assert rest.duty_cycle_ppm == default.duty_cycle_ppm == 10_000
    assert "law of the country" in rest.note
    assert {found.sub_band(hz, 125_000) for hz in found.downlink_frequencies_hz} == {default}
    assert found.sub_band(found.band_hz[0] + 62_500, 125_000) is rest


def test_the_russian_plan_uses_less_than_the_law_allows() -> None:
    found = region("RU864").sub_band(869_100_000, 125_000)
    assert (found.duty_cycle_ppm, found.legal_duty_cycle_ppm) == (10_000, 100_000)


@pytest.mark.parametrize("name", NAMES)
def test_the_power_of_gateways_equals_the_dataset(name: str) -> None:
    typical = dict(_DATASET[name]["gateway_eirp_dbm_typical"])
    found, elsewhere = region(name), typical.pop("all", None) or typical.pop("elsewhere")
    for span, dbm in typical.items():
        low_hz, high_hz = map(int, span.split("-"))
        assert found.gateway_eirp_dbm((low_hz + high_hz) // 2) == dbm
        assert found.gateway_eirp_dbm(low_hz) == found.gateway_eirp_dbm(high_hz) == dbm
    for hz in found.downlink_frequencies_hz:
        assert found.gateway_eirp_dbm(hz) == elsewhere


# --- every file is consistent in itself


@pytest.mark.parametrize("name", ALL_PLANS)
def test_every_channel_of_a_plan_lies_in_a_sub_band(name: str) -> None:
    plan = region(name)
    rates = {rate.index: rate for rate in plan.downlink_data_rates}
    named = [(plan.rx2_frequency_hz, plan.rx2_data_rate)]
    named += [(hz, plan.ping_slot_data_rate) for hz in plan.ping_slot_frequencies_hz]
    named += [(hz, plan.beacon.data_rate) for hz in plan.beacon.frequencies_hz]
    named += [(hz, max(rates, key=lambda index: rates[index].sf or 0)) for hz in plan.downlink_frequencies_hz]
    for hz, index in named:
        assert plan.sub_band(hz, rates[index].bandwidth_hz)
        assert plan.band_hz[0] <= hz <= plan.band_hz[1]


@pytest.mark.parametrize("name", ALL_PLANS)
def test_sub_bands_lie_in_the_band_and_have_power_and_duty_cycle_to_give(name: str) -> None:
    plan = region(name)
    for band in plan.sub_bands:
        assert plan.band_hz[0] <= band.low_hz < band.high_hz <= plan.band_hz[1]
        assert 0 < band.duty_cycle_ppm <= 1_000_000
        assert band.gateway_eirp_dbm <= band.max_eirp_dbm
        assert band.bounds in ("spectrum", "centre")


@pytest.mark.parametrize("name", ALL_PLANS)
def test_hopping_is_over_several_channels_and_nothing_else_is(name: str) -> None:
    plan = region(name)
    assert plan.ping_slot_hopping == (len(plan.ping_slot_frequencies_hz) > 1)
    assert plan.beacon.hopping == (len(plan.beacon.frequencies_hz) > 1)


# --- CN470, by sub-plan and common join channel


def _cn470(plan: str, join_channel: int) -> Region:
    name = f"CN470-{plan}-{join_channel}" if plan in ("20A", "20B") else f"CN470-{plan}"
    return region(name)


JOIN_CHANNELS = [("20A", index) for index in range(8)] + [("20B", 8), ("20B", 9), ("26A", 10), ("26B", 15)]


@pytest.mark.parametrize(("plan", "join_channel"), JOIN_CHANNELS)
def test_a_sub_plan_of_cn470_equals_the_dataset(plan: str, join_channel: int) -> None:
    found, data = _cn470(plan, join_channel), _DATASET["CN470"]
    assert list(found.downlink_frequencies_hz) == data["sub_plans"][plan]["downlink_hz"]
    rx2 = data["rx2"]["by_plan"][plan]
    expected_hz = rx2.get("hz") or rx2["otaa_by_common_join_channel_hz"][str(join_channel)]
    assert (found.rx2_frequency_hz, found.rx2_data_rate) == (expected_hz, data["rx2"]["dr"])
    for shared in ("data_rates", "sub_bands", "band_hz", "max_frame_ms", "notes"):
        assert getattr(found, shared) == getattr(region("CN470"), shared)


@pytest.mark.parametrize("join_channel", range(8))
@pytest.mark.parametrize("address", [0, 5, 0xFFFFFFFF])
def test_class_b_of_sub_plan_20a(join_channel: int, address: int) -> None:
    # Dataset: downlink channel = 8*common_join_channel + (DevAddr + floor(beacon_time/128)) mod 8; beacon without DevAddr
    found, channels = _cn470("20A", join_channel), _DATASET["CN470"]["sub_plans"]["20A"]["downlink_hz"]
    for beacon in range(20):
        assert found.ping_slot_hz(address, beacon * 128) == channels[8 * join_channel + (address + beacon) % 8]
        assert found.beacon_hz(beacon * 128) == channels[8 * join_channel + beacon % 8]


@pytest.mark.parametrize("join_channel", [8, 9])
@pytest.mark.parametrize("address", [0, 31, 0x01020304])
def test_class_b_of_sub_plan_20b(join_channel: int, address: int) -> None:
    # Dataset: downlink channel = 32*(common_join_channel-8) + (DevAddr + floor(beacon_time/128)) mod 32
    found, data = _cn470("20B", join_channel), _DATASET["CN470"]["sub_plans"]["20B"]
    for beacon in range(40):
        channel = 32 * (join_channel - 8) + (address + beacon) % 32
        assert found.ping_slot_hz(address, beacon * 128) == data["downlink_hz"][channel]
        assert found.beacon_hz(beacon * 128) == data["beacon"]["by_common_join_channel_hz"][str(join_channel)]


@pytest.mark.parametrize("plan", ["26A", "26B"])
def test_class_b_of_the_26_mhz_sub_plans_does_not_hop(plan: str) -> None:
    found, data = region(f"CN470-{plan}"), _DATASET["CN470"]["sub_plans"][plan]
    assert list(found.ping_slot_frequencies_hz) == data["ping_slot"]["frequencies_hz"]
    assert {found.beacon_hz(beacon * 128) for beacon in range(9)} == set(data["beacon"]["frequencies_hz"])


# --- what a caller asks a region


@pytest.mark.parametrize("name", ["IN865", "EU868"])
@pytest.mark.parametrize("index", [-1, 14])
def test_an_unknown_data_rate_is_refused_with_the_nearest_named(name: str, index: int) -> None:
    known = [rate.index for rate in region(name).data_rates]
    nearest = known[0] if index < 0 else known[-1]
    with pytest.raises(ParameterError) as caught:
        region(name).data_rate(index)
    listed = ", ".join(f"DR{one}" for one in known)
    assert str(caught.value) == f"{name} has no DR{index}: it has {listed}; the nearest is DR{nearest}"


def test_the_index_of_a_channel_is_that_of_the_server() -> None:
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
def test_a_channel_that_the_plan_lacks_is_refused(index: int, nearest: int) -> None:
    with pytest.raises(ParameterError) as caught:
        region("US915").channel_hz(index)
    assert str(caught.value) == f"US915 has no downlink channel {index}: they are 0 to 7; the nearest is {nearest}"


@pytest.mark.parametrize("name", ALL_PLANS)
def test_the_default_channel_is_rx2_and_in_class_b_the_hopping_ping_slots(name: str) -> None:
    plan = region(name)
    assert plan.default_channel("C") == (plan.rx2_frequency_hz,)
    hops = name in ("US915", "AU915", "CN470") or name.startswith("CN470-20")
    assert plan.default_channel("B") == (plan.ping_slot_frequencies_hz if hops else (plan.rx2_frequency_hz,))


def test_there_is_no_multicast_in_class_a() -> None:
    with pytest.raises(ParameterError, match=r"^device class is 'A': a multicast is for B or C; the nearest is C$"):
        region("EU868").default_channel("A")  # type: ignore[arg-type]


def test_ping_slots_and_beacons_hop_over_the_downlink_channels() -> None:
    plan = region("US915")
    assert [plan.beacon_hz(beacon * 128) for beacon in range(9)] == [plan.channel_hz(index % 8) for index in range(9)]
    assert plan.ping_slot_hz(3, 0) == plan.channel_hz(3)
    assert plan.ping_slot_hz(3, 6 * 128 + 127) == plan.channel_hz((3 + 6) % 8)


def test_a_region_that_does_not_hop_has_one_ping_slot_frequency() -> None:
    assert {region("RU864").ping_slot_hz(7, beacon * 128) for beacon in range(9)} == {868_900_000}
    assert {region("RU864").beacon_hz(beacon * 128) for beacon in range(9)} == {869_100_000}


# --- which sub-band holds a channel


@pytest.mark.parametrize(
    ("name", "frequency_hz", "bw_hz", "sub_band"),
    [
        ("EU868", 869_525_000, 125_000, "P"),
        ("EU868", 869_525_000, 250_000, "P"),  # fills it exactly
        ("EU868", 868_500_000, 125_000, "M"),
        ("EU868", 867_900_000, 125_000, "L"),
        ("EU868", 869_137_500, 125_000, "N"),
        ("KR920", 921_900_000, 125_000, "lower"),  # a table of centre frequencies: the spectrum may pass the edge
        ("KR920", 923_300_000, 125_000, "upper"),
        ("US915", 923_300_000, 500_000, "downlink"),
        ("RU864", 869_075_000, 250_000, "high"),
    ],
)
def test_the_sub_band_that_holds_a_channel(name: str, frequency_hz: int, bw_hz: int, sub_band: str) -> None:
    assert region(name).sub_band(frequency_hz, bw_hz).name == sub_band


@pytest.mark.parametrize(
    ("name", "frequency_hz", "bw_hz", "nearest"),
    [
        ("EU868", 862_000_000, 125_000, "863062500 Hz, in sub-band K (863 to 865 MHz for the whole spectrum)"),
        ("EU868", 868, 125_000, "863062500 Hz, in sub-band K (863 to 865 MHz for the whole spectrum)"),
        ("EU868", 869_250_000, 125_000, "869137500 Hz, in sub-band N (868.7 to 869.2 MHz for the whole spectrum)"),
        # as far from N as from P, which has more duty cycle
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
def test_a_channel_in_no_sub_band_is_refused_with_the_nearest_named(
    name: str, frequency_hz: int, bw_hz: int, nearest: str
) -> None:
    with pytest.raises(PlanError) as caught:
        region(name).sub_band(frequency_hz, bw_hz)
    given = f"{frequency_hz} Hz with {bw_hz} Hz of bandwidth is in no sub-band of {name}"
    assert str(caught.value) == f"{given}: the nearest legal frequency is {nearest}"


def test_a_channel_that_is_too_wide_everywhere_is_refused() -> None:
    with pytest.raises(PlanError) as caught:
        region("CN470").sub_band(485_300_000, 500_000)
    assert str(caught.value) == (
        "485300000 Hz with 500000 Hz of bandwidth is in no sub-band of CN470: "
        "a channel is at most 200000 Hz wide; the nearest bandwidth is 200000 Hz"
    )


def _refusal(plan: Region, frequency_hz: int, bw_hz: int) -> str | None:
    try:
        plan.sub_band(frequency_hz, bw_hz)
    except PlanError as error:
        return str(error)
    return None


FREE = [region(name) for name in ALL_PLANS if not region(name).fixed_channels]
CHANNELS = sorted({(plan.name, rate.bandwidth_hz) for plan in FREE for rate in plan.downlink_data_rates})
# A plan and a bandwidth of it, and where in its band, from a little before to a little after
ASKED = st.tuples(st.sampled_from(CHANNELS), st.floats(-0.2, 1.2))


def _asked(asked: tuple[tuple[str, int], float]) -> tuple[Region, int, int]:
    (name, bw_hz), share = asked
    low_hz, high_hz = region(name).band_hz
    return region(name), low_hz + round(share * (high_hz - low_hz)), bw_hz


@given(asked=ASKED, between=st.floats(0, 1, exclude_max=True))
def test_what_is_named_as_nearest_is_legal_and_nothing_nearer_is(asked: tuple[str, float, int], between: float) -> None:
    plan, frequency_hz, bw_hz = _asked(asked)
    refusal = _refusal(plan, frequency_hz, bw_hz)
    assume(refusal)
    named = re.search(r"nearest legal frequency is (\d+) Hz, in sub-band (.*) \(", refusal or "")
    assert named
    nearest_hz = int(named[1])
    assert plan.sub_band(nearest_hz, bw_hz).name == named[2]
    assert _refusal(plan, frequency_hz + int(between * (nearest_hz - frequency_hz)), bw_hz)


@given(asked=ASKED)
def test_a_channel_lies_in_the_sub_band_that_holds_it(asked: tuple[tuple[str, int], float]) -> None:
    plan, frequency_hz, bw_hz = _asked(asked)
    assume(not _refusal(plan, frequency_hz, bw_hz))
    held = plan.sub_band(frequency_hz, bw_hz)
    edge_hz = bw_hz / 2 if held.bounds == "spectrum" else 0
    assert held.low_hz + edge_hz <= frequency_hz <= held.high_hz - edge_hz
    assert not held.step_hz or (frequency_hz - held.low_hz) % held.step_hz == 0


def test_regions_cannot_be_changed() -> None:
    with pytest.raises(dataclasses.FrozenInstanceError):
        region("EU868").rx2_data_rate = 3  # type: ignore[misc]
