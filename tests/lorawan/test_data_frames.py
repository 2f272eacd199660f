"""Unicast data frames: published captures, round trips, and frames that a receiver drops."""

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
    """Draw any legal frame."""
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


def downlink(**changes: Any) -> DataFrame:
    return DataFrame(
        **({"uplink": False, "dev_addr": ADDR, "f_cnt": 7, "f_port": 201, "payload": b"\x01\x01"} | changes)
    )


def test_captured_uplink_is_decoded_and_encoded() -> None:
    on_air = bytes.fromhex(CAPTURED["phy_payload"])
    keys = SessionKeys(app_s_key=bytes.fromhex(CAPTURED["app_s_key"]), nwk_s_key=bytes.fromhex(CAPTURED["nwk_s_key"]))
    dev_addr = int(CAPTURED["dev_addr"], 16)
    frame = open_data(on_air, keys, uplink=True, dev_addr=dev_addr)
    assert dev_addr_of(on_air) == dev_addr
    assert (frame.f_cnt, frame.f_port, frame.payload.hex()) == (2, 1, CAPTURED["payload"])
    assert frame.to_bytes(keys) == on_air


@pytest.mark.parametrize("case", MULTICAST, ids=[f"counter {case['fcnt32']}" for case in MULTICAST])
def test_downlinks_of_other_implementations_are_decoded_and_encoded(case: dict[str, Any]) -> None:
    """On air, a multicast downlink differs from an unconfirmed unicast downlink in its address only."""
    keys = SessionKeys(app_s_key=bytes.fromhex(case["mc_app_s_key"]), nwk_s_key=bytes.fromhex(case["mc_nwk_s_key"]))
    on_air, address = bytes.fromhex(case["phy_payload"]), int(case["mc_addr"], 16)
    frame = open_data(on_air, keys, uplink=False, dev_addr=address, next_f_cnt=case["fcnt32"])
    assert frame.payload.hex() == case["frm_payload_plain"]
    assert frame.to_bytes(keys) == on_air


@given(frames(), st.integers(0, 0xFFFF))
def test_received_frame_equals_the_sent_frame(sent: DataFrame, missed: int) -> None:
    on_air = sent.to_bytes(KEYS)
    first = max(0, sent.f_cnt - missed)
    assert open_data(on_air, KEYS, uplink=sent.uplink, dev_addr=sent.dev_addr, next_f_cnt=first) == sent


@given(frames(), st.integers(0, 300), st.integers(1, 255))
def test_wrong_byte_is_detected(sent: DataFrame, position: int, change: int) -> None:
    wire = bytearray(sent.to_bytes(KEYS))
    wire[position % len(wire)] ^= change
    with pytest.raises(MessageError):
        open_data(bytes(wire), KEYS, uplink=sent.uplink, dev_addr=sent.dev_addr, next_f_cnt=sent.f_cnt)


@given(st.binary(max_size=80), st.booleans())
def test_random_bytes_raise_a_message_error(wire: bytes, uplink: bool) -> None:
    with pytest.raises(MessageError):
        open_data(wire, KEYS, uplink=uplink, dev_addr=ADDR)


def test_repeated_frame_is_refused() -> None:
    with pytest.raises(MessageError, match="repeated"):
        open_data(downlink(f_cnt=7).to_bytes(KEYS), KEYS, uplink=False, dev_addr=ADDR, next_f_cnt=8)


def test_counter_of_32_bits_is_recovered_from_its_16_bits_on_air() -> None:
    on_air = downlink(f_cnt=0x1_0002).to_bytes(KEYS)
    assert open_data(on_air, KEYS, uplink=False, dev_addr=ADDR, next_f_cnt=0xFFFE).f_cnt == 0x1_0002


def test_downlink_is_not_accepted_as_an_uplink() -> None:
    with pytest.raises(MessageError, match="MHDR 0x60"):
        open_data(downlink().to_bytes(KEYS), KEYS, uplink=True, dev_addr=ADDR)


def test_frame_with_another_address_is_refused() -> None:
    with pytest.raises(MessageError, match="001234AB, expected 001234AC"):
        open_data(downlink().to_bytes(KEYS), KEYS, uplink=False, dev_addr=ADDR + 1)


def test_port_0_uses_the_network_key_and_other_ports_the_application_key() -> None:
    other = SessionKeys(app_s_key=bytes(16), nwk_s_key=KEYS.nwk_s_key)
    mac, app = (downlink(f_port=port, payload=b"\x06").to_bytes(KEYS) for port in (0, 1))
    assert open_data(mac, other, uplink=False, dev_addr=ADDR).payload == b"\x06"
    assert open_data(app, other, uplink=False, dev_addr=ADDR).payload != b"\x06"


def test_f_opts_longer_than_the_frame_are_refused() -> None:
    """The frame has FOptsLen 15, no FOpts, and a right MIC."""
    from fuota.lorawan.mac.frame_cipher import mic

    covered = downlink(f_port=None, payload=b"").to_bytes(KEYS)[:-4]
    covered = covered[:5] + bytes((15,)) + covered[6:]
    on_air = covered + mic(KEYS.nwk_s_key, covered, uplink=False, address=ADDR, f_cnt=7)
    with pytest.raises(MessageError, match="FOptsLen is 15, but only 0 bytes"):
        open_data(on_air, KEYS, uplink=False, dev_addr=ADDR)


@pytest.mark.parametrize("wire", [b"", bytes(11)])
def test_short_frame_has_no_address(wire: bytes) -> None:
    assert dev_addr_of(wire) is None


@pytest.mark.parametrize(
    "changes",
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
def test_values_that_a_frame_cannot_carry_are_refused(changes: dict[str, Any]) -> None:
    with pytest.raises(MessageError, match="nearest: "):
        downlink(**changes)


def test_keys_have_16_bytes_and_are_not_shown() -> None:
    with pytest.raises(ParameterError, match=r"nwk_s_key must have 16 bytes .*got 15"):
        SessionKeys(app_s_key=bytes(16), nwk_s_key=bytes(15))
    assert repr(KEYS) == "SessionKeys()"
