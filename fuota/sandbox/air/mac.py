"""The network's end of every session: joins, uplink frames and downlink frames (TS001-1.0.4)."""

from __future__ import annotations

from dataclasses import dataclass

from fuota.errors import MessageError
from fuota.lorawan.mac.data_frames import DataFrame, SessionKeys, dev_addr_of, open_data
from fuota.lorawan.mac.join import JoinAccept, JoinRequest, join_request_is_genuine
from fuota.sandbox.air.downlink import Downlink
from fuota.sandbox.server.records import Directory, RegisteredDevice

NET_ID = 0
"""NetID of private networks (NetID 0 of type 0). Its addresses begin with seven zero bits."""
FIRST_DEV_ADDR, FIRST_MC_ADDR = 0x0000_0001, 0x0180_0000


@dataclass(slots=True, kw_only=True)
class _Counters:
    """Next frame counters of one session, up and down, 32 bits each."""

    next_up: int = 0
    next_down: int = 0


class Mac:
    """Frame counters, join nonces and addresses of all sessions. The session keys are in the directory's records."""

    def __init__(self, directory: Directory) -> None:
        self._directory = directory
        self._counters: dict[str, _Counters] = {}
        self._nonces: dict[str, int] = {}
        self._by_addr: dict[int, set[str]] = {}
        self._address_of: dict[str, int] = {}
        self._next_addr = FIRST_DEV_ADDR

    def record(self, dev_eui: str) -> RegisteredDevice | None:
        """Return the server's record of a device, or None if the server does not know the device."""
        return self._directory.devices.get(dev_eui)

    def join(self, phy_payload: bytes, now_us: int) -> bytes | None:
        """Return the join accept for a join request and begin the session.

        None if the device is unknown or may not join, if the MIC is wrong, or if the DevNonce was used before.
        """
        try:
            request = JoinRequest.parse(phy_payload)
        except MessageError:
            return None
        record = self._directory.devices.get(f"{request.dev_eui:016X}")
        if record is None or record.app_key is None or not record.may_join:
            return None
        if not join_request_is_genuine(phy_payload, record.app_key):
            return None
        if request.dev_nonce <= self._nonces.get(record.dev_eui, 0):
            return None
        self._nonces[record.dev_eui] = request.dev_nonce
        accept = JoinAccept(join_nonce=(record.join_id + 1) % (1 << 24), net_id=NET_ID, dev_addr=self._new_address())
        keys = accept.session_keys(record.app_key, request.dev_nonce)
        record.begin_session(now_us, dev_addr=accept.dev_addr, nwk_s_key=keys.nwk_s_key, app_s_key=keys.app_s_key)
        self.begin(record)
        return accept.to_bytes(record.app_key)

    def begin(self, record: RegisteredDevice) -> None:
        """Begin the session whose address and keys are in `record`, after a join or for ABP."""
        if record.dev_addr is None:
            return
        if (old_addr := self._address_of.get(record.dev_eui)) is not None:
            self._by_addr[old_addr].discard(record.dev_eui)
        self._address_of[record.dev_eui] = record.dev_addr
        self._by_addr.setdefault(record.dev_addr, set()).add(record.dev_eui)
        self._counters[record.dev_eui] = _Counters()

    def open(self, phy_payload: bytes) -> tuple[RegisteredDevice, DataFrame] | None:
        """Return the sender's record and the decrypted uplink frame, or None if the frame fits no session."""
        address = dev_addr_of(phy_payload)
        for dev_eui in self._by_addr.get(-1 if address is None else address, ()):
            record, counters = self._directory.devices[dev_eui], self._counters[dev_eui]
            keys = session_keys(record)
            if keys is None or address is None:
                continue
            try:
                frame = open_data(phy_payload, keys, uplink=True, dev_addr=address, next_f_cnt=counters.next_up)
            except MessageError:
                continue
            counters.next_up = frame.f_cnt + 1
            return record, frame
        return None

    def downlink(self, record: RegisteredDevice, message: Downlink, *, ack: bool = False) -> bytes | None:
        """Return the frame that carries `message` to a device, or None if the device has no session."""
        keys = session_keys(record)
        if keys is None or record.dev_addr is None:
            return None
        counters = self._counters.setdefault(record.dev_eui, _Counters())
        frame = DataFrame(
            uplink=False,
            dev_addr=record.dev_addr,
            f_cnt=counters.next_down,
            f_port=message.port,
            payload=message.payload,
            confirmed=message.confirmed,
            ack=ack,
            bit_4=message.pending,
        )
        counters.next_down += 1
        return frame.to_bytes(keys)

    def _new_address(self) -> int:
        self._next_addr += 1
        return self._next_addr - 1


def session_keys(record: RegisteredDevice) -> SessionKeys | None:
    """Return the keys of a record's session, or None if it has no session."""
    if record.nwk_s_key is None or record.app_s_key is None:
        return None
    return SessionKeys(app_s_key=record.app_s_key, nwk_s_key=record.nwk_s_key)
