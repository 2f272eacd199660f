"""What encrypts and signs every LoRaWAN data frame, unicast and multicast (TS001-1.0.4, data messages)."""

from __future__ import annotations

import struct
from hmac import compare_digest

from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.cmac import CMAC

MIC_BYTES = 4
MAX_F_CNT = 0xFFFFFFFF
_BLOCK = struct.Struct("<B4xBIIBB")  # first octet, direction, address, 32-bit counter, 0, number or length
assert _BLOCK.size == 16  # noqa: S101 - a law of this file, not of its input


def crypt(key: bytes, text: bytes, *, uplink: bool, address: int, f_cnt: int) -> bytes:
    """Encrypt or decrypt FRMPayload: the counter mode of TS001, whose blocks count from 1 in the last octet."""
    first = _BLOCK.pack(0x01, not uplink, address, f_cnt, 0, 1)
    cipher = Cipher(algorithms.AES(key), modes.CTR(first)).encryptor()
    return cipher.update(text) + cipher.finalize()


def mic(key: bytes, covered: bytes, *, uplink: bool, address: int, f_cnt: int) -> bytes:
    """The MIC over MHDR to FRMPayload, 4 octets, in the form of LoRaWAN 1.0.x, which multicast keeps in 1.1."""
    cmac = CMAC(algorithms.AES(key))
    cmac.update(_BLOCK.pack(0x49, not uplink, address, f_cnt, 0, len(covered)) + covered)
    return cmac.finalize()[:MIC_BYTES]


def mic_is_right(key: bytes, phy_payload: bytes, *, uplink: bool, address: int, f_cnt: int) -> bool:
    """Whether the last four octets of a frame are its MIC for this counter. None is right for more than 32 bits."""
    covered, claimed = phy_payload[:-MIC_BYTES], phy_payload[-MIC_BYTES:]
    return f_cnt <= MAX_F_CNT and compare_digest(
        claimed, mic(key, covered, uplink=uplink, address=address, f_cnt=f_cnt)
    )


def nearest_f_cnt(next_f_cnt: int, low: int) -> int:
    """The lowest counter from `next_f_cnt` on whose 16 low bits are `low`: those are on air, the others are remembered."""
    return next_f_cnt + (low - next_f_cnt & 0xFFFF)
