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
# LR-FHSS is for uplinks only. The functions here are for downlinks, so none of them covers it.
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


def test_every_vector_has_a_known_modulation() -> None:
    assert len(_LORA) + len(_FSK) + len(_LRFHSS) == len(_VECTORS)
    assert (len(_LORA), len(_FSK)) == (54, 5)


@pytest.mark.parametrize("vector", _LORA, ids=lambda vector: f"{vector['id']}-{vector['tag']}")
def test_lora_time_on_air_equals_the_vector(vector: dict[str, Any]) -> None:
    settings = _lora_settings(vector)
    assert time_on_air_us(**settings) == vector["airtime_us"]
    optimise = vector["low_data_rate_optimise"]
    assert time_on_air_us(**settings, low_data_rate_optimise=optimise) == vector["airtime_us"]


@pytest.mark.parametrize("vector", _FSK, ids=lambda vector: str(vector["id"]))
def test_fsk_time_on_air_equals_the_vector(vector: dict[str, Any]) -> None:
    # A LoRaWAN FSK frame always has 2 bytes of CRC. Two vectors describe frames without CRC, which are 320 us shorter.
    missing_crc_us = 0 if vector["crc"] else 2 * 8 * 1_000_000 // vector["bitrate_bps"]
    on_air_us = fsk_time_on_air_us(phy_payload_bytes=vector["phy_bytes"], bitrate_bps=vector["bitrate_bps"])
    assert on_air_us == vector["airtime_us"] + missing_crc_us


def test_fsk_time_on_air_is_rounded_up() -> None:
    assert fsk_time_on_air_us(phy_payload_bytes=0, bitrate_bps=600) == 146_667  # 88 bits at 600 bit/s: 146,666.67 us


def test_defaults_fit_a_downlink() -> None:
    assert time_on_air_us(sf=9, bw_hz=125_000, phy_payload_bytes=64) == 369_664
    assert time_on_air_us(sf=9, bw_hz=125_000, phy_payload_bytes=64, crc=True) == 390_144


def test_low_data_rate_optimisation_can_be_forced() -> None:
    # 64 bytes at SF12: 492 bits in groups of 40 or 48, so 13 or 11 groups of 5 symbols of 32.768 ms.
    frame = {"sf": 12, "bw_hz": 125_000, "phy_payload_bytes": 64}
    automatic, off = time_on_air_us(**frame), time_on_air_us(**frame, low_data_rate_optimise=False)
    assert automatic - off == 2 * 5 * 32_768
    assert time_on_air_us(**frame, low_data_rate_optimise=True) == automatic


def test_sf5_omits_the_eight_extra_bits() -> None:
    # 5 bytes: 40 + 20 - 20 bits are 2 groups of 20 (48 bits would be 3); 12 + 6.25 + 8 + 2 * 5 symbols of 256 us.
    assert time_on_air_us(sf=5, bw_hz=125_000, phy_payload_bytes=5, preamble_symbols=12) == 9_280


@pytest.mark.parametrize("sf", [5, 6])
def test_sf5_and_sf6_have_no_optimisation(sf: int) -> None:
    plain = time_on_air_us(sf=sf, bw_hz=125_000, phy_payload_bytes=64)
    assert time_on_air_us(sf=sf, bw_hz=125_000, phy_payload_bytes=64, low_data_rate_optimise=True) == plain


@given(settings=LORA_SETTINGS, lengths=st.tuples(st.integers(0, 255), st.integers(0, 255)))
def test_longer_lora_payload_is_never_shorter_on_air(settings: dict[str, Any], lengths: tuple[int, int]) -> None:
    short, long = sorted(lengths)
    short_us = time_on_air_us(phy_payload_bytes=short, **settings)
    long_us = time_on_air_us(phy_payload_bytes=long, **settings)
    assert 0 < short_us <= long_us


@given(settings=LORA_SETTINGS, length=st.integers(0, 255))
def test_lora_time_on_air_is_exact(settings: dict[str, Any], length: int) -> None:
    quarter_symbols, remainder = divmod(
        time_on_air_us(phy_payload_bytes=length, **settings) * 4 * settings["bw_hz"], (1 << settings["sf"]) * 1_000_000
    )
    assert remainder == 0
    assert quarter_symbols % 4 == 1  # the quarter of 4.25 or 6.25 symbols


@given(lengths=st.tuples(st.integers(0, 255), st.integers(0, 255)), bitrate_bps=st.integers(600, 300_000))
def test_longer_fsk_payload_is_never_shorter_on_air(lengths: tuple[int, int], bitrate_bps: int) -> None:
    short, long = sorted(lengths)
    short_us = fsk_time_on_air_us(phy_payload_bytes=short, bitrate_bps=bitrate_bps)
    assert 0 < short_us <= fsk_time_on_air_us(phy_payload_bytes=long, bitrate_bps=bitrate_bps)


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"sf": 13}, "sf must be 5 to 12, got 13 (nearest: 12)"),
        ({"sf": 4}, "sf must be 5 to 12, got 4 (nearest: 5)"),
        ({"sf": 7.0}, "sf must be a whole number, got 7.0"),
        ({"bw_hz": 125}, "got 125 (nearest: 125000)"),
        ({"bw_hz": 200_000}, "one of 125000, 250000, 500000 (RP002-1.0.4), got 200000 (nearest: 250000)"),
        ({"phy_payload_bytes": 256}, "phy_payload_bytes must be 0 to 255, got 256 (nearest: 255)"),
        ({"phy_payload_bytes": -1}, "phy_payload_bytes must be 0 to 255, got -1 (nearest: 0)"),
        ({"preamble_symbols": 5}, "preamble_symbols must be 6 to 65535, got 5 (nearest: 6)"),
        ({"coding_rate": "4/9"}, "coding_rate must be one of 4/5, 4/6, 4/7, 4/8, got '4/9'"),
    ],
)
def test_lora_setting_outside_its_range_is_refused(wrong: dict[str, Any], message: str) -> None:
    with pytest.raises(ParameterError) as caught:
        time_on_air_us(**({"sf": 7, "bw_hz": 125_000, "phy_payload_bytes": 64} | wrong))
    assert message in str(caught.value)


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"phy_payload_bytes": 256}, "phy_payload_bytes must be 0 to 255, got 256 (nearest: 255)"),
        ({"bitrate_bps": 0}, "bitrate_bps must be 600 to 300000, got 0 (nearest: 600)"),
    ],
)
def test_fsk_setting_outside_its_range_is_refused(wrong: dict[str, Any], message: str) -> None:
    with pytest.raises(ParameterError) as caught:
        fsk_time_on_air_us(**({"phy_payload_bytes": 64} | wrong))
    assert message in str(caught.value)
