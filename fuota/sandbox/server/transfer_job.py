"""One FUOTA task of the sandbox's network server, from the set-up of its group to the last status.

Each device is told, at its chances, of the group and its session (TS005; TS003 where its clock is wrong) and of the data block
(TS004). Then the fragments go out to the group, and its devices are asked how far they are: together, and then one by one.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Protocol

from fuota.device.stack.clock import SECOND_US
from fuota.fragmentation import FragmentationSession
from fuota.lorawan.fragmentation import FPORT as FRAGMENTATION_FPORT
from fuota.lorawan.fragmentation import (
    FragSessionSetupAns,
    FragSessionSetupReq,
    FragSessionStatusAns,
    FragSessionStatusReq,
    max_ack_delay_s,
    parse_uplink,
)
from fuota.lorawan.keys import data_block_int_key, data_block_mic
from fuota.network import TransferRequest
from fuota.sandbox.air.mac import Downlink
from fuota.sandbox.server.mc_group import McMember, NetworkGroup

FRAG_INDEX = 0
BLOCK_ACK_DELAY = 0
STATUS_CHANCES = 5
"""Uplink periods in which a device is asked for its status alone."""
STATUS_WAIT_US = (max_ack_delay_s(BLOCK_ACK_DELAY) + 2) * SECOND_US
SETUP_WAIT_US = 4 * SECOND_US


class JobState(StrEnum):
    """The reference shows only "Running"; the others are ours, and a client must take any."""

    QUEUED = "Queued"
    RUNNING = "Running"
    DONE = "Done"
    CANCELLED = "Cancelled"


class Surroundings(Protocol):
    """What a task needs of the network server around it."""

    def now_us(self) -> int:
        """Virtual time."""
        ...

    def at(self, time_us: int, action: Callable[[], None]) -> None:
        """Do something then."""
        ...

    def wake(self, dev_eui: str) -> None:
        """There is something for this device."""
        ...

    def slot_us(self, group: NetworkGroup, time_us: int) -> int:
        """The first moment from then on at which a frame to the group can begin."""
        ...

    def transmit(self, group: NetworkGroup, frame: bytes) -> None:
        """A frame to the group begins now."""
        ...

    def leave(self, group: NetworkGroup, dev_euis: list[str]) -> None:
        """Have devices leave the group."""
        ...

    def ended(self, group: NetworkGroup) -> None:
        """The task is over: nothing more is sent to its group."""
        ...

    def session_cnt(self, dev_eui: str) -> int:
        """The next SessionCnt of a device (TS004-2.0.0), which is used up by this."""
        ...


@dataclass(slots=True, kw_only=True)
class Participant:
    """A device of the task, as the server knows it: its place in the group, and what it has answered."""

    member: McMember
    answered_setup: bool = False
    answered_status: bool = False
    quiet_until_us: int = 0


@dataclass(slots=True, kw_only=True)
class TransferJob:
    """The state of one task. All of it happens with the agenda's lock held. A source of messages, see `air.Source`.

    `stall_at_pct`: where it stops for good, a fault; None for never.
    """

    job_id: str
    request: TransferRequest
    session: FragmentationSession
    interval_us: int
    around: Surroundings
    group: NetworkGroup
    participants: dict[str, Participant]
    frames: list[bytes]
    start_us: int
    uplink_period_us: int
    stall_at_pct: int | None = None
    state: JobState = JobState.QUEUED
    sent: int = 0
    end_us: int = 0
    result: str = ""
    _asking: bool = False
    _setups: dict[str, FragSessionSetupReq] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.request.use_multi_pkg:
            self.group.block_of = self._setup_for

    @property
    def active(self) -> bool:
        """Whether it still has something to do."""
        return self.state in {JobState.QUEUED, JobState.RUNNING}

    @property
    def pct_done(self) -> int:
        """0 to 99 while fragments go out, 100 once the task has ended by itself."""
        return 100 if self.state is JobState.DONE else 99 * self.sent // len(self.frames)

    def begin(self) -> None:
        """Plan the first fragment, and contacts with every device before it."""
        for dev_eui in self.participants:
            self.around.wake(dev_eui)
        self._later(self.around.slot_us(self.group, self.start_us), self._broadcast)

    def remove(self, dev_euis: list[str]) -> None:
        """Leave devices out of all that is still to come; the last one ends the task."""
        left = [dev_eui for dev_eui in dev_euis if self.participants.pop(dev_eui, None)]
        if self.active:
            self.around.leave(self.group, left)
        if not self.participants:
            self.cancel()

    def cancel(self) -> None:
        """End the task now. Devices keep what they have received."""
        if self.active:
            self.around.leave(self.group, list(self.participants))
            self._end(JobState.CANCELLED, f"Cancelled after {self.sent} of {len(self.frames)} fragments.")

    # A source of messages

    def waits(self, dev_eui: str, now_us: int) -> bool:  # noqa: ARG002
        """See `air.Source`."""
        participant = self.participants.get(dev_eui)
        if participant is None:
            return False
        if self.state is JobState.QUEUED:
            return participant.member.accepted and not participant.answered_setup
        return self._asking and not participant.answered_status

    def next(self, dev_eui: str, now_us: int) -> Downlink | None:
        """See `air.Source`."""
        if not self.waits(dev_eui, now_us) or now_us < self.participants[dev_eui].quiet_until_us:
            return None
        participant = self.participants[dev_eui]
        participant.quiet_until_us = now_us + (STATUS_WAIT_US if self._asking else SETUP_WAIT_US)
        command = self._question() if self._asking else self._setup_for(participant.member)
        return Downlink(port=FRAGMENTATION_FPORT, payload=command.to_bytes())

    def on_uplink(self, dev_eui: str, payload: bytes) -> None:
        """What the server makes of an uplink on the fragmentation port."""
        participant = self.participants.get(dev_eui)
        if participant is None or not self.active:
            return
        for answer in parse_uplink(payload, version=self.session.version).commands:
            participant.answered_setup |= isinstance(answer, FragSessionSetupAns)
            participant.answered_status |= isinstance(answer, FragSessionStatusAns)
        if self._asking:
            self._end_if_all_answered()

    # The steps

    def _broadcast(self) -> None:
        """Send the next fragment to the group."""
        self.state = JobState.RUNNING
        if self.stall_at_pct is not None and self.pct_done >= self.stall_at_pct:
            return
        self.around.transmit(self.group, self.group.frame(FRAGMENTATION_FPORT, self.frames[self.sent]))
        self.sent += 1
        next_us = self.around.slot_us(self.group, self.around.now_us() + self.interval_us)
        self._later(next_us, self._broadcast if self.sent < len(self.frames) else self._ask_the_group)

    def _ask_the_group(self) -> None:
        self.around.transmit(self.group, self.group.frame(FRAGMENTATION_FPORT, self._question().to_bytes()))
        self._later(self.around.now_us() + STATUS_WAIT_US, self._ask_each)

    def _ask_each(self) -> None:
        """Ask those that have not answered, by unicast at their chances."""
        self._asking = True
        if not self._end_if_all_answered():
            for dev_eui in self.participants:
                self.around.wake(dev_eui)
            lasts_us = STATUS_CHANCES * max(self.uplink_period_us, STATUS_WAIT_US) + STATUS_WAIT_US
            self._later(self.around.now_us() + lasts_us, self._done)

    def _end_if_all_answered(self) -> bool:
        if all(participant.answered_status for participant in self.participants.values()):
            self._done()
            return True
        return False

    def _done(self) -> None:
        self._end(JobState.DONE, f"Sent {self.sent} fragments to {len(self.participants)} devices.")

    # The messages

    def _question(self) -> FragSessionStatusReq:
        return FragSessionStatusReq(frag_index=FRAG_INDEX, participants=True)

    def _setup_for(self, member: McMember) -> FragSessionSetupReq:
        """The setup command; in version 2 its MIC is the device's own."""
        if member.dev_eui not in self._setups:
            self._setups[member.dev_eui] = self._make_setup(member)
        return self._setups[member.dev_eui]

    def _make_setup(self, member: McMember) -> FragSessionSetupReq:
        session, descriptor = self.session, self.request.descriptor_bytes
        session_cnt = mic = None
        if session.version == 2 and member.root_key is not None:
            session_cnt = self.around.session_cnt(member.dev_eui)
            mic = data_block_mic(
                key=data_block_int_key(member.root_key),
                session_cnt=session_cnt,
                frag_index=FRAG_INDEX,
                descriptor=descriptor,
                data=session.data,
            )
        return FragSessionSetupReq(
            version=session.version,
            frag_index=FRAG_INDEX,
            mc_group_bit_mask=1 << member.mc_group_id,
            nb_frag=session.nb_frag,
            frag_size=session.frag_size,
            block_ack_delay=BLOCK_ACK_DELAY,
            padding=session.padding,
            descriptor=descriptor,
            session_cnt=session_cnt,
            mic=mic,
        )

    def _later(self, time_us: int, action: Callable[[], object]) -> None:
        """Plan a step of the task, which falls away once the task has ended."""
        self.around.at(time_us, lambda: self._do(action))

    def _do(self, action: Callable[[], object]) -> None:
        if self.active:
            action()

    def _end(self, state: JobState, result: str) -> None:
        self.state, self.result, self.end_us = state, result, self.around.now_us()
        self._asking = False
        self.around.ended(self.group)


def frames_of(session: FragmentationSession, request: TransferRequest) -> list[bytes]:
    """The message of every frame that goes on air, in order: with error correction, or each fragment again (NB_TRANS)."""
    uncoded_and_coded = [fragment.to_bytes(FRAG_INDEX) for fragment in session.fragments()]
    if request.frag_alg == "FWD_ERR_CORR":
        return uncoded_and_coded
    return uncoded_and_coded[: session.nb_frag] * (1 + math.ceil(request.redundancy))
