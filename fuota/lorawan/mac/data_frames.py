"""Unicast data frames as they are on air, uplink and downlink, of LoRaWAN 1.0.x (TS001-1.0.4, data messages)."""

from __future__ import annotations

import struct
from dataclasses import dataclass, field

from fuota.errors import MessageError
from fuota.lorawan.codec import require_range
from fuota.lorawan.mac.frame_cipher import MAX_F_CNT, MIC_BYTES, crypt, mic, mic_is_right, nearest_f_cnt
from fuota.rules import exact_length

_HEADER = struct.Struct("<BIBH")  # MHDR, DevAddr, FCtrl, FCnt
assert _HEADER.size == 8  # noqa: S101 - a fact about this file, not about its input

_MHDRS = {  # (uplink, confirmed), LoRaWAN R1
    (True, False): 0x40,
    (False, False): 0x60,
    (True, True): 0x80,
    (False, True): 0xA0,
}
_KINDS = {mhdr: kind for kind, mhdr in _MHDRS.items()}
_ADR, _ACK, _BIT_4, _F_OPTS_LEN = 0x80, 0x20, 0x10, 0x0F
_MAX_PAYLOAD_BYTES = 242


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionKeys:
    """AppSKey and NwkSKey of a device's session, 16 bytes each, which `repr` does not show.

    Raises ParameterError for another length.
    """

    app_s_key: bytes = field(repr=False)
    nwk_s_key: bytes = field(repr=False)

    def __post_init__(self) -> None:
        exact_length("app_s_key", self.app_s_key, 16, why="AES-128")
        exact_length("nwk_s_key", self.nwk_s_key, 16, why="AES-128")


@dataclass(frozen=True, slots=True, kw_only=True)
class DataFrame:
    """Content of a data frame.

    f_cnt: counter of 32 bits; the frame carries the low 16 bits. payload: the plain text. f_port: None means no port and no
    payload; port 0 carries MAC commands under the NwkSKey, and `f_opts` must be empty then. f_opts: 0 to 15 bytes of MAC
    commands, not encrypted in 1.0.x. bit_4: bit 4 of FCtrl, FPending in a downlink, class B in an uplink.
    Raises MessageError if a frame cannot carry a value.
    """

    uplink: bool
    dev_addr: int
    f_cnt: int
    f_port: int | None = None
    payload: bytes = b""
    confirmed: bool = False
    ack: bool = False
    adr: bool = False
    bit_4: bool = False
    f_opts: bytes = b""

    def __post_init__(self) -> None:
        require_range("dev_addr", self.dev_addr, 0, 0xFFFFFFFF, "DevAddr has 32 bits")
        require_range("f_cnt", self.f_cnt, 0, MAX_F_CNT, "the frame counter has 32 bits")
        require_range("length of f_opts", len(self.f_opts), 0, 15, "FOptsLen has four bits")
        max_bytes = _MAX_PAYLOAD_BYTES - len(self.f_opts)
        require_range("length of payload", len(self.payload), 0, max_bytes, "no data rate carries more (RP002-1.0.4)")
        if self.f_port is None:
            require_range("length of payload", len(self.payload), 0, 0, "a payload needs an f_port")
        else:
            require_range("f_port", self.f_port, 0, 255, "FPort is one byte")
        if self.f_port == 0:
            require_range(
                "length of f_opts", len(self.f_opts), 0, 0, "MAC commands are on port 0 or in FOpts, not both"
            )

    def to_bytes(self, keys: SessionKeys) -> bytes:
        """Return the PHYPayload: header, payload encrypted with the AppSKey (port 0: NwkSKey), MIC with the NwkSKey."""
        f_ctrl = self.adr * _ADR | self.ack * _ACK | self.bit_4 * _BIT_4 | len(self.f_opts)
        mhdr = _MHDRS[self.uplink, self.confirmed]
        covered = _HEADER.pack(mhdr, self.dev_addr, f_ctrl, self.f_cnt & 0xFFFF) + self.f_opts
        if self.f_port is not None:
            covered += bytes((self.f_port,)) + self._crypted(keys)
        return covered + mic(keys.nwk_s_key, covered, uplink=self.uplink, address=self.dev_addr, f_cnt=self.f_cnt)

    def _crypted(self, keys: SessionKeys) -> bytes:
        key = keys.app_s_key if self.f_port else keys.nwk_s_key
        return crypt(key, self.payload, uplink=self.uplink, address=self.dev_addr, f_cnt=self.f_cnt)


def dev_addr_of(phy_payload: bytes) -> int | None:
    """Return the DevAddr of a data frame, before anything is checked; None if the frame is too short."""
    if len(phy_payload) < _HEADER.size + MIC_BYTES:
        return None
    return int(_HEADER.unpack_from(phy_payload)[1])


def open_data(phy_payload: bytes, keys: SessionKeys, *, uplink: bool, dev_addr: int, next_f_cnt: int = 0) -> DataFrame:
    """Return the data frame in a received PHYPayload, decrypted.

    dev_addr: the only address that is accepted. next_f_cnt: the lowest 32-bit counter that is still accepted; the frame's
    counter is the lowest one from there on with the 16 bits on air. Raises MessageError for a frame that a receiver drops: not
    a data frame of this direction, another address, FOpts longer than the frame, or a wrong MIC. A counter that was used before
    shows as a wrong MIC too.
    """
    if len(phy_payload) < _HEADER.size + MIC_BYTES:
        raise MessageError(
            f"a data frame must have {_HEADER.size + MIC_BYTES} bytes or more for header and MIC, got {len(phy_payload)}"
        )
    mhdr, address, f_ctrl, low = _HEADER.unpack_from(phy_payload)
    if _KINDS.get(mhdr, (not uplink, False))[0] != uplink:
        raise MessageError(f"MHDR 0x{mhdr:02x} is not that of a data {'uplink' if uplink else 'downlink'}")
    if address != dev_addr:
        raise MessageError(f"the frame has DevAddr {address:08X}, expected {dev_addr:08X}")
    f_cnt = nearest_f_cnt(next_f_cnt, low)
    if not mic_is_right(keys.nwk_s_key, phy_payload, uplink=uplink, address=address, f_cnt=f_cnt):
        raise MessageError(f"the MIC is wrong for counter {f_cnt}: another key, a repeated frame, or a damaged frame")
    f_opts, f_port, encrypted = _parts(phy_payload[_HEADER.size : -MIC_BYTES], f_ctrl & _F_OPTS_LEN)
    key = keys.app_s_key if f_port else keys.nwk_s_key
    return DataFrame(
        uplink=uplink,
        dev_addr=address,
        f_cnt=f_cnt,
        f_port=f_port,
        payload=crypt(key, encrypted, uplink=uplink, address=address, f_cnt=f_cnt),
        confirmed=_KINDS[mhdr][1],
        ack=bool(f_ctrl & _ACK),
        adr=bool(f_ctrl & _ADR),
        bit_4=bool(f_ctrl & _BIT_4),
        f_opts=f_opts,
    )


def _parts(body: bytes, f_opts_len: int) -> tuple[bytes, int | None, bytes]:
    """Return FOpts, FPort or None, and the encrypted FRMPayload from the bytes between header and MIC."""
    if len(body) < f_opts_len:
        raise MessageError(f"FOptsLen is {f_opts_len}, but only {len(body)} bytes are between header and MIC")
    f_opts, port_and_payload = body[:f_opts_len], body[f_opts_len:]
    return f_opts, port_and_payload[0] if port_and_payload else None, port_and_payload[1:]
