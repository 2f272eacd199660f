"""Encryption and MIC of LoRaWAN data frames, unicast and multicast (TS001-1.0.4, data messages)."""

from __future__ import annotations

import struct
from hmac import compare_digest

from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.cmac import CMAC

MIC_BYTES = 4
"""Length of a MIC."""
MAX_F_CNT = 0xFFFFFFFF
"""Largest frame counter: it has 32 bits."""
_BLOCK = struct.Struct("<B4xBIIBB")  # first byte, direction, address, 32-bit counter, 0, number or length
assert _BLOCK.size == 16  # noqa: S101 - a fact about this file, not about its input


def crypt(key: bytes, text: bytes, *, uplink: bool, address: int, f_cnt: int) -> bytes:
    """Return FRMPayload encrypted or decrypted, in the counter mode of TS001: blocks count from 1 in the last byte.

    key: 16 bytes. address: DevAddr or McAddr. f_cnt: 32-bit counter.
    """
    first = _BLOCK.pack(0x01, not uplink, address, f_cnt, 0, 1)
    cipher = Cipher(algorithms.AES(key), modes.CTR(first)).encryptor()
    return cipher.update(text) + cipher.finalize()


def mic(key: bytes, covered: bytes, *, uplink: bool, address: int, f_cnt: int) -> bytes:
    """Return the MIC, 4 bytes, over MHDR to FRMPayload in the form of LoRaWAN 1.0.x, which multicast keeps in 1.1.

    key: 16 bytes. covered: MHDR to FRMPayload. address: DevAddr or McAddr. f_cnt: 32-bit counter.
    """
    cmac = CMAC(algorithms.AES(key))
    cmac.update(_BLOCK.pack(0x49, not uplink, address, f_cnt, 0, len(covered)) + covered)
    return cmac.finalize()[:MIC_BYTES]


def mic_is_right(key: bytes, phy_payload: bytes, *, uplink: bool, address: int, f_cnt: int) -> bool:
    """Return whether the last 4 bytes of a frame are its MIC for this counter. No MIC is right for more than 32 bits."""
    covered, claimed = phy_payload[:-MIC_BYTES], phy_payload[-MIC_BYTES:]
    return f_cnt <= MAX_F_CNT and compare_digest(
        claimed, mic(key, covered, uplink=uplink, address=address, f_cnt=f_cnt)
    )


def nearest_f_cnt(next_f_cnt: int, low: int) -> int:
    """Return the lowest counter, `next_f_cnt` or larger, whose low 16 bits are `low`.

    A frame carries the low 16 bits only; the receiver remembers the others.
    """
    return next_f_cnt + (low - next_f_cnt & 0xFFFF)
