"""Mishaps of fragments between the network and the board. A fake machine replaces the board."""

from __future__ import annotations

from collections import Counter

import pytest

from fuota.errors import ParameterError
from fuota.lorawan.fragmentation import DataFragment, FragSessionStatusReq
from fuota.sandbox.devices.firmware.line import Frame, FrameKind
from fuota.sandbox.devices.firmware.qemu_firmware import Mishaps, QemuFirmware

STATUS = FragSessionStatusReq(frag_index=0, participants=True).to_bytes()


class FakeMachine:
    """Records its frames. replies: frames that it transmits after each of them."""

    def __init__(self, *replies: Frame) -> None:
        self.received: list[Frame] = []
        self.replies = list(replies)
        self.power: list[str] = []

    def send(self, frame: Frame) -> None:
        self.received.append(frame)

    def exchange(self, frame: Frame) -> list[Frame]:
        self.received.append(frame)
        return [*self.replies, Frame(kind=FrameKind.DONE)]

    def switch_off(self) -> None:
        self.power.append("off")

    def switch_on(self) -> None:
        self.power.append("on")

    @property
    def numbers(self) -> list[int]:
        """N of the fragments, in the order of their arrival."""
        return [int.from_bytes(frame.body[3:5], "little") for frame in self.received if frame.body[2:3] == b"\x08"]


def fragment(n: int) -> bytes:
    return DataFragment(frag_index=0, n=n, payload=bytes(10)).to_bytes()


def make_firmware(machine: FakeMachine, **mishaps: object) -> QemuFirmware:
    return QemuFirmware(machine, Mishaps(**mishaps))  # type: ignore[arg-type]


def send_fragments(machine: FakeMachine, count: int, **mishaps: object) -> QemuFirmware:
    firmware = make_firmware(machine, **mishaps)
    for n in range(1, count + 1):
        firmware.receive(fragment(n), mc_group=0)
    firmware.receive(STATUS, mc_group=0)
    return firmware


def test_without_mishaps_fragments_arrive_once_and_in_order() -> None:
    machine = FakeMachine()
    firmware = send_fragments(machine, 50)
    assert machine.numbers == [*range(1, 51)]
    assert (firmware.handed, firmware.repeated, firmware.delayed, firmware.power_cuts) == (51, 0, 0, 0)
    assert machine.received[-1].body == b"\x00\xc9" + STATUS


@pytest.mark.parametrize("seed", range(5))
def test_delayed_fragments_arrive_late_but_before_other_messages(seed: int) -> None:
    machine = FakeMachine()
    firmware = send_fragments(machine, 200, delayed=0.2, longest_delay=3, seed=seed)
    assert sorted(machine.numbers) == [*range(1, 201)]
    assert machine.numbers != [*range(1, 201)]
    assert 15 <= firmware.delayed <= 70
    assert machine.received[-1].body.endswith(STATUS), "the status request comes last"


def test_repeats_are_counted() -> None:
    machine = FakeMachine()
    firmware = send_fragments(machine, 200, repeated=0.2, delayed=0.2)
    counts = Counter(machine.numbers)
    assert set(counts.values()) == {1, 2}
    assert sum(count == 2 for count in counts.values()) == firmware.repeated > 10


def test_the_same_seed_has_the_same_mishaps() -> None:
    first, same, other = FakeMachine(), FakeMachine(), FakeMachine()
    for machine, seed in ((first, 3), (same, 3), (other, 4)):
        send_fragments(machine, 60, repeated=0.2, delayed=0.2, seed=seed)
    assert first.numbers == same.numbers != other.numbers


def test_the_power_is_cut_once_during_a_frame() -> None:
    machine = FakeMachine(Frame(kind=FrameKind.UPLINK, body=b"\xff\xc9never heard"))
    firmware = make_firmware(machine, power_cut_at=3)
    answers = [firmware.receive(fragment(n), mc_group=0) for n in range(1, 6)]
    assert machine.power == ["off", "on"]
    assert [len(answer) for answer in answers] == [1, 1, 0, 1, 1]
    assert machine.numbers == [1, 2, 3, 4, 5]
    assert firmware.power_cuts == 1


def test_answers_have_their_delay() -> None:
    machine = FakeMachine(
        Frame(kind=FrameKind.UPLINK, body=b"\xff\xc9at once"), Frame(kind=FrameKind.UPLINK, body=b"\x02\xc9later")
    )
    at_once, later = make_firmware(machine).receive(STATUS)
    assert (at_once.payload, at_once.max_delay_s) == (b"at once", 0)
    assert (later.payload, later.max_delay_s) == (b"later", 64)  # 2^(2 + 4), TS004-1.0.0 BlockAckDelay


def test_frames_carry_the_multicast_group_or_unicast() -> None:
    machine = FakeMachine()
    firmware = make_firmware(machine)
    firmware.receive(STATUS)
    firmware.receive(STATUS, mc_group=3)
    assert [frame.body[:2] for frame in machine.received] == [b"\xff\xc9", b"\x03\xc9"]


def test_the_image_report_is_the_uplink_on_its_port() -> None:
    frames = [
        Frame(kind=FrameKind.UPLINK, body=b"\xff\x02reading"),
        Frame(kind=FrameKind.UPLINK, body=b"\xff\x0areport"),
    ]
    assert make_firmware(FakeMachine(*frames)).image_report() == b"report"
    assert make_firmware(FakeMachine()).image_report() == b""


def test_delayed_fragments_arrive_before_the_end_of_the_session() -> None:
    machine = FakeMachine()
    firmware = make_firmware(machine, delayed=1.0)
    firmware.receive(fragment(7), mc_group=0)
    assert machine.received == []
    firmware.end_session()
    assert machine.numbers == [7]
    assert machine.received[-1] == Frame(kind=FrameKind.SESSION_OVER)


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"repeated": 1.5}, "repeated must be 0 to 1, got 1.5"),
        ({"delayed": -0.1}, "delayed must be 0 to 1, got -0.1"),
        ({"longest_delay": 0}, "nearest: 1"),
    ],
)
def test_invalid_mishaps_are_refused(values: dict[str, float], words: str) -> None:
    with pytest.raises(ParameterError, match=words):
        Mishaps(**values)  # type: ignore[arg-type]


def test_firmware_management_is_reached_by_unicast_only() -> None:
    machine = FakeMachine(Frame(kind=FrameKind.UPLINK, body=b"\xff\xcbversion"))
    management = make_firmware(machine).management
    assert [answer.payload for answer in management.receive(b"\x01")] == [b"version"]
    assert machine.received == [Frame(kind=FrameKind.DOWNLINK, body=b"\xff\xcb\x01")]
    assert management.receive(b"\x01", mc_group=0) == []
    assert QemuFirmware(FakeMachine()).management.receive(b"\x01") == []
