"""A device of the sandbox: the frames that it hears, its packages, and the image that it runs."""

from __future__ import annotations

import hashlib
from collections import deque
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np

from fuota.device.profile import DeviceProfile
from fuota.device.report import ImageReport
from fuota.device.stack.clock import DeviceClock
from fuota.device.stack.clock_sync import ClockSyncPackage
from fuota.device.stack.firmware_management import FirmwareManagementPackage
from fuota.device.stack.fragmentation import Answer
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
from fuota.radio import Region
from fuota.sandbox.air.multi_package import PORTS
from fuota.sim.loss import Loss

DEFAULT_JOIN_EUI = "0200000000000000"
_DRAWN_AT_ONCE = 128
"""Number of multicast frames whose losses are drawn together, since a burst of losses continues from frame to frame."""
_INBOX_MESSAGES = 16


class Reassembly(Protocol):
    """The TS004 package of a device: `fuota.device.FragmentationPackage`, or an object with the same methods."""

    def receive(self, payload: bytes, *, mc_group: int | None = None) -> list[Answer]:
        """Take an FRMPayload of the package's port and return the answers. mc_group: the multicast group it came on, if any."""
        ...

    def block(self, frag_index: int = 0) -> bytes | None:
        """Return the data block of a session, or None while it is not whole."""
        ...

    def missing(self, frag_index: int = 0) -> int | None:
        """Return the rank that the decoder still lacks, or None if there is no such session."""
        ...

    def pending_completion(self, frag_index: int = 0) -> Answer | None:
        """Return the report that the block is whole, to be repeated until the server answers, or None."""
        ...


class EmulatedFirmware(Protocol):
    """Real firmware that runs a device from TS004 upwards. The layers below stay in the modem."""

    def receive(self, payload: bytes, *, mc_group: int | None = None) -> list[Answer]:
        """Take a message of TS004 and return the answers."""
        ...

    @property
    def management(self) -> Package:
        """The TS006 package of the firmware."""
        ...

    def end_session(self) -> bool:
        """Tell the firmware that a session is over. Return whether it has restarted."""
        ...

    def image_report(self) -> bytes:
        """Return the firmware's report about the image that it runs."""
        ...


@dataclass(slots=True, kw_only=True)
class DeviceSession:
    """The device's end of a session. Counters have 32 bits. ack_due: whether a confirmed downlink must be acknowledged."""

    dev_addr: int
    keys: SessionKeys
    f_cnt_up: int = 0
    next_f_cnt_down: int = 0
    ack_due: bool = False


@dataclass(slots=True, kw_only=True)
class VirtualDevice:
    """A device. It takes and returns the bytes of frames. Behind the frames are the packages TS003 to TS006.

    loss: its loss model. rng: its random numbers. package: its TS004 package. app_key: its root key, 16 bytes, also
    used as GenAppKey. phase: moment of its uplinks within the uplink period, a share. autostart: whether it starts a new image at
    the end of a session; otherwise it does so at a reboot that TS006 requests. inbox: its last application messages as
    (port, bytes). region: what its radio can do; None for any frequency and data rate. firmware: the firmware that replaces its
    TS004 and TS006 packages, or None.
    """

    dev_eui: str
    join_eui: str = DEFAULT_JOIN_EUI
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
    firmware: EmulatedFirmware | None = None
    region: Region | None = None
    inbox: deque[tuple[int, bytes]] = field(default_factory=lambda: deque(maxlen=_INBOX_MESSAGES))
    session_heard: bool = False
    multicast: MulticastSetupPackage = field(init=False)
    clock_sync: ClockSyncPackage = field(init=False)
    management: FirmwareManagementPackage = field(init=False)
    multi: MultiPackage = field(init=False)
    _dev_nonce: int = 0
    _frag_index: int = 0
    _drawn: list[bool] = field(default_factory=list)
    _drawn_from: Loss | None = None

    def __post_init__(self) -> None:
        version = self.profile.version
        ke_key = mc_ke_key(mc_root_key(self.app_key))
        self.multicast = MulticastSetupPackage(ke_key, self.clock, version=version, region=self.region)
        self.clock_sync = ClockSyncPackage(self.clock, version=version)
        self.management = FirmwareManagementPackage(self, self.clock)
        entries = tuple(
            PackageEntry(identifier=identifier, version=1 if identifier == 4 else version, port=port)
            for identifier, port in PORTS.items()
        )
        self.multi = MultiPackage(entries, version=version)

    @property
    def seqno(self) -> int:
        """Number of uplinks that it has sent in this session."""
        return self.session.f_cnt_up if self.session else 0

    @property
    def rssi_dbm(self) -> int:
        """Signal strength at a base station in dBm. A link with much loss is weak."""
        return round(-80 - 40 * getattr(self.loss, "loss", 0.0))

    @property
    def snr_db(self) -> float:
        """Signal-to-noise ratio at a base station in dB."""
        return round(9 - 20 * getattr(self.loss, "loss", 0.0), 1)

    # Losses

    def hears(self) -> bool:
        """Return whether the next single frame between the device and the network comes through."""
        return bool(self.loss.draw_received(1, self.rng)[0])

    def hears_next(self) -> bool:
        """Return whether the next multicast frame comes through. Bursts of losses continue from frame to frame."""
        if not self._drawn or self._drawn_from is not self.loss:
            self._drawn = self.loss.draw_received(_DRAWN_AT_ONCE, self.rng)[::-1].tolist()
            self._drawn_from = self.loss
        return self._drawn.pop()

    # Joining

    def join_request(self) -> bytes:
        """Return a join request with the next DevNonce."""
        self._dev_nonce += 1
        request = JoinRequest(join_eui=int(self.join_eui, 16), dev_eui=int(self.dev_eui, 16), dev_nonce=self._dev_nonce)
        return request.to_bytes(self.app_key)

    def take_accept(self, phy_payload: bytes) -> None:
        """Take the network's join accept: a new session begins. A frame for another key is dropped."""
        try:
            accept = JoinAccept.open(phy_payload, self.app_key)
        except MessageError:
            return
        keys = accept.session_keys(self.app_key, self._dev_nonce)
        self.session = DeviceSession(dev_addr=accept.dev_addr, keys=keys)

    # Frames

    def uplink(self, port: int | None, payload: bytes) -> bytes:
        """Return a frame with this payload and with the acknowledgement that is due. The device must have a session."""
        session = self.session
        assert session is not None  # noqa: S101 - the air lets a device join first
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
        """Take a unicast downlink. Return its port and the answers to send on it; (None, []) for a frame of another device."""
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
        """Take a multicast frame of a group that the device listens to. Return the same as `hear`."""
        frame = group.open(phy_payload)
        if frame is None:
            return None, []
        return frame.f_port, self._take(frame.f_port, frame.payload, group.mc_group_id)

    def _take(self, port: int, payload: bytes, mc_group: int | None) -> list[Answer]:
        if port == FRAGMENTATION_FPORT:
            return self._on_fragmentation(payload, mc_group)
        if port == multi_package.FPORT:
            return self._on_multi_package(payload, mc_group)
        packages: dict[int, Package] = {
            multicast_setup.FPORT: self.multicast,
            clock_sync.FPORT: self.clock_sync,
            firmware_management.FPORT: self._active_packages[1],
        }
        if port in packages:
            return packages[port].receive(payload, mc_group=mc_group)
        self.inbox.append((port, payload))
        return []

    def _on_fragmentation(self, payload: bytes, mc_group: int | None) -> list[Answer]:
        self.session_heard = True
        if payload[:1] == b"\x08" and len(payload) > 3:  # DataFragment: Index&N; its two top bits are FragIndex
            self._frag_index = payload[2] >> 6
        return self._active_packages[0].receive(payload, mc_group=mc_group)

    def _on_multi_package(self, payload: bytes, mc_group: int | None) -> list[Answer]:
        self.session_heard = True
        fragmentation, management = self._active_packages
        packages: dict[int, Package] = {1: self.clock_sync, 2: self.multicast, 3: fragmentation, 4: management}
        return self.multi.receive(payload, packages, mc_group=mc_group)

    @property
    def _active_packages(self) -> tuple[Package, Package]:
        """The TS004 and TS006 packages in use: the firmware's packages if there is firmware."""
        return (self.package, self.management) if self.firmware is None else (self.firmware, self.firmware.management)

    # Images

    def end_session(self) -> bool:
        """End a session: start the received image if it is whole and new. Return whether an image was started."""
        if self.firmware is not None:
            return self.firmware.end_session()
        if not self.autostart or self.upgrade()[0] is not UpImageStatus.VALID:
            return False
        self.install(self._frag_index)
        return True

    def reboot(self) -> None:
        """Reboot, with the received image if there is one (TS006). Groups and sessions are kept in non-volatile memory."""
        self.management.record_reboot()
        if self.upgrade()[0] is UpImageStatus.VALID:
            self.install(self._frag_index)

    def install(self, frag_index: int) -> None:
        """Start the image of this fragmentation session if its block is whole."""
        block = self.package.block(frag_index)
        if block is not None:
            self.running_sha256 = hashlib.sha256(block).digest()

    def image_report(self) -> bytes:
        """Return the device's report about the image that it runs."""
        if self.firmware is not None:
            return self.firmware.image_report()
        return ImageReport(sha256=self.running_sha256).to_bytes()

    @property
    def running_version(self) -> int:
        """FWversion of TS006: the first four bytes of the image's SHA-256, little-endian."""
        return _version(self.running_sha256)

    def upgrade(self) -> tuple[UpImageStatus, int | None]:
        """Return the state of the image for the next start (TS006), and its version if it is valid."""
        block = self.package.block(self._frag_index)
        if block is None:
            corrupt = self.package.missing(self._frag_index) == 0
            return (UpImageStatus.CORRUPT if corrupt else UpImageStatus.NONE), None
        sha256 = hashlib.sha256(block).digest()
        if sha256 == self.running_sha256:
            return UpImageStatus.NONE, None
        return UpImageStatus.VALID, _version(sha256)

    def delete_upgrade(self) -> None:
        """Delete the received data block."""
        self.package.receive(FragSessionDeleteReq(frag_index=self._frag_index).to_bytes())


def _version(sha256: bytes) -> int:
    return int.from_bytes(sha256[:4], "little")
