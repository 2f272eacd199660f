"""A multicast group as the network has it: keys, counters, members, and the messages that set it up (TS005, TS003)."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from enum import StrEnum
from functools import partial
from typing import Protocol

from fuota.device.stack.clock import SECOND_US
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
from fuota.sandbox.air.mac import Downlink
from fuota.sandbox.air.multi_package import together

CLOCK_TOLERANCE_S = 5
"""A device whose TimeToStart is farther off than that has a wrong clock, and is told the time (TS005 McClassCSessionAns)."""
REPEAT_US = 4 * SECOND_US
"""A message is not repeated sooner: its answer may be on the way."""
LATE_START_S = 10
"""A session that should have begun begins that long after the request: so late that a wrong clock shows."""
NO_LIMIT = 0xFFFFFFFF


class MemberState(StrEnum):
    """How a device of a group stands (reference, "Multicast API", "Response Example")."""

    INITIALIZING = "Initializing"
    INITIALIZED = "Initialized"
    CLOSING = "Closing"
    FAILED = "Failed"


@dataclass(slots=True, kw_only=True)
class McMember:
    """A device of a group. `root_key`: GenAppKey, 16 octets, None where the network has none (ABP).

    `grouped`: it has the group, and lacks the session. `accepted`: it has the session too, which begins at `start_s` (GPS time);
    from then on it is initialized. `resync`: its clock is wrong. `question`: its AppTimeReq, to be answered, and when that came.
    `patience_until_us`: when it has failed, or is gone, unless it has answered; None for never.
    """

    dev_eui: str
    mc_group_id: int
    root_key: bytes | None = field(repr=False)
    state: MemberState = MemberState.INITIALIZING
    grouped: bool = False
    accepted: bool = False
    resync: bool = False
    question: tuple[AppTimeReq, int] | None = None
    sent_us: int = -REPEAT_US
    start_s: int = 0
    patience_until_us: int | None = None

    def begin_again(self, state: MemberState) -> None:
        """Whatever it has answered no longer counts."""
        self.state, self.grouped, self.accepted, self.sent_us = state, False, False, -REPEAT_US


class GpsTime(Protocol):
    """Of the air: what is needed here."""

    def gps_us(self, time_us: int) -> int:
        """GPS time of a moment of the agenda."""
        ...

    def at_gps(self, gps_us: int, action: Callable[[], None]) -> None:
        """Do something then."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class McRadio:
    """How a group is sent to. `frequency_hz` None: the hopping of the region's ping slots. `periodicity` None: class C."""

    region: Region
    data_rate: int
    frequency_hz: int | None
    periodicity: int | None = None

    @property
    def told_hz(self) -> int:
        """As DLFreq tells it: 0 for hopping."""
        return self.frequency_hz or 0

    def frequency_at(self, mc_addr: int, gps_us: int) -> int:
        """The frequency of a frame that begins then (GPS time)."""
        if self.frequency_hz is not None:
            return self.frequency_hz
        return self.region.ping_slot_hz(mc_addr, beacon_time_of(gps_us))

    def slot_us(self, mc_addr: int, gps_us: int) -> int:
        """The first moment from `gps_us` on at which a frame can begin: at once, or at a ping slot."""
        return gps_us if self.periodicity is None else next_ping_slot_us(gps_us - 1, mc_addr, self.periodicity)


@dataclass(slots=True, kw_only=True)
class NetworkGroup:
    """The state of a group. `start_us`, `time_out`: of its session, GPS time and TS005's exponent.

    `block_of`: where devices take several packages in one message (TS007), the set-up of the data block goes with the group's.

    A source of messages for its members (see `air.Source`).
    """

    mc_addr: int
    mc_key: bytes = field(repr=False)
    radio: McRadio
    start_us: int
    time_out: int
    first_f_cnt: int = 0
    time: GpsTime
    block_of: Callable[[McMember], Command] | None = None
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

    def frame(self, port: int, payload: bytes) -> bytes:
        """The frame that carries a message to the group; its counter is then used up."""
        self.next_f_cnt += 1
        frame = MulticastFrame(mc_addr=self.mc_addr, f_cnt=self.next_f_cnt - 1, f_port=port, payload=payload)
        return frame.to_bytes(self.keys)

    def close(self, dev_euis: Iterable[str]) -> None:
        """Take devices out: those that may have the group are told to delete it."""
        for dev_eui in dev_euis:
            member = self.members.get(dev_eui)
            if member is not None:
                member.begin_again(MemberState.CLOSING)

    def give_up(self, now_us: int) -> None:
        """Who has been at a step for too long has failed, or, closing, is gone."""
        for member in list(self.members.values()):
            if member.patience_until_us is None or now_us < member.patience_until_us:
                continue
            if member.state is MemberState.CLOSING:
                del self.members[member.dev_eui]
            elif member.state is MemberState.INITIALIZING:
                member.state = MemberState.FAILED

    # A source of messages

    def waits(self, dev_eui: str, now_us: int) -> bool:  # noqa: ARG002
        """See `air.Source`."""
        member = self.members.get(dev_eui)
        return (
            member is not None
            and not member.accepted
            and member.state in {MemberState.INITIALIZING, MemberState.CLOSING}
        )

    def next(self, dev_eui: str, now_us: int) -> Downlink | None:
        """See `air.Source`."""
        if not self.waits(dev_eui, now_us):
            return None
        member = self.members[dev_eui]
        if member.question is not None:
            return self._time_answer(member)
        if now_us < member.sent_us + REPEAT_US:
            return None
        member.sent_us = now_us
        if member.resync:
            return Downlink(port=CLOCK_FPORT, payload=ForceDeviceResyncReq(nb_transmissions=3).to_bytes())
        commands = self._setup(member, now_us)
        if self.block_of is None or member.state is MemberState.CLOSING:
            return Downlink(port=SETUP_FPORT, payload=encode(commands))
        return together((SETUP_PACKAGE, commands), (FRAGMENTATION_PACKAGE, [self.block_of(member)]))

    def _time_answer(self, member: McMember) -> Downlink:
        assert member.question is not None  # noqa: S101 - the caller has looked
        asked, came_us = member.question
        server_s = self.time.gps_us(came_us) // SECOND_US
        correction_s = time_correction_s(server_time_s=server_s % (1 << 32), device_time_s=asked.device_time_s)
        member.question, member.resync, member.sent_us = None, False, -REPEAT_US
        return Downlink(
            port=CLOCK_FPORT, payload=AppTimeAns(time_correction_s=correction_s, token=asked.token).to_bytes()
        )

    def _setup(self, member: McMember, now_us: int) -> list[Command]:
        """The group and its session in one message, as far as the device lacks them; or the group's deletion."""
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
        soonest_s = self.time.gps_us(now_us) // SECOND_US + LATE_START_S
        member.start_s = max(self.start_us // SECOND_US, soonest_s)
        if self.radio.periodicity is not None:
            member.start_s = beacon_time_at_or_after(member.start_s)
            return McClassBSessionReq(
                mc_group_id=member.mc_group_id,
                session_time_s=member.start_s % (1 << 32),
                time_out=self.time_out,
                periodicity=self.radio.periodicity,
                frequency_hz=self.radio.told_hz,
                data_rate=self.radio.data_rate,
            )
        return McClassCSessionReq(
            mc_group_id=member.mc_group_id,
            session_time_s=member.start_s % (1 << 32),
            time_out=self.time_out,
            frequency_hz=self.radio.told_hz,
            data_rate=self.radio.data_rate,
        )

    # What members say

    def on_uplink(self, dev_eui: str, port: int | None, payload: bytes, now_us: int) -> None:
        """What the network makes of a member's uplink on the ports of TS005 and TS003."""
        member = self.members.get(dev_eui)
        if member is None:
            return
        if port == CLOCK_FPORT and member.resync:
            for asked in parse_clock(payload).commands:
                member.question = (asked, now_us) if isinstance(asked, AppTimeReq) else member.question
        if port == SETUP_FPORT:
            for answer in parse_uplink(payload, version=2).commands:  # which reads version 1 too
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
        expected_s = member.start_s - self.time.gps_us(now_us) // SECOND_US
        member.resync = abs(answer.time_to_start_s - expected_s) > CLOCK_TOLERANCE_S
        member.accepted = not member.resync
        if member.accepted:
            self.time.at_gps(member.start_s * SECOND_US, partial(self._begins, member))

    def _begins(self, member: McMember) -> None:
        if member.accepted and member.state is MemberState.INITIALIZING:
            member.state = MemberState.INITIALIZED
