"""One device of the sandbox: what it hears, how it reassembles, which image it runs."""

from __future__ import annotations

import hashlib
from collections import deque
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np

from fuota.device import Answer, DeviceProfile, ImageReport
from fuota.device.stack.clock import DeviceClock
from fuota.device.stack.clock_sync import ClockSyncPackage
from fuota.device.stack.firmware_management import ManagementPackage
from fuota.device.stack.multi_package import MultiPackage, Package
from fuota.device.stack.multicast_groups import McGroupContext
from fuota.device.stack.multicast_setup import MulticastSetupPackage
from fuota.errors import MessageError
from fuota.lorawan import clock_sync, firmware_management, multi_package, multicast_setup
from fuota.lorawan.firmware_management import UpImageStatus
from fuota.lorawan.fragmentation import FPORT as FRAGMENTATION_FPORT
from fuota.lorawan.fragmentation import FragSessionDeleteReq
from fuota.lorawan.keys import mc_ke_key, mc_root_key
from fuota.lorawan.mac.data_frames import DataFrame, SessionKeys, open_data
from fuota.lorawan.mac.join import JoinAccept, JoinRequest
from fuota.lorawan.multi_package import PackageEntry
from fuota.sandbox.air.multi_package import PORTS
from fuota.sim import Loss

_DRAWN_AT_ONCE = 128
"""Multicast frames whose fate is drawn together: losses in bursts go on from frame to frame."""
_INBOX = 16


class Reassembly(Protocol):
    """What plays TS004 on a device: `fuota.device.FragmentationPackage`, or something of its shape."""

    def receive(self, payload: bytes, *, mc_group: int | None = None) -> list[Answer]:
        """Take an FRMPayload of the package's port, and answer it."""
        ...

    def block(self, frag_index: int = 0) -> bytes | None:
        """The data block of a session, or None while it is not whole."""
        ...

    def missing(self, frag_index: int = 0) -> int | None:
        """The rank still lacking, or None where there is no such session."""
        ...

    def received_again(self, frag_index: int = 0) -> Answer | None:
        """What it says again until the server has heard that the block is whole, or None."""
        ...


class Part(Protocol):
    """Real firmware that plays a device from TS004 upwards (`fuota.sandbox.devices.firmware`); what is below stays the modem's."""

    def receive(self, payload: bytes, *, mc_group: int | None = None) -> list[Answer]:
        """Take a message of TS004."""
        ...

    @property
    def management(self) -> Package:
        """Its TS006."""
        ...

    def session_over(self) -> bool:
        """A session has come to its end; whether the firmware has started anew."""
        ...

    def image_report(self) -> bytes:
        """What it says of the image it runs."""
        ...


@dataclass(slots=True, kw_only=True)
class DeviceSession:
    """A device's end of a session. Counters have 32 bits; `ack_due`: a confirmed downlink is to be acknowledged."""

    dev_addr: int
    keys: SessionKeys
    f_cnt_up: int = 0
    next_f_cnt_down: int = 0
    ack_due: bool = False


@dataclass(slots=True, kw_only=True)
class VirtualDevice:
    """One device. It speaks octets: frames in, frames out, and the packages of TS003 to TS006 behind them.

    `app_key`: its root key, 16 octets, GenAppKey too. `phase`: when within the uplink period its uplinks are, a share.
    `autostart`: it starts a new image by itself when a session is over; otherwise at a reboot that TS006 asks for. `inbox`: the
    last application messages that it heard, as (port, octets). `part`: the firmware that plays it, in place of what is here.
    """

    dev_eui: str
    join_eui: str = "0200000000000000"
    tag: str = "sandbox"
    loss: Loss
    rng: np.random.Generator
    package: Reassembly
    app_key: bytes = field(repr=False)
    profile: DeviceProfile
    running_sha256: bytes
    phase: float = 0
    autostart: bool = True
    clock: DeviceClock = field(default_factory=DeviceClock)
    session: DeviceSession | None = None
    part: Part | None = None
    inbox: deque[tuple[int, bytes]] = field(default_factory=lambda: deque(maxlen=_INBOX))
    session_heard: bool = False
    multicast: MulticastSetupPackage = field(init=False)
    clock_sync: ClockSyncPackage = field(init=False)
    management: ManagementPackage = field(init=False)
    multi: MultiPackage = field(init=False)
    _dev_nonce: int = 0
    _frag_index: int = 0
    _heard: list[bool] = field(default_factory=list)
    _heard_by: Loss | None = None

    def __post_init__(self) -> None:
        version = self.profile.version
        ke_key = mc_ke_key(mc_root_key(self.app_key))
        self.multicast = MulticastSetupPackage(ke_key, self.clock, version=version)
        self.clock_sync = ClockSyncPackage(self.clock, version=version)
        self.management = ManagementPackage(self, self.clock)
        entries = tuple(
            PackageEntry(identifier=index, version=1 if index == 4 else version, port=port)
            for index, port in PORTS.items()
        )
        self.multi = MultiPackage(entries, version=version)

    @property
    def seqno(self) -> int:
        """How many uplinks it has sent in this session."""
        return self.session.f_cnt_up if self.session else 0

    @property
    def rssi_dbm(self) -> int:
        """How strongly a base station hears it: a link that loses much is a weak one."""
        return round(-80 - 40 * getattr(self.loss, "loss", 0.0))

    @property
    def snr_db(self) -> float:
        """How clearly a base station hears it."""
        return round(9 - 20 * getattr(self.loss, "loss", 0.0), 1)

    # Luck

    def hears(self) -> bool:
        """Whether the next single frame between it and the network gets through."""
        return bool(self.loss.heard(1, self.rng)[0])

    def hears_next(self) -> bool:
        """Whether the next multicast frame gets through: in a row with the one before."""
        if not self._heard or self._heard_by is not self.loss:
            self._heard = self.loss.heard(_DRAWN_AT_ONCE, self.rng)[::-1].tolist()
            self._heard_by = self.loss
        return self._heard.pop()

    # Joining

    def join_request(self) -> bytes:
        """A frame that asks to be let in."""
        self._dev_nonce += 1
        request = JoinRequest(join_eui=int(self.join_eui, 16), dev_eui=int(self.dev_eui, 16), dev_nonce=self._dev_nonce)
        return request.to_bytes(self.app_key)

    def take_accept(self, phy_payload: bytes) -> None:
        """The network's answer: a new session. What is for another key is dropped."""
        try:
            accept = JoinAccept.open(phy_payload, self.app_key)
        except MessageError:
            return
        keys = accept.session_keys(self.app_key, self._dev_nonce)
        self.session = DeviceSession(dev_addr=accept.dev_addr, keys=keys)

    # Frames

    def uplink(self, port: int | None, payload: bytes) -> bytes:
        """A frame that carries this, and the acknowledgement that is due. It must have a session."""
        session = self.session
        assert session is not None  # noqa: S101 - who runs the device lets it join first
        frame = DataFrame(
            uplink=True,
            dev_addr=session.dev_addr,
            f_cnt=session.f_cnt_up,
            f_port=port,
            payload=payload,
            ack=session.ack_due,
        )
        session.f_cnt_up, session.ack_due = session.f_cnt_up + 1, False
        return frame.to_bytes(session.keys)

    def hear(self, phy_payload: bytes) -> tuple[int | None, list[Answer]]:
        """Take a unicast downlink: (the port, the answers to send on it). What is not for it is dropped."""
        session = self.session
        if session is None:
            return None, []
        try:
            frame = open_data(
                phy_payload,
                session.keys,
                uplink=False,
                dev_addr=session.dev_addr,
                next_f_cnt=session.next_f_cnt_down,
            )
        except MessageError:
            return None, []
        session.next_f_cnt_down = frame.f_cnt + 1
        session.ack_due |= frame.confirmed
        return frame.f_port, [] if frame.f_port is None else self._take(frame.f_port, frame.payload, None)

    def hear_multicast(self, group: McGroupContext, phy_payload: bytes) -> tuple[int | None, list[Answer]]:
        """Take a multicast frame of a group that it listens for: as `hear`."""
        frame = group.open(phy_payload)
        if frame is None:
            return None, []
        return frame.f_port, self._take(frame.f_port, frame.payload, group.mc_group_id)

    def _take(self, port: int, payload: bytes, mc_group: int | None) -> list[Answer]:
        if port == FRAGMENTATION_FPORT:
            return self._on_fragmentation(payload, mc_group)
        if port == multi_package.FPORT:
            return self._on_several(payload, mc_group)
        others: dict[int, Package] = {
            multicast_setup.FPORT: self.multicast,
            clock_sync.FPORT: self.clock_sync,
            firmware_management.FPORT: self._played[1],
        }
        if port in others:
            return others[port].receive(payload, mc_group=mc_group)
        self.inbox.append((port, payload))
        return []

    def _on_fragmentation(self, payload: bytes, mc_group: int | None) -> list[Answer]:
        self.session_heard = True
        if payload[:1] == b"\x08" and len(payload) > 3:  # DataFragment: Index&N, whose two top bits are FragIndex
            self._frag_index = payload[2] >> 6
        return self._played[0].receive(payload, mc_group=mc_group)

    def _on_several(self, payload: bytes, mc_group: int | None) -> list[Answer]:
        self.session_heard = True
        fragmentation, management = self._played
        packages: dict[int, Package] = {1: self.clock_sync, 2: self.multicast, 3: fragmentation, 4: management}
        return self.multi.receive(payload, packages, mc_group=mc_group)

    @property
    def _played(self) -> tuple[Package, Package]:
        """TS004 and TS006, those of the firmware that plays it if there is one."""
        return (self.package, self.management) if self.part is None else (self.part, self.part.management)

    # Images

    def session_over(self) -> bool:
        """A session has come to its end: start the image, if it is whole and new; whether one was started."""
        if self.part is not None:
            return self.part.session_over()
        if not self.autostart or self.upgrade()[0] is not UpImageStatus.VALID:
            return False
        self.install(self._frag_index)
        return True

    def reboot(self) -> None:
        """Start anew, with the image that was received if there is one (TS006). Groups and sessions are in lasting memory."""
        self.management.rebooted()
        if self.upgrade()[0] is UpImageStatus.VALID:
            self.install(self._frag_index)

    def install(self, frag_index: int) -> None:
        """Start the image of this session, if its block is whole."""
        block = self.package.block(frag_index)
        if block is not None:
            self.running_sha256 = hashlib.sha256(block).digest()

    def image_report(self) -> bytes:
        """What it says of the image it runs."""
        if self.part is not None:
            return self.part.image_report()
        return ImageReport(sha256=self.running_sha256).to_bytes()

    @property
    def running_version(self) -> int:
        """FWversion of TS006: the first four octets of the image's SHA-256, as a number of the wire."""
        return _version(self.running_sha256)

    def upgrade(self) -> tuple[UpImageStatus, int | None]:
        """What it holds for the next start (TS006), and its version."""
        block = self.package.block(self._frag_index)
        if block is None:
            corrupt = self.package.missing(self._frag_index) == 0
            return (UpImageStatus.CORRUPT if corrupt else UpImageStatus.NONE), None
        sha256 = hashlib.sha256(block).digest()
        if sha256 == self.running_sha256:
            return UpImageStatus.NONE, None
        return UpImageStatus.VALID, _version(sha256)

    def delete_upgrade(self) -> None:
        """Forget what was received."""
        self.package.receive(FragSessionDeleteReq(frag_index=self._frag_index).to_bytes())


def _version(sha256: bytes) -> int:
    return int.from_bytes(sha256[:4], "little")
