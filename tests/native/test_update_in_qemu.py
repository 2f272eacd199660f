"""The decoder in a firmware, end to end: a campaign of the sandbox, over real HTTP, updates the sample firmware in QEMU.

The first of three devices is a Cortex-M3 that runs firmware A. Its fragments are lost, delayed and repeated, and its power is cut
during the session. native/fuota_frag.c reassembles firmware B in the second slot; B starts and reports its SHA-256.
"""

from __future__ import annotations

import hashlib
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from fuota.campaign import Campaign, Journal, WatchTimeouts, launch, verdict_of, watch
from fuota.device import DeviceReport, Outcome
from fuota.lorawan.firmware_management import FPORT, DevVersionAns, DevVersionReq, parse_uplink
from fuota.network import SenraClient
from fuota.network.background import BackgroundServer
from fuota.network.webhook import create_receiver
from fuota.planning import PlanRecipe
from fuota.sandbox import FleetRecipe, Sandbox
from fuota.sandbox.devices.firmware import Machine, Mishaps, QemuFirmware, flash

FOLDER = Path(__file__).parents[2] / "sample_firmware"
A, B = ((FOLDER / f"sensor-{version}.bin").read_bytes() for version in ("1.0.0", "1.1.0"))
QEMU = "qemu-system-arm"

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(shutil.which(QEMU) is None, reason=f"{QEMU} is not installed (Debian: {QEMU})"),
]


@contextmanager
def firmware_in(folder: Path, lines: list[str], mishaps: Mishaps) -> Iterator[QemuFirmware]:
    boot = (FOLDER / "boot.elf").read_bytes()
    with Machine(folder, boot=boot, image=A, on_line=lines.append) as machine:
        yield QemuFirmware(machine, mishaps)


@contextmanager
def network_of(firmware: QemuFirmware, journal: Journal, *, loss: float) -> Iterator[tuple[Sandbox, SenraClient]]:
    """Yield a sandbox with three devices and its client. The first device runs `firmware`; uplinks arrive in the journal."""
    fleet = FleetRecipe(devices=3, loss_low=loss, loss_high=loss, running=A, firmware=firmware, seed=2)
    with (
        BackgroundServer(create_receiver(journal.store_bodies)) as receiver,
        Sandbox(fleet=fleet, speed=None, data_stream_url=f"{receiver.url}/uplinks") as sandbox,
    ):
        yield sandbox, SenraClient(sandbox.url, sandbox.api_key, retries=0)


def send_b(
    sandbox: Sandbox, client: SenraClient, journal: Journal, *, redundancy: float = 0.6, use_multi_pkg: bool = False
) -> tuple[Campaign, DeviceReport]:
    """Send B to all devices; return the campaign and the report of the part."""
    campaign = launch(
        B,
        client=client,
        app_eui=sandbox.app_eui,
        dev_euis=sandbox.dev_euis,
        plan=PlanRecipe(region="EU868", data_rate=5, redundancy=redundancy, start_delay_s=600),
        journal=journal,
        use_multi_pkg=use_multi_pkg,
    )
    timeouts = WatchTimeouts(poll_ms=20, outage_ms=5000, reports_ms=2000)
    for _ in watch(campaign, client=client, journal=journal, timeouts=timeouts):
        pass
    (report,) = (device for device in verdict_of(journal, campaign).devices if device.dev_eui == sandbox.dev_euis[0])
    return campaign, report


def answered_version(sandbox: Sandbox, client: SenraClient, journal: Journal, campaign: Campaign) -> DevVersionAns:
    """Return the answer of the firmware to DevVersionReq. It is requested repeatedly, as both may be lost on air."""
    for _ in range(200):
        client.downlinks.send(sandbox.dev_euis[0], DevVersionReq().to_bytes(), port=FPORT, clear=True)
        time.sleep(0.02)
        for uplink in journal.uplinks(campaign):
            if uplink.port == FPORT:
                (answer,) = parse_uplink(uplink.pdu).commands
                assert isinstance(answer, DevVersionAns)
                return answer
    raise AssertionError("no answer")


@pytest.mark.parametrize("use_multi_pkg", [False, True])
def test_firmware_a_receives_firmware_b_and_becomes_it(tmp_path: Path, use_multi_pkg: bool) -> None:
    lines: list[str] = []
    journal = Journal(tmp_path / "state")
    mishaps = Mishaps(repeated=0.15, delayed=0.15, power_cut_at=50, seed=3)
    with (
        firmware_in(tmp_path, lines, mishaps) as firmware,
        network_of(firmware, journal, loss=0.15) as (sandbox, client),
    ):
        campaign, report = send_b(sandbox, client, journal, use_multi_pkg=use_multi_pkg)
        assert report.outcome is Outcome.UPDATED
        assert report.sha256 == hashlib.sha256(B).hexdigest()
        version = answered_version(sandbox, client, journal, campaign)
        assert (version.firmware_version, version.hardware_version) == (0x010100, 0x0385_0001)
        assert min(firmware.repeated, firmware.delayed) >= 5
        assert firmware.power_cuts == 1
        assert flash.read_slot(firmware.machine.flash, 0).startswith(A), "the old image is kept"
        assert flash.read_slot(firmware.machine.flash, 1).startswith(B)
    journal.close()
    boot_lines = [line for line in lines if line.startswith(("boot", "fuota-sensor", "restart"))]
    banner_a, banner_b = (
        f"fuota-sensor {version}, hardware 0x03850001, image {len(image)} bytes"
        for version, image in (("1.0.0", A), ("1.1.0", B))
    )
    assert boot_lines == ["boot: slot 0", banner_a] * 2 + ["restart into slot 1", "boot: slot 1", banner_b]


def test_with_too_few_fragments_the_firmware_stays_and_reports_it(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "state")
    with (
        firmware_in(tmp_path, [], Mishaps(repeated=0.1, delayed=0.1)) as firmware,
        network_of(firmware, journal, loss=0.3) as (sandbox, client),
    ):
        _, report = send_b(sandbox, client, journal, redundancy=0.1)
    journal.close()
    assert report.outcome is Outcome.INCOMPLETE
    assert report.missing is not None
    assert report.missing > 0
    assert report.sha256 == hashlib.sha256(A).hexdigest()
