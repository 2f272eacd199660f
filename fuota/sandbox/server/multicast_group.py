"""A multicast group on the network's side: keys, counters, members, and the messages that set it up (TS005, TS003)."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from enum import StrEnum
from functools import partial

from fuota.lorawan.clock_sync import FPORT as CLOCK_FPORT
from fuota.lorawan.clock_sync import AppTimeAns, AppTimeReq, ForceDeviceResyncReq, time_correction_s
from fuota.lorawan.clock_sync import parse_uplink as parse_clock
from fuota.lorawan.codec import Command, encode
from fuota.lorawan.fragmentation import PACKAGE_IDENTIFIER as FRAGMENTATION_PACKAGE
from fuota.lorawan.keys import MulticastSessionKeys, encrypt_mc_key, mc_ke_key, mc_root_key
from fuota.lorawan.mac.multicast_frames import MulticastFrame
from fuota.lorawan.multicast_setup import FPORT as SETUP_FPORT
from fuota.lorawan.multicast_setup import PACKAGE_IDENTIFIER as SETUP_PACKAGE
from fuota.lorawan.multicast_setup import (
    McClassBSessionAns,
    McClassBSessionReq,
    McClassCSessionAns,
    McClassCSessionReq,
    McGroupDeleteAns,
    McGroupDeleteReq,
    McGroupSetupAns,
    McGroupSetupReq,
    parse_uplink,
)
from fuota.radio import Region
from fuota.radio.class_b import beacon_time_at_or_after, beacon_time_of, next_ping_slot_us
from fuota.sandbox.air import multi_package
from fuota.sandbox.air.clock import SECOND_US, Clock, gps_us, unix_us
from fuota.sandbox.air.downlink import Downlink

CLOCK_TOLERANCE_S = 5
"""If a device's TimeToStart differs by more than this, its clock is wrong and it gets the time (TS005 McClassCSessionAns)."""
REPEAT_US = 4 * SECOND_US
"""Minimum time between two messages to a member, since the answer to the first may be on its way."""
LATE_START_S = 10
"""A session whose start has passed starts this long after the request, late enough to reveal a wrong clock."""
NO_LIMIT = 0xFFFFFFFF
"""maxMcFCnt of every group."""


class MemberState(StrEnum):
    """State of a device in a group (reference, "Multicast API", "Response Example")."""

    INITIALIZING = "Initializing"
    INITIALIZED = "Initialized"
    CLOSING = "Closing"
    FAILED = "Failed"


@dataclass(slots=True, kw_only=True)
class McMember:
    """A device of a group. root_key: GenAppKey, 16 bytes, None if the network does not know it (ABP).

    grouped: whether the device has the group and lacks the session. accepted: whether it has the session too, which begins at
    `start_s` (GPS time); from then on the device is initialized. resync: whether its clock is wrong. time_request: its AppTimeReq
    that waits for an answer, and the time when it came. deadline_us: time at which the device has failed, or has left, unless it
    has answered; None for never.
    """

    dev_eui: str
    mc_group_id: int
    root_key: bytes | None = field(repr=False)
    state: MemberState = MemberState.INITIALIZING
    grouped: bool = False
    accepted: bool = False
    resync: bool = False
    time_request: tuple[AppTimeReq, int] | None = None
    sent_us: int = -REPEAT_US
    start_s: int = 0
    deadline_us: int | None = None

    def restart(self, state: MemberState) -> None:
        """Begin again in this state: earlier answers of the device no longer count."""
        self.state, self.grouped, self.accepted, self.sent_us = state, False, False, -REPEAT_US


@dataclass(frozen=True, slots=True, kw_only=True)
class McRadio:
    """Radio parameters of a group. frequency_hz: None for the hopping of the region's ping slots. periodicity: None for class C."""

    region: Region
    data_rate: int
    frequency_hz: int | None
    periodicity: int | None = None

    @property
    def dl_freq_hz(self) -> int:
        """Frequency for the field DLFreq: 0 for hopping."""
        return self.frequency_hz or 0

    def frequency_at(self, mc_addr: int, gps_us: int) -> int:
        """Return the frequency in Hz of a frame that begins at this GPS time."""
        if self.frequency_hz is not None:
            return self.frequency_hz
        return self.region.ping_slot_hz(mc_addr, beacon_time_of(gps_us))

    def slot_us(self, mc_addr: int, gps_us: int) -> int:
        """Return the first GPS time from `gps_us` at which a frame can begin: at once, or at a ping slot."""
        return gps_us if self.periodicity is None else next_ping_slot_us(gps_us - 1, mc_addr, self.periodicity)


@dataclass(slots=True, kw_only=True)
class MulticastGroup:
    """State of a group, and a `DownlinkSource` for its members.

    start_us, time_out: start of its session in GPS time, and TimeOut, the exponent of TS005. block_setup: returns the
    FragSessionSetupReq of a member, if the devices take the set-up of the data block in the same message (TS007).
    """

    mc_addr: int
    mc_key: bytes = field(repr=False)
    radio: McRadio
    start_us: int
    time_out: int
    first_f_cnt: int = 0
    clock: Clock
    block_setup: Callable[[McMember], Command] | None = None
    members: dict[str, McMember] = field(default_factory=dict)
    next_f_cnt: int = field(init=False)
    keys: MulticastSessionKeys = field(init=False)

    def __post_init__(self) -> None:
        self.next_f_cnt = self.first_f_cnt
        self.keys = MulticastSessionKeys.derive(self.mc_key, self.mc_addr)

    @property
    def closing(self) -> bool:
        """Whether a device is leaving."""
        return any(member.state is MemberState.CLOSING for member in self.members.values())

    def next_slot_us(self, time_us: int) -> int:
        """Return the first time from `time_us` at which a frame to the group can begin, in microseconds since 1970."""
        return unix_us(self.radio.slot_us(self.mc_addr, gps_us(time_us)))

    def frame(self, port: int, payload: bytes) -> bytes:
        """Return the frame that carries a message to the group, and use up its frame counter."""
        self.next_f_cnt += 1
        frame = MulticastFrame(mc_addr=self.mc_addr, f_cnt=self.next_f_cnt - 1, f_port=port, payload=payload)
        return frame.to_bytes(self.keys)

    def close(self, dev_euis: Iterable[str]) -> None:
        """Let devices leave the group: they get a command to delete it."""
        for dev_eui in dev_euis:
            member = self.members.get(dev_eui)
            if member is not None:
                member.restart(MemberState.CLOSING)

    def expire(self, now_us: int) -> None:
        """Mark members whose deadline has passed as failed; remove them if they are leaving."""
        for member in list(self.members.values()):
            if member.deadline_us is None or now_us < member.deadline_us:
                continue
            if member.state is MemberState.CLOSING:
                del self.members[member.dev_eui]
            elif member.state is MemberState.INITIALIZING:
                member.state = MemberState.FAILED

    # Messages to members

    def waits(self, dev_eui: str, now_us: int) -> bool:  # noqa: ARG002
        """See `DownlinkSource`."""
        member = self.members.get(dev_eui)
        return (
            member is not None
            and not member.accepted
            and member.state in {MemberState.INITIALIZING, MemberState.CLOSING}
        )

    def next(self, dev_eui: str, now_us: int) -> Downlink | None:
        """See `DownlinkSource`."""
        if not self.waits(dev_eui, now_us):
            return None
        member = self.members[dev_eui]
        if member.time_request is not None:
            return self._time_answer(member, *member.time_request)
        if now_us < member.sent_us + REPEAT_US:
            return None
        member.sent_us = now_us
        if member.resync:
            return Downlink(port=CLOCK_FPORT, payload=ForceDeviceResyncReq(nb_transmissions=3).to_bytes())
        commands = self._setup(member, now_us)
        if self.block_setup is None or member.state is MemberState.CLOSING:
            return Downlink(port=SETUP_FPORT, payload=encode(commands))
        return multi_package.join((SETUP_PACKAGE, commands), (FRAGMENTATION_PACKAGE, [self.block_setup(member)]))

    def _time_answer(self, member: McMember, request: AppTimeReq, received_us: int) -> Downlink:
        server_s = gps_us(received_us) // SECOND_US
        correction_s = time_correction_s(server_time_s=server_s % (1 << 32), device_time_s=request.device_time_s)
        member.time_request, member.resync, member.sent_us = None, False, -REPEAT_US
        return Downlink(
            port=CLOCK_FPORT, payload=AppTimeAns(time_correction_s=correction_s, token=request.token).to_bytes()
        )

    def _setup(self, member: McMember, now_us: int) -> list[Command]:
        """Return the commands for the group and its session that the device still lacks, or the deletion of the group."""
        if member.state is MemberState.CLOSING:
            return [McGroupDeleteReq(mc_group_id=member.mc_group_id)]
        session = self._session(member, now_us)
        if member.grouped or member.root_key is None:
            return [session]
        ke_key = mc_ke_key(mc_root_key(member.root_key))
        group = McGroupSetupReq(
            mc_group_id=member.mc_group_id,
            mc_addr=self.mc_addr,
            mc_key_encrypted=encrypt_mc_key(ke_key, self.mc_key),
            min_mc_f_cnt=self.next_f_cnt,
            max_mc_f_cnt=NO_LIMIT,
        )
        return [group, session]

    def _session(self, member: McMember, now_us: int) -> Command:
        earliest_s = gps_us(now_us) // SECOND_US + LATE_START_S
        member.start_s = max(self.start_us // SECOND_US, earliest_s)
        if self.radio.periodicity is not None:
            member.start_s = beacon_time_at_or_after(member.start_s)
            return McClassBSessionReq(
                mc_group_id=member.mc_group_id,
                session_time_s=member.start_s % (1 << 32),
                time_out=self.time_out,
                periodicity=self.radio.periodicity,
                frequency_hz=self.radio.dl_freq_hz,
                data_rate=self.radio.data_rate,
            )
        return McClassCSessionReq(
            mc_group_id=member.mc_group_id,
            session_time_s=member.start_s % (1 << 32),
            time_out=self.time_out,
            frequency_hz=self.radio.dl_freq_hz,
            data_rate=self.radio.data_rate,
        )

    # Answers of members

    def on_uplink(self, dev_eui: str, port: int | None, payload: bytes, now_us: int) -> None:
        """Take an uplink of a member on the ports of TS005 and TS003."""
        member = self.members.get(dev_eui)
        if member is None:
            return
        if port == CLOCK_FPORT and member.resync:
            for command in parse_clock(payload).commands:
                if isinstance(command, AppTimeReq):
                    member.time_request = (command, now_us)
        if port == SETUP_FPORT:
            for answer in parse_uplink(payload, version=2).commands:  # version 2 reads version 1 too
                self._on_answer(member, answer, now_us)

    def _on_answer(self, member: McMember, answer: Command, now_us: int) -> None:
        if getattr(answer, "mc_group_id", None) != member.mc_group_id:
            return
        member.sent_us = -REPEAT_US
        match answer:
            case McGroupSetupAns() if member.state is MemberState.INITIALIZING:
                member.grouped = not answer.id_error
                member.state = MemberState.FAILED if answer.id_error else member.state
            case McClassCSessionAns() | McClassBSessionAns() if member.state is MemberState.INITIALIZING:
                self._on_session(member, answer, now_us)
            case McGroupDeleteAns() if member.state is MemberState.CLOSING:
                del self.members[member.dev_eui]
            case _:
                pass

    def _on_session(self, member: McMember, answer: McClassCSessionAns | McClassBSessionAns, now_us: int) -> None:
        if answer.time_to_start_s is None:
            member.grouped &= not answer.mc_group_undefined
            member.resync = answer.start_missed
            refused = answer.dr_error or answer.freq_error or answer.future_errors
            member.state = MemberState.FAILED if refused else member.state
            return
        expected_s = member.start_s - gps_us(now_us) // SECOND_US
        member.resync = abs(answer.time_to_start_s - expected_s) > CLOCK_TOLERANCE_S
        member.accepted = not member.resync
        if member.accepted:
            self.clock.at(unix_us(member.start_s * SECOND_US), partial(self._begin_session, member))

    def _begin_session(self, member: McMember) -> None:
        if member.accepted and member.state is MemberState.INITIALIZING:
            member.state = MemberState.INITIALIZED
