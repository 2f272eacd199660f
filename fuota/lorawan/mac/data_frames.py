"""Unicast data frames as they go on air, up and down, of LoRaWAN 1.0.x (TS001-1.0.4, data messages)."""

from __future__ import annotations

import struct
from dataclasses import dataclass, field

from fuota.errors import MessageError, ParameterError
from fuota.lorawan.codec import require_range
from fuota.lorawan.mac.frame_cipher import MAX_F_CNT, MIC_BYTES, crypt, mic, mic_is_right, nearest_f_cnt

_HEADER = struct.Struct("<BIBH")  # MHDR, DevAddr, FCtrl, FCnt
assert _HEADER.size == 8  # noqa: S101 - a law of this file, not of its input

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
    """AppSKey and NwkSKey of a device's session, 16 octets each; not shown when printed. Raises ParameterError."""

    app_s_key: bytes = field(repr=False)
    nwk_s_key: bytes = field(repr=False)

    def __post_init__(self) -> None:
        for name in ("app_s_key", "nwk_s_key"):
            if (octets := len(getattr(self, name))) != 16:
                raise ParameterError(
                    f"{name} of {octets} octets was given: LoRaWAN keys are AES-128, exactly 16 octets"
                )


@dataclass(frozen=True, slots=True, kw_only=True)
class DataFrame:
    """What a data frame carries. `f_cnt` has 32 bits, of which the frame carries 16; `payload` is the plain text.

    `f_port` None: no port and no payload. Port 0 carries MAC commands under the NwkSKey, and no `f_opts` then (0 to 15
    octets of MAC commands, plain in 1.0.x). `bit_4` of FCtrl: FPending downwards, class B upwards.
    Raises MessageError for what no frame can carry.
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
        require_range("f_opts octets", len(self.f_opts), 0, 15, "FOptsLen has four bits")
        most = _MAX_PAYLOAD_BYTES - len(self.f_opts)
        require_range("payload octets", len(self.payload), 0, most, "no data rate carries more (RP002-1.0.4)")
        if self.f_port is None:
            require_range("payload octets", len(self.payload), 0, 0, "a payload needs an f_port")
        else:
            require_range("f_port", self.f_port, 0, 255, "FPort is one octet")
        if self.f_port == 0:
            require_range("f_opts octets", len(self.f_opts), 0, 0, "MAC commands are on port 0 or in FOpts, not both")

    def to_bytes(self, keys: SessionKeys) -> bytes:
        """PHYPayload: header, payload encrypted with the AppSKey (port 0: NwkSKey), MIC with the NwkSKey."""
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
    """The DevAddr that a data frame names, before anything of it is checked; None where it is too short for one."""
    if len(phy_payload) < _HEADER.size + MIC_BYTES:
        return None
    return int(_HEADER.unpack_from(phy_payload)[1])


def open_data(phy_payload: bytes, keys: SessionKeys, *, uplink: bool, dev_addr: int, next_f_cnt: int = 0) -> DataFrame:
    """The frame in a PHYPayload that was heard.

    next_f_cnt: the lowest 32-bit counter that is still accepted; the one nearest above it with the 16 bits on air is taken.
    Raises MessageError for what a receiver drops: no data frame of this direction, another address, FOpts longer than the
    frame, a wrong MIC, which is also how a counter that was used before shows itself.
    """
    if len(phy_payload) < _HEADER.size + MIC_BYTES:
        raise MessageError(
            f"{len(phy_payload)} octets are no data frame: header and MIC need {_HEADER.size + MIC_BYTES}"
        )
    mhdr, address, f_ctrl, low = _HEADER.unpack_from(phy_payload)
    if _KINDS.get(mhdr, (not uplink, False))[0] != uplink:
        raise MessageError(f"MHDR 0x{mhdr:02x} is no data frame {'up' if uplink else 'down'}")
    if address != dev_addr:
        raise MessageError(f"the frame is of {address:08X}, not of {dev_addr:08X}")
    f_cnt = nearest_f_cnt(next_f_cnt, low)
    if not mic_is_right(keys.nwk_s_key, phy_payload, uplink=uplink, address=address, f_cnt=f_cnt):
        raise MessageError(f"the MIC is wrong for counter {f_cnt}: another key, a frame heard before, or a damaged one")
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
    """(FOpts, FPort or None, encrypted FRMPayload) of what lies between header and MIC."""
    if len(body) < f_opts_len:
        raise MessageError(f"FOptsLen is {f_opts_len}, and {len(body)} octets are left between header and MIC")
    f_opts, rest = body[:f_opts_len], body[f_opts_len:]
    return f_opts, rest[0] if rest else None, rest[1:]
