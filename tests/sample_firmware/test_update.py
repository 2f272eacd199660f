"""The firmware receives its successor, checks it, starts it, and goes back where that does not work."""

from __future__ import annotations

import hashlib
import struct
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from fuota.device import DeviceProfile, FragmentationPackage, ImageReport
from fuota.errors import UnreachableError
from fuota.fragmentation import FragmentationSession
from fuota.lorawan import firmware_management
from fuota.lorawan.fragmentation import (
    DataFragment,
    FragSessionDeleteReq,
    FragSessionSetupReq,
    FragSessionStatusAns,
    FragSessionStatusReq,
    PackageVersionReq,
    parse_uplink,
)
from fuota.sandbox.devices.firmware import QemuFirmware, flash, machine
from fuota.sandbox.devices.firmware.line import Frame, FrameKind

FOLDER = Path(__file__).parents[2] / "sample_firmware"
HARDWARE_ID = 0x0385_0001
OLD, NEW = ((FOLDER / f"sensor-{version}.bin").read_bytes() for version in ("1.0.0", "1.1.0"))
STATUS = FragSessionStatusReq(frag_index=0, participants=True).to_bytes()


slow = pytest.mark.slow


def setup_of(session: FragmentationSession, **fields: object) -> FragSessionSetupReq:
    known: dict[str, object] = {
        "version": 1,
        "frag_index": 0,
        "mc_group_bit_mask": 1,
        "nb_frag": session.nb_frag,
        "frag_size": session.frag_size,
        "block_ack_delay": 0,
        "padding": session.padding,
        "descriptor": bytes(4),
    }
    return FragSessionSetupReq(**(known | fields))  # type: ignore[arg-type]


def send(part: QemuFirmware, block: bytes, *, loss: float = 0.0, frag_size: int = 239, seed: int = 1) -> None:
    """A session with half as many coded fragments again, of which the share `loss` does not come."""
    session = FragmentationSession.fit(block, frag_size=frag_size, redundancy=0.5, version=1)
    (answer,) = part.receive(setup_of(session).to_bytes())
    assert answer.payload == b"\x02\x00"
    rng = np.random.default_rng(seed)
    for fragment in session.fragments():
        if rng.random() >= loss:
            part.receive(fragment.to_bytes(0), mc_group=0)


def status(part: QemuFirmware) -> FragSessionStatusAns:
    (answer,) = part.receive(STATUS, mc_group=0)
    (told,) = parse_uplink(answer.payload, version=1).commands
    assert isinstance(told, FragSessionStatusAns)
    return told


def answers_of(one: QemuFirmware | FragmentationPackage, octets: bytes, group: int | None) -> list[tuple[bytes, int]]:
    """Without their order, in which they do not go out anyway."""
    return sorted((answer.payload, answer.max_delay_s) for answer in one.receive(octets, mc_group=group))


def version(part: QemuFirmware) -> tuple[int, int]:
    answer = part.answer_on(firmware_management.FPORT, firmware_management.DevVersionReq().to_bytes())
    assert answer is not None
    (told,) = firmware_management.parse_uplink(answer).commands
    assert isinstance(told, firmware_management.DevVersionAns)
    return told.firmware_version, told.hardware_version


def runs(part: QemuFirmware) -> str:
    """The SHA-256 of the image that it reports to run."""
    return ImageReport.parse(part.image_report()).sha256.hex()


def sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def sealed(content: bytes) -> bytes:
    """An image whose digest is right again, after a change."""
    return content[:-32] + hashlib.sha256(content[:-32]).digest()


@pytest.mark.parametrize("power_cut_at", [None, pytest.param(2, marks=slow), 37, pytest.param(80, marks=slow)])
def test_it_receives_its_successor_on_a_rough_way_and_runs_it(bench, power_cut_at: int | None) -> None:
    device = bench.part(repeated=0.1, delayed=0.1, power_cut_at=power_cut_at, seed=4)
    assert (version(device), runs(device)) == ((0x010000, HARDWARE_ID), sha256(OLD))
    send(device, NEW, loss=0.2)
    assert status(device).missing_frag == 0
    assert runs(device) == sha256(OLD), "before the session is over nothing changes"
    assert flash.read_slot(device.machine.flash, 1)[: len(NEW)] == NEW
    device.end_session()
    assert (version(device), runs(device)) == ((0x010100, HARDWARE_ID), sha256(NEW))
    assert device.repeated > 2 < device.delayed
    assert device.power_cuts == (power_cut_at is not None)
    assert status(device).missing_frag == 0, "the session outlives the change of image"


def test_a_confirmed_image_stays_and_is_replaced_in_its_turn(bench) -> None:
    device = bench.part()
    send(device, NEW)
    device.end_session()
    device.machine.switch_off()
    device.machine.switch_on()
    assert runs(device) == sha256(NEW)
    send(device, OLD, frag_size=48, loss=0.2)
    device.end_session()
    assert runs(device) == sha256(OLD)
    assert flash.read_slot(device.machine.flash, 0).startswith(OLD)
    assert flash.read_slot(device.machine.flash, 1).startswith(NEW)


def test_the_power_may_go_again_and_again(bench) -> None:
    device = bench.part()
    session = FragmentationSession.fit(NEW, frag_size=239, redundancy=0.5, version=1)
    device.receive(setup_of(session).to_bytes())
    for i, fragment in enumerate(session.fragments()):
        if i % 4 == 3:
            continue
        device.receive(fragment.to_bytes(0), mc_group=0)
        if i % 8 == 0:
            device.machine.send(Frame(kind=FrameKind.DOWNLINK, body=b"\x00\xc9" + fragment.to_bytes(0)))
            device.machine.switch_off()
            device.machine.switch_on()
    device.end_session()
    assert runs(device) == sha256(NEW)


@pytest.mark.parametrize(
    ("block", "why"),
    [
        (bytes(range(256)) * 20, "no image"),
        pytest.param(NEW[:-1] + bytes([NEW[-1] ^ 1]), "SHA-256", marks=slow),
        (NEW[:9000] + bytes([NEW[9000] ^ 0x10]) + NEW[9001:], "SHA-256"),
        (sealed(NEW[:0xCC] + struct.pack("<I", 0x0385_0002) + NEW[0xD0:]), "other hardware"),
        (NEW + bytes(5), "length"),
    ],
)
def test_a_block_that_is_no_image_for_it_is_never_started(bench, block: bytes, why: str) -> None:
    device = bench.part()
    send(device, block)
    assert status(device).missing_frag == 0
    device.end_session()
    assert runs(device) == sha256(OLD)
    device.machine.switch_off()
    assert f"slot 1 refused: {why}" in bench.said


def test_an_image_that_never_hears_the_radio_is_given_up_after_three_attempts(bench) -> None:
    device = bench.part()
    send(device, NEW)
    device.machine.switch_off()
    with device.machine.flash.open("r+b") as chip:
        chip.seek(flash.RECORDS_OFFSET + 4)
        chip.write(flash.record(flash.TRIAL, 1))
    starts = []
    for _ in range(5):
        bench.said.clear()
        device.machine.switch_on()
        device.machine.switch_off()
        starts.append(next(line for line in reversed(bench.said) if line.startswith("boot: slot")))
    assert starts == ["boot: slot 1"] * 3 + ["boot: slot 0"] * 2


def test_an_image_that_faults_is_given_up_without_anybody_s_help(bench) -> None:
    (reset,) = struct.unpack_from("<I", NEW, 4)
    undefined = NEW[: reset - 1] + b"\x00\xde" + NEW[reset + 1 :]  # UDF #0, the first instruction
    device = bench.part()
    send(device, sealed(undefined))
    device.end_session()
    assert runs(device) == sha256(OLD)
    device.end_session()
    assert runs(device) == sha256(OLD), "it is not tried again"
    device.machine.switch_off()
    told = [line for line in bench.said if line.startswith(("boot", "fault", "restart"))]
    assert [line.split(":")[0] for line in told[2::2][:3]] == ["boot"] * 3
    assert [line.split(":")[0] for line in told[3::2][:3]] == ["fault"] * 3
    assert told[:2] + told[-2:] == ["boot: slot 0", "restart into slot 1", "boot: slot 1 given up", "boot: slot 0"]


def test_when_the_records_are_full_sessions_are_refused(bench) -> None:
    device = bench.part()
    device.machine.switch_off()
    with device.machine.flash.open("r+b") as chip:
        chip.seek(flash.RECORDS_OFFSET)
        chip.write(flash.record(flash.ACTIVE, 0) * (1024 - 4))
    device.machine.switch_on()
    session = FragmentationSession.fit(NEW, frag_size=239, redundancy=0.5, version=1)
    (answer,) = device.receive(setup_of(session).to_bytes())
    assert answer.payload == b"\x02\x02", "not enough memory"


def test_an_image_damaged_in_its_slot_is_not_started(bench) -> None:
    device = bench.part()
    send(device, NEW)
    device.end_session()
    device.machine.switch_off()
    with device.machine.flash.open("r+b") as chip:
        chip.seek(flash.SLOT_BYTES + 5000)
        chip.write(b"\x00\x00")
    device.machine.switch_on()
    assert runs(device) == sha256(OLD)


def test_without_the_boot_loader_there_are_no_updates(bench) -> None:
    device = bench.part(boot="sensor-1.0.0.elf")
    device.machine.switch_off()
    with device.machine.flash.open("wb") as memory:
        memory.truncate(flash.MEMORY_BYTES)  # as QEMU's memory is without a file: zeros
    device.machine.switch_on()
    session = FragmentationSession.fit(NEW, frag_size=239, redundancy=0.5, version=1)
    (answer,) = device.receive(setup_of(session).to_bytes())
    assert answer.payload == b"\x02\x02", "not enough memory"
    assert runs(device) == sha256(OLD)


def test_more_losses_than_the_memory_holds_are_told(bench) -> None:
    device = bench.part()
    block = bytes(500 * 48)
    session = FragmentationSession.fit(block, frag_size=48, redundancy=300, version=1)
    device.receive(setup_of(session).to_bytes())
    for fragment in session.fragments():
        if fragment.n > session.nb_frag:
            device.receive(fragment.to_bytes(0), mc_group=0)
    told = status(device)
    assert told.memory_error
    assert told.missing_frag == 255
    device.end_session()
    assert runs(device) == sha256(OLD)


def test_it_answers_as_the_virtual_devices_do(bench) -> None:
    """The same messages to the firmware and to fuota.device: set-ups right and wrong, groups, deletes, strange octets."""
    device, twin = bench.part(), FragmentationPackage(DeviceProfile(version=1))
    session = FragmentationSession.fit(bytes(range(200)) * 4, frag_size=50, redundancy=0.5, version=1)
    fragments = [fragment.to_bytes(0) for fragment in session.fragments()]
    anyone = FragSessionStatusReq(frag_index=0, participants=False).to_bytes()
    version_req, delete = PackageVersionReq().to_bytes(), FragSessionDeleteReq(frag_index=0).to_bytes()
    setup = setup_of(session, mc_group_bit_mask=0b0101, block_ack_delay=3).to_bytes()
    steps: list[tuple[bytes, int | None]] = [
        *((octets, None) for octets in (version_req, STATUS, delete, setup_of(session, frag_algo=1).to_bytes())),
        (setup, 0),
        (version_req + setup + STATUS, None),
        (STATUS, None),
        (anyone, 2),
        *((octets, group) for octets, group in zip(fragments, (None, 0, 1, 2, 3) * 5, strict=False)),
        (STATUS, 1),
        (fragments[0][:-1], 0),
        (DataFragment(frag_index=0, n=40, payload=bytes(51)).to_bytes(), 0),
        (DataFragment(frag_index=1, n=3, payload=bytes(50)).to_bytes(), 0),
        (version_req + b"\x02\x00", None),
        (b"\x07" + version_req, None),
        (STATUS + version_req, 0),
        (STATUS, 0),
        *((octets, 0) for octets in fragments),
        (STATUS, 0),
        (anyone, 0),
        (fragments[3], 0),
        (STATUS, None),
        (delete + delete, None),
        (STATUS, None),
    ]
    for octets, group in steps:
        theirs, ours = answers_of(device, octets, group), answers_of(twin, octets, group)
        assert theirs == ours, (octets.hex(), group)


BLOCK = bytes(range(200)) * 2
SESSIONS = [FragmentationSession.fit(BLOCK, frag_size=size, redundancy=0.9, version=1) for size in (23, 50, 200)]
setups = st.builds(
    lambda session, mask, delay, algo, index: setup_of(
        session, mc_group_bit_mask=mask, block_ack_delay=delay, frag_algo=algo, frag_index=index
    ).to_bytes(),
    st.sampled_from(SESSIONS),
    st.sampled_from([0, 1, 1, 15]),
    st.integers(0, 7),
    st.sampled_from([0, 0, 0, 0, 1]),
    st.sampled_from([0, 0, 0, 0, 1]),
)
requests = st.one_of(
    st.just(PackageVersionReq().to_bytes()),
    st.just(STATUS),
    st.just(FragSessionStatusReq(frag_index=0, participants=False).to_bytes()),
    st.just(FragSessionDeleteReq(frag_index=0).to_bytes()),
    st.just(FragSessionDeleteReq(frag_index=2).to_bytes()),
    setups,
)
messages = st.one_of(
    st.lists(requests, min_size=1, max_size=2).map(b"".join),
    st.binary(max_size=20).filter(lambda octets: octets[:1] != b"\x08"),
)


@st.composite
def conversations(draw: st.DrawFn) -> list[tuple[bytes, int | None]]:
    """A set-up that is accepted, its fragments in any order, some of them again, and anything else in between."""
    session = draw(st.sampled_from(SESSIONS))
    octets = [fragment.to_bytes(0) for fragment in session.fragments()]
    octets += [b"\x08" + n.to_bytes(2, "little") + bytes(session.frag_size) for n in (0, 0x4001)]
    heard = draw(st.permutations(octets))[draw(st.integers(0, len(octets))) :]
    again = draw(st.lists(st.sampled_from(octets), max_size=4))
    steps = [(one, draw(st.sampled_from([0, 0, 0, None, 3]))) for one in (*heard, *again)]
    for message in draw(st.lists(messages, max_size=6)):
        steps.insert(draw(st.integers(0, len(steps))), (message, draw(st.sampled_from([None, None, 0]))))
    return [(setup_of(session).to_bytes(), None), *steps, (STATUS, 0)]


def test_any_conversation_goes_as_with_the_virtual_devices(bench) -> None:
    device, finished = bench.part(), []

    @given(conversations())
    @settings(max_examples=20, deadline=None, suppress_health_check=list(HealthCheck))
    def converse(steps: list[tuple[bytes, int | None]]) -> None:
        twin = FragmentationPackage(DeviceProfile(version=1, frag_sessions=1))
        device.receive(FragSessionDeleteReq(frag_index=0).to_bytes())
        for octets, group in steps:
            theirs, ours = answers_of(device, octets, group), answers_of(twin, octets, group)
            assert theirs == ours, (octets.hex(), group)
        finished.append(twin.missing() == 0)

    converse()
    assert any(finished)
    assert not all(finished)


def test_without_an_image_the_boot_loader_says_so_and_the_modem_hears_nothing(bench, monkeypatch) -> None:
    monkeypatch.setattr(machine, "TIMEOUT_S", 0.5)
    device = bench.part()
    device.machine.switch_off()
    flash.write_factory_chip(device.machine.flash, b"no image")
    with pytest.raises(UnreachableError, match="does not answer: nothing for"):
        device.machine.switch_on()
    device.machine.switch_off()
    assert bench.said[-2:] == ["boot: slot 1 refused: no image", "boot: no image"]


def test_frames_are_found_again_after_noise_on_the_line(bench) -> None:
    device = bench.part()
    for noise in (b"\x00" * 700, b"\x7e\x01", b"\x7d\x7d\x7e\x7d", bytes(range(256))):
        device.machine._modem.sendall(noise + b"\x7e")
        assert version(device) == (0x010000, HARDWARE_ID)
