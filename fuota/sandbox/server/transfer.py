"""A FUOTA transfer of the sandbox's network server, from the set-up of its group to the last status.

When a device can hear, it gets the group and its session (TS005; TS003 if its clock is wrong) and the data block (TS004). Then the
fragments are sent to the group. At the end the devices are asked for their status: first the group, then each device.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from enum import StrEnum

from fuota.fragmentation.session import FragmentationSession
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
from fuota.network.senra.transfers import TransferRequest
from fuota.sandbox.air.air import Air
from fuota.sandbox.air.clock import SECOND_US, Clock
from fuota.sandbox.air.downlink import Downlink
from fuota.sandbox.server.multicast_group import McMember, MulticastGroup
from fuota.sandbox.server.multicast_groups import MulticastGroups

FRAG_INDEX = 0
BLOCK_ACK_DELAY = 0
STATUS_PERIODS = 5
"""Number of uplink periods in which each device is asked for its status."""
STATUS_WAIT_US = (max_ack_delay_s(BLOCK_ACK_DELAY) + 2) * SECOND_US
"""Time to wait for the answer to a status request."""
SETUP_WAIT_US = 4 * SECOND_US
"""Time to wait for the answer to a set-up."""
REMOVED_AFTER_US = 15 * 60 * SECOND_US
"""Time after which an ended transfer is removed, as a task is ("available for 15 minutes after the task completes")."""


class TransferState(StrEnum):
    """State of a transfer. The reference shows only "Running"; the others are ours, and a client must accept any text."""

    QUEUED = "Queued"
    RUNNING = "Running"
    DONE = "Done"
    CANCELLED = "Cancelled"


class BlockSetup:
    """The FragSessionSetupReq of one data block, for each device. In version 2 the command has the device's own MIC.

    session_counts: number of fragmentation sessions of each device, the SessionCnt of TS004-2.0.0. Each set-up uses up one.
    """

    def __init__(self, session: FragmentationSession, descriptor: bytes, session_counts: defaultdict[str, int]) -> None:
        self._session, self._descriptor, self._session_counts = session, descriptor, session_counts
        self._commands: dict[str, FragSessionSetupReq] = {}

    def command_for(self, member: McMember) -> FragSessionSetupReq:
        """Return the command for a member of the group, the same each time."""
        if member.dev_eui not in self._commands:
            self._commands[member.dev_eui] = self._make(member)
        return self._commands[member.dev_eui]

    def _make(self, member: McMember) -> FragSessionSetupReq:
        session_cnt = mic = None
        if self._session.version == 2 and member.root_key is not None:
            session_cnt = self._session_counts[member.dev_eui]
            self._session_counts[member.dev_eui] += 1
            mic = data_block_mic(
                key=data_block_int_key(member.root_key),
                session_cnt=session_cnt,
                frag_index=FRAG_INDEX,
                descriptor=self._descriptor,
                data=self._session.data,
            )
        return FragSessionSetupReq(
            version=self._session.version,
            frag_index=FRAG_INDEX,
            mc_group_bit_mask=1 << member.mc_group_id,
            nb_frag=self._session.nb_frag,
            frag_size=self._session.frag_size,
            block_ack_delay=BLOCK_ACK_DELAY,
            padding=self._session.padding,
            descriptor=self._descriptor,
            session_cnt=session_cnt,
            mic=mic,
        )


@dataclass(slots=True, kw_only=True)
class Participant:
    """A device of a transfer: its membership in the group, and whether it has answered. silent_until_us: wait for an answer."""

    member: McMember
    answered_setup: bool = False
    answered_status: bool = False
    silent_until_us: int = 0


@dataclass(slots=True, kw_only=True)
class SimulatedTransfer:
    """State of one transfer, and a `DownlinkSource` for its devices. To be used with the clock's lock held.

    version: of TS004. frames: the message of every frame, in order. interval_us: time between two frames. start_us: time of the
    first frame. stall_at_pct: percentage at which the transfer stops for good, a fault; None for never.
    """

    job_id: str
    version: int
    frames: Sequence[bytes]
    setup: BlockSetup
    interval_us: int
    start_us: int
    clock: Clock
    air: Air
    groups: MulticastGroups
    group: MulticastGroup
    participants: dict[str, Participant]
    stall_at_pct: int | None = None
    state: TransferState = TransferState.QUEUED
    sent: int = 0
    end_us: int = 0
    result: str = ""
    _asks_devices: bool = False

    @property
    def active(self) -> bool:
        """Whether the transfer has not ended."""
        return self.state in {TransferState.QUEUED, TransferState.RUNNING}

    @property
    def removed_us(self) -> int:
        """Time from which the status is no longer reported; 0 before the end."""
        return self.end_us + REMOVED_AFTER_US if self.end_us else 0

    @property
    def pct_done(self) -> int:
        """Percentage: 0 to 99 while fragments are sent, 100 after the transfer has ended without being cancelled."""
        return 100 if self.state is TransferState.DONE else 99 * self.sent // len(self.frames)

    def begin(self) -> None:
        """Plan the first fragment, and contacts with every device before it."""
        for dev_eui in self.participants:
            self.air.wake(dev_eui)
        self._plan(self.group.next_slot_us(self.start_us), self._send_fragment)

    def remove(self, dev_euis: Collection[str]) -> None:
        """Leave devices out of the rest of the transfer. If no device remains, the transfer is cancelled."""
        removed = [dev_eui for dev_eui in dev_euis if self.participants.pop(dev_eui, None)]
        if self.active:
            self.groups.close(self.group, removed)
        if not self.participants:
            self.cancel()

    def cancel(self) -> None:
        """End the transfer now. Devices keep the fragments that they have received."""
        if self.active:
            self.groups.close(self.group, list(self.participants))
            self._end(TransferState.CANCELLED, f"Cancelled after {self.sent} of {len(self.frames)} fragments.")

    # Messages to devices, and their answers

    def waits(self, dev_eui: str, now_us: int) -> bool:  # noqa: ARG002
        """See `DownlinkSource`."""
        participant = self.participants.get(dev_eui)
        if participant is None:
            return False
        if self.state is TransferState.QUEUED:
            return participant.member.accepted and not participant.answered_setup
        return self._asks_devices and not participant.answered_status

    def next(self, dev_eui: str, now_us: int) -> Downlink | None:
        """See `DownlinkSource`."""
        if not self.waits(dev_eui, now_us) or now_us < self.participants[dev_eui].silent_until_us:
            return None
        participant = self.participants[dev_eui]
        participant.silent_until_us = now_us + (STATUS_WAIT_US if self._asks_devices else SETUP_WAIT_US)
        command = _STATUS_REQUEST if self._asks_devices else self.setup.command_for(participant.member)
        return Downlink(port=FRAGMENTATION_FPORT, payload=command.to_bytes())

    def on_uplink(self, dev_eui: str, payload: bytes) -> None:
        """Take an uplink of a device on the port of TS004."""
        participant = self.participants.get(dev_eui)
        if participant is None or not self.active:
            return
        for answer in parse_uplink(payload, version=self.version).commands:
            participant.answered_setup |= isinstance(answer, FragSessionSetupAns)
            participant.answered_status |= isinstance(answer, FragSessionStatusAns)
        if self._asks_devices:
            self._end_if_all_answered()

    # Steps of the transfer

    def _send_fragment(self) -> None:
        """Send the next fragment to the group."""
        self.state = TransferState.RUNNING
        if self.stall_at_pct is not None and self.pct_done >= self.stall_at_pct:
            return
        self.groups.transmit(self.group, self.group.frame(FRAGMENTATION_FPORT, self.frames[self.sent]))
        self.sent += 1
        next_us = self.group.next_slot_us(self.clock.now_us() + self.interval_us)
        self._plan(next_us, self._send_fragment if self.sent < len(self.frames) else self._ask_group)

    def _ask_group(self) -> None:
        self.groups.transmit(self.group, self.group.frame(FRAGMENTATION_FPORT, _STATUS_REQUEST.to_bytes()))
        self._plan(self.clock.now_us() + STATUS_WAIT_US, self._ask_devices)

    def _ask_devices(self) -> None:
        """Ask each device that has not answered, by unicast when it can hear."""
        self._asks_devices = True
        if not self._end_if_all_answered():
            for dev_eui in self.participants:
                self.air.wake(dev_eui)
            duration_us = STATUS_PERIODS * max(self.air.uplink_period_us, STATUS_WAIT_US) + STATUS_WAIT_US
            self._plan(self.clock.now_us() + duration_us, self._finish)

    def _end_if_all_answered(self) -> bool:
        if all(participant.answered_status for participant in self.participants.values()):
            self._finish()
            return True
        return False

    def _finish(self) -> None:
        self._end(TransferState.DONE, f"Sent {self.sent} fragments to {len(self.participants)} devices.")

    def _plan(self, time_us: int, action: Callable[[], object]) -> None:
        """Plan a step of the transfer. It is skipped if the transfer has ended by then."""
        self.clock.at(time_us, lambda: self._run_if_active(action))

    def _run_if_active(self, action: Callable[[], object]) -> None:
        if self.active:
            action()

    def _end(self, state: TransferState, result: str) -> None:
        self.state, self.result, self.end_us = state, result, self.clock.now_us()
        self._asks_devices = False
        self.groups.forget(self.group)


_STATUS_REQUEST = FragSessionStatusReq(frag_index=FRAG_INDEX, participants=True)


def frames_of(session: FragmentationSession, request: TransferRequest) -> list[bytes]:
    """Return the message of every frame, in order: uncoded and coded fragments, or each fragment repeated (NB_TRANS)."""
    uncoded_and_coded = [fragment.to_bytes(FRAG_INDEX) for fragment in session.fragments()]
    if request.frag_alg == "FWD_ERR_CORR":
        return uncoded_and_coded
    return uncoded_and_coded[: session.nb_frag] * (1 + math.ceil(request.redundancy))
