"""Keys and message integrity codes of the application packages. The ciphers come from the package `cryptography`."""

from __future__ import annotations

import struct
from dataclasses import dataclass, field

from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.cmac import CMAC

from fuota.lorawan.codec import require_length, require_mc_addr, require_range
from fuota.lorawan.fragmentation.fields import MAX_N, require_frag_index
from fuota.rules import exact_length, one_of

_B0 = struct.Struct("<BHB4s4xI")  # 49, SessionCnt, FragIndex, Descriptor, four zero bytes, length
assert _B0.size == 16  # noqa: S101 - a fact about this file, not about its input

_MAX_BLOCK_BYTES = MAX_N * 255
_MC_ROOT_BLOCKS = {"1.0": bytes(16), "1.1": b"\x20" + bytes(15)}


def data_block_int_key(root_key: bytes) -> bytes:
    """Return the DataBlockIntKey of a device, 16 bytes (TS004-2.0.0, data block integrity).

    root_key: 16 bytes; GenAppKey of a LoRaWAN 1.0.x device, AppKey of a 1.1 device. Raises ParameterError for another length.
    """
    return _encrypt_block(root_key, b"\x30" + bytes(15))


def data_block_mic(*, key: bytes, session_cnt: int, frag_index: int, descriptor: bytes, data: bytes) -> bytes:
    """Return the MIC of a data block, 4 bytes in the order of FragSessionSetupReq (TS004-2.0.0; version 1 has no MIC).

    key: the DataBlockIntKey, so the MIC differs for every device of a group. session_cnt, frag_index, descriptor (4 bytes in
    the order of the wire): the values of the setup. data: the block without its padding. Raises ParameterError if the key does
    not have 16 bytes, MessageError if a setup cannot carry a value.
    """
    _require_key(key)
    cmac = CMAC(algorithms.AES(key))
    cmac.update(_b0(session_cnt=session_cnt, frag_index=frag_index, descriptor=descriptor, length_bytes=len(data)))
    cmac.update(data)
    return cmac.finalize()[:4]


def mc_root_key(root_key: bytes, *, lorawan: str = "1.0") -> bytes:
    """Return the McRootKey of a device, 16 bytes (TS005, multicast keys).

    root_key: 16 bytes; GenAppKey of a LoRaWAN 1.0.x device, AppKey of a 1.1 device. lorawan: "1.0" or "1.1", the version that
    the device joined with. Raises ParameterError for another length or version.
    """
    one_of("lorawan", lorawan, _MC_ROOT_BLOCKS)
    return _encrypt_block(root_key, _MC_ROOT_BLOCKS[lorawan])


def mc_ke_key(root_key: bytes) -> bytes:
    """Return the McKEKey, 16 bytes, which encrypts McKey on the way to the device (TS005).

    root_key: the McRootKey, 16 bytes. Raises ParameterError for another length.
    """
    return _encrypt_block(root_key, bytes(16))


def encrypt_mc_key(ke_key: bytes, mc_key: bytes) -> bytes:
    """Return the McKey_encrypted of McGroupSetupReq, 16 bytes.

    ke_key: the McKEKey, 16 bytes. mc_key: the McKey, 16 bytes. The server applies AES decryption, so that a device needs AES
    encryption only (TS005 McGroupSetupReq). Raises ParameterError for another length.
    """
    _require_key(ke_key)
    _require_key(mc_key)
    decryptor = Cipher(algorithms.AES(ke_key), modes.ECB()).decryptor()  # noqa: S305 - one block, as specified
    return decryptor.update(mc_key) + decryptor.finalize()


def decrypt_mc_key(ke_key: bytes, mc_key_encrypted: bytes) -> bytes:
    """Return the McKey from McGroupSetupReq, 16 bytes, as the device does.

    ke_key: the McKEKey, 16 bytes. mc_key_encrypted: 16 bytes. Raises ParameterError for another length.
    """
    _require_key(mc_key_encrypted)
    return _encrypt_block(ke_key, mc_key_encrypted)


@dataclass(frozen=True, slots=True, kw_only=True)
class MulticastSessionKeys:
    """McAppSKey and McNwkSKey of a group, 16 bytes each, which `repr` does not show. Raises ParameterError for another length."""

    app_s_key: bytes = field(repr=False)
    nwk_s_key: bytes = field(repr=False)

    def __post_init__(self) -> None:
        _require_key(self.app_s_key)
        _require_key(self.nwk_s_key)

    @classmethod
    def derive(cls, mc_key: bytes, mc_addr: int) -> MulticastSessionKeys:
        """Return the keys for a McKey (16 bytes) and a McAddr (TS005, multicast keys).

        Raises ParameterError for a key of another length, MessageError for an address outside 32 bits.
        """
        require_mc_addr(mc_addr)
        address = mc_addr.to_bytes(4, "little")
        app_s_key, nwk_s_key = (_encrypt_block(mc_key, bytes((kind,)) + address + bytes(11)) for kind in (1, 2))
        return cls(app_s_key=app_s_key, nwk_s_key=nwk_s_key)


def _b0(*, session_cnt: int, frag_index: int, descriptor: bytes, length_bytes: int) -> bytes:
    require_range("session_cnt", session_cnt, 0, 0xFFFF, "SessionCnt has 16 bits")
    require_frag_index(frag_index)
    require_length("descriptor", descriptor, 4)
    require_range(
        "data length", length_bytes, 0, _MAX_BLOCK_BYTES, "a session has at most 16383 fragments of 255 bytes"
    )
    return _B0.pack(0x49, session_cnt, frag_index, descriptor, length_bytes)


def _encrypt_block(key: bytes, block: bytes) -> bytes:
    _require_key(key)
    encryptor = Cipher(algorithms.AES(key), modes.ECB()).encryptor()  # noqa: S305 - LoRaWAN derives keys from one AES block
    return encryptor.update(block) + encryptor.finalize()


def _require_key(key: bytes) -> None:
    exact_length("key", key, 16, why="AES-128")
