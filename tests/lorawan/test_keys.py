from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from fuota.errors import MessageError, ParameterError
from fuota.lorawan.keys import data_block_int_key, data_block_mic

CASES = json.loads((Path(__file__).parents[1] / "vectors" / "data_block_mic.json").read_text())["cases"]
KEY = bytes(range(16))


def mic(**changes: Any) -> bytes:
    fields: dict[str, Any] = {"key": KEY, "session_cnt": 1, "frag_index": 0, "descriptor": bytes(4), "data": b"abc"}
    return data_block_mic(**(fields | changes))


@pytest.mark.parametrize("case", CASES, ids=[f"{len(case['data']) // 2} bytes" for case in CASES])
def test_mic_and_key_of_the_vectors(case: dict[str, Any]) -> None:
    key = data_block_int_key(bytes.fromhex(case["root_key"]))
    assert key.hex() == case["data_block_int_key"]
    result = mic(
        key=key,
        session_cnt=case["session_cnt"],
        frag_index=case["frag_index"],
        descriptor=bytes.fromhex(case["descriptor_wire"]),
        data=bytes.fromhex(case["data"]),
    )
    assert result.hex() == case["mic_wire"]


@pytest.mark.parametrize("changes", [{"session_cnt": 2}, {"frag_index": 1}, {"data": b"abc\0"}, {"key": bytes(16)}])
def test_every_parameter_changes_the_mic(changes: dict[str, Any]) -> None:
    assert mic(**changes) != mic()


@pytest.mark.parametrize("length", [0, 15, 24, 32])
def test_key_of_another_length_is_refused_and_not_quoted(length: int) -> None:
    key = b"K" * length
    with pytest.raises(ParameterError, match=f"key must have 16 bytes .*got {length}") as caught:
        data_block_int_key(key)
    assert "KK" not in str(caught.value)
    with pytest.raises(ParameterError, match=f"key must have 16 bytes .*got {length}"):
        mic(key=key)


@pytest.mark.parametrize(
    "changes", [{"session_cnt": 65536}, {"frag_index": 4}, {"descriptor": bytes(5)}, {"session_cnt": -1}]
)
def test_values_that_a_setup_cannot_carry_are_refused(changes: dict[str, Any]) -> None:
    with pytest.raises(MessageError, match=f"{next(iter(changes))} "):
        mic(**changes)


def test_block_larger_than_any_session_is_refused() -> None:
    largest = 16383 * 255
    assert len(mic(data=bytes(largest))) == 4
    with pytest.raises(MessageError, match=f"nearest: {largest}"):
        mic(data=bytes(largest + 1))
