"""Over-the-air join of a device, and the session keys of both ends (OTAA of LoRaWAN 1.0.x, TS001-1.0.4, join procedure)."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from hmac import compare_digest

from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.cmac import CMAC

from fuota.errors import MessageError
from fuota.lorawan.codec import require_range
from fuota.lorawan.mac.data_frames import SessionKeys
from fuota.lorawan.mac.frame_cipher import MIC_BYTES
from fuota.rules import exact_length

_REQUEST_MHDR, _ACCEPT_MHDR = 0x00, 0x20
_REQUEST = struct.Struct("<BQQH")  # MHDR, JoinEUI, DevEUI, DevNonce
_ACCEPT = struct.Struct("<3s3sIBB")  # JoinNonce, NetID, DevAddr, DLSettings, RxDelay
assert (_REQUEST.size, _ACCEPT.size) == (19, 12)  # noqa: S101 - a fact about this file, not about its input
_CF_LIST_BYTES = 16


@dataclass(frozen=True, slots=True, kw_only=True)
class JoinRequest:
    """Request of a device to join.

    join_eui, dev_eui: 64 bits. dev_nonce: 16 bits; a device uses each nonce once. Raises MessageError for larger numbers.
    """

    join_eui: int
    dev_eui: int
    dev_nonce: int

    def __post_init__(self) -> None:
        require_range("join_eui", self.join_eui, 0, 2**64 - 1, "an EUI has 64 bits")
        require_range("dev_eui", self.dev_eui, 0, 2**64 - 1, "an EUI has 64 bits")
        require_range("dev_nonce", self.dev_nonce, 0, 0xFFFF, "DevNonce has 16 bits")

    def to_bytes(self, app_key: bytes) -> bytes:
        """Return the PHYPayload, 23 bytes: not encrypted, with its MIC.

        app_key: AppKey, 16 bytes. Raises ParameterError for another length.
        """
        covered = _REQUEST.pack(_REQUEST_MHDR, self.join_eui, self.dev_eui, self.dev_nonce)
        return covered + _mic(app_key, covered)

    @classmethod
    def parse(cls, phy_payload: bytes) -> JoinRequest:
        """Read a join request without checking its MIC, because the DevEUI selects the key. Raises MessageError."""
        if len(phy_payload) != _REQUEST.size + MIC_BYTES or phy_payload[0] != _REQUEST_MHDR:
            raise MessageError(f"a join request must be 0x00 and 22 more bytes, got {len(phy_payload)} bytes")
        _, join_eui, dev_eui, dev_nonce = _REQUEST.unpack_from(phy_payload)
        return cls(join_eui=join_eui, dev_eui=dev_eui, dev_nonce=dev_nonce)


def join_request_is_genuine(phy_payload: bytes, app_key: bytes) -> bool:
    """Return whether the MIC of a join request is right for this AppKey.

    app_key: 16 bytes. Raises ParameterError for another length.
    """
    return compare_digest(phy_payload[-MIC_BYTES:], _mic(app_key, phy_payload[:-MIC_BYTES]))


@dataclass(frozen=True, slots=True, kw_only=True)
class JoinAccept:
    """Acceptance of a join request by the network.

    join_nonce, net_id: 24 bits. dev_addr: 32 bits, the address of the device from now on. dl_settings: one byte, RX2 data rate
    and RX1 offset. rx_delay: one byte, in seconds; 0 means 1. cf_list: 16 bytes of channels, or empty. Raises MessageError if
    an answer cannot carry a value.
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
        require_range("dl_settings", self.dl_settings, 0, 255, "DLSettings is one byte")
        require_range("rx_delay", self.rx_delay, 0, 255, "RxDelay is one byte")
        if len(self.cf_list) not in (0, _CF_LIST_BYTES):
            raise MessageError(f"cf_list must have {_CF_LIST_BYTES} bytes or none, got {len(self.cf_list)}")

    def to_bytes(self, app_key: bytes) -> bytes:
        """Return the PHYPayload: 17 bytes, or 33 with channels.

        The network applies AES decryption, so that a device needs AES encryption only. Raises ParameterError if `app_key` does
        not have 16 bytes.
        """
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
        """Return the join accept in a PHYPayload, as a device with this AppKey reads it.

        Raises MessageError for another kind of frame or another key, ParameterError if `app_key` does not have 16 bytes.
        """
        sizes = (1 + _ACCEPT.size + MIC_BYTES, 1 + _ACCEPT.size + _CF_LIST_BYTES + MIC_BYTES)
        if len(phy_payload) not in sizes or phy_payload[0] != _ACCEPT_MHDR:
            raise MessageError(f"a join accept must be 0x20 and 16 or 32 more bytes, got {len(phy_payload)} bytes")
        encryptor = _ecb(app_key).encryptor()
        plain = phy_payload[:1] + encryptor.update(phy_payload[1:]) + encryptor.finalize()
        if not compare_digest(plain[-MIC_BYTES:], _mic(app_key, plain[:-MIC_BYTES])):
            raise MessageError("the MIC of the join accept is wrong: it is for another key or damaged")
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
        """Return the keys that both ends derive from this answer to the request with `dev_nonce`.

        Raises ParameterError if `app_key` does not have 16 bytes.
        """
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
    exact_length("app_key", app_key, 16, why="AES-128")
