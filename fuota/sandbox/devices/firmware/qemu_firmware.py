"""Emulated firmware as a device of the fleet: the modem between the network and the board in QEMU."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from fuota import rules
from fuota.device.report import IMAGE_REPORT_FPORT
from fuota.device.stack.fragmentation import Answer
from fuota.lorawan import firmware_management
from fuota.lorawan.fragmentation import FPORT as FRAGMENTATION_FPORT
from fuota.lorawan.fragmentation import DataFragment, max_ack_delay_s
from fuota.sandbox.devices.firmware.line import AT_ONCE, UNICAST, Frame, FrameKind
from fuota.sandbox.devices.firmware.machine import Machine


@dataclass(frozen=True, slots=True, kw_only=True)
class Mishaps:
    """Faults between the modem and the board, besides lost frames.

    repeated: share of fragments that arrive twice. delayed: share of fragments that arrive after 1 to `longest_delay` later
    fragments. power_cut_at: number of the frame, from 1, during which the board loses power; None for never. seed: random seed.
    Raises ParameterError.
    """

    repeated: float = 0.0
    delayed: float = 0.0
    longest_delay: int = 4
    power_cut_at: int | None = None
    seed: int = 1

    def __post_init__(self) -> None:
        rules.probability("repeated", self.repeated)
        rules.probability("delayed", self.delayed)
        rules.integer("longest_delay", self.longest_delay, 1)


@dataclass(slots=True)
class QemuFirmware:
    """An `EmulatedFirmware`: passes messages of the network to the board and returns its answers.

    Counters: `handed` frames passed to the board, `repeated` and `delayed` fragments, `power_cuts`.
    """

    machine: Machine
    mishaps: Mishaps = field(default_factory=Mishaps)
    handed: int = 0
    repeated: int = 0
    delayed: int = 0
    power_cuts: int = 0
    _held: list[tuple[int, bytes, int | None]] = field(default_factory=list)
    _rng: np.random.Generator = field(init=False)

    def __post_init__(self) -> None:
        self._rng = np.random.default_rng(self.mishaps.seed)

    def receive(self, payload: bytes, *, mc_group: int | None = None) -> list[Answer]:
        """Pass on a message of TS004 and return the answers. mc_group: its multicast group, None for unicast.

        Raises UnreachableError.
        """
        is_fragment = payload[:1] == bytes((DataFragment.cid,))
        if is_fragment and self._rng.random() < self.mishaps.delayed:
            self.delayed += 1
            self._held.append((int(self._rng.integers(1, self.mishaps.longest_delay + 1)), payload, mc_group))
            return []
        messages = [(payload, mc_group), *self._due()] if is_fragment else [*self._flushed(), (payload, mc_group)]
        return [
            answer for message, group in messages for answer in self._pass_on(message, group, repeatable=is_fragment)
        ]

    @property
    def management(self) -> QemuManagement:
        """The TS006 package of the firmware."""
        return QemuManagement(self)

    def end_session(self) -> bool:
        """Tell the firmware that a multicast session is over. Return whether it has restarted with the received image."""
        for message, group in self._flushed():
            self._pass_on(message, group, repeatable=False)
        return self.machine.exchange(Frame(kind=FrameKind.SESSION_OVER))[-1].kind is FrameKind.STARTED

    def image_report(self) -> bytes:
        """Return the firmware's report about the image that it runs; empty if it sends none. Raises UnreachableError."""
        frames = self.machine.exchange(Frame(kind=FrameKind.UPLINK_DUE))
        return next((report for port, report in map(_uplink, frames) if port == IMAGE_REPORT_FPORT), b"")

    def answer_on(self, port: int, payload: bytes) -> bytes | None:
        """Pass on a unicast message of any port. Return the first answer on that port, or None."""
        frames = self.machine.exchange(Frame(kind=FrameKind.DOWNLINK, body=bytes((UNICAST, port)) + payload))
        return next((answer for answer_port, answer in map(_uplink, frames) if answer_port == port), None)

    def _pass_on(self, payload: bytes, group: int | None, *, repeatable: bool) -> list[Answer]:
        repeat = repeatable and self._rng.random() < self.mishaps.repeated
        self.repeated += repeat
        answers = self._exchange(payload, group)
        return answers + self._exchange(payload, group) if repeat else answers

    def _exchange(self, payload: bytes, group: int | None) -> list[Answer]:
        head = bytes((UNICAST if group is None else group, FRAGMENTATION_FPORT))
        frame = Frame(kind=FrameKind.DOWNLINK, body=head + payload)
        self.handed += 1
        if self.handed == self.mishaps.power_cut_at:
            self.power_cuts += 1
            self.machine.send(frame)
            self.machine.switch_off()
            self.machine.switch_on()
            return []
        return [_answer(reply) for reply in self.machine.exchange(frame) if reply.kind is FrameKind.UPLINK]

    def _due(self) -> list[tuple[bytes, int | None]]:
        """Count one more fragment. Return the delayed messages that have waited long enough."""
        waiting = [(fragments_left - 1, payload, group) for fragments_left, payload, group in self._held]
        self._held = [message for message in waiting if message[0] > 0]
        return [(payload, group) for fragments_left, payload, group in waiting if fragments_left <= 0]

    def _flushed(self) -> list[tuple[bytes, int | None]]:
        held, self._held = self._held, []
        return [(payload, group) for _, payload, group in held]


@dataclass(frozen=True, slots=True)
class QemuManagement:
    """The part of TS006 that the firmware has: it reports versions."""

    firmware: QemuFirmware

    def receive(self, payload: bytes, *, mc_group: int | None = None) -> list[Answer]:
        """Pass on a unicast message and return the answers. A message on a multicast group is ignored."""
        if mc_group is not None:
            return []
        answer = self.firmware.answer_on(firmware_management.FPORT, payload)
        return [] if answer is None else [Answer(payload=answer)]


def _answer(frame: Frame) -> Answer:
    delay = frame.body[0]
    return Answer(payload=frame.body[2:], max_delay_s=0 if delay == AT_ONCE else max_ack_delay_s(delay))


def _uplink(frame: Frame) -> tuple[int | None, bytes]:
    return (frame.body[1], frame.body[2:]) if frame.kind is FrameKind.UPLINK else (None, b"")
