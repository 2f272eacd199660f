"""What befalls fragments between the network and the part; the part itself is played by a list here."""

from __future__ import annotations

from collections import Counter

import pytest

from fuota.errors import ParameterError
from fuota.lorawan.fragmentation import DataFragment, FragSessionStatusReq
from fuota.sandbox.devices.firmware.line import Frame, FrameKind
from fuota.sandbox.devices.firmware.qemu_firmware import Mishaps, QemuFirmware

STATUS = FragSessionStatusReq(frag_index=0, participants=True).to_bytes()


class FakeMachine:
    """Keeps what it is handed; `says` is what it transmits to each frame."""

    def __init__(self, *says: Frame) -> None:
        self.got: list[Frame] = []
        self.says = list(says)
        self.power: list[str] = []

    def send(self, frame: Frame) -> None:
        self.got.append(frame)

    def exchange(self, frame: Frame) -> list[Frame]:
        self.got.append(frame)
        return [*self.says, Frame(kind=FrameKind.DONE)]

    def switch_off(self) -> None:
        self.power.append("off")

    def switch_on(self) -> None:
        self.power.append("on")

    @property
    def numbers(self) -> list[int]:
        """N of the fragments, in the order in which they came."""
        return [int.from_bytes(one.body[3:5], "little") for one in self.got if one.body[2:3] == b"\x08"]


def fragment(n: int) -> bytes:
    return DataFragment(frag_index=0, n=n, payload=bytes(10)).to_bytes()


def package(machine: FakeMachine, **mishaps: object) -> QemuFirmware:
    return QemuFirmware(machine, Mishaps(**mishaps))  # type: ignore[arg-type]


def sent(machine: FakeMachine, count: int, **mishaps: object) -> QemuFirmware:
    made = package(machine, **mishaps)
    for n in range(1, count + 1):
        made.receive(fragment(n), mc_group=0)
    made.receive(STATUS, mc_group=0)
    return made


def test_without_mishaps_everything_comes_once_and_in_order() -> None:
    machine = FakeMachine()
    made = sent(machine, 50)
    assert machine.numbers == [*range(1, 51)]
    assert (made.handed, made.repeated, made.delayed, made.power_cuts) == (51, 0, 0, 0)
    assert machine.got[-1].body == b"\x00\xc9" + STATUS


@pytest.mark.parametrize("seed", range(5))
def test_delayed_fragments_come_late_but_before_anything_else(seed: int) -> None:
    machine = FakeMachine()
    made = sent(machine, 200, delayed=0.2, longest_delay=3, seed=seed)
    assert sorted(machine.numbers) == [*range(1, 201)]
    assert machine.numbers != [*range(1, 201)]
    assert 15 <= made.delayed <= 70
    assert machine.got[-1].body.endswith(STATUS), "the status is asked for last"


def test_repeats_are_counted() -> None:
    machine = FakeMachine()
    made = sent(machine, 200, repeated=0.2, delayed=0.2)
    counts = Counter(machine.numbers)
    assert set(counts.values()) == {1, 2}
    assert sum(count == 2 for count in counts.values()) == made.repeated > 10


def test_the_same_seed_does_the_same() -> None:
    one, same, other = FakeMachine(), FakeMachine(), FakeMachine()
    for machine, seed in ((one, 3), (same, 3), (other, 4)):
        sent(machine, 60, repeated=0.2, delayed=0.2, seed=seed)
    assert one.numbers == same.numbers != other.numbers


def test_the_power_goes_once_while_the_part_is_at_it() -> None:
    machine = FakeMachine(Frame(kind=FrameKind.UPLINK, body=b"\xff\xc9never heard"))
    made = package(machine, power_cut_at=3)
    answers = [made.receive(fragment(n), mc_group=0) for n in range(1, 6)]
    assert machine.power == ["off", "on"]
    assert [len(one) for one in answers] == [1, 1, 0, 1, 1]
    assert machine.numbers == [1, 2, 3, 4, 5]
    assert made.power_cuts == 1


def test_answers_come_with_their_delay() -> None:
    machine = FakeMachine(
        Frame(kind=FrameKind.UPLINK, body=b"\xff\xc9at once"), Frame(kind=FrameKind.UPLINK, body=b"\x02\xc9later")
    )
    at_once, later = package(machine).receive(STATUS)
    assert (at_once.payload, at_once.max_delay_s) == (b"at once", 0)
    assert (later.payload, later.max_delay_s) == (b"later", 64)  # 2^(2 + 4), TS004-1.0.0 BlockAckDelay


def test_unicast_and_groups_are_told_apart() -> None:
    machine = FakeMachine()
    made = package(machine)
    made.receive(STATUS)
    made.receive(STATUS, mc_group=3)
    assert [one.body[:2] for one in machine.got] == [b"\xff\xc9", b"\x03\xc9"]


def test_the_report_is_what_comes_on_its_port() -> None:
    said = [Frame(kind=FrameKind.UPLINK, body=b"\xff\x02reading"), Frame(kind=FrameKind.UPLINK, body=b"\xff\x0areport")]
    assert package(FakeMachine(*said)).image_report() == b"report"
    assert package(FakeMachine()).image_report() == b""


def test_fragments_that_wait_come_before_the_session_is_over() -> None:
    machine = FakeMachine()
    made = package(machine, delayed=1.0)
    made.receive(fragment(7), mc_group=0)
    assert machine.got == []
    made.end_session()
    assert machine.numbers == [7]
    assert machine.got[-1] == Frame(kind=FrameKind.SESSION_OVER)


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"repeated": 1.5}, "repeated must be 0 to 1, got 1.5"),
        ({"delayed": -0.1}, "delayed must be 0 to 1, got -0.1"),
        ({"longest_delay": 0}, "nearest: 1"),
    ],
)
def test_what_cannot_be_is_refused(given: dict[str, float], words: str) -> None:
    with pytest.raises(ParameterError, match=words):
        Mishaps(**given)  # type: ignore[arg-type]


def test_firmware_management_is_asked_by_unicast_only() -> None:
    machine = FakeMachine(Frame(kind=FrameKind.UPLINK, body=b"\xff\xcbversion"))
    management = package(machine).management
    assert [answer.payload for answer in management.receive(b"\x01")] == [b"version"]
    assert machine.got == [Frame(kind=FrameKind.DOWNLINK, body=b"\xff\xcb\x01")]
    assert management.receive(b"\x01", mc_group=0) == []
    assert QemuFirmware(FakeMachine()).management.receive(b"\x01") == []
