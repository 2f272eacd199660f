"""The decoder on the part, end to end: a campaign of the sandbox, over real HTTP, to the sample firmware in QEMU.

One of three devices is a Cortex-M3 that runs firmware A. Its fragments are lost, late and repeated on the way, and its power is cut
in the middle. native/fuota_frag.c puts firmware B together in the second slot; B starts and proves it by its SHA-256.
"""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from fuota.campaign import Campaign, Journal, Patience, launch, preflight, verdict_of, watch
from fuota.device import DeviceReport, Outcome
from fuota.lorawan import firmware_management
from fuota.network import SenraClient, TransferRequest
from fuota.network.webhook import BackgroundServer, create_receiver
from fuota.radio import region
from fuota.sandbox import FleetRecipe, Sandbox
from fuota.sandbox.part import Machine, Mishaps, PartPackage, flash

FOLDER = Path(__file__).parents[2] / "sample_firmware"
A, B = ((FOLDER / f"sensor-{version}.bin").read_bytes() for version in ("1.0.0", "1.1.0"))
QEMU = "qemu-system-arm"

pytestmark = pytest.mark.skipif(shutil.which(QEMU) is None, reason=f"{QEMU} is not installed (Debian: {QEMU})")


@contextmanager
def part_of(folder: Path, said: list[str], mishaps: Mishaps) -> Iterator[PartPackage]:
    boot = (FOLDER / "boot.elf").read_bytes()
    with Machine(folder, boot=boot, image=A, on_line=said.append) as machine:
        yield PartPackage(machine, mishaps)


def campaign_to(part: PartPackage, folder: Path, *, loss: float, redundancy: float) -> tuple[Campaign, DeviceReport]:
    """Sends B to three devices, of which the first is the part; what the part's report came to."""
    journal = Journal(folder)
    fleet = FleetRecipe(devices=3, loss_low=loss, loss_high=loss, running=A, part=part, seed=2)
    with (
        BackgroundServer(create_receiver(journal.store_uplinks)) as listening,
        Sandbox(fleet=fleet, speed=None, data_stream_url=f"{listening.url}/uplinks") as sandbox,
    ):
        client = SenraClient(sandbox.url, sandbox.api_key, retries=0)
        request = TransferRequest(
            app_eui=sandbox.app_eui,
            dev_euis=sandbox.dev_euis,
            redundancy=redundancy,
            start_delay_s=300,
            tx_data_rate=5,
        )
        expected = preflight(B, request, region("EU868"))
        campaign = launch(client, journal, B, request, server=sandbox.url, expected=expected.to_json())
        for _ in watch(client, journal, campaign, patience=Patience(poll_ms=20, outage_ms=5000, reports_ms=2000)):
            pass
        reports = {report.dev_eui: report for report in verdict_of(journal, campaign).devices}
        first = sandbox.dev_euis[0]
    journal.close()
    return campaign, reports[first]


def test_firmware_a_receives_firmware_b_and_becomes_it(tmp_path: Path) -> None:
    said: list[str] = []
    mishaps = Mishaps(repeated=0.15, delayed=0.15, power_cut_at=50, seed=3)
    with part_of(tmp_path, said, mishaps) as part:
        _, report = campaign_to(part, tmp_path / "state", loss=0.15, redundancy=0.6)
        assert report.outcome is Outcome.UPDATED
        assert report.sha256 == hashlib.sha256(B).hexdigest()
        assert report.missing == 0
        assert min(part.repeated, part.delayed) >= 5
        assert part.power_cuts == 1
        version = part.ask(firmware_management.DevVersionReq().to_bytes(), port=firmware_management.FPORT)
        assert version is not None
        assert firmware_management.parse_uplink(version).commands == (
            firmware_management.DevVersionAns(firmware_version=0x010100, hardware_version=0x0385_0001),
        )
        assert flash.slot(part.machine.flash, 0).startswith(A), "the way back is kept"
        assert flash.slot(part.machine.flash, 1).startswith(B)
    story = [line for line in said if line.startswith(("boot", "fuota-sensor", "restart"))]
    banner_a, banner_b = (
        f"fuota-sensor {version}, hardware 0x03850001, image {len(image)} bytes"
        for version, image in (("1.0.0", A), ("1.1.0", B))
    )
    assert story == ["boot: slot 0", banner_a] * 2 + ["restart into slot 1", "boot: slot 1", banner_b]


def test_with_too_few_fragments_it_stays_what_it_is_and_says_so(tmp_path: Path) -> None:
    with part_of(tmp_path, [], Mishaps(repeated=0.1, delayed=0.1)) as part:
        _, report = campaign_to(part, tmp_path / "state", loss=0.3, redundancy=0.1)
        assert report.outcome is Outcome.INCOMPLETE
        assert report.missing is not None
        assert report.missing > 0
        assert report.sha256 == hashlib.sha256(A).hexdigest()
