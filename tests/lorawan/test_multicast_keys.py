from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fuota.errors import MessageError, ParameterError
from fuota.lorawan.keys import (
    MulticastSessionKeys,
    data_block_int_key,
    decrypt_mc_key,
    encrypt_mc_key,
    mc_ke_key,
    mc_root_key,
)

VECTORS = json.loads((Path(__file__).parents[1] / "vectors" / "keys.json").read_text())
KEYS = st.binary(min_size=16, max_size=16)


def vector_bytes(vector: str, name: str) -> bytes:
    return bytes.fromhex(VECTORS[vector][name])


def test_root_key_of_both_lorawan_versions() -> None:
    old = mc_root_key(vector_bytes("mc_root_key_from_gen_app_key", "gen_app_key"))
    new = mc_root_key(vector_bytes("mc_root_key_from_app_key_1_1", "app_key"), lorawan="1.1")
    assert old == vector_bytes("mc_root_key_from_gen_app_key", "mc_root_key")
    assert new == vector_bytes("mc_root_key_from_app_key_1_1", "mc_root_key")


def test_key_encryption_key_of_the_vectors() -> None:
    assert mc_ke_key(vector_bytes("mc_ke_key", "mc_root_key")) == vector_bytes("mc_ke_key", "mc_ke_key")


def test_encrypted_mc_key_of_the_vectors() -> None:
    ke_key, mc_key = vector_bytes("encrypt_mc_key", "mc_ke_key"), vector_bytes("encrypt_mc_key", "mc_key")
    assert encrypt_mc_key(ke_key, mc_key) == vector_bytes("encrypt_mc_key", "mc_key_encrypted")


@pytest.mark.parametrize("name", ["app_s_key", "nwk_s_key"])
def test_session_keys_of_the_vectors(name: str) -> None:
    vector = VECTORS[f"mc_{name}"]
    keys = MulticastSessionKeys.derive(bytes.fromhex(vector["mc_key"]), int(vector["mc_addr"], 16))
    assert getattr(keys, name).hex() == vector[f"mc_{name}"]


@pytest.mark.parametrize("chain", VECTORS["full_chains_computed"], ids=lambda chain: chain["lorawan"])
def test_all_keys_derived_from_the_root_key(chain: dict[str, Any]) -> None:
    root, mc_key = bytes.fromhex(chain["root_key"]), bytes.fromhex(chain["mc_key"])
    ke_key = mc_ke_key(mc_root_key(root, lorawan=chain["lorawan"].removesuffix(".x")))
    keys = MulticastSessionKeys.derive(mc_key, int(chain["mc_addr"], 16))
    assert ke_key.hex() == chain["mc_ke_key"]
    assert encrypt_mc_key(ke_key, mc_key).hex() == chain["mc_key_encrypted"]
    assert (keys.app_s_key.hex(), keys.nwk_s_key.hex()) == (chain["mc_app_s_key"], chain["mc_nwk_s_key"])
    assert data_block_int_key(root).hex() == chain["data_block_int_key"]


@given(KEYS, KEYS)
def test_device_decrypts_the_key_that_the_server_encrypted(ke_key: bytes, mc_key: bytes) -> None:
    assert decrypt_mc_key(ke_key, encrypt_mc_key(ke_key, mc_key)) == mc_key


@pytest.mark.parametrize("key", [b"", bytes(15), bytes(32)])
def test_keys_have_16_bytes(key: bytes) -> None:
    for call in (
        lambda: mc_root_key(key),
        lambda: mc_ke_key(key),
        lambda: encrypt_mc_key(bytes(16), key),
        lambda: decrypt_mc_key(bytes(16), key),
        lambda: MulticastSessionKeys.derive(key, 1),
    ):
        with pytest.raises(ParameterError, match="must have 16 bytes"):
            call()


def test_unknown_lorawan_version_is_refused() -> None:
    with pytest.raises(ParameterError, match=r"one of 1\.0, 1\.1"):
        mc_root_key(bytes(16), lorawan="1.0.4")


@pytest.mark.parametrize("mc_addr", [-1, 1 << 32])
def test_address_has_32_bits(mc_addr: int) -> None:
    with pytest.raises(MessageError, match="McAddr has 32 bits"):
        MulticastSessionKeys.derive(bytes(16), mc_addr)


def test_keys_are_not_shown() -> None:
    keys = MulticastSessionKeys.derive(bytes(range(16)), 1)
    assert keys.app_s_key.hex() not in repr(keys)
    assert repr(keys.app_s_key) not in repr(keys)
