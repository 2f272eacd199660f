"""The firmware receives a new image, checks it, starts it, and returns to the old image if the new image does not work."""

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


pytestmark = pytest.mark.slow


def setup_of(session: FragmentationSession, **fields: object) -> FragSessionSetupReq:
    defaults: dict[str, object] = {
        "version": 1,
        "frag_index": 0,
        "mc_group_bit_mask": 1,
        "nb_frag": session.nb_frag,
        "frag_size": session.frag_size,
        "block_ack_delay": 0,
        "padding": session.padding,
        "descriptor": bytes(4),
    }
    return FragSessionSetupReq(**(defaults | fields))  # type: ignore[arg-type]


def send(device: QemuFirmware, block: bytes, *, loss: float = 0.0, frag_size: int = 239, seed: int = 1) -> None:
    """Send a session with half as many coded as uncoded fragments. The share `loss` of all fragments is lost."""
    session = FragmentationSession.fit(block, frag_size=frag_size, redundancy=0.5, version=1)
    (answer,) = device.receive(setup_of(session).to_bytes())
    assert answer.payload == b"\x02\x00"
    rng = np.random.default_rng(seed)
    for fragment in session.fragments():
        if rng.random() >= loss:
            device.receive(fragment.to_bytes(0), mc_group=0)


def status(device: QemuFirmware) -> FragSessionStatusAns:
    (answer,) = device.receive(STATUS, mc_group=0)
    (report,) = parse_uplink(answer.payload, version=1).commands
    assert isinstance(report, FragSessionStatusAns)
    return report


def answers_of(
    receiver: QemuFirmware | FragmentationPackage, content: bytes, group: int | None
) -> list[tuple[bytes, int]]:
    """Return the answers sorted, because they are not sent in the order of the list."""
    return sorted((answer.payload, answer.max_delay_s) for answer in receiver.receive(content, mc_group=group))


def version(device: QemuFirmware) -> tuple[int, int]:
    answer = device.answer_on(firmware_management.FPORT, firmware_management.DevVersionReq().to_bytes())
    assert answer is not None
    (report,) = firmware_management.parse_uplink(answer).commands
    assert isinstance(report, firmware_management.DevVersionAns)
    return report.firmware_version, report.hardware_version


def running_sha256(device: QemuFirmware) -> str:
    """Return the SHA-256 of the running image as the device reports it."""
    return ImageReport.parse(device.image_report()).sha256.hex()


def sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def with_digest(content: bytes) -> bytes:
    """Return a changed image with a right digest."""
    return content[:-32] + hashlib.sha256(content[:-32]).digest()


@pytest.mark.parametrize("power_cut_at", [None, 2, 37, 80])
def test_update_succeeds_despite_losses_repeats_and_a_power_failure(bench, power_cut_at: int | None) -> None:
    device = bench.device(repeated=0.1, delayed=0.1, power_cut_at=power_cut_at, seed=4)
    assert (version(device), running_sha256(device)) == ((0x010000, HARDWARE_ID), sha256(OLD))
    send(device, NEW, loss=0.2)
    assert status(device).missing_frag == 0
    assert running_sha256(device) == sha256(OLD), "nothing changes before the session is over"
    assert flash.read_slot(device.machine.flash, 1)[: len(NEW)] == NEW
    device.end_session()
    assert (version(device), running_sha256(device)) == ((0x010100, HARDWARE_ID), sha256(NEW))
    assert device.repeated > 2 < device.delayed
    assert device.power_cuts == (power_cut_at is not None)
    assert status(device).missing_frag == 0, "the session outlives the change of image"


def test_confirmed_image_stays_until_the_next_update(bench) -> None:
    device = bench.device()
    send(device, NEW)
    device.end_session()
    device.machine.switch_off()
    device.machine.switch_on()
    assert running_sha256(device) == sha256(NEW)
    send(device, OLD, frag_size=48, loss=0.2)
    device.end_session()
    assert running_sha256(device) == sha256(OLD)
    assert flash.read_slot(device.machine.flash, 0).startswith(OLD)
    assert flash.read_slot(device.machine.flash, 1).startswith(NEW)


def test_update_succeeds_despite_many_power_failures(bench) -> None:
    device = bench.device()
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
    assert running_sha256(device) == sha256(NEW)


@pytest.mark.parametrize(
    ("block", "reason"),
    [
        (bytes(range(256)) * 20, "no image"),
        (NEW[:-1] + bytes([NEW[-1] ^ 1]), "SHA-256"),
        (NEW[:9000] + bytes([NEW[9000] ^ 0x10]) + NEW[9001:], "SHA-256"),
        (with_digest(NEW[:0xCC] + struct.pack("<I", 0x0385_0002) + NEW[0xD0:]), "other hardware"),
        (NEW + bytes(5), "length"),
    ],
)
def test_block_that_is_not_an_image_for_the_device_is_not_started(bench, block: bytes, reason: str) -> None:
    device = bench.device()
    send(device, block)
    assert status(device).missing_frag == 0
    device.end_session()
    assert running_sha256(device) == sha256(OLD)
    device.machine.switch_off()
    assert f"slot 1 refused: {reason}" in bench.console


def test_image_that_is_never_confirmed_is_given_up_after_three_attempts(bench) -> None:
    device = bench.device()
    send(device, NEW)
    device.machine.switch_off()
    with device.machine.flash.open("r+b") as chip:
        chip.seek(flash.RECORDS_OFFSET + 4)
        chip.write(flash.record(flash.TRIAL, 1))
    starts = []
    for _ in range(5):
        bench.console.clear()
        device.machine.switch_on()
        device.machine.switch_off()
        starts.append(next(line for line in reversed(bench.console) if line.startswith("boot: slot")))
    assert starts == ["boot: slot 1"] * 3 + ["boot: slot 0"] * 2


def test_image_that_faults_is_given_up(bench) -> None:
    (reset,) = struct.unpack_from("<I", NEW, 4)
    undefined = NEW[: reset - 1] + b"\x00\xde" + NEW[reset + 1 :]  # UDF #0, the first instruction
    device = bench.device()
    send(device, with_digest(undefined))
    device.end_session()
    assert running_sha256(device) == sha256(OLD)
    device.end_session()
    assert running_sha256(device) == sha256(OLD), "it is not tried again"
    device.machine.switch_off()
    lines = [line for line in bench.console if line.startswith(("boot", "fault", "restart"))]
    assert [line.split(":")[0] for line in lines[2::2][:3]] == ["boot"] * 3
    assert [line.split(":")[0] for line in lines[3::2][:3]] == ["fault"] * 3
    assert lines[:2] + lines[-2:] == ["boot: slot 0", "restart into slot 1", "boot: slot 1 given up", "boot: slot 0"]


def test_sessions_are_refused_when_the_records_are_full(bench) -> None:
    device = bench.device()
    device.machine.switch_off()
    with device.machine.flash.open("r+b") as chip:
        chip.seek(flash.RECORDS_OFFSET)
        chip.write(flash.record(flash.ACTIVE, 0) * (1024 - 4))
    device.machine.switch_on()
    session = FragmentationSession.fit(NEW, frag_size=239, redundancy=0.5, version=1)
    (answer,) = device.receive(setup_of(session).to_bytes())
    assert answer.payload == b"\x02\x02", "not enough memory"


def test_image_damaged_in_its_slot_is_not_started(bench) -> None:
    device = bench.device()
    send(device, NEW)
    device.end_session()
    device.machine.switch_off()
    with device.machine.flash.open("r+b") as chip:
        chip.seek(flash.SLOT_BYTES + 5000)
        chip.write(b"\x00\x00")
    device.machine.switch_on()
    assert running_sha256(device) == sha256(OLD)


def test_without_the_boot_loader_there_are_no_updates(bench) -> None:
    device = bench.device(boot="sensor-1.0.0.elf")
    device.machine.switch_off()
    with device.machine.flash.open("wb") as memory:
        memory.truncate(flash.MEMORY_BYTES)  # zeros, like QEMU's memory without a file
    device.machine.switch_on()
    session = FragmentationSession.fit(NEW, frag_size=239, redundancy=0.5, version=1)
    (answer,) = device.receive(setup_of(session).to_bytes())
    assert answer.payload == b"\x02\x02", "not enough memory"
    assert running_sha256(device) == sha256(OLD)


def test_more_losses_than_the_memory_holds_are_reported(bench) -> None:
    device = bench.device()
    block = bytes(500 * 48)
    session = FragmentationSession.fit(block, frag_size=48, redundancy=300, version=1)
    device.receive(setup_of(session).to_bytes())
    for fragment in session.fragments():
        if fragment.n > session.nb_frag:
            device.receive(fragment.to_bytes(0), mc_group=0)
    report = status(device)
    assert report.memory_error
    assert report.missing_frag == 255
    device.end_session()
    assert running_sha256(device) == sha256(OLD)


def test_answers_are_those_of_a_virtual_device(bench) -> None:
    """The firmware and fuota.device get the same messages: valid and invalid setups, groups, deletes, arbitrary bytes."""
    device, twin = bench.device(), FragmentationPackage(DeviceProfile(version=1))
    session = FragmentationSession.fit(bytes(range(200)) * 4, frag_size=50, redundancy=0.5, version=1)
    fragments = [fragment.to_bytes(0) for fragment in session.fragments()]
    anyone = FragSessionStatusReq(frag_index=0, participants=False).to_bytes()
    version_req, delete = PackageVersionReq().to_bytes(), FragSessionDeleteReq(frag_index=0).to_bytes()
    setup = setup_of(session, mc_group_bit_mask=0b0101, block_ack_delay=3).to_bytes()
    steps: list[tuple[bytes, int | None]] = [
        *((content, None) for content in (version_req, STATUS, delete, setup_of(session, frag_algo=1).to_bytes())),
        (setup, 0),
        (version_req + setup + STATUS, None),
        (STATUS, None),
        (anyone, 2),
        *((content, group) for content, group in zip(fragments, (None, 0, 1, 2, 3) * 5, strict=False)),
        (STATUS, 1),
        (fragments[0][:-1], 0),
        (DataFragment(frag_index=0, n=40, payload=bytes(51)).to_bytes(), 0),
        (DataFragment(frag_index=1, n=3, payload=bytes(50)).to_bytes(), 0),
        (version_req + b"\x02\x00", None),
        (b"\x07" + version_req, None),
        (STATUS + version_req, 0),
        (STATUS, 0),
        *((content, 0) for content in fragments),
        (STATUS, 0),
        (anyone, 0),
        (fragments[3], 0),
        (STATUS, None),
        (delete + delete, None),
        (STATUS, None),
    ]
    for content, group in steps:
        device_answers, twin_answers = answers_of(device, content, group), answers_of(twin, content, group)
        assert device_answers == twin_answers, (content.hex(), group)


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
    st.binary(max_size=20).filter(lambda content: content[:1] != b"\x08"),
)


@st.composite
def message_sequences(draw: st.DrawFn) -> list[tuple[bytes, int | None]]:
    """Draw an accepted setup, its fragments in any order, some repeated, and other messages in between."""
    session = draw(st.sampled_from(SESSIONS))
    content = [fragment.to_bytes(0) for fragment in session.fragments()]
    content += [b"\x08" + n.to_bytes(2, "little") + bytes(session.frag_size) for n in (0, 0x4001)]
    received = draw(st.permutations(content))[draw(st.integers(0, len(content))) :]
    repeated = draw(st.lists(st.sampled_from(content), max_size=4))
    steps = [(message, draw(st.sampled_from([0, 0, 0, None, 3]))) for message in (*received, *repeated)]
    for message in draw(st.lists(messages, max_size=6)):
        steps.insert(draw(st.integers(0, len(steps))), (message, draw(st.sampled_from([None, None, 0]))))
    return [(setup_of(session).to_bytes(), None), *steps, (STATUS, 0)]


def test_answers_to_any_messages_are_those_of_a_virtual_device(bench) -> None:
    device, finished = bench.device(), []

    @given(message_sequences())
    @settings(max_examples=20, deadline=None, suppress_health_check=list(HealthCheck))
    def run(steps: list[tuple[bytes, int | None]]) -> None:
        twin = FragmentationPackage(DeviceProfile(version=1, frag_sessions=1))
        device.receive(FragSessionDeleteReq(frag_index=0).to_bytes())
        for content, group in steps:
            device_answers, twin_answers = answers_of(device, content, group), answers_of(twin, content, group)
            assert device_answers == twin_answers, (content.hex(), group)
        finished.append(twin.missing() == 0)

    run()
    assert any(finished)
    assert not all(finished)


def test_boot_loader_without_an_image_reports_it_and_starts_nothing(bench, monkeypatch) -> None:
    monkeypatch.setattr(machine, "TIMEOUT_S", 0.5)
    device = bench.device()
    device.machine.switch_off()
    flash.write_factory_chip(device.machine.flash, b"no image")
    with pytest.raises(UnreachableError, match="no answer for"):
        device.machine.switch_on()
    device.machine.switch_off()
    assert bench.console[-2:] == ["boot: slot 1 refused: no image", "boot: no image"]


def test_frames_are_received_after_noise_on_the_line(bench) -> None:
    device = bench.device()
    for noise in (b"\x00" * 700, b"\x7e\x01", b"\x7d\x7d\x7e\x7d", bytes(range(256))):
        device.machine._modem.sendall(noise + b"\x7e")
        assert version(device) == (0x010000, HARDWARE_ID)
