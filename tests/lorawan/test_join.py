"""Join over the air: a published capture, round trips, and refused frames."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fuota.errors import MessageError, ParameterError
from fuota.lorawan.mac.join import JoinAccept, JoinRequest, join_request_is_genuine

CAPTURED = json.loads((Path(__file__).parents[1] / "vectors" / "unicast_frames.json").read_text())["join"]
APP_KEY = bytes.fromhex(CAPTURED["app_key"])
OTHER_KEY = bytes(16)


def number(name: str) -> int:
    return int(CAPTURED[name], 16)


def test_captured_request_is_decoded_and_encoded() -> None:
    on_air = bytes.fromhex(CAPTURED["request"])
    request = JoinRequest(join_eui=number("join_eui"), dev_eui=number("dev_eui"), dev_nonce=number("dev_nonce"))
    assert JoinRequest.parse(on_air) == request
    assert request.to_bytes(APP_KEY) == on_air
    assert join_request_is_genuine(on_air, APP_KEY)
    assert not join_request_is_genuine(on_air, OTHER_KEY)


def test_captured_accept_is_decoded_and_encoded_and_yields_the_keys() -> None:
    on_air = bytes.fromhex(CAPTURED["accept"])
    accept = JoinAccept(
        join_nonce=number("join_nonce"),
        net_id=number("net_id"),
        dev_addr=number("dev_addr"),
        dl_settings=CAPTURED["dl_settings"],
        rx_delay=CAPTURED["rx_delay"],
        cf_list=bytes.fromhex(CAPTURED["cf_list"]),
    )
    assert JoinAccept.open(on_air, APP_KEY) == accept
    assert accept.to_bytes(APP_KEY) == on_air
    keys = accept.session_keys(APP_KEY, number("dev_nonce"))
    assert (keys.nwk_s_key.hex(), keys.app_s_key.hex()) == (CAPTURED["nwk_s_key"], CAPTURED["app_s_key"])


@given(
    st.integers(0, 2**64 - 1), st.integers(0, 2**64 - 1), st.integers(0, 0xFFFF), st.binary(min_size=16, max_size=16)
)
def test_request_is_decoded_as_encoded(join_eui: int, dev_eui: int, dev_nonce: int, app_key: bytes) -> None:
    request = JoinRequest(join_eui=join_eui, dev_eui=dev_eui, dev_nonce=dev_nonce)
    on_air = request.to_bytes(app_key)
    assert (JoinRequest.parse(on_air), join_request_is_genuine(on_air, app_key)) == (request, True)


@given(st.integers(0, 0xFFFFFF), st.integers(0, 0xFFFFFFFF), st.sampled_from([b"", bytes(range(16))]))
def test_accept_is_decoded_with_the_right_key_only(join_nonce: int, dev_addr: int, cf_list: bytes) -> None:
    accept = JoinAccept(join_nonce=join_nonce, net_id=0, dev_addr=dev_addr, cf_list=cf_list)
    on_air = accept.to_bytes(APP_KEY)
    assert JoinAccept.open(on_air, APP_KEY) == accept
    with pytest.raises(MessageError, match="another key"):
        JoinAccept.open(on_air, OTHER_KEY)


@given(st.binary(max_size=40))
def test_random_bytes_raise_a_message_error(wire: bytes) -> None:
    with pytest.raises(MessageError):
        JoinAccept.open(wire, APP_KEY)
    if len(wire) != 23 or wire[0]:
        with pytest.raises(MessageError):
            JoinRequest.parse(wire)


@pytest.mark.parametrize("changes", [{"dev_nonce": 1 << 16}, {"dev_eui": 1 << 64}, {"join_eui": -1}])
def test_values_that_a_request_cannot_carry_are_refused(changes: dict[str, Any]) -> None:
    with pytest.raises(MessageError, match="nearest: "):
        JoinRequest(**({"join_eui": 1, "dev_eui": 2, "dev_nonce": 3} | changes))


@pytest.mark.parametrize(
    "changes", [{"join_nonce": 1 << 24}, {"net_id": -1}, {"rx_delay": 256}, {"cf_list": bytes(15)}]
)
def test_values_that_an_accept_cannot_carry_are_refused(changes: dict[str, Any]) -> None:
    with pytest.raises(MessageError, match="got "):
        JoinAccept(**({"join_nonce": 1, "net_id": 2, "dev_addr": 3} | changes))


def test_key_of_another_length_is_refused() -> None:
    with pytest.raises(ParameterError, match=r"app_key must have 16 bytes .*got 15"):
        JoinRequest(join_eui=1, dev_eui=2, dev_nonce=3).to_bytes(bytes(15))
