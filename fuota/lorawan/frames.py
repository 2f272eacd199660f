"""Multicast downlinks as they go on air: encrypted, with their MIC (TS001-1.0.4, data messages; TS005, multicast)."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from hmac import compare_digest

from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.cmac import CMAC

from fuota.errors import MessageError
from fuota.lorawan.codec import require_mc_addr, require_range
from fuota.lorawan.keys import MulticastSessionKeys

_MHDR = 0x60  # unconfirmed data down, LoRaWAN R1
_FPENDING = 0x10
_HEADER = struct.Struct("<BIBHB")  # MHDR, McAddr, FCtrl, FCnt, FPort
_MIC_BYTES = 4
_BLOCK_TAIL = struct.Struct("<BIIBB")  # direction, address, 32-bit counter, 0, number or length
assert _HEADER.size == 9  # noqa: S101 - a law of this file, not of its input


@dataclass(frozen=True, slots=True, kw_only=True)
class MulticastFrame:
    """What a multicast downlink carries. `f_cnt` has 32 bits, of which the frame carries 16; `payload` is the plain text.

    Raises MessageError for what no multicast frame can carry: port 0, no payload, more than 242 octets.
    """

    mc_addr: int
    f_cnt: int
    f_port: int
    payload: bytes
    f_pending: bool = False

    def __post_init__(self) -> None:
        require_mc_addr(self.mc_addr)
        require_range("f_cnt", self.f_cnt, 0, 0xFFFFFFFF, "the frame counter has 32 bits")
        require_range("f_port", self.f_port, 1, 255, "a multicast frame is for an application port")
        require_range("payload octets", len(self.payload), 1, 242, "no data rate carries more (RP002-1.0.4)")

    def to_bytes(self, keys: MulticastSessionKeys) -> bytes:
        """PHYPayload: header, payload encrypted with McAppSKey, MIC with McNwkSKey."""
        f_ctrl = _FPENDING if self.f_pending else 0
        header = _HEADER.pack(_MHDR, self.mc_addr, f_ctrl, self.f_cnt & 0xFFFF, self.f_port)
        covered = header + _crypt(keys.app_s_key, self.mc_addr, self.f_cnt, self.payload)
        return covered + _mic(keys.nwk_s_key, self.mc_addr, self.f_cnt, covered)


def open_multicast(
    phy_payload: bytes, keys: MulticastSessionKeys, *, mc_addr: int, next_f_cnt: int = 0
) -> MulticastFrame:
    """The frame in a PHYPayload that was heard.

    next_f_cnt: the lowest 32-bit counter that is still accepted; the one nearest above it with the 16 bits on air is taken.
    Raises MessageError for what a device drops: another kind of frame (confirmed, ACK, ADRACKReq, FOpts), port 0, no payload,
    another address, a wrong MIC, which is also how a counter that was used before shows itself.
    """
    if len(phy_payload) <= _HEADER.size + _MIC_BYTES:
        raise MessageError(
            f"{len(phy_payload)} octets are no multicast frame: header, port, one octet and MIC need {_HEADER.size + 5}"
        )
    mhdr, address, f_ctrl, low, f_port = _HEADER.unpack_from(phy_payload)
    if mhdr != _MHDR or f_ctrl & ~_FPENDING:
        raise MessageError(
            f"MHDR 0x{mhdr:02x} with FCtrl 0x{f_ctrl:02x} is no multicast frame: those are 0x60 and 0x00 or 0x10"
        )
    if address != mc_addr:
        raise MessageError(f"the frame is for {address:08X}, not for {mc_addr:08X}")
    f_cnt = next_f_cnt + (low - next_f_cnt & 0xFFFF)
    covered, mic = phy_payload[:-_MIC_BYTES], phy_payload[-_MIC_BYTES:]
    if f_cnt > 0xFFFFFFFF or not compare_digest(mic, _mic(keys.nwk_s_key, address, f_cnt, covered)):
        raise MessageError(f"the MIC is wrong for counter {f_cnt}: another key, a frame heard before, or a damaged one")
    payload = _crypt(keys.app_s_key, address, f_cnt, covered[_HEADER.size :])
    return MulticastFrame(
        mc_addr=address, f_cnt=f_cnt, f_port=f_port, payload=payload, f_pending=bool(f_ctrl & _FPENDING)
    )


def _block(first: int, address: int, f_cnt: int, last: int) -> bytes:
    """Block A or B0 of TS001: downlink, address and counter with all 32 bits."""
    return bytes((first, 0, 0, 0, 0)) + _BLOCK_TAIL.pack(1, address, f_cnt, 0, last)


def _crypt(key: bytes, address: int, f_cnt: int, text: bytes) -> bytes:
    """Encrypt or decrypt FRMPayload: the counter mode of TS001, whose blocks count from 1 in the last octet."""
    cipher = Cipher(algorithms.AES(key), modes.CTR(_block(1, address, f_cnt, 1))).encryptor()
    return cipher.update(text) + cipher.finalize()


def _mic(key: bytes, address: int, f_cnt: int, covered: bytes) -> bytes:
    cmac = CMAC(algorithms.AES(key))
    cmac.update(_block(0x49, address, f_cnt, len(covered)) + covered)
    return cmac.finalize()[:_MIC_BYTES]
