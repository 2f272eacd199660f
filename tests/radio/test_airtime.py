from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fuota.errors import ParameterError
from fuota.radio import fsk_time_on_air_us, time_on_air_us

_VECTORS = json.loads((Path(__file__).parents[1] / "vectors" / "airtime.json").read_text())["vectors"]
_LORA = [vector for vector in _VECTORS if vector["modulation"] == "LORA"]
_FSK = [vector for vector in _VECTORS if vector["modulation"] == "FSK"]
# LR-FHSS is uplink only, and time on air is of downlinks here: no function for it.
_LRFHSS = [vector for vector in _VECTORS if vector["modulation"] == "LRFHSS"]

LORA_SETTINGS = st.fixed_dictionaries(
    {
        "sf": st.integers(5, 12),
        "bw_hz": st.sampled_from([125_000, 250_000, 500_000]),
        "coding_rate": st.sampled_from(["4/5", "4/6", "4/7", "4/8"]),
        "preamble_symbols": st.integers(6, 20),
        "explicit_header": st.booleans(),
        "crc": st.booleans(),
        "low_data_rate_optimise": st.sampled_from([None, True, False]),
    }
)


def _lora_settings(vector: dict[str, Any]) -> dict[str, Any]:
    names = ("sf", "bw_hz", "preamble_symbols", "explicit_header", "crc")
    settings = {name: vector[name] for name in names}
    return settings | {"coding_rate": vector["cr"], "phy_payload_bytes": vector["phy_bytes"]}


def test_every_vector_is_of_a_modulation_known_here() -> None:
    assert len(_LORA) + len(_FSK) + len(_LRFHSS) == len(_VECTORS)
    assert (len(_LORA), len(_FSK)) == (54, 5)


@pytest.mark.parametrize("vector", _LORA, ids=lambda vector: f"{vector['id']}-{vector['tag']}")
def test_lora_time_on_air_equals_the_vector(vector: dict[str, Any]) -> None:
    settings = _lora_settings(vector)
    assert time_on_air_us(**settings) == vector["airtime_us"]
    told = vector["low_data_rate_optimise"]
    assert time_on_air_us(**settings, low_data_rate_optimise=told) == vector["airtime_us"]


@pytest.mark.parametrize("vector", _FSK, ids=lambda vector: str(vector["id"]))
def test_fsk_time_on_air_equals_the_vector(vector: dict[str, Any]) -> None:
    # A LoRaWAN FSK frame always has its 2 bytes of CRC; two vectors are of frames without and lack their 320 us.
    missing_crc_us = 0 if vector["crc"] else 2 * 8 * 1_000_000 // vector["bitrate_bps"]
    given_us = fsk_time_on_air_us(phy_payload_bytes=vector["phy_bytes"], bitrate_bps=vector["bitrate_bps"])
    assert given_us == vector["airtime_us"] + missing_crc_us


def test_fsk_rounds_up_at_a_bit_rate_that_does_not_divide() -> None:
    assert fsk_time_on_air_us(phy_payload_bytes=0, bitrate_bps=600) == 146_667  # 88 bits at 600 bit/s: 146,666.67 us


def test_the_defaults_are_those_of_a_downlink() -> None:
    assert time_on_air_us(sf=9, bw_hz=125_000, phy_payload_bytes=64) == 369_664
    assert time_on_air_us(sf=9, bw_hz=125_000, phy_payload_bytes=64, crc=True) == 390_144


def test_optimisation_for_long_symbols_can_be_forced_off_and_on() -> None:
    # 64 bytes at SF12: 492 bits in groups of 40 or 48, that is 13 or 11 groups of 5 symbols of 32.768 ms.
    frame = {"sf": 12, "bw_hz": 125_000, "phy_payload_bytes": 64}
    automatic, off = time_on_air_us(**frame), time_on_air_us(**frame, low_data_rate_optimise=False)
    assert automatic - off == 2 * 5 * 32_768
    assert time_on_air_us(**frame, low_data_rate_optimise=True) == automatic


def test_sf5_counts_no_eight_extra_bits() -> None:
    # 5 bytes: 40 + 20 - 20 bits are 2 groups of 20 (48 bits would be 3); 12 + 6.25 + 8 + 2 * 5 symbols of 256 us.
    assert time_on_air_us(sf=5, bw_hz=125_000, phy_payload_bytes=5, preamble_symbols=12) == 9_280


@pytest.mark.parametrize("sf", [5, 6])
def test_sf5_and_sf6_know_no_optimisation(sf: int) -> None:
    plain = time_on_air_us(sf=sf, bw_hz=125_000, phy_payload_bytes=64)
    assert time_on_air_us(sf=sf, bw_hz=125_000, phy_payload_bytes=64, low_data_rate_optimise=True) == plain


@given(settings=LORA_SETTINGS, lengths=st.tuples(st.integers(0, 255), st.integers(0, 255)))
def test_a_longer_lora_payload_is_never_shorter_on_air(settings: dict[str, Any], lengths: tuple[int, int]) -> None:
    short, long = sorted(lengths)
    short_us = time_on_air_us(phy_payload_bytes=short, **settings)
    long_us = time_on_air_us(phy_payload_bytes=long, **settings)
    assert 0 < short_us <= long_us


@given(settings=LORA_SETTINGS, length=st.integers(0, 255))
def test_no_rounding_takes_place(settings: dict[str, Any], length: int) -> None:
    quarter_symbols, rest = divmod(
        time_on_air_us(phy_payload_bytes=length, **settings) * 4 * settings["bw_hz"], (1 << settings["sf"]) * 1_000_000
    )
    assert rest == 0
    assert quarter_symbols % 4 == 1  # the quarter of 4.25 or 6.25 symbols


@given(lengths=st.tuples(st.integers(0, 255), st.integers(0, 255)), bitrate_bps=st.integers(600, 300_000))
def test_a_longer_fsk_payload_is_never_shorter_on_air(lengths: tuple[int, int], bitrate_bps: int) -> None:
    short, long = sorted(lengths)
    short_us = fsk_time_on_air_us(phy_payload_bytes=short, bitrate_bps=bitrate_bps)
    assert 0 < short_us <= fsk_time_on_air_us(phy_payload_bytes=long, bitrate_bps=bitrate_bps)


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"sf": 13}, "sf is 13: it must be from 5 to 12; the nearest is 12"),
        ({"sf": 4}, "sf is 4: it must be from 5 to 12; the nearest is 5"),
        ({"sf": 7.0}, "sf is 7.0: it must be a whole number from 5 to 12"),
        ({"bw_hz": 125}, "bw_hz is 125: it must be from 125000 to 500000; the nearest is 125000"),
        ({"bw_hz": 200_000}, "bw_hz is 200000: LoRaWAN uses 125000, 250000, 500000; the nearest is 250000"),
        ({"phy_payload_bytes": 256}, "phy_payload_bytes is 256: it must be from 0 to 255; the nearest is 255"),
        ({"phy_payload_bytes": -1}, "phy_payload_bytes is -1: it must be from 0 to 255; the nearest is 0"),
        ({"preamble_symbols": 5}, "preamble_symbols is 5: it must be from 6 to 65535; the nearest is 6"),
        ({"coding_rate": "4/9"}, "coding_rate is '4/9': it must be one of 4/5, 4/6, 4/7, 4/8; LoRaWAN uses 4/5"),
    ],
)
def test_a_lora_setting_outside_its_rule_is_refused(wrong: dict[str, Any], message: str) -> None:
    with pytest.raises(ParameterError) as caught:
        time_on_air_us(**({"sf": 7, "bw_hz": 125_000, "phy_payload_bytes": 64} | wrong))
    assert str(caught.value) == message


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"phy_payload_bytes": 256}, "phy_payload_bytes is 256: it must be from 0 to 255; the nearest is 255"),
        ({"bitrate_bps": 0}, "bitrate_bps is 0: it must be from 600 to 300000; the nearest is 600"),
    ],
)
def test_an_fsk_setting_outside_its_rule_is_refused(wrong: dict[str, Any], message: str) -> None:
    with pytest.raises(ParameterError) as caught:
        fsk_time_on_air_us(**({"phy_payload_bytes": 64} | wrong))
    assert str(caught.value) == message
