"""The fragmentation package of a device, as the part's own firmware does it: the modem between a fleet and a machine."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from fuota.device import IMAGE_REPORT_FPORT, Answer
from fuota.errors import ParameterError
from fuota.lorawan import firmware_management
from fuota.lorawan.fragmentation import FPORT as FRAGMENTATION_FPORT
from fuota.lorawan.fragmentation import DataFragment, max_ack_delay_s
from fuota.sandbox.devices.firmware.line import AT_ONCE, UNICAST, Frame, Kind
from fuota.sandbox.devices.firmware.machine import Machine


@dataclass(frozen=True, slots=True, kw_only=True)
class Mishaps:
    """What befalls fragments on the way to the part, besides being lost, and the part itself.

    `repeated`, `delayed`: the share of fragments that come twice, and that come after up to `longest_delay` later ones.
    `power_cut_at`: with the how manieth frame the power goes while the part is at it; None for never.
    """

    repeated: float = 0.0
    delayed: float = 0.0
    longest_delay: int = 4
    power_cut_at: int | None = None
    seed: int = 1

    def __post_init__(self) -> None:
        for name, share in (("repeated", self.repeated), ("delayed", self.delayed)):
            if not 0 <= share <= 1:
                raise ParameterError(f"{name} {share} was given: it is a share, 0 to 1")
        if self.longest_delay < 1:
            raise ParameterError(f"longest_delay {self.longest_delay} was given: it is 1 or more; the nearest is 1")


@dataclass(slots=True)
class PartPackage:
    """What the network sends to a device goes to the part, and its answers come back: the shape of `sandbox`'s `Part`.

    Counts what it did to the fragments: `handed`, `repeated`, `delayed`, `power_cuts`.
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
        """Hand on a message that came by unicast, or on multicast group `mc_group`. Raises UnreachableError."""
        fragment = payload[:1] == bytes((DataFragment.cid,))
        if fragment and self._rng.random() < self.mishaps.delayed:
            self.delayed += 1
            self._held.append((int(self._rng.integers(1, self.mishaps.longest_delay + 1)), payload, mc_group))
            return []
        due = [(payload, mc_group), *self._due()] if fragment else [*self._flushed(), (payload, mc_group)]
        return [answer for octets, group in due for answer in self._hand(octets, group, repeatable=fragment)]

    @property
    def management(self) -> PartManagement:
        """Its firmware management."""
        return PartManagement(self)

    def session_over(self) -> bool:
        """The time of the multicast session is over; whether the part has started anew, with the image that it received."""
        for octets, group in self._flushed():
            self._hand(octets, group, repeatable=False)
        return self.machine.exchange(Frame(kind=Kind.SESSION_OVER))[-1].kind is Kind.STARTED

    def image_report(self) -> bytes:
        """What the part says of the image it runs. Raises UnreachableError where it says nothing."""
        frames = self.machine.exchange(Frame(kind=Kind.UPLINK_DUE))
        return next((said for port, said in map(_uplink, frames) if port == IMAGE_REPORT_FPORT), b"")

    def ask(self, payload: bytes, *, port: int) -> bytes | None:
        """Hand the part a unicast message of any port; what it answers on that port."""
        frames = self.machine.exchange(Frame(kind=Kind.DOWNLINK, body=bytes((UNICAST, port)) + payload))
        return next((said for its_port, said in map(_uplink, frames) if its_port == port), None)

    def _hand(self, payload: bytes, group: int | None, *, repeatable: bool) -> list[Answer]:
        again = repeatable and self._rng.random() < self.mishaps.repeated
        self.repeated += again
        answers = self._exchange(payload, group)
        return answers + self._exchange(payload, group) if again else answers

    def _exchange(self, payload: bytes, group: int | None) -> list[Answer]:
        head = bytes((UNICAST if group is None else group, FRAGMENTATION_FPORT))
        frame = Frame(kind=Kind.DOWNLINK, body=head + payload)
        self.handed += 1
        if self.handed == self.mishaps.power_cut_at:
            self.power_cuts += 1
            self.machine.send(frame)
            self.machine.switch_off()
            self.machine.switch_on()
            return []
        return [_answer(said) for said in self.machine.exchange(frame) if said.kind is Kind.UPLINK]

    def _due(self) -> list[tuple[bytes, int | None]]:
        """Another fragment has come: those that have waited long enough."""
        waited = [(left - 1, octets, group) for left, octets, group in self._held]
        self._held = [one for one in waited if one[0] > 0]
        return [(octets, group) for left, octets, group in waited if left <= 0]

    def _flushed(self) -> list[tuple[bytes, int | None]]:
        held, self._held = self._held, []
        return [(octets, group) for _, octets, group in held]


@dataclass(frozen=True, slots=True)
class PartManagement:
    """TS006, as far as the part has it: it tells versions."""

    part: PartPackage

    def receive(self, payload: bytes, *, mc_group: int | None = None) -> list[Answer]:
        """Hand on a message; what came on a multicast group is not for this package."""
        answer = self.part.ask(payload, port=firmware_management.FPORT) if mc_group is None else None
        return [] if answer is None else [Answer(payload=answer)]


def _answer(frame: Frame) -> Answer:
    delay = frame.body[0]
    return Answer(payload=frame.body[2:], max_delay_s=0 if delay == AT_ONCE else max_ack_delay_s(delay))


def _uplink(frame: Frame) -> tuple[int | None, bytes]:
    return (frame.body[1], frame.body[2:]) if frame.kind is Kind.UPLINK else (None, b"")
