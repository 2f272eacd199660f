"""How a device joins over the air and both ends come to session keys (OTAA of LoRaWAN 1.0.x, TS001-1.0.4, join procedure)."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from hmac import compare_digest

from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.cmac import CMAC

from fuota.errors import MessageError, ParameterError
from fuota.lorawan.codec import require_range
from fuota.lorawan.mac.data_frames import SessionKeys
from fuota.lorawan.mac.frame_cipher import MIC_BYTES

_REQUEST_MHDR, _ACCEPT_MHDR = 0x00, 0x20
_REQUEST = struct.Struct("<BQQH")  # MHDR, JoinEUI, DevEUI, DevNonce
_ACCEPT = struct.Struct("<3s3sIBB")  # JoinNonce, NetID, DevAddr, DLSettings, RxDelay
assert (_REQUEST.size, _ACCEPT.size) == (19, 12)  # noqa: S101 - a law of this file, not of its input
_CF_LIST_BYTES = 16


@dataclass(frozen=True, slots=True, kw_only=True)
class JoinRequest:
    """A device asks to join. EUIs have 64 bits, `dev_nonce` 16; a nonce serves once. Raises MessageError beyond them."""

    join_eui: int
    dev_eui: int
    dev_nonce: int

    def __post_init__(self) -> None:
        require_range("join_eui", self.join_eui, 0, 2**64 - 1, "an EUI has 64 bits")
        require_range("dev_eui", self.dev_eui, 0, 2**64 - 1, "an EUI has 64 bits")
        require_range("dev_nonce", self.dev_nonce, 0, 0xFFFF, "DevNonce has 16 bits")

    def to_bytes(self, app_key: bytes) -> bytes:
        """PHYPayload, 23 octets: in plain, with its MIC under the AppKey (16 octets). Raises ParameterError."""
        covered = _REQUEST.pack(_REQUEST_MHDR, self.join_eui, self.dev_eui, self.dev_nonce)
        return covered + _mic(app_key, covered)

    @classmethod
    def parse(cls, phy_payload: bytes) -> JoinRequest:
        """What a PHYPayload asks, its MIC not looked at: who asks tells which key it is. Raises MessageError."""
        if len(phy_payload) != _REQUEST.size + MIC_BYTES or phy_payload[0] != _REQUEST_MHDR:
            raise MessageError(f"{len(phy_payload)} octets are no join request: it is 0x00 and 22 octets more")
        _, join_eui, dev_eui, dev_nonce = _REQUEST.unpack_from(phy_payload)
        return cls(join_eui=join_eui, dev_eui=dev_eui, dev_nonce=dev_nonce)


def join_request_is_genuine(phy_payload: bytes, app_key: bytes) -> bool:
    """Whether the MIC of a join request is that of this AppKey. Raises ParameterError for a key of another length."""
    return compare_digest(phy_payload[-MIC_BYTES:], _mic(app_key, phy_payload[:-MIC_BYTES]))


@dataclass(frozen=True, slots=True, kw_only=True)
class JoinAccept:
    """The network lets a device in, under `dev_addr` (32 bits).

    `join_nonce`, `net_id`: 24 bits each. `dl_settings` (RX2 data rate and RX1 offset) and `rx_delay` (seconds, 0 means 1): one
    octet each. `cf_list`: 16 octets of channels or none. Raises MessageError for what no answer can carry.
    """

    join_nonce: int
    net_id: int
    dev_addr: int
    dl_settings: int = 0
    rx_delay: int = 1
    cf_list: bytes = b""

    def __post_init__(self) -> None:
        require_range("join_nonce", self.join_nonce, 0, 0xFFFFFF, "JoinNonce has 24 bits")
        require_range("net_id", self.net_id, 0, 0xFFFFFF, "NetID has 24 bits")
        require_range("dev_addr", self.dev_addr, 0, 0xFFFFFFFF, "DevAddr has 32 bits")
        require_range("dl_settings", self.dl_settings, 0, 255, "DLSettings is one octet")
        require_range("rx_delay", self.rx_delay, 0, 255, "RxDelay is one octet")
        if len(self.cf_list) not in (0, _CF_LIST_BYTES):
            raise MessageError(f"cf_list must have {_CF_LIST_BYTES} bytes or none, got {len(self.cf_list)}")

    def to_bytes(self, app_key: bytes) -> bytes:
        """PHYPayload, 17 octets, 33 with channels: the network decrypts, so that a device needs no more than encryption."""
        fields = _ACCEPT.pack(
            self.join_nonce.to_bytes(3, "little"),
            self.net_id.to_bytes(3, "little"),
            self.dev_addr,
            self.dl_settings,
            self.rx_delay,
        )
        plain = bytes((_ACCEPT_MHDR,)) + fields + self.cf_list
        decryptor = _ecb(app_key).decryptor()
        return plain[:1] + decryptor.update(plain[1:] + _mic(app_key, plain)) + decryptor.finalize()

    @classmethod
    def open(cls, phy_payload: bytes, app_key: bytes) -> JoinAccept:
        """What a device with this AppKey reads. Raises MessageError for another frame or another key's."""
        sizes = (1 + _ACCEPT.size + MIC_BYTES, 1 + _ACCEPT.size + _CF_LIST_BYTES + MIC_BYTES)
        if len(phy_payload) not in sizes or phy_payload[0] != _ACCEPT_MHDR:
            raise MessageError(f"{len(phy_payload)} octets are no join accept: it is 0x20 and 16 or 32 octets more")
        encryptor = _ecb(app_key).encryptor()
        plain = phy_payload[:1] + encryptor.update(phy_payload[1:]) + encryptor.finalize()
        if not compare_digest(plain[-MIC_BYTES:], _mic(app_key, plain[:-MIC_BYTES])):
            raise MessageError("the MIC of the join accept is wrong: it is for another key, or damaged")
        join_nonce, net_id, dev_addr, dl_settings, rx_delay = _ACCEPT.unpack_from(plain, 1)
        return cls(
            join_nonce=int.from_bytes(join_nonce, "little"),
            net_id=int.from_bytes(net_id, "little"),
            dev_addr=dev_addr,
            dl_settings=dl_settings,
            rx_delay=rx_delay,
            cf_list=plain[1 + _ACCEPT.size : -MIC_BYTES],
        )

    def session_keys(self, app_key: bytes, dev_nonce: int) -> SessionKeys:
        """The keys that both ends derive from this answer to the request with `dev_nonce`. Raises ParameterError."""
        tail = self.join_nonce.to_bytes(3, "little") + self.net_id.to_bytes(3, "little")
        tail += dev_nonce.to_bytes(2, "little") + bytes(7)
        encryptor = _ecb(app_key).encryptor()
        nwk_s_key, app_s_key = (encryptor.update(bytes((kind,)) + tail) for kind in (1, 2))
        return SessionKeys(app_s_key=app_s_key, nwk_s_key=nwk_s_key)


def _mic(app_key: bytes, covered: bytes) -> bytes:
    _require_key(app_key)
    cmac = CMAC(algorithms.AES(app_key))
    cmac.update(covered)
    return cmac.finalize()[:MIC_BYTES]


def _ecb(app_key: bytes) -> Cipher[modes.ECB]:
    _require_key(app_key)
    return Cipher(algorithms.AES(app_key), modes.ECB())  # noqa: S305 - block by block, as specified


def _require_key(app_key: bytes) -> None:
    if len(app_key) != 16:
        raise ParameterError(f"an app_key of {len(app_key)} octets was given: it is AES-128, exactly 16 octets")
