"""One FUOTA task of the sandbox's network server, from the session setups to the last status."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from fuota.fragmentation import FragmentationSession
from fuota.lorawan import FPORT as FRAGMENTATION_FPORT
from fuota.lorawan import (
    FragSessionSetupAns,
    FragSessionSetupReq,
    FragSessionStatusAns,
    FragSessionStatusReq,
    data_block_mic,
    max_ack_delay_s,
    parse_uplink,
)
from fuota.network import TransferRequest
from fuota.sandbox.fleet import VirtualDevice

FRAG_INDEX = 0
MC_GROUP = 0
BLOCK_ACK_DELAY = 0
STATUS_ROUNDS = 4
IMAGE_REPORTS = 3
SECOND_US = 1_000_000


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

    def uplink(self, device: VirtualDevice, port: int, payload: bytes) -> None:
        """A device transmits: it may be lost on the way."""
        ...

    def image_report_due(self, device: VirtualDevice) -> None:
        """A device says which image it runs."""
        ...


@dataclass(slots=True)
class Participant:
    """A device of the task, as the server knows it, and the frames that it will hear.

    `in_group`: it has heard the setup, which stands for that of its multicast group too. Without it, it has no keys for the
    group's frames: a session left over from an earlier task must not take them in.
    """

    device: VirtualDevice
    heard: NDArray[np.bool_]
    in_group: bool = False
    answered_setup: bool = False
    answered_status: bool = False


@dataclass(slots=True, kw_only=True)
class TransferJob:
    """The state of one task. All of it happens on the agenda's thread."""

    job_id: str
    request: TransferRequest
    session: FragmentationSession
    interval_us: int
    uplink_period_us: int
    around: Surroundings
    participants: dict[str, Participant]
    frames: list[bytes]
    state: JobState = JobState.QUEUED
    sent: int = 0
    start_us: int = 0
    end_us: int = 0
    result: str = ""
    _setups: dict[str, bytes] = field(default_factory=dict)

    @property
    def active(self) -> bool:
        """Whether it still has something to do."""
        return self.state in {JobState.QUEUED, JobState.RUNNING}

    @property
    def pct_done(self) -> int:
        """0 to 99 while fragments go out, 100 once the task has ended by itself."""
        return 100 if self.state is JobState.DONE else 99 * self.sent // len(self.frames)

    def begin(self) -> None:
        """Plan the contacts with every device, and the first fragment after the start delay."""
        now = self.around.now_us()
        self.start_us = now + self.request.start_delay_s * SECOND_US
        for participant in self.participants.values():
            first_us = now + int(participant.device.rng.uniform(0, self.uplink_period_us))
            self._later(first_us, lambda p=participant: self._contact(p))  # type: ignore[misc]
        self._later(self.start_us, self._broadcast)

    def remove(self, dev_eui: str) -> None:
        """Leave one device out of all that is still to come; the last one ends the task."""
        self.participants.pop(dev_eui, None)
        if not self.participants:
            self.cancel()

    def cancel(self) -> None:
        """End the task now. Devices keep what they have received."""
        if self.active:
            self._end(JobState.CANCELLED, f"Cancelled after {self.sent} of {len(self.frames)} fragments.")

    def on_uplink(self, device: VirtualDevice, payload: bytes) -> None:
        """What the server makes of an uplink on the fragmentation port."""
        participant = self.participants.get(device.dev_eui)
        if participant is None:
            return
        for answer in parse_uplink(payload, version=self.session.version).commands:
            participant.answered_setup |= isinstance(answer, FragSessionSetupAns)
            participant.answered_status |= isinstance(answer, FragSessionStatusAns)

    def _contact(self, participant: Participant) -> None:
        """A class A uplink of the device: the chance to send it the setup, again and again until it answers."""
        if participant.answered_setup or self.state is not JobState.QUEUED:
            return
        participant.in_group |= self._unicast(participant, self._setup_for(participant.device))
        again_us = self.around.now_us() + self.uplink_period_us
        if again_us < self.start_us:
            self._later(again_us, lambda: self._contact(participant))

    def _broadcast(self) -> None:
        """Send the next fragment to the group."""
        self.state = JobState.RUNNING
        frame = self.frames[self.sent]
        for participant in self.participants.values():
            if participant.in_group and participant.heard[self.sent]:
                self._deliver(participant, frame, MC_GROUP)
        self.sent += 1
        now = self.around.now_us()
        if self.sent < len(self.frames):
            self._later(now + self.interval_us, self._broadcast)
        else:
            self._later(now + self.interval_us, lambda: self._ask_status(1))
            self._plan_image_reports(now + self.interval_us)

    def _ask_status(self, attempt: int) -> None:
        """Ask for the status: the whole group once, then by unicast each device that has not answered."""
        request = FragSessionStatusReq(frag_index=FRAG_INDEX, participants=True).to_bytes()
        open_ones = [p for p in self.participants.values() if not p.answered_status]
        if attempt > STATUS_ROUNDS or not open_ones:
            self._end(JobState.DONE, f"Sent {self.sent} fragments to {len(self.participants)} devices.")
            return
        for participant in open_ones:
            if attempt == 1 and participant.device.hears() and participant.in_group:
                self._deliver(participant, request, MC_GROUP)
            elif attempt > 1:
                self._unicast(participant, request)
        wait_us = (max_ack_delay_s(BLOCK_ACK_DELAY) + 2) * SECOND_US
        self._later(self.around.now_us() + wait_us, lambda: self._ask_status(attempt + 1))

    def _plan_image_reports(self, end_of_session_us: int) -> None:
        """Each device leaves the session, starts the image if it has it, and says what it runs with its next uplinks."""
        for device in [p.device for p in self.participants.values()]:
            self.around.at(end_of_session_us, lambda d=device: d.install(FRAG_INDEX))  # type: ignore[misc]
            phase_us = int(device.rng.uniform(0, self.uplink_period_us))
            for k in range(IMAGE_REPORTS):
                due_us = end_of_session_us + phase_us + k * self.uplink_period_us
                self.around.at(due_us, lambda d=device: self.around.image_report_due(d))  # type: ignore[misc]

    def _setup_for(self, device: VirtualDevice) -> bytes:
        """The setup command; in version 2 its MIC is the device's own."""
        if device.dev_eui not in self._setups:
            self._setups[device.dev_eui] = self._make_setup(device).to_bytes()
        return self._setups[device.dev_eui]

    def _make_setup(self, device: VirtualDevice) -> FragSessionSetupReq:
        session, descriptor = self.session, self.request.descriptor
        session_cnt = mic = None
        if session.version == 2:
            session_cnt = device.session_cnt
            device.session_cnt += 1
            mic = data_block_mic(
                key=device.int_key,
                session_cnt=session_cnt,
                frag_index=FRAG_INDEX,
                descriptor=descriptor,
                data=session.data,
            )
        return FragSessionSetupReq(
            version=session.version,
            frag_index=FRAG_INDEX,
            mc_group_bit_mask=1 << MC_GROUP,
            nb_frag=session.nb_frag,
            frag_size=session.frag_size,
            block_ack_delay=BLOCK_ACK_DELAY,
            padding=session.padding,
            descriptor=descriptor,
            session_cnt=session_cnt,
            mic=mic,
        )

    def _unicast(self, participant: Participant, payload: bytes) -> bool:
        """Send one device a frame; whether it heard it."""
        if heard := participant.device.hears():
            self._deliver(participant, payload, None)
        return heard

    def _deliver(self, participant: Participant, payload: bytes, mc_group: int | None) -> None:
        """Hand the device a frame that it hears, and plan its answers."""
        device = participant.device
        for answer in device.package.receive(payload, mc_group=mc_group):
            due_us = self.around.now_us() + int(device.rng.uniform(0, answer.max_delay_s) * SECOND_US)
            self.around.at(
                due_us,
                lambda octets=answer.payload: self.around.uplink(device, FRAGMENTATION_FPORT, octets),  # type: ignore[misc]
            )

    def _later(self, time_us: int, action: Callable[[], None]) -> None:
        """Plan a step of the task, which falls away once the task has ended."""
        self.around.at(time_us, lambda: action() if self.active else None)

    def _end(self, state: JobState, result: str) -> None:
        self.state, self.result, self.end_us = state, result, self.around.now_us()


def frames_of(session: FragmentationSession, request: TransferRequest) -> list[bytes]:
    """Every frame that goes on air, in order: with error correction, or each fragment again (NB_TRANS)."""
    uncoded_and_coded = [fragment.to_bytes(FRAG_INDEX) for fragment in session.fragments()]
    if request.frag_alg == "FWD_ERR_CORR":
        return uncoded_and_coded
    return uncoded_and_coded[: session.nb_frag] * (1 + math.ceil(request.redundancy))
