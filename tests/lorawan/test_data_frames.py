"""Unicast data frames: published captures, round trips, and what a receiver drops."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fuota.errors import MessageError, ParameterError
from fuota.lorawan.mac.data_frames import DataFrame, SessionKeys, dev_addr_of, open_data

VECTORS = Path(__file__).parents[1] / "vectors"
CAPTURED = json.loads((VECTORS / "unicast_frames.json").read_text())["data_up"]
MULTICAST = json.loads((VECTORS / "multicast_frames.json").read_text())["cases"]
ADDR = 0x0012_34AB
KEYS = SessionKeys(app_s_key=bytes(range(16)), nwk_s_key=bytes(range(16, 32)))
COUNTERS = st.integers(0, 0xFFFFFFFF)


@st.composite
def frames(draw: st.DrawFn) -> DataFrame:
    """Any frame that there can be."""
    f_port = draw(st.none() | st.integers(0, 255))
    f_opts = b"" if f_port == 0 else draw(st.binary(max_size=15))
    payload = b"" if f_port is None else draw(st.binary(max_size=242 - len(f_opts)))
    flags = {name: draw(st.booleans()) for name in ("uplink", "confirmed", "ack", "adr", "bit_4")}
    return DataFrame(
        dev_addr=draw(st.integers(0, 0xFFFFFFFF)),
        f_cnt=draw(COUNTERS),
        f_port=f_port,
        payload=payload,
        f_opts=f_opts,
        **flags,
    )


def down(**changed: Any) -> DataFrame:
    return DataFrame(
        **({"uplink": False, "dev_addr": ADDR, "f_cnt": 7, "f_port": 201, "payload": b"\x01\x01"} | changed)
    )


def test_a_captured_uplink_both_ways() -> None:
    on_air = bytes.fromhex(CAPTURED["phy_payload"])
    keys = SessionKeys(app_s_key=bytes.fromhex(CAPTURED["app_s_key"]), nwk_s_key=bytes.fromhex(CAPTURED["nwk_s_key"]))
    dev_addr = int(CAPTURED["dev_addr"], 16)
    heard = open_data(on_air, keys, uplink=True, dev_addr=dev_addr)
    assert dev_addr_of(on_air) == dev_addr
    assert (heard.f_cnt, heard.f_port, heard.payload.hex()) == (2, 1, CAPTURED["payload"])
    assert heard.to_bytes(keys) == on_air


@pytest.mark.parametrize("case", MULTICAST, ids=[f"counter {case['fcnt32']}" for case in MULTICAST])
def test_downlinks_made_by_others(case: dict[str, Any]) -> None:
    """On air a multicast downlink differs from an unconfirmed unicast one by its address alone."""
    keys = SessionKeys(app_s_key=bytes.fromhex(case["mc_app_s_key"]), nwk_s_key=bytes.fromhex(case["mc_nwk_s_key"]))
    on_air, address = bytes.fromhex(case["phy_payload"]), int(case["mc_addr"], 16)
    heard = open_data(on_air, keys, uplink=False, dev_addr=address, next_f_cnt=case["fcnt32"])
    assert heard.payload.hex() == case["frm_payload_plain"]
    assert heard.to_bytes(keys) == on_air


@given(frames(), st.integers(0, 0xFFFF))
def test_what_is_sent_is_heard(sent: DataFrame, missed: int) -> None:
    on_air = sent.to_bytes(KEYS)
    first = max(0, sent.f_cnt - missed)
    assert open_data(on_air, KEYS, uplink=sent.uplink, dev_addr=sent.dev_addr, next_f_cnt=first) == sent


@given(frames(), st.integers(0, 300), st.integers(1, 255))
def test_one_wrong_octet_is_noticed(sent: DataFrame, position: int, change: int) -> None:
    octets = bytearray(sent.to_bytes(KEYS))
    octets[position % len(octets)] ^= change
    with pytest.raises(MessageError):
        open_data(bytes(octets), KEYS, uplink=sent.uplink, dev_addr=sent.dev_addr, next_f_cnt=sent.f_cnt)


@given(st.binary(max_size=80), st.booleans())
def test_garbage_is_refused_with_our_own_error(octets: bytes, uplink: bool) -> None:
    with pytest.raises(MessageError):
        open_data(octets, KEYS, uplink=uplink, dev_addr=ADDR)


def test_a_frame_heard_before_is_refused() -> None:
    with pytest.raises(MessageError, match="heard before"):
        open_data(down(f_cnt=7).to_bytes(KEYS), KEYS, uplink=False, dev_addr=ADDR, next_f_cnt=8)


def test_the_counter_of_32_bits_is_taken_on_over_its_16_on_air() -> None:
    on_air = down(f_cnt=0x1_0002).to_bytes(KEYS)
    assert open_data(on_air, KEYS, uplink=False, dev_addr=ADDR, next_f_cnt=0xFFFE).f_cnt == 0x1_0002


def test_a_direction_is_never_taken_for_the_other() -> None:
    with pytest.raises(MessageError, match="no data frame up"):
        open_data(down().to_bytes(KEYS), KEYS, uplink=True, dev_addr=ADDR)


def test_another_address_is_told_apart() -> None:
    with pytest.raises(MessageError, match="is of 001234AB, not of 001234AC"):
        open_data(down().to_bytes(KEYS), KEYS, uplink=False, dev_addr=ADDR + 1)


def test_port_0_is_under_the_network_key_and_others_under_the_applications() -> None:
    other = SessionKeys(app_s_key=bytes(16), nwk_s_key=KEYS.nwk_s_key)
    mac, app = (down(f_port=port, payload=b"\x06").to_bytes(KEYS) for port in (0, 1))
    assert open_data(mac, other, uplink=False, dev_addr=ADDR).payload == b"\x06"
    assert open_data(app, other, uplink=False, dev_addr=ADDR).payload != b"\x06"


def test_options_that_are_longer_than_the_frame_are_refused() -> None:
    """FOptsLen 15 with nothing behind it, under a right MIC."""
    from fuota.lorawan.mac.frame_cipher import mic

    covered = down(f_port=None, payload=b"").to_bytes(KEYS)[:-4]
    covered = covered[:5] + bytes((15,)) + covered[6:]
    on_air = covered + mic(KEYS.nwk_s_key, covered, uplink=False, address=ADDR, f_cnt=7)
    with pytest.raises(MessageError, match="FOptsLen is 15, and 0 octets are left"):
        open_data(on_air, KEYS, uplink=False, dev_addr=ADDR)


@pytest.mark.parametrize("octets", [b"", bytes(11)])
def test_what_is_too_short_names_no_address(octets: bytes) -> None:
    assert dev_addr_of(octets) is None


@pytest.mark.parametrize(
    "changed",
    [
        {"f_port": 256},
        {"f_port": None},
        {"f_port": 0, "f_opts": b"\x02"},
        {"payload": bytes(243)},
        {"payload": bytes(242), "f_opts": b"\x02"},
        {"f_opts": bytes(16)},
        {"f_cnt": 1 << 32},
        {"dev_addr": -1},
    ],
)
def test_what_no_frame_can_carry(changed: dict[str, Any]) -> None:
    with pytest.raises(MessageError, match="nearest: "):
        down(**changed)


def test_keys_have_16_octets_and_are_not_shown() -> None:
    with pytest.raises(ParameterError, match="nwk_s_key of 15 octets"):
        SessionKeys(app_s_key=bytes(16), nwk_s_key=bytes(15))
    assert repr(KEYS) == "SessionKeys()"
