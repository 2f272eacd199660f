"""Multicast downlinks as they are on air: encrypted, with their MIC (TS001-1.0.4, data messages; TS005, multicast)."""

from __future__ import annotations

import struct
from dataclasses import dataclass

from fuota.errors import MessageError
from fuota.lorawan.codec import require_mc_addr, require_range
from fuota.lorawan.keys import MulticastSessionKeys
from fuota.lorawan.mac.frame_cipher import MIC_BYTES, crypt, mic, mic_is_right, nearest_f_cnt

_MHDR = 0x60  # unconfirmed data down, LoRaWAN R1
_FPENDING = 0x10
_HEADER = struct.Struct("<BIBHB")  # MHDR, McAddr, FCtrl, FCnt, FPort
assert _HEADER.size == 9  # noqa: S101 - a fact about this file, not about its input


@dataclass(frozen=True, slots=True, kw_only=True)
class MulticastFrame:
    """Content of a multicast downlink.

    f_cnt: counter of 32 bits; the frame carries the low 16 bits. payload: the plain text. Raises MessageError if a multicast
    frame cannot carry a value: port 0, an empty payload, a payload of more than 242 bytes.
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
        require_range("length of payload", len(self.payload), 1, 242, "no data rate carries more (RP002-1.0.4)")

    def to_bytes(self, keys: MulticastSessionKeys) -> bytes:
        """Return the PHYPayload: header, payload encrypted with McAppSKey, MIC with McNwkSKey."""
        f_ctrl = _FPENDING if self.f_pending else 0
        header = _HEADER.pack(_MHDR, self.mc_addr, f_ctrl, self.f_cnt & 0xFFFF, self.f_port)
        covered = header + crypt(keys.app_s_key, self.payload, uplink=False, address=self.mc_addr, f_cnt=self.f_cnt)
        return covered + mic(keys.nwk_s_key, covered, uplink=False, address=self.mc_addr, f_cnt=self.f_cnt)


def open_multicast(
    phy_payload: bytes, keys: MulticastSessionKeys, *, mc_addr: int, next_f_cnt: int = 0
) -> MulticastFrame:
    """Return the multicast frame in a received PHYPayload, decrypted.

    mc_addr: the only address that is accepted. next_f_cnt: the lowest 32-bit counter that is still accepted; the frame's
    counter is the lowest one from there on with the 16 bits on air. Raises MessageError for a frame that a device drops:
    another kind of frame (confirmed, ACK, ADRACKReq, FOpts), port 0, no payload, another address, or a wrong MIC. A counter
    that was used before shows as a wrong MIC too.
    """
    if len(phy_payload) <= _HEADER.size + MIC_BYTES:
        raise MessageError(
            f"a multicast frame must have {_HEADER.size + 5} bytes or more for header, port, payload and MIC,"
            f" got {len(phy_payload)}"
        )
    mhdr, address, f_ctrl, low, f_port = _HEADER.unpack_from(phy_payload)
    if mhdr != _MHDR or f_ctrl & ~_FPENDING:
        raise MessageError(
            f"a multicast frame must have MHDR 0x60 and FCtrl 0x00 or 0x10, got 0x{mhdr:02x} and 0x{f_ctrl:02x}"
        )
    if address != mc_addr:
        raise MessageError(f"the frame has McAddr {address:08X}, expected {mc_addr:08X}")
    f_cnt = nearest_f_cnt(next_f_cnt, low)
    if not mic_is_right(keys.nwk_s_key, phy_payload, uplink=False, address=address, f_cnt=f_cnt):
        raise MessageError(f"the MIC is wrong for counter {f_cnt}: another key, a repeated frame, or a damaged frame")
    encrypted = phy_payload[_HEADER.size : -MIC_BYTES]
    payload = crypt(keys.app_s_key, encrypted, uplink=False, address=address, f_cnt=f_cnt)
    return MulticastFrame(
        mc_addr=address, f_cnt=f_cnt, f_port=f_port, payload=payload, f_pending=bool(f_ctrl & _FPENDING)
    )
