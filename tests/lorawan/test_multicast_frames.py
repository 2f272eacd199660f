from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fuota.errors import MessageError
from fuota.lorawan.keys import MulticastSessionKeys
from fuota.lorawan.mac.multicast_frames import MulticastFrame, open_multicast

CASES = json.loads((Path(__file__).parents[1] / "vectors" / "multicast_frames.json").read_text())["cases"]
ADDR = 0x01AABBCC
KEYS = MulticastSessionKeys.derive(bytes(range(16)), ADDR)
COUNTERS = st.integers(0, 0xFFFFFFFF)


def frame(**changes: Any) -> MulticastFrame:
    return MulticastFrame(**({"mc_addr": ADDR, "f_cnt": 7, "f_port": 201, "payload": b"\x08\x01\x00abc"} | changes))


@pytest.mark.parametrize("case", CASES, ids=[f"counter {case['fcnt32']}" for case in CASES])
def test_vectors_are_encoded_and_decoded(case: dict[str, Any]) -> None:
    mc_addr = int(case["mc_addr"], 16)
    keys = MulticastSessionKeys.derive(bytes.fromhex(case["mc_key"]), mc_addr)
    sent = MulticastFrame(
        mc_addr=mc_addr,
        f_cnt=case["fcnt32"],
        f_port=case["fport"],
        payload=bytes.fromhex(case["frm_payload_plain"]),
    )
    on_air = bytes.fromhex(case["phy_payload"])
    assert sent.to_bytes(keys) == on_air
    assert open_multicast(on_air, keys, mc_addr=mc_addr, next_f_cnt=case["fcnt32"]) == sent


@given(COUNTERS, st.integers(0, 0xFFFF), st.integers(1, 255), st.binary(min_size=1, max_size=242), st.booleans())
def test_received_frame_equals_the_sent_frame(
    f_cnt: int, missed: int, f_port: int, payload: bytes, f_pending: bool
) -> None:
    sent = frame(f_cnt=f_cnt, f_port=f_port, payload=payload, f_pending=f_pending)
    assert open_multicast(sent.to_bytes(KEYS), KEYS, mc_addr=ADDR, next_f_cnt=max(0, f_cnt - missed)) == sent


@given(COUNTERS, st.integers(0, 200), st.integers(1, 255))
def test_wrong_byte_is_detected(f_cnt: int, position: int, change: int) -> None:
    wire = bytearray(frame(f_cnt=f_cnt).to_bytes(KEYS))
    wire[position % len(wire)] ^= change
    with pytest.raises(MessageError):
        open_multicast(bytes(wire), KEYS, mc_addr=ADDR, next_f_cnt=f_cnt)


@given(st.binary(max_size=80))
def test_random_bytes_raise_a_message_error(wire: bytes) -> None:
    with pytest.raises(MessageError):
        open_multicast(wire, KEYS, mc_addr=ADDR)


def test_repeated_frame_is_refused() -> None:
    on_air = frame(f_cnt=7).to_bytes(KEYS)
    with pytest.raises(MessageError, match="repeated"):
        open_multicast(on_air, KEYS, mc_addr=ADDR, next_f_cnt=8)


def test_counter_of_32_bits_is_recovered_from_its_16_bits_on_air() -> None:
    on_air = frame(f_cnt=0x1_0002).to_bytes(KEYS)
    assert open_multicast(on_air, KEYS, mc_addr=ADDR, next_f_cnt=0xFFFE).f_cnt == 0x1_0002


@pytest.mark.parametrize(("position", "value"), [(0, 0xA0), (0, 0x40), (5, 0x20), (5, 0x40), (5, 0x80), (5, 0x01)])
def test_confirmed_uplink_ack_adr_and_f_opts_are_not_multicast(position: int, value: int) -> None:
    wire = bytearray(frame().to_bytes(KEYS))
    wire[position] = value
    with pytest.raises(MessageError, match="multicast frame must have MHDR"):
        open_multicast(bytes(wire), KEYS, mc_addr=ADDR)


def test_frame_of_another_group_is_refused() -> None:
    with pytest.raises(MessageError, match="01AABBCC, expected 01AABBCD"):
        open_multicast(frame().to_bytes(KEYS), KEYS, mc_addr=ADDR + 1)


@pytest.mark.parametrize(
    "changes",
    [
        {"f_port": 0},
        {"f_port": 256},
        {"payload": b""},
        {"payload": bytes(243)},
        {"f_cnt": -1},
        {"f_cnt": 1 << 32},
        {"mc_addr": 1 << 32},
    ],
)
def test_values_that_a_frame_cannot_carry_are_refused(changes: dict[str, Any]) -> None:
    with pytest.raises(MessageError, match="nearest: "):
        frame(**changes)
