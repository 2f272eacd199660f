"""Keys and message integrity codes of the application packages. The ciphers are those of `cryptography`."""

from __future__ import annotations

import struct
from dataclasses import dataclass, field

from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.cmac import CMAC

from fuota.errors import ParameterError
from fuota.lorawan.codec import require_length, require_mc_addr, require_range
from fuota.lorawan.fragmentation.fields import MAX_N, require_frag_index

_B0 = struct.Struct("<BHB4s4xI")  # 49, SessionCnt, FragIndex, Descriptor, four zero octets, length
assert _B0.size == 16  # noqa: S101 - a law of this file, not of its input

_MAX_BLOCK_BYTES = MAX_N * 255
_MC_ROOT_BLOCKS = {"1.0": bytes(16), "1.1": b"\x20" + bytes(15)}


def data_block_int_key(root_key: bytes) -> bytes:
    """DataBlockIntKey of a device, 16 octets (TS004-2.0.0, data block integrity).

    `root_key`: 16 octets; GenAppKey of a LoRaWAN 1.0.x device, AppKey of a 1.1 device. Raises ParameterError for another
    length.
    """
    return _encrypt_block(root_key, b"\x30" + bytes(15))


def data_block_mic(*, key: bytes, session_cnt: int, frag_index: int, descriptor: bytes, data: bytes) -> bytes:
    """The MIC of a data block, 4 octets in the order of FragSessionSetupReq (TS004-2.0.0; version 1 has none).

    `key` is the DataBlockIntKey, so the MIC differs for every device of a group. `descriptor`: the 4 octets of the setup in
    the order of the wire. `data`: the block without its padding. Raises ParameterError for a key of another length than 16
    octets, MessageError for what no setup can carry.
    """
    _require_key(key)
    cmac = CMAC(algorithms.AES(key))
    cmac.update(_b0(session_cnt=session_cnt, frag_index=frag_index, descriptor=descriptor, length_bytes=len(data)))
    cmac.update(data)
    return cmac.finalize()[:4]


def mc_root_key(root_key: bytes, *, lorawan: str = "1.0") -> bytes:
    """McRootKey of a device, 16 octets (TS005, multicast keys).

    `root_key`: GenAppKey of a LoRaWAN 1.0.x device (`lorawan` "1.0"), AppKey of a 1.1 device ("1.1"). Raises ParameterError.
    """
    if lorawan not in _MC_ROOT_BLOCKS:
        raise ParameterError(
            f"lorawan {lorawan!r} was given: it is '1.0' or '1.1', the version that the device joined with"
        )
    return _encrypt_block(root_key, _MC_ROOT_BLOCKS[lorawan])


def mc_ke_key(root_key: bytes) -> bytes:
    """McKEKey, under which McKey travels, 16 octets, from the McRootKey (TS005). Raises ParameterError."""
    return _encrypt_block(root_key, bytes(16))


def encrypt_mc_key(ke_key: bytes, mc_key: bytes) -> bytes:
    """McKey_encrypted of McGroupSetupReq, 16 octets.

    The server decrypts, so that a device needs no more than the encryption (TS005 McGroupSetupReq). Raises ParameterError.
    """
    _require_key(ke_key)
    _require_key(mc_key)
    decryptor = Cipher(algorithms.AES(ke_key), modes.ECB()).decryptor()  # noqa: S305 - one block, as specified
    return decryptor.update(mc_key) + decryptor.finalize()


def decrypt_mc_key(ke_key: bytes, mc_key_encrypted: bytes) -> bytes:
    """McKey out of McGroupSetupReq, 16 octets, on the device. Raises ParameterError."""
    _require_key(mc_key_encrypted)
    return _encrypt_block(ke_key, mc_key_encrypted)


@dataclass(frozen=True, slots=True, kw_only=True)
class MulticastSessionKeys:
    """McAppSKey and McNwkSKey of a group, 16 octets each; not shown when printed. Raises ParameterError."""

    app_s_key: bytes = field(repr=False)
    nwk_s_key: bytes = field(repr=False)

    def __post_init__(self) -> None:
        _require_key(self.app_s_key)
        _require_key(self.nwk_s_key)

    @classmethod
    def derive(cls, mc_key: bytes, mc_addr: int) -> MulticastSessionKeys:
        """From McKey and McAddr (TS005, multicast keys). Raises ParameterError, MessageError for the address."""
        require_mc_addr(mc_addr)
        address = mc_addr.to_bytes(4, "little")
        app_s_key, nwk_s_key = (_encrypt_block(mc_key, bytes((kind,)) + address + bytes(11)) for kind in (1, 2))
        return cls(app_s_key=app_s_key, nwk_s_key=nwk_s_key)


def _b0(*, session_cnt: int, frag_index: int, descriptor: bytes, length_bytes: int) -> bytes:
    require_range("session_cnt", session_cnt, 0, 0xFFFF, "SessionCnt has 16 bits")
    require_frag_index(frag_index)
    require_length("descriptor", descriptor, 4)
    require_range(
        "data length", length_bytes, 0, _MAX_BLOCK_BYTES, "a session has 16383 fragments of 255 octets at most"
    )
    return _B0.pack(0x49, session_cnt, frag_index, descriptor, length_bytes)


def _encrypt_block(key: bytes, block: bytes) -> bytes:
    _require_key(key)
    encryptor = Cipher(algorithms.AES(key), modes.ECB()).encryptor()  # noqa: S305 - LoRaWAN derives keys by one AES block
    return encryptor.update(block) + encryptor.finalize()


def _require_key(key: bytes) -> None:
    if len(key) != 16:
        raise ParameterError(f"a key of {len(key)} octets was given: LoRaWAN keys are AES-128, exactly 16 octets")
