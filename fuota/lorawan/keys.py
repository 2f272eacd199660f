"""Keys and message integrity codes of the application packages. The ciphers are those of `cryptography`."""

from __future__ import annotations

import struct

from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.cmac import CMAC

from fuota.errors import ParameterError
from fuota.lorawan.codec import require_octets, require_range
from fuota.lorawan.fragmentation_fields import MAX_N, require_frag_index

_B0 = struct.Struct("<BHB4s4xI")  # 49, SessionCnt, FragIndex, Descriptor, four zero octets, length
assert _B0.size == 16  # noqa: S101 - a law of this file, not of its input

_MAX_BLOCK_BYTES = MAX_N * 255


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


def _b0(*, session_cnt: int, frag_index: int, descriptor: bytes, length_bytes: int) -> bytes:
    require_range("session_cnt", session_cnt, 0, 0xFFFF, "SessionCnt has 16 bits")
    require_frag_index(frag_index)
    require_octets("descriptor", descriptor, 4)
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
