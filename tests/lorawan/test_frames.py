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


def frame(**changed: Any) -> MulticastFrame:
    return MulticastFrame(**({"mc_addr": ADDR, "f_cnt": 7, "f_port": 201, "payload": b"\x08\x01\x00abc"} | changed))


@pytest.mark.parametrize("case", CASES, ids=[f"counter {case['fcnt32']}" for case in CASES])
def test_vectors_both_ways(case: dict[str, Any]) -> None:
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
def test_what_is_sent_is_heard(f_cnt: int, missed: int, f_port: int, payload: bytes, f_pending: bool) -> None:
    sent = frame(f_cnt=f_cnt, f_port=f_port, payload=payload, f_pending=f_pending)
    assert open_multicast(sent.to_bytes(KEYS), KEYS, mc_addr=ADDR, next_f_cnt=max(0, f_cnt - missed)) == sent


@given(COUNTERS, st.integers(0, 200), st.integers(1, 255))
def test_one_wrong_octet_is_noticed(f_cnt: int, position: int, change: int) -> None:
    octets = bytearray(frame(f_cnt=f_cnt).to_bytes(KEYS))
    octets[position % len(octets)] ^= change
    with pytest.raises(MessageError):
        open_multicast(bytes(octets), KEYS, mc_addr=ADDR, next_f_cnt=f_cnt)


@given(st.binary(max_size=80))
def test_garbage_is_refused_with_our_own_error(octets: bytes) -> None:
    with pytest.raises(MessageError):
        open_multicast(octets, KEYS, mc_addr=ADDR)


def test_a_repeated_frame_is_refused() -> None:
    on_air = frame(f_cnt=7).to_bytes(KEYS)
    with pytest.raises(MessageError, match="heard before"):
        open_multicast(on_air, KEYS, mc_addr=ADDR, next_f_cnt=8)


def test_the_counter_of_32_bits_is_taken_on_over_its_16_on_air() -> None:
    on_air = frame(f_cnt=0x1_0002).to_bytes(KEYS)
    assert open_multicast(on_air, KEYS, mc_addr=ADDR, next_f_cnt=0xFFFE).f_cnt == 0x1_0002


@pytest.mark.parametrize(("position", "value"), [(0, 0xA0), (0, 0x40), (5, 0x20), (5, 0x40), (5, 0x80), (5, 0x01)])
def test_confirmed_uplink_ack_adr_and_options_are_no_multicast(position: int, value: int) -> None:
    octets = bytearray(frame().to_bytes(KEYS))
    octets[position] = value
    with pytest.raises(MessageError, match="no multicast frame"):
        open_multicast(bytes(octets), KEYS, mc_addr=ADDR)


def test_another_groups_frame_is_told_apart() -> None:
    with pytest.raises(MessageError, match="is for 01AABBCC, not for 01AABBCD"):
        open_multicast(frame().to_bytes(KEYS), KEYS, mc_addr=ADDR + 1)


@pytest.mark.parametrize(
    "changed",
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
def test_what_no_frame_can_carry(changed: dict[str, Any]) -> None:
    with pytest.raises(MessageError, match="nearest: "):
        frame(**changed)
