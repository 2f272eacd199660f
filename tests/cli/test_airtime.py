"""Command `fuota airtime`, against values computed by hand."""

from __future__ import annotations

import pytest


def test_time_on_air_of_one_data_rate(fuota):
    # SF12 at 125 kHz, low data rate optimisation: ceil((8 * 64 + 28 - 48) / 40) = 13 groups of 5 symbols; with 8 + 4.25 + 8
    # around them 85.25 symbols of 32.768 ms.
    result = fuota("airtime", 64, "-d", 0, "--json")
    assert (result.code, result.err) == (0, "")
    assert result.events == [
        {
            "event": "airtime",
            "region": "EU868",
            "data_rate": 0,
            "phy_bytes": 64,
            "time_on_air_us": 2_793_472,
            "fits": True,
        }
    ]


def test_fragment_adds_16_bytes(fuota):
    fragment, frame = (
        fuota("airtime", *size, "-d", 5, "--json").event("airtime") for size in ((48, "--fragment"), (64,))
    )
    assert fragment == frame
    assert fragment["phy_bytes"] == 64


def test_table_has_all_downlink_data_rates(fuota):
    result = fuota("airtime", 20)
    lines = result.out.splitlines()
    assert "EU868, PHYPayload of 20 bytes" in lines[0]
    rows = [line.split() for line in lines if line.strip().startswith("DR")]
    assert [row[0] for row in rows] == [f"DR{index}" for index in range(8)]
    assert rows[0][1:] == ["SF12/125", "kHz", "1318.912", "ms", "yes"]
    assert rows[7][1:4] == ["FSK", "50", "kbit/s"]
    assert max(map(len, lines)) <= 80


@pytest.mark.parametrize(("size", "fits"), [(64, True), (65, False)])
def test_size_that_does_not_fit_a_frame_is_marked(fuota, size, fits):
    # DR0 of EU868 carries 51 bytes, and the frame around them has 13.
    assert fuota("airtime", size, "-d", 0, "--json").event("airtime")["fits"] is fits
    assert ("no: at most 64" not in fuota("airtime", size, "-d", 0).out) is fits


def test_region_is_found_by_any_of_its_names(fuota):
    assert {event["region"] for event in fuota("airtime", 20, "--region", "us902-928", "--json").events} == {"US915"}


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        ([300], 2, "300 is not in the range"),
        ([20, "-d", 9], 3, "uplinks only"),
        ([20, "-d", 77], 2, "EU868 has no DR77"),
        ([20, "--region", "EU433x"], 2, "unknown region"),
        ([0, "--fragment"], 2, "fragment size must be 1 to 255, got 0"),
        ([250, "--fragment"], 2, "phy_payload_bytes must be 0 to 255, got 266"),
    ],
)
def test_wrong_argument_is_refused_with_its_exit_code(fuota, arguments, code, words):
    result = fuota("airtime", *arguments, "--json")
    assert (result.code, result.event("error")["code"]) == (code, code)
    assert words in result.complaint
