"""Commands `fuota region list` and `fuota region show`, against the data of the regions."""

from __future__ import annotations

import click
import pytest

from fuota.cli.commands.region import region as command
from fuota.radio import region, region_names


def shown(result) -> str:
    """Return the output without white space, because tables are wrapped."""
    return "".join(result.out.split())


def rows(result, begin: str) -> list[list[str]]:
    return [line.split() for line in result.out.splitlines() if line.startswith(begin)]


def test_list_has_every_region_once(fuota):
    result = fuota("region", "list")
    assert (result.code, result.err) == (0, "")
    names = [line.split()[0] for line in result.out.splitlines()[2 : 2 + len(region_names())]]
    assert names == list(region_names())


@pytest.mark.parametrize(
    ("name", "row"),
    [
        ("EU868", "EU868 863-870 869.525 DR0 DR0-7 10 %"),
        ("IN865", "IN865 865-867 866.55 DR2 DR0-5, 7 no limit"),
        ("US915", "US915 902-928 923.3 DR8 DR8-13 no limit"),
        ("KR920", "KR920 920.9-923.3 921.9 DR0 DR0-5 no limit 4000 ms"),
        ("AS923-3", "AS923-3 915-921 916.6 DR2 DR0-7 1 % (400 ms)"),
        ("CN779", "CN779 779-787 786 DR0 DR0-7 1 % deprecated"),
    ],
)
def test_list_row_has_the_values_of_the_region(fuota, name, row):
    assert rows(fuota("region", "list"), name) == [row.split()]


def test_list_as_json(fuota):
    result = fuota("region", "list", "--json")
    assert [event["name"] for event in result.events] == list(region_names())
    (australia,) = (event for event in result.events if event["name"] == "AU915")
    assert australia == {
        "event": "region",
        "name": "AU915",
        "band_hz": [915_000_000, 928_000_000],
        "rx2_frequency_hz": 923_300_000,
        "rx2_data_rate": 8,
        "downlink_data_rates": [8, 9, 10, 11, 12, 13],
        "duty_cycle_ppm": 1_000_000,
        "dwell_limit_ms": 400,
        "max_frame_ms": 0,
        "status": "",
    }


@pytest.mark.parametrize("name", [*region_names(), "CN470-20B", "CN470-26A"])
def test_show_fits_80_columns_and_has_all_notes(fuota, name):
    result, channel_plan = fuota("region", "show", name), region(name)
    assert (result.code, result.err) == (0, "")
    assert max(map(len, result.out.splitlines())) <= 80
    assert "…" not in result.out
    text = shown(result)
    for note in (channel_plan.status, *channel_plan.notes):
        assert "".join(note.split()) in text
    for band in channel_plan.sub_bands:  # between the words of a wrapped source there are cells of other columns
        assert all(word in text for word in (*band.note.split(), *band.source.split()))
    assert [row[0] for row in rows(result, "DR")[1:]] == [
        f"DR{rate.index}" for rate in channel_plan.downlink_data_rates
    ]


def test_list_fits_80_columns(fuota):
    result = fuota("region", "list")
    assert max(map(len, result.out.splitlines())) <= 80
    assert "…" not in result.out


@pytest.mark.parametrize(
    ("name", "row"),
    [
        ("EU868", "DR0 SF12/125 51 51 48 2793.472 128"),
        ("EU868", "DR7 FSK 50k 242 222 239 42.560 8458"),
        ("US915", "DR8 SF12/500 53 53 50 616.448 5839"),
        ("AS923", "DR0 SF12/125 51 51 none 48 2793.472 12"),
        ("AS923", "DR2 SF10/125 115 115 11 112 1230.848 29"),
        ("CN470", "DR6 SF7/500 242 222 239 98.624 too wide"),
    ],
)
def test_show_has_a_row_per_data_rate(fuota, name, row):
    assert row.split() in rows(fuota("region", "show", name), "DR")


@pytest.mark.parametrize(
    ("name", "row"),
    [
        ("EU868", "P 869.4-869.65 10 % 29.15 29 EN 300 220-2 V3.2.1, band P"),
        ("RU864", "high 868.7-869.2 1 % (law 10 %) 22.15 16 RP002-1.0.4, RU864-870;"),
        ("US915", "downlink 923-928 no limit 36 26 47 CFR 15.247(b)(3), (b)(4), (e)"),
    ],
)
def test_show_has_a_row_per_sub_band(fuota, name, row):
    assert rows(fuota("region", "show", name), row.split()[0])[-1] == row.split()


@pytest.mark.parametrize(
    ("name", "facts"),
    [
        ("EU868", ["RX2 869.525 MHz DR0; duty cycle: 10 %", "ping slot 869.525 MHz; DR3"]),
        ("EU868", ["beacon 869.525 MHz; DR3, 17 bytes, 152.576 ms", "no downlink DR8, DR9, DR10, DR11"]),
        ("AS923", ["region AS923-1, also AS923", "dwell limit 400 ms, off by default"]),
        (
            "CN470",
            ["sub-plans CN470-20A-1, 20A-2", "frame limit 1000 ms", "fixed channels 483.9, 484.1 to 496.5 (64) MHz"],
        ),
        ("CN470-20B", ["ping slot 476.9, 477.1 to 483.1 (32) MHz, hopping; DR2", "beacon 481.5 MHz; DR2"]),
        ("CN779", ["status deprecated: devices may not be produced"]),
    ],
)
def test_show_has_the_facts_of_the_region(fuota, name, facts):
    text = shown(fuota("region", "show", name))
    assert all("".join(fact.split()) in text for fact in facts)


def test_show_as_json(fuota):
    result = fuota("region", "show", "eu863-870", "--json")
    event = result.event("region")
    assert (event["name"], event["downlink_frequencies_hz"]) == ("EU868", [868_100_000, 868_300_000, 868_500_000])
    assert event["beacon"] == {
        "frequencies_hz": [869_525_000],
        "hopping": False,
        "data_rate": 3,
        "payload_bytes": 17,
        "airtime_us": 152_576,
    }
    rates = {event["index"]: event for event in result.events if event["event"] == "data_rate"}
    assert list(rates) == list(range(12))
    assert (rates[5]["max_frag_size"], rates[5]["full_frame_us"], rates[5]["frames_per_hour"]) == (239, 394_496, 912)
    assert (rates[8]["downlink"], rates[8]["full_frame_us"], rates[8]["frames_per_hour"]) == (False, None, None)
    bands = [event["name"] for event in result.events if event["event"] == "sub_band"]
    assert bands == ["K", "L", "M", "N", "P", "R"]


def test_unknown_region_is_refused_with_the_closest_name(fuota):
    result = fuota("region", "show", "EU686", "--json")
    assert (result.code, result.event("error")["code"]) == (2, 2)
    assert "nearest: EU868" in result.complaint


def test_help_explains_the_columns(fuota):
    assert isinstance(command, click.Group)
    assert '"duty" is the duty cycle at RX2' in " ".join(fuota("region", "list", "--help").out.split())
